"""What lies outside the project and is known: Cog's names, and the pure part of Python's library.

A function of the library is called where it is listed here, its arguments are plain and known, and
nothing can grow large; everything else outside is unknown, by its dotted name.
"""

from __future__ import annotations

import builtins
import contextlib
import importlib
import inspect
import io
import itertools
import sys
from collections.abc import Callable, Iterator
from functools import partial, update_wrapper
from typing import TYPE_CHECKING, Any, Final

from cogfal.guest.type_names import COG_ROOTS
from cogfal.reading.functions import Function
from cogfal.reading.journal import ABSENT
from cogfal.reading.part import Atomic, Part
from cogfal.reading.standins import COG, PYDANTIC, Described, Mark
from cogfal.reading.unknown import Named, Touched, Unknown, Value, Values, require_known

if TYPE_CHECKING:
    from cogfal.reading.interpreter import Interpreter

Handler = Callable[..., Value]

_PURE: Final[dict[str, str]] = {
    "builtins": "abs bin chr divmod hex oct ord round",
    "math": "acos asin atan atan2 ceil copysign cos degrees dist exp fabs floor fmod fsum gcd "
    "hypot isclose isfinite isinf isnan isqrt lcm log log10 log1p log2 modf pow prod radians sin "
    "sqrt tan trunc",
    "string": "capwords",
    "textwrap": "dedent fill indent shorten wrap",
    "inspect": "cleandoc",
    "json": "dumps loads",
    "operator": "add and_ concat contains eq floordiv ge getitem gt itemgetter le lt mod "
    "mul ne neg not_ or_ pos pow sub truediv truth xor attrgetter",
    "statistics": "mean median mode",
    "html": "escape unescape",
    "urllib.parse": "quote unquote urlencode urljoin quote_plus",
    "base64": "b64decode b64encode",
    "ast": "literal_eval",
    "os.path": "basename splitext normpath split isabs commonprefix",
    "csv": "reader DictReader",
    "decimal": "Decimal",
    "fractions": "Fraction",
    "datetime": "date datetime time timedelta timezone",
    "shlex": "quote split join",
    "fnmatch": "fnmatch",
    "calendar": "monthrange isleap",
}
"""Functions and classes whose result depends on plain arguments alone."""

_TYPES: Final[dict[str, str]] = {
    "typing": "*",
    "typing_extensions": "",
    "collections": "OrderedDict Counter defaultdict deque ChainMap namedtuple",
    "collections.abc": "*",
    "enum": "Enum IntEnum Flag IntFlag StrEnum auto unique EnumMeta EnumType",
    "abc": "ABC ABCMeta abstractmethod",
    "dataclasses": "dataclass field MISSING InitVar KW_ONLY",
    "pathlib": "Path PurePath PosixPath PurePosixPath",
    "types": "NoneType UnionType GenericAlias SimpleNamespace FunctionType LambdaType MethodType",
    "functools": "cached_property",
    "os": "PathLike",
    "io": "BytesIO StringIO",
    "numbers": "Number Integral Real",
    "contextlib": "suppress nullcontext",
    "datetime": "UTC",
}
"""Classes and constructs that stand for themselves."""

_CONSTANTS: Final[dict[str, Value]] = {
    "os.sep": "/",
    "os.path.sep": "/",
    "os.linesep": "\n",
    "os.name": "posix",
    "os.curdir": ".",
    "sys.maxsize": 2**63 - 1,
    "sys.platform": "linux",
    "sys.byteorder": "little",
    **{f"{kind}.iinfo.int{bits}.max": 2 ** (bits - 1) - 1 for bits in (8, 16, 32, 64)
       for kind in ("numpy", "torch")},
    **{f"{kind}.iinfo.uint{bits}.max": 2**bits - 1 for bits in (8, 16, 32, 64)
       for kind in ("numpy", "torch")},
}  # fmt: skip

_LISTED: Final = frozenset(
    {"collections", "dataclasses", "enum", "math", "pathlib", "string", "typing", "itertools"}
)

_ALIKE: Final = _LISTED | {"abc", "collections.abc", "contextlib", "copy", "functools", "json"}
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
        self._types: dict[int, tuple[Any, Handler]] = {}

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
        handler = world.library.table.get(dotted)
        if handler is not None:
            return Known(dotted, handler)
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
        pure = name in _PURE.get(module, "").split()
        listed = _TYPES.get("typing" if module == "typing_extensions" else module)
        if pure or (listed is not None and (listed == "*" or name in listed.split())):
            place = "typing" if module == "typing_extensions" else module
            real: Any = getattr(importlib.import_module(place), name, ABSENT)
            if real is ABSENT:
                return ABSENT if self._is_missing(module, name) else self._unknown(dotted)
            if pure and not isinstance(real, type):
                return Known(dotted, partial(self._pure, real))
            if pure:
                self.construct(real, partial(self._pure, real))
            return real
        if module in ("string", "math", "calendar") and not name.startswith("_"):
            value = getattr(importlib.import_module(module), name, None)
            if isinstance(value, str | float):
                return value
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
        try:
            real = importlib.import_module(_home(module))
        except ImportError:
            return self._unknown(dotted)
        with contextlib.redirect_stderr(io.StringIO()):  # what is deprecated says so
            found = getattr(real, name, ABSENT)
        if found is ABSENT or inspect.ismodule(found):
            there = found is not ABSENT or _is_cog_module(dotted)
            return Unknown("a module of Cog", dotted=dotted) if there else ABSENT
        if inspect.isroutine(found):
            return Unknown(f"{dotted} is not evaluated", dotted=dotted)
        return found

    def builtin(self, name: str) -> Value:
        """Return one of Python's built-in names."""
        real: Any = getattr(builtins, name)
        plain = isinstance(real, type) or not callable(real)
        return real if plain else self.find(f"builtins.{name}")

    def construct(self, cls: Any, handler: Handler) -> None:
        """Say how objects of a class of Python's are made."""
        self._types[id(cls)] = (cls, handler)

    def entry(self, function: Value) -> Handler | None:
        """Return what carries out a call of something known, None where it is not."""
        if isinstance(function, Known):
            return function.handler
        if isinstance(function, Mark):
            return function
        return self._types.get(id(function), (None, None))[1]

    def attribute(self, owner: Unknown, name: str) -> Value:
        """Return an attribute of something outside."""
        found = self.find(f"{owner.dotted}.{name}")
        if found is ABSENT:
            near = self._world.modules.nearest(name, listed(owner.dotted))
            raise AttributeError(f"module {owner.dotted!r} has no attribute {name!r}{near}")
        if isinstance(found, Unknown) and owner.node is not None:
            return self._world.expressions.raising(found)
        return found

    def own_attribute(self, owner: Value, name: str) -> Value:
        """Return an attribute that is known of something of Python's."""
        if isinstance(owner, VersionInfo) and name in ("major", "minor", "micro"):
            return getattr(owner, name)
        if isinstance(owner, Described | Mark):
            return getattr(owner, name)
        if isinstance(owner, Known):
            found = self.find(f"{owner.name}.{name}")
            if isinstance(found, Unknown):
                return getattr(owner.handler, name, found) if name == "__name__" else found
            return found
        if isinstance(owner, type) and self._world.library.table.get(f"{_named(owner)}.{name}"):
            return self.find(f"{_named(owner)}.{name}")
        if name in ("__args__", "__origin__") and hasattr(owner, "__origin__"):
            return getattr(owner, name)
        if type(owner).__module__ in ("_io", "io") and name in _FILE:
            self._world.journal.advance(owner)
            return Known(name, getattr(owner, name))
        if isinstance(owner, Iterator) and name in ("__next__", "__iter__", "fieldnames"):
            return getattr(owner, name)
        return ABSENT

    def is_module(self, value: Value) -> bool:
        """Whether a value is a module outside of the project."""
        return isinstance(value, Unknown) and bool(value.dotted)

    def replace(self, owner: Unknown, name: str, value: Value) -> None:
        """Carry out `module.name = value` for a module outside of the project."""
        self._world.journal.bind(self._replaced, f"{owner.dotted}.{name}", value)

    def is_callable(self, function: Value) -> bool:
        """Whether a callable was made by a listed function, and looks into plain data alone."""
        return type(function).__module__ in ("operator", "functools", "re") or isinstance(
            function, itertools.count | partial
        )

    def _pure(self, function: Callable[..., Any], *positional: Value, **keywords: Value) -> Value:
        self.check(positional, keywords)
        return function(*positional, **keywords)

    def check(self, positional: Values, keywords: Named) -> None:
        """Refuse arguments that are not plain, small data."""
        for argument in (*positional, *keywords.values()):
            require_known(argument)
            self._world.budget.weigh(argument)
            if isinstance(argument, Iterator):
                self._world.journal.advance(argument)
            if not callable(argument):
                self._world.texts.check_places("call", (argument,))

    def _described(self, *positional: Value, **keywords: Value) -> Described:
        """Return what `Input()` makes: it copies the choices that it is given."""
        given = keywords.get("choices")
        if given is not None and not isinstance(given, Unknown | str):
            try:
                copied = self._world.items.listed(given)
                keywords = {**keywords, "choices": copied}
            except Touched as error:
                keywords = {**keywords, "choices": error.unknown}
        return Described(positional, keywords)

    def exists(self, module: str) -> bool | None:
        """Return whether a module outside the project is there; None where it is not known."""
        top = module.partition(".")[0]
        if top in COG_ROOTS:
            return _is_cog_module(module)
        if top in _SINCE:
            return self._world.version >= _SINCE[top]
        if top in _UNTIL:
            return self._world.version <= _UNTIL[top]
        if top in sys.stdlib_module_names:
            return True
        return None

    def wraps(self, wrapped: Value, *_: Value, **__: Value) -> Known:
        """Return what `functools.wraps(wrapped)` gives."""

        def decorate(wrapper: Value) -> Value:
            if isinstance(wrapper, Function) and isinstance(wrapped, Function):
                update_wrapper(wrapper, wrapped)
            return wrapper

        return Known("functools.wraps", decorate)


_FILE: Final = frozenset("read readline readlines close seek tell __enter__ __exit__".split())


def listed(module: str) -> list[str]:
    """Return the names that a star import takes from a module outside of the project."""
    if module in COG_ROOTS:
        return [*importlib.import_module("cogfal.cog").__all__]
    if module not in _LISTED:
        return []
    found = importlib.import_module(module)
    return list(getattr(found, "__all__", None) or (n for n in dir(found) if n[0] != "_"))


def _named(cls: type) -> str:
    return f"{cls.__module__}.{cls.__qualname__}"


def _home(module: str) -> str:
    """Where a module is that is found under Cog's name or cogfal's: fal's errors are not Cog's."""
    if module == "cogfal.fal_errors":
        return module
    return f"cogfal.cog{module.removeprefix(module.partition('.')[0])}"


def _is_cog_module(name: str) -> bool:
    try:
        importlib.import_module(_home(name))
    except ImportError:
        return False
    return True
