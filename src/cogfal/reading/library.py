"""What lies outside the project and is known: Cog's names, and the pure part of Python's library.

A function or class of the library is called where it is listed here, with arguments that are
looked at as the list says; everything else outside is unknown, by its dotted name.
"""

from __future__ import annotations

import ast
import builtins
import contextlib
import dataclasses
import functools
import importlib
import importlib.util
import inspect
import io
import itertools
import keyword
import os
import pathlib
import re
import sys
import types
import typing
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, Final, NoReturn

import yaml

from cogfal.guest.type_names import COG_ROOTS
from cogfal.reading.classes import outside_base
from cogfal.reading.functions import Function
from cogfal.reading.mappings import Namespace
from cogfal.reading.operators import MAX_BITS, MAX_ITEMS, NAMES, SIZED, power, too_large
from cogfal.reading.part import Part
from cogfal.reading.scopes import Scope, first_parameter
from cogfal.reading.source import MODULES, Module
from cogfal.reading.standins import (
    COG,
    PYDANTIC,
    Cached,
    Described,
    FieldInfo,
    Handler,
    Known,
    Mark,
    Shown,
)
from cogfal.reading.unknown import (
    ABSENT,
    Beyond,
    Carried,
    Named,
    Touched,
    Unknown,
    UnknownError,
    Value,
    Values,
    contained,
    known,
    reached,
    refused,
    require_known,
)

if TYPE_CHECKING:
    from cogfal.reading.interpreter import Interpreter

_LISTED: Final = """\
abc              -   ABC ABCMeta
argparse         v   Namespace
ast              p   literal_eval
base64           p   b64decode b64encode
builtins         d   dict
builtins         bp  bytes
builtins         e   all any list tuple
builtins         fi  filter map
builtins         i   zip
builtins         iv  enumerate
builtins         k   callable mappingproxy
builtins         m   max min
builtins         lv  sum
builtins         xv  sorted
builtins         n   float int
builtins         o   len
builtins         p   abs bin chr complex divmod hex oct ord range
builtins         pb  round
builtins         s   ascii repr
builtins         tp  str
builtins         y   frozenset set
builtins         v   bool classmethod object property slice staticmethod
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
dataclasses      w   asdict astuple fields replace
datetime         -   UTC
datetime         p   date datetime time timedelta timezone
enum             -   Enum EnumMeta EnumType Flag IntEnum IntFlag StrEnum
enum             v   auto unique
fnmatch          p   fnmatch
fractions        n   Fraction
functools        flv reduce
functools        kv  partial
functools        v   cached_property total_ordering
html             p   escape unescape
inspect          k   isclass
inspect          p   cleandoc
io               p   BytesIO StringIO
itertools        fi  dropwhile filterfalse starmap takewhile
itertools        i   chain compress cycle pairwise zip_longest
itertools        ib  tee
itertools        if  accumulate groupby
itertools        ip  islice
itertools        l   product
itertools        lb  combinations permutations
itertools        p   count
itertools        vp  repeat
json             -   JSONDecodeError
json             p   dumps loads
math             p   acos asin atan atan2 ceil copysign cos degrees dist exp fabs floor fmod fsum
math             p   gcd hypot isclose isfinite isinf isnan isqrt lcm log log10 log1p log2 modf
math             p   pow radians sin sqrt tan trunc
numbers          -   Integral Number Real
operator         q   concat contains eq ge getitem gt le lt ne neg not_ pos truth
os               -   PathLike
os.path          p   commonprefix isabs normpath split splitext
pathlib          a   Path PosixPath PurePath PurePosixPath
re               p   escape
shlex            p   join quote split
statistics       p   mean median mode
string           p   capwords
textwrap         p   dedent fill indent shorten wrap
tomllib          p   loads
types            -   FunctionType GenericAlias LambdaType MappingProxyType MethodType NoneType
types            -   UnionType
types            v   SimpleNamespace
typing           -   *
typing           k   get_args get_origin
typing           v   NewType TypeVar runtime_checkable
urllib.parse     p   quote quote_plus unquote urlencode urljoin
"""
"""What stands for itself (`-`), or is called, with what is done to each argument before.

One letter for each, the last for all that follow: `v` nothing, `k` it is known, `o` it is known
and not of this machine, `w` it is known and small, `p` it is so in depth, and not of this machine,
a set in one of its orders, `q` the same, but a set stays one, `n` it makes no large number, `b` it
is no large number, `s` it has a text for `repr`, `t` for `str`, `a` it is a path, `i` its
items are taken as they are asked for, `e` they are and are counted, `l` they are listed, `x` and
compared, `m` they are where there is one argument, `h` they are keys, `y` they are where they have
no size, `d` they are pairs, `c` it makes what a dict lacks, `f` it is called.
(`builtins.mappingproxy` is what the class of `types.MappingProxyType` says that its name is.)
"""

LISTED: Final = {
    f"{module}.{name}": letters
    for module, letters, *names in map(str.split, _LISTED.splitlines())
    for name in names
}

_EVALUATED: Final = frozenset(dotted.partition(".")[0] for dotted in LISTED)
"""Modules of Python's library that are evaluated by calling them."""

_REPLACEABLE: Final = {
    "builtins.input": "", "builtins.open": "", "builtins.print": "",
    "enum.StrEnum": "", "functools.cached_property": "",
    "json.JSONEncoder.default": "json.dumps", "pathlib.PosixPath": "pathlib.Path",
}  # fmt: skip
"""What may be replaced, and what alone of all that is evaluated makes use of it."""

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

_SAME: Final = {"typing_extensions": "typing", "tomli": "tomllib"}
"""Packages that have the names of a module of Python's library."""

OF_SCOPE: Final = frozenset(
    f"builtins.{name}" for name in "super locals globals vars dir exec eval".split()
)
"""Functions that look at the scope that they are called from."""

_DATACLASS: Final = frozenset(
    "init repr eq order unsafe_hash frozen kw_only match_args slots weakref_slot".split()
)
_FACTORIES: Final = (list, dict, set, int, str, float, bool, tuple, None)
_KINDS: Final[dict[type, type]] = {Function: types.FunctionType, Module: types.ModuleType}
_SIZES: Final = frozenset({"indent", "n", "ndigits", "r", "repeat", "tabsize"})
"""Arguments by which a result may grow."""
_KEPT: Final = frozenset({"default", "fillvalue", "initial", "start"})
"""Arguments that are passed through where others are taken for their items."""

_MAX_REPEATS: Final = 10**8

_MAX_DOCUMENT: Final = 50_000
_MAX_ALIASES: Final = 16
"""By how many aliases a document of YAML may grow."""
_LOADERS: Final = frozenset(
    f"yaml.{name}" for name in ("SafeLoader", "CSafeLoader", "FullLoader", "Loader")
)
"""What makes the same of a document without tags."""

_WITHIN: Final = (
    ast.Lambda, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp, ast.FunctionDef,
    ast.AsyncFunctionDef, ast.ClassDef,
)  # fmt: skip
"""What has names of its own, and finds those around it as Python's version has it."""


class VersionInfo(tuple[Value, ...]):
    """`sys.version_info` of the model's Python, whose smallest parts are not known."""

    __slots__ = ()

    major = property(lambda self: self[0])
    minor = property(lambda self: self[1])
    micro = property(lambda self: self[2])
    releaselevel = property(lambda self: self[3])
    serial = property(lambda self: self[4])


class Library(Part):
    """Knows what is outside of the project, and calls what Python has."""

    def __init__(self, world: Interpreter) -> None:
        super().__init__(world)
        self.replaced: dict[str, Value] = {}
        """What the text puts in place of what is outside, by dotted name."""
        self._changed: dict[str, Value] = {}
        """By dotted name: what makes use of something that is replaced, and why it is unknown."""
        self._ways: dict[str, Callable[[Value], Value]] = {
            "v": lambda value: value, "k": known, "o": self._here, "w": self._small,
            "p": self._in_order, "q": self.plain, "x": self._compared, "n": self._number,
            "b": self._size, "s": self._shown, "t": lambda value: self._shown(value, "__str__"),
            "a": world.files.text, "i": self._taken, "e": self._each, "l": self._weighed,
            "y": self._sized, "h": self._keys, "d": self._pairs, "c": self._factory,
            "f": world.calls.closure,
        }  # fmt: skip
        self.table: dict[str, Handler] = {
            **dict.fromkeys(OF_SCOPE, self._elsewhere),
            **self._of_builtins(), **self._of_files(), **self._of_modules(),
        }  # fmt: skip
        least = Unknown("the smallest part of Python's version is not known")
        self._found: dict[str, Value] = {
            **_CONSTANTS, **PYDANTIC, "sys.path": world.modules.path,
            "os.environ": world.environment,
            "sys.version_info": VersionInfo((*world.version, least, "final", 0)),
            **{dotted: Known(dotted, handler) for dotted, handler in self.table.items()},
            "tomli.load": Known("tomllib.load", self.table["tomllib.load"]),
            "os.chdir": Known("os.chdir", world.files.change, world.files.state),
            "importlib.import_module": Known(
                "importlib.import_module", world.modules.imported, Unknown("", dotted=MODULES)),
        }  # fmt: skip

    # What a name stands for

    def find(self, dotted: str) -> Value:
        """Return what a dotted name outside the project stands for."""
        return self.replaced[dotted] if dotted in self.replaced else self._original(dotted)

    def _original(self, dotted: str) -> Value:
        if dotted not in self._found:
            self._found[dotted] = self._find(dotted)
        return self._found[dotted]

    def _find(self, dotted: str) -> Value:
        module, _, name = dotted.rpartition(".")
        if dotted.partition(".")[0] in COG_ROOTS:
            return self._of_cog(dotted, module, name)
        place = _SAME.get(module, module)
        letters = LISTED.get(f"{place}.{name}") or LISTED.get(f"{place}.*")
        if place.partition(".")[0] not in sys.stdlib_module_names:
            letters = None
        if letters or (module in ("string", "math", "calendar") and name[:1] != "_"):
            real: Any = getattr(importlib.import_module(place), name, ABSENT)
            if real is not ABSENT and (letters == "-" or (letters and isinstance(real, type))):
                return real
            if letters and real is not ABSENT:
                return Known(dotted, functools.partial(self.native, real, letters))
            if isinstance(real, str | float):
                return real
        if self._is_missing(module, name):
            return ABSENT
        standard = dotted.partition(".")[0] in sys.stdlib_module_names
        why = "is not evaluated" if standard else "is not part of the project"
        shown = dotted.removeprefix("builtins.")
        return Unknown(f"{shown} {why}", dotted=dotted, standard=standard)

    def _is_missing(self, module: str, name: str) -> bool:
        """Whether a module that is the same on every machine certainly lacks a name."""
        same = self._world.version == sys.version_info[:2] and not name.startswith("_")
        return same and module in _ALIKE and not hasattr(importlib.import_module(module), name)

    def _of_cog(self, dotted: str, module: str, name: str) -> Value:
        if name in COG and module:
            return COG[name]
        if not module:
            return Unknown("the module of Cog", dotted=dotted)
        if name == "Input":
            return Known(dotted, self._described)
        real = _cogs(module)
        if real is None:
            return Unknown(f"{dotted} is not part of the project", dotted=dotted)
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
        real, dotted = getattr(builtins, name), f"builtins.{name}"
        plain = isinstance(real, type) or not callable(real)
        return real if plain and dotted not in OF_SCOPE else self.find(dotted)

    def entry(self, function: Value) -> Handler | None:
        """Return what carries out a call of something known, None where it is not."""
        if isinstance(function, Known):
            self._check_unchanged(function.name)
        if isinstance(function, Known | Mark | typing.NewType):
            return function
        if not isinstance(function, type) or function in self._world.classes.nodes:
            return None
        dotted = f"{function.__module__}.{function.__qualname__}".lstrip("_")
        self._check_unchanged(dotted)
        letters = LISTED.get(dotted, "-")
        found = functools.partial(self.native, function, letters) if letters != "-" else None
        return self.table.get(dotted, found)

    def _check_unchanged(self, dotted: str) -> None:
        """Leave it unknown what a call gives of what uses something that is replaced."""
        for used in (dotted, dotted.rpartition(".")[0]):
            if used in self._changed:
                raise Touched(self._changed[used])

    def attribute(self, owner: Unknown, name: str) -> Value:
        """Return an attribute of something outside."""
        found = self.find(f"{owner.dotted}.{name}")
        if name == "__dict__" and owner.dotted.partition(".")[0] in _EVALUATED:
            raise Beyond(
                Unknown(f"{owner.dotted}.__dict__, which may be changed, is not evaluated")
            )
        if found is ABSENT:
            near = self._world.modules.nearest(name, listed(owner.dotted))
            raise AttributeError(f"module {owner.dotted!r} has no attribute {name!r}{near}")
        if isinstance(found, Unknown) and owner.node is not None:
            return self._world.expressions.raising(found)
        return found

    def replace(self, owner: Unknown, name: str, value: Value) -> None:
        """Carry out `module.name = value` for a module outside of the project."""
        dotted, module = f"{owner.dotted}.{name}", owner.dotted
        found = self._original(dotted)
        if module == "builtins":
            there = hasattr(builtins, name)
        else:  # of a class, a name may change what is evaluated although it was not there
            inner = module.partition(".")[0] in _EVALUATED and not _is_module(module)
            there = inner or not (found is ABSENT or isinstance(found, Unknown))
        bind = self._world.journal.bind
        if dotted == "sys.path":
            bind(vars(self._world.modules), "path", value)
        elif dotted in _REPLACEABLE:
            bind(self._changed, _REPLACEABLE[dotted], Unknown(f"{dotted} is replaced"))
        elif owner.standard and there and value is not self.find(dotted):
            raise Beyond(Unknown(f"a changed {dotted} is not evaluated"))
        elif module == "sys":
            self._world.effects.of_values([value], Unknown(f"{dotted} may change it"))
        bind(self.replaced, dotted, value)

    def restore(self, owner: Unknown, name: str) -> None:
        """Carry out `del module.name` for a module outside of the project."""
        dotted = f"{owner.dotted}.{name}"
        if dotted in self.replaced:
            self._world.journal.unbind(self.replaced, dotted)
        elif owner.standard and owner.dotted:
            self.replace(owner, name, ABSENT)

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

    # Calls

    def native(self, function: Handler, letters: str, *given: Value, **named: Value) -> Value:
        """Return the result of a listed function; `letters` say how arguments are looked at."""
        last = letters[-1]
        if last == "m":
            letters = last = "x" if len(given) == 1 else "q"
        letters += last * len(given)
        positional = [self._ways[how](v) for how, v in zip(letters, given, strict=False)]
        keywords = {name: self._ways[self._way(name, v, letters)](v) for name, v in named.items()}
        try:
            result = function(*positional, **keywords)
        except Exception:
            for each in (v for v in given if isinstance(v, Iterator)):
                self._world.choices.taint(each, Unknown("an exception left it in the midst"))
            raise
        for made in result if isinstance(result, tuple) else (result,):
            if isinstance(made, Iterator):
                self._world.journal.born(made)
        return result

    def _way(self, name: str, value: Value, letters: str) -> str:
        last, series = letters[-1], isinstance(value, set | frozenset | Iterator)
        if (series or name == "object") and name not in _KEPT and letters[0] not in "vkdh":
            return letters[0]
        if name in ("key", "func") or (last == "p" and callable(value)):
            return "f"
        return "b" if name in _SIZES else last if last in "pnsw" else "v"

    # Arguments

    def plain(self, value: Value) -> Value:
        """Return small, plain data that is known in depth, and does not depend on this machine."""
        require_known(value)
        self._world.budget.weigh(value)
        if isinstance(value, Iterator):
            return self._each(value)
        if isinstance(value, range) and value[MAX_ITEMS:]:
            raise too_large()
        if not callable(value):
            self._world.texts.check_places("call", reached([value], contained))
        return value

    def _here(self, value: Value) -> Value:
        if not isinstance(known(value), Iterator):
            self._world.texts.check_places("call", (value,))
        return value

    def _number(self, value: Value) -> Value:
        text = value if isinstance(self.plain(value), str) else ""
        if len(text) > MAX_BITS // 4 or re.search(r"e\+?\d{4}", text, re.IGNORECASE):
            raise too_large()
        return value

    def _size(self, value: Value) -> Value:
        plain = self._in_order(value)
        if isinstance(plain, int) and abs(plain) > MAX_ITEMS:
            raise too_large()
        return plain

    def _shown(self, value: Value, *methods: str) -> Value:
        self._world.texts.check(known(value), *methods)
        return value

    def _taken(self, value: Value) -> Value:
        plain = isinstance(value, int | float | None)
        return value if plain else self._world.items.iterate(value)

    def _each(self, value: Value) -> Iterator[Value]:
        return iter(self._world.budget.metered(self._world.items.iterate(value)))

    def _weighed(self, value: Value) -> list[Value]:
        items = self._world.items.listed(value)
        self._world.budget.weigh(items)
        return items

    def _in_order(self, value: Value) -> Value:
        plain = self.plain(value)
        return self._world.items.ordered(plain) if isinstance(plain, set | frozenset) else plain

    def _compared(self, value: Value) -> list[Value]:
        items = self._weighed(value)
        self._world.texts.check_places("compare", items)
        return items

    def _small(self, value: Value) -> Value:
        self._world.budget.weigh(known(value))
        if isinstance(value, Iterator):
            raise refused("an iterator is not looked into")
        return value

    def _sized(self, value: Value) -> Value:
        return self._small(value) if isinstance(value, SIZED) else self._keys(value)

    def _keys(self, value: Value) -> Value:
        if isinstance(value, dict):
            return value
        return [self._world.items.key(item) for item in self._each(value)]

    def _pairs(self, value: Value) -> Value:
        if isinstance(known(value), dict):
            return value
        pairs = [self._world.items.listed(pair) for pair in self._each(value)]
        for pair in filter(None, pairs):
            self._world.items.key(pair[0])
        return pairs

    def _factory(self, value: Value) -> Value:
        if value not in _FACTORIES and not isinstance(value, Function):
            raise refused("such a default_factory is not evaluated")
        return value

    # What needs more than a look at its arguments

    def _of_builtins(self) -> dict[str, Handler]:
        attributes = self._world.attributes
        handlers: dict[str, Handler] = {
            "__import__": lambda name, *rest, **named: self._world.modules.imported(
                name, whole="fromlist" in named or len(rest) > 2),
            "delattr": attributes.delete,
            "format": lambda value, layout="": self._world.texts.format(
                self._shown(value, "__str__", "__format__"), known(layout)),
            "getattr": self._getattr,
            "hasattr": lambda owner, name: known(self._getattr(owner, name, ABSENT)) is not ABSENT,
            "setattr": lambda owner, name, value: attributes.put(owner, known(name), value),
            "isinstance": self._isinstance, "type": self._type, "next": self._next,
            "iter": lambda value, *end: iter(self._world.calls.closure(value), *end) if end
            else self._world.items.iterate(value),
            "open": self._world.files.open, "reversed": self._world.items.backwards,
            "pow": lambda base, exp, mod=None: power(*map(self.plain, (base, exp, mod))),
            "print": _nothing, "exit": self._exit, "quit": self._exit,
            "str.maketrans": functools.partial(self.native, str.maketrans, "p"),
        }  # fmt: skip
        return {f"builtins.{name}": handler for name, handler in handlers.items()}

    def _of_files(self) -> dict[str, Handler]:
        files, environment = self._world.files, self._world.environment
        return {
            "os.getenv": lambda key, default=None: environment.get(key, default),
            "os.putenv": _nothing, "os.unsetenv": _nothing,
            "os.getcwd": lambda: files.absolute("."),
            "os.fspath": files.text, "os.listdir": files.names,
            "os.path.abspath": files.absolute, "os.path.realpath": files.absolute,
            "os.path.exists": files.is_there,
            "os.path.isdir": functools.partial(files.is_there, kind=pathlib.Path.is_dir),
            "os.path.isfile": functools.partial(files.is_there, kind=pathlib.Path.is_file),
            "os.path.join": lambda *parts: os.path.join(*map(files.text, parts)),  # noqa: PTH118
            "os.path.dirname": lambda place: files.kept(
                files.text(place), os.path.dirname(files.text(place))),  # noqa: PTH120
            "os.path.basename": lambda p: os.path.basename(files.text(p)),  # noqa: PTH119
            "glob.glob": files.like, "io.open": files.open,
            "codecs.open": lambda filename, mode="r", encoding=None, errors="strict": files.open(
                filename, mode, encoding=encoding, errors=errors,
                newline=None if encoding is None else ""),
            "pathlib.Path.cwd": lambda: pathlib.Path(files.state["folder"]),
            "importlib.resources.files": lambda package: pathlib.Path(
                self._world.modules.folder(package)),
            "pkgutil.get_data": lambda package, resource: files.open(
                f"{self._world.modules.folder(package)}/{files.text(resource)}", "rb").read(),
        }  # fmt: skip

    def _of_modules(self) -> dict[str, Handler]:
        world, operate = self._world, self._world.expressions.operate
        return {
            "json.load": lambda fp, **keywords: self.find("json.loads")(
                self._content(fp), **keywords),
            "tomllib.load": lambda fp: self.find("tomllib.loads")(self._content(fp).decode()),
            "yaml.safe_load": lambda stream: self._yaml(stream, None),
            "yaml.load": self._yaml,
            "platform.system": lambda: "Linux",
            "dataclasses.dataclass": self._dataclass,
            "pydantic.dataclasses.dataclass": self._dataclass,
            **dict.fromkeys(("pydantic.Field", "pydantic.fields.Field", "pydantic.v1.Field"),
                            FieldInfo),
            "functools.wraps": lambda wrapped, *_, **__: Known(
                "functools.wraps", functools.partial(_wrapped, wrapped)),
            "functools.update_wrapper": lambda wrapper, wrapped, *_: _wrapped(wrapped, wrapper),
            "functools.lru_cache": self._cache,
            "functools.cache": lambda user_function: self._remember(user_function, MAX_ITEMS),
            "itertools.chain.from_iterable": lambda several: itertools.chain.from_iterable(
                map(self._taken, self._taken(several))),
            "math.prod": lambda items, start=1: functools.reduce(
                functools.partial(operate, ast.Mult()), self._weighed(items), start),
            "operator.attrgetter": lambda *names: Known("operator.attrgetter", functools.partial(
                _gotten, self._attribute_of, names)),
            "pydantic.ConfigDict": lambda **told: told,
            "operator.itemgetter": lambda *keys: Known("operator.itemgetter", functools.partial(
                _gotten, world.items.get, keys)),
            "re.compile": self._pattern,
            **{f"re.{name}": functools.partial(self._regular, name)
               for name in ("match", "search", "fullmatch", "findall", "split", "sub")},
            **{f"operator.{name}{'_' * keyword.iskeyword(name)}": functools.partial(operate, kind())
               for kind, name in NAMES.items()},
            "abc.abstractmethod": self._abstract,
            **dict.fromkeys(("atexit.register", "typing.overload",
                             "typing.final", "typing.no_type_check"), _same),
            **dict.fromkeys(("random.seed", "time.sleep", "warnings.simplefilter",
                             "warnings.filterwarnings"), _nothing),
            "typing.cast": lambda typ, val: val, "sys.exit": self._exit,
            **{f"numpy.int{bits}": functools.partial(self._of_numpy, int)
               for bits in (8, 16, 32, 64)},
            "numpy.float64": functools.partial(self._of_numpy, float),
            "builtins.issubclass": self._issubclass,
            "csv.field_size_limit": lambda limit=2**17: self._limited(limit, 2**17),
            "sys.set_int_max_str_digits": lambda maxdigits: self._limited(
                maxdigits or MAX_BITS, MAX_BITS // 3),
            **{f"{owner}.iinfo": functools.partial(self._limits, owner)
               for owner in ("numpy", "torch")},
        }  # fmt: skip

    def _elsewhere(self, *_: Value, **__: Value) -> NoReturn:
        raise refused("a function that looks at its scope is not evaluated here")

    def _exit(self, *_: Value) -> Value:
        raise UnknownError(Unknown("sys.exit() ends the program"))

    # Values

    def _isinstance(self, value: Value, kind: Value) -> bool:
        cls, kind = self._type(value), self.plain(kind)
        outside = outside_base(cls)
        if outside is not None or cls in _KINDS.values():
            return self._issubclass(cls, kind)
        return isinstance(value, kind)

    def _issubclass(self, cls: Value, kind: Value) -> bool:
        outside = outside_base(cls) if isinstance(known(cls), type) else None
        kinds = [*reached([self.plain(kind)], contained)]
        if outside is not None and not any(each in cls.__mro__ for each in kinds):
            raise Touched(outside)
        return issubclass(cls, kind)

    def _type(self, *positional: Value, **_: Value) -> Value:
        if len(positional) != 1:
            raise refused("a class that type() makes is not evaluated")
        kind = type(known(positional[0]))
        if kind not in _KINDS and kind.__module__.startswith(("cogfal.reading", "_io")):
            raise refused("what kind of thing it is is not evaluated")
        return _KINDS.get(kind, kind)

    def _of_numpy(self, kind: type[int | float], value: Value = 0) -> Value:
        several = isinstance(self.plain(value), list | tuple)
        items = list(value) if several else [value]
        if not all(isinstance(item, int | float) for item in items):
            raise refused("an argument is not a number")
        shown = [kind(item) for item in items]
        return Shown("what numpy makes is not looked into", value=shown if several else shown[0])

    def _limited(self, limit: Value, least: int) -> Unknown:
        if self.plain(limit) < least:
            raise Beyond(Unknown("a lower limit of Python's own is not evaluated"))
        return Unknown("a limit of Python's own is not read")

    def _limits(self, owner: str, kind: Value) -> Value:
        name = getattr(kind, "dotted", "") or getattr(kind, "name", "")
        return self.find(f"{owner}.iinfo.{name.rpartition('.')[2]}")

    # Documents

    def _content(self, stream: Value) -> Value:
        """Return what an open file holds."""
        return self._world.calls.call(self._world.attributes.get(stream, "read"), [], {})

    def _yaml(self, stream: Value, Loader: Value) -> Value:  # noqa: N803 - as PyYAML has it
        """Return what PyYAML makes of a document without tags of its own."""
        if Loader is not None and getattr(Loader, "dotted", "") not in _LOADERS:
            raise refused("such a loader is not evaluated")
        text = self.plain(stream if isinstance(stream, str | bytes) else self._content(stream))
        if len(text) > _MAX_DOCUMENT:
            raise too_large()
        try:
            events = yaml.parse(text, yaml.SafeLoader)
            if sum(isinstance(event, yaml.AliasEvent) for event in events) > _MAX_ALIASES:
                raise refused("too many aliases to evaluate")
            document = yaml.safe_load(text)
        except (yaml.YAMLError, ValueError, RecursionError) as error:
            raise refused("it is not a plain document of YAML") from error
        self._world.budget.weigh(document)
        return document

    # Series and functions

    def _next(self, items: Value, *default: Value) -> Value:
        if not isinstance(known(items), Iterator):
            raise TypeError(f"{type(items).__name__!r} object is not an iterator")
        self._world.journal.advance(items)
        try:
            return next(items, *default)
        except StopIteration as error:
            raise Carried(error) from None

    def _cache(self, maxsize: Value = 128, typed: Value = False) -> Value:
        if isinstance(maxsize, Function):
            return self._remember(maxsize)
        if typed is not False or not isinstance(known(maxsize), int | None):
            raise refused("such a cache is not evaluated")
        most = MAX_ITEMS if maxsize is None else maxsize
        return Known("functools.lru_cache", functools.partial(self._remember, most=most))

    def _remember(self, function: Value, most: int = 128) -> Value:
        results: dict[Value, tuple[Value, Value]] = {}

        def call(*positional: Value, **keywords: Value) -> Value:
            key = self._world.items.key((positional, tuple(keywords.items())))
            kinds = [*map(type, (*positional, *keywords.values()))]
            known(self._world.known(results))
            if results[key][0] != kinds if key in results else len(results) >= most:
                why = Unknown("a cache of more, or of equal arguments, is not evaluated")
                self._world.effects.of_values([function, results], why)
                raise Touched(why)
            if key not in results:
                value = self._world.calls.call(function, positional, keywords)
                self._world.journal.fill(results, key)
                results[key] = kinds, value
            return results[key][1]

        return Cached("functools.cache", call, function, results)

    # Attributes and classes

    def _getattr(self, owner: Value, name: Value, *default: Value) -> Value:
        if not isinstance(known(name), str):
            raise TypeError("attribute name must be string")
        try:
            return self._world.attributes.get(owner, name)
        except AttributeError:
            if default:
                return default[0]
            raise

    def _abstract(self, funcobj: Value) -> Value:
        self._world.attributes.put(funcobj, "__isabstractmethod__", True)
        return funcobj

    def _attribute_of(self, owner: Value, name: Value) -> Value:
        if not isinstance(known(name), str):
            raise TypeError("attribute name must be a string")
        return functools.reduce(self._world.attributes.get, name.split("."), owner)

    def _dataclass(self, cls: Value = None, **keywords: Value) -> Value:
        if cls is None:
            decorate = functools.partial(self._dataclass, **keywords)
            return Known("dataclasses.dataclass", decorate)
        require_known(list(keywords.values()))
        names = {name: value for name, value in keywords.items() if name in _DATACLASS}
        place = self._world.classes.nodes.get(known(cls))
        registered = self._world.classes.registered
        with contextlib.nullcontext() if place is None else registered(place[1]):
            made = dataclasses.dataclass(**names)(cls)
        if place is not None:
            self._world.classes.nodes[made] = place
        return made

    # Regular expressions

    def _pattern(self, pattern: Value, flags: Value = 0) -> Value:
        self.plain([pattern, flags])
        text = pattern if isinstance(pattern, str) else ""
        if not text or re.search(r"\)[*+{?]|\\\d|\(\?[^:P]", text):
            raise refused("such a regular expression is not evaluated")
        return re.compile(pattern, flags)

    def _regular(self, name: str, pattern: Value, *rest: Value) -> Value:
        least, most = {"sub": (2, 3), "split": (1, 2)}.get(name, (1, 1))
        if not least <= len(rest) <= most:
            raise refused("flags of a regular expression are not evaluated here")
        compiled = pattern if isinstance(pattern, re.Pattern) else self._pattern(pattern)
        subject = rest[least - 1]
        repeats = len(re.findall(r"[*+{]", compiled.pattern))
        if max(len(subject), 2) ** max(repeats, 1) > _MAX_REPEATS:
            raise refused("too much work to evaluate")
        if name == "sub" and not isinstance(rest[0], str):
            raise refused("such a replacement is not evaluated")
        return self.native(getattr(compiled, name), "p", *rest)

    # What looks at the scope of the call

    def of_scope(self, name: str, positional: Values, keywords: Named, scope: Scope) -> Value:
        """Return the result of a built-in function that looks at the scope it is called from."""
        name = name.removeprefix("builtins.")
        if name == "super":
            return self._super(positional, scope)
        told = len(positional) == 1 and not keywords and isinstance(positional[0], str)
        around = (None,) if name == "exec" and scope.kind == "function" else (None, scope.top)
        if name in ("exec", "eval") and told and scope.parent in around:
            text = positional[0]
            tree: Any = ast.parse(text.strip(" \t") if name == "eval" else text, mode=name)
            compile(tree, "<text>", name, dont_inherit=True)  # finds what else is no syntax
            inside = scope.kind != "module" and any(isinstance(e, _WITHIN) for e in ast.walk(tree))
            if not inside and not ((scope.private and "__" in text) or "__future__" in text):
                return self._executed(name, tree, scope)
        if name == "vars" and positional:
            return self._world.attributes.get(positional[0], "__dict__")
        if name == "dir":
            raise refused("dir() is not evaluated")
        if name in ("locals", "globals", "vars"):
            return self._names(name, scope)
        held = [value for each in scope.outwards() for value in each.names.values()]
        why = Unknown(f"{name}() may have changed it")
        self._world.effects.of_values([scope.module, *held], why)
        self._world.modules.take_all(f"{name}()", scope)
        raise refused(f"{name}() of such a text is not evaluated here")

    def _super(self, positional: Values, scope: Scope) -> Value:
        if positional:
            return super(*positional)
        inner: Scope | None = scope
        while inner is not None and inner.kind == "comprehension":
            inner = inner.parent
        outer = inner
        while outer is not None and outer.kind != "class":
            outer = outer.parent
        first = "" if inner is None or inner.node is None else first_parameter(inner.node)
        if inner is None or outer is None or not isinstance(outer.owner, type):
            raise RuntimeError("super(): no arguments")
        if not _knows_class(inner) or first not in inner.names:
            raise RuntimeError("super(): __class__ cell not found, or arg[0] deleted")
        return super(outer.owner, inner.names[first])

    def _names(self, name: str, scope: Scope) -> Value:
        """Return what `globals()`, `locals()` or `vars()` gives."""
        if name == "globals" or scope.kind in ("module", "class"):
            return Namespace(self._world, scope.top if name == "globals" else scope)
        around = any(e.kind == "function" for e in scope.outwards() if e is not scope)
        if around or scope.kind == "comprehension" or _knows_class(scope):
            raise refused("names that a function has from around it are not listed")
        # Versions of Python list them in different orders.
        return dict(self._world.orders.arranged(list(scope.names.items())))

    def _executed(self, name: str, tree: Any, scope: Scope) -> Value:
        if name == "eval":
            if scope.kind == "function":  # whose names that are not bound yet are its module's
                scope = Scope(scope.module, "function", scope.top, names=dict(scope.names))
            return self._world.evaluate(tree.body, scope)
        self._world.run(tree.body, scope)
        return None


def _knows_class(scope: Scope) -> bool:
    """Whether Python lets a function know the class that it is written in."""
    names = () if scope.node is None else ast.walk(scope.node)
    return any(isinstance(e, ast.Name) and e.id in ("super", "__class__") for e in names)


def _same(value: Value, *_: Value, **__: Value) -> Value:
    return value


def _gotten(get: Handler, names: Values, owner: Value, /) -> Value:
    found = tuple(get(owner, name) for name in names)
    return found if len(names) > 1 else found[0]


def _nothing(*_: Value, **__: Value) -> None:
    """Do nothing that a signature could depend on."""


def _wrapped(wrapped: Value, wrapper: Value) -> Value:
    if isinstance(wrapper, Function) and isinstance(wrapped, Function):
        functools.update_wrapper(wrapper, wrapped)
    return wrapper


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


def _is_module(dotted: str) -> bool:
    """Whether Python's library has a module of a name, rather than a class in one."""
    try:
        return importlib.util.find_spec(dotted) is not None
    except ModuleNotFoundError:
        return False
