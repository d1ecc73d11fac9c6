"""What lies outside the project and is known: Cog's names, and the pure part of Python's library.

A function or class of the library is called where it is listed here, with arguments that are
looked at as the list says; everything else outside is unknown, by its dotted name.
"""

from __future__ import annotations

import builtins
import contextlib
import importlib
import inspect
import io
import sys
from collections.abc import Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from cogfal.guest.type_names import COG_ROOTS
from cogfal.reading.journal import ABSENT
from cogfal.reading.part import Atomic, Part
from cogfal.reading.standins import COG, PYDANTIC, Described, Mark
from cogfal.reading.unknown import Touched, Unknown, Value

if TYPE_CHECKING:
    from cogfal.reading.interpreter import Interpreter

Handler = Callable[..., Value]

_LISTED: Final = """\
abc              -   ABC ABCMeta
ast              p   literal_eval
base64           p   b64decode b64encode
builtins         d   dict
builtins         bp  bytes
builtins         e   all any list tuple
builtins         fi  filter map
builtins         h   frozenset set
builtins         i   zip
builtins         iv  enumerate
builtins         k   callable mappingproxy
builtins         kp  issubclass
builtins         lv  sorted sum
builtins         m   max min
builtins         n   float int
builtins         o   len
builtins         p   abs bin chr complex divmod hex oct ord range
builtins         pb  round
builtins         s   ascii repr
builtins         sp  str
builtins         v   bool classmethod object property slice staticmethod
builtins         w   reversed
calendar         p   isleap monthrange
collections      -   ChainMap
collections      cd  defaultdict
collections      d   OrderedDict
collections      ev  deque
collections      h   Counter
collections      p   namedtuple
collections.abc  -   *
copy             w   copy deepcopy
contextlib       -   nullcontext suppress
csv              p   DictReader reader
dataclasses      -   InitVar KW_ONLY MISSING
dataclasses      v   field
dataclasses      w   asdict
datetime         -   UTC
datetime         p   date datetime time timedelta timezone
decimal          n   Decimal
enum             -   Enum EnumMeta EnumType Flag IntEnum IntFlag StrEnum
enum             v   auto unique
fnmatch          p   fnmatch
fractions        n   Fraction
functools        flv reduce
functools        kv  partial
functools        v   cached_property
html             p   escape unescape
inspect          k   isclass
inspect          p   cleandoc
io               p   BytesIO StringIO
itertools        fi  dropwhile filterfalse starmap takewhile
itertools        i   chain compress zip_longest
itertools        ib  tee
itertools        if  accumulate groupby
itertools        ip  islice
itertools        l   cycle product
itertools        lb  combinations permutations
itertools        p   count
itertools        vp  repeat
json             p   dumps loads
math             p   acos asin atan atan2 ceil copysign cos degrees dist exp fabs floor fmod fsum
math             p   gcd hypot isclose isfinite isinf isnan isqrt lcm log log10 log1p log2 modf
math             p   pow radians sin sqrt tan trunc
numbers          -   Integral Number Real
operator         p   attrgetter concat contains eq ge getitem gt itemgetter le lt ne neg not_ pos
operator         p   truth
os               -   PathLike
os.path          p   basename commonprefix isabs normpath split splitext
pathlib          a   Path PosixPath PurePath PurePosixPath
re               p   escape
shlex            p   join quote split
statistics       p   mean median mode
string           p   capwords
textwrap         p   dedent fill indent shorten wrap
types            -   FunctionType GenericAlias LambdaType MappingProxyType MethodType NoneType
types            -   UnionType
types            v   SimpleNamespace
typing           -   *
typing           k   get_args
typing           v   NewType TypeVar
urllib.parse     p   quote quote_plus unquote urlencode urljoin
"""
"""What stands for itself (`-`), or is called, with what is done to each argument before.

One letter for each, the last for all that follow: `v` nothing, `k` it is known, `o` it is known
and not of this machine, `w` it is known and small, `p` it is so in depth, and not of this machine,
`n` it is that and makes no large number, `b` it is no large number, `s` it has a text, `a` it is a
path, `i` its items are taken as they are asked for, `e` they are and are counted, `l` they are
listed, `m` they are where there is one argument, `y` they are where it has no size, `h` they are
keys, `d` they are pairs, `c` it makes what a dict lacks, `f` it is called.
"""

LISTED: Final = {
    f"{module}.{name}": letters
    for module, letters, *names in map(str.split, _LISTED.splitlines())
    for name in names
}

_CONSTANTS: Final[dict[str, Value]] = {
    "os.sep": "/", "os.path.sep": "/", "os.linesep": "\n", "os.name": "posix", "os.curdir": ".",
    "sys.maxsize": 2**63 - 1, "sys.platform": "linux", "sys.byteorder": "little",
    **{f"{kind}.iinfo.{sign}int{bits}.max": 2 ** (bits - (not sign)) - 1
       for bits in (8, 16, 32, 64) for kind in ("numpy", "torch") for sign in ("", "u")},
}  # fmt: skip

_WHOLE: Final = frozenset(
    {"collections", "dataclasses", "enum", "math", "pathlib", "string", "typing", "itertools"}
)
"""Modules whose names are known, so that a star import is."""

_ALIKE: Final = _WHOLE | {"abc", "collections.abc", "contextlib", "copy", "functools", "json"}
"""Modules that have the same names wherever a version of Python runs."""

_SINCE: Final = {"tomllib": (3, 11), "zoneinfo": (3, 9), "graphlib": (3, 9)}
_UNTIL: Final = {"distutils": (3, 11), "imp": (3, 11), "asyncore": (3, 11), "smtpd": (3, 11)}


class VersionInfo(tuple[Value, ...]):
    """`sys.version_info` of the model's Python, whose smallest parts are not known."""

    __slots__ = ()

    major = property(lambda self: self[0])
    minor = property(lambda self: self[1])
    micro = property(lambda self: self[2])


class Known(Atomic):
    """A function from outside the project that is evaluated; calling it is what the text does.

    `about` are the author's functions that it calls.
    """

    def __init__(self, name: str, handler: Handler, *about: Value) -> None:
        self.name, self.handler, self.about = name, handler, about

    def __call__(self, *positional: Value, **keywords: Value) -> Value:
        return self.handler(*positional, **keywords)


class Outside(Part):
    """Knows what is outside of the project."""

    def __init__(self, world: Interpreter) -> None:
        super().__init__(world)
        self._found: dict[str, Value] = {}
        self._replaced: dict[str, Value] = {}

    def find(self, dotted: str) -> Value:
        """Return what a dotted name outside the project stands for."""
        if dotted in self._replaced:
            return self._replaced[dotted]
        if dotted not in self._found:
            self._found[dotted] = self._find(dotted)
        return self._found[dotted]

    def _find(self, dotted: str) -> Value:
        world = self._world
        module, _, name = dotted.rpartition(".")
        if dotted.partition(".")[0] in COG_ROOTS:
            return self._of_cog(dotted, module, name)
        if dotted in PYDANTIC:
            return PYDANTIC[dotted]
        if dotted in world.library.table:
            return Known(dotted, world.library.table[dotted])
        if dotted in _CONSTANTS:
            return _CONSTANTS[dotted]
        if dotted == "sys.version_info":
            least = Unknown("the smallest part of Python's version is not known")
            return VersionInfo((*world.version, least, "final", 0))
        if dotted == "sys.path":
            return world.modules.path
        if dotted == "os.environ":
            return world.environment
        return self._of_python(dotted, module, name)

    def _of_python(self, dotted: str, module: str, name: str) -> Value:
        place = "typing" if module == "typing_extensions" else module
        letters = LISTED.get(f"{place}.{name}") or LISTED.get(f"{place}.*")
        if letters or (module in ("string", "math", "calendar") and name[:1] != "_"):
            real: Any = getattr(importlib.import_module(place), name, ABSENT)
            if letters and real is not ABSENT:
                called = letters != "-" and not isinstance(real, type)
                return Known(dotted, self._native(real, letters)) if called else real
            if isinstance(real, str | float):
                return real
        return ABSENT if self._is_missing(module, name) else self._unknown(dotted)

    def _is_missing(self, module: str, name: str) -> bool:
        """Whether a module that is the same on every machine certainly lacks a name."""
        same = self._world.version == sys.version_info[:2] and not name.startswith("_")
        return same and module in _ALIKE and not hasattr(importlib.import_module(module), name)

    def _unknown(self, dotted: str) -> Unknown:
        standard = dotted.partition(".")[0] in sys.stdlib_module_names
        shown = dotted.removeprefix("builtins.")
        why = "is not evaluated" if standard else "is not part of the project"
        return Unknown(f"{shown} {why}", dotted=dotted)

    def _of_cog(self, dotted: str, module: str, name: str) -> Value:
        if name in COG and module:
            return COG[name]
        if not module:
            return Unknown("the module of Cog", dotted=dotted)
        if name == "Input":
            return Known(dotted, self._described)
        real = _cogs(module)
        if real is None:
            return self._unknown(dotted)
        with contextlib.redirect_stderr(io.StringIO()):  # what is deprecated says so
            found = getattr(real, name, ABSENT)
        if found is ABSENT or inspect.ismodule(found):
            there = found is not ABSENT or _cogs(dotted) is not None
            return Unknown("a module of Cog", dotted=dotted) if there else ABSENT
        if inspect.isroutine(found):
            return Unknown(f"{dotted} is not evaluated", dotted=dotted)
        return found

    def builtin(self, name: str) -> Value:
        """Return one of Python's built-in names."""
        real: Any = getattr(builtins, name)
        return (
            real if isinstance(real, type) or not callable(real) else self.find(f"builtins.{name}")
        )

    def _native(self, function: Any, letters: str) -> Handler:
        return partial(self._world.library.native, function, letters)

    def entry(self, function: Value) -> Handler | None:
        """Return what carries out a call of something known, None where it is not."""
        if isinstance(function, Known):
            return function.handler
        if isinstance(function, Mark):
            return function
        if not isinstance(function, type) or function in self._world.classes.nodes:
            return None
        dotted = f"{function.__module__}.{function.__qualname__}".lstrip("_")
        letters = LISTED.get(dotted, "-")
        found = self._native(function, letters) if letters != "-" else None
        return self._world.library.table.get(dotted, found)

    def attribute(self, owner: Unknown, name: str) -> Value:
        """Return an attribute of something outside."""
        found = self.find(f"{owner.dotted}.{name}")
        if found is ABSENT:
            near = self._world.modules.nearest(name, listed(owner.dotted))
            raise AttributeError(f"module {owner.dotted!r} has no attribute {name!r}{near}")
        if isinstance(found, Unknown) and owner.node is not None:
            return self._world.expressions.raising(found)
        return found

    def replace(self, owner: Unknown, name: str, value: Value) -> None:
        """Carry out `module.name = value` for a module outside of the project."""
        self._world.journal.bind(self._replaced, f"{owner.dotted}.{name}", value)

    def _described(self, *positional: Value, **keywords: Value) -> Described:
        """Return what `Input()` makes: it copies the choices that it is given."""
        given = keywords.get("choices")
        if given is not None and not isinstance(given, Unknown | str):
            try:
                keywords["choices"] = self._world.items.listed(given)
            except Touched as error:
                keywords["choices"] = error.unknown
        return Described(positional, keywords)

    def exists(self, module: str) -> bool | None:
        """Return whether a module outside the project is there; None where it is not known."""
        top, version = module.partition(".")[0], self._world.version
        if top in COG_ROOTS:
            return _cogs(module) is not None
        if top in _SINCE or top in _UNTIL:
            return _SINCE.get(top, version) <= version <= _UNTIL.get(top, version)
        return True if top in sys.stdlib_module_names else None


def listed(module: str) -> Iterable[str]:
    """Return the names that a star import takes from a module outside of the project."""
    if module in COG_ROOTS:
        return importlib.import_module("cogfal.cog").__all__  # type: ignore[no-any-return]
    if module not in _WHOLE:
        return ()
    found = importlib.import_module(module)
    return getattr(found, "__all__", None) or [n for n in dir(found) if n[0] != "_"]


def _cogs(module: str) -> Any:
    """Return a module that is found under Cog's name or cogfal's; fal's errors are not Cog's."""
    home = f"cogfal.cog{module.removeprefix(module.partition('.')[0])}"
    try:
        return importlib.import_module(module if module == "cogfal.fal_errors" else home)
    except ImportError:
        return None
