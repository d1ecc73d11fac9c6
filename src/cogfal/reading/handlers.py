"""What of Python's library, and of a few packages, needs more than a look at its arguments."""

from __future__ import annotations

import ast
import dataclasses
import functools
import importlib
import itertools
import keyword
import os
import pathlib
import types
from collections.abc import Iterator
from contextlib import nullcontext
from typing import TYPE_CHECKING, Final, NoReturn

from cogfal.reading.classes import outside_base
from cogfal.reading.functions import Function
from cogfal.reading.journal import of_class
from cogfal.reading.namespaces import OF_SCOPE
from cogfal.reading.operators import MAX_BITS, MAX_ITEMS, NAMES, power, too_large
from cogfal.reading.patterns import Patterns
from cogfal.reading.source import Module
from cogfal.reading.standins import Cached, Handler, Known, ModelField, Shown
from cogfal.reading.unknown import (
    ABSENT,
    Beyond,
    Carried,
    Part,
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
from cogfal.reading.versions import check_keywords, check_same, without_hash

if TYPE_CHECKING:
    from cogfal.reading.interpreter import Interpreter

_LOGGING: Final = (
    "debug info warning error exception critical log setLevel removeHandler captureWarnings disable"
).split()
"""Functions of `logging`, and methods of a logger, that tell nothing and raise nothing."""

_DATACLASS: Final = frozenset(
    "init repr eq order unsafe_hash frozen kw_only match_args slots weakref_slot".split()
)
_OWN: Final = ("cogfal.reading", "_io", "collections.abc")
_KINDS: Final[dict[type, type]] = {Function: types.FunctionType, Module: types.ModuleType}

_WRITING: Final = (
    *(f"os.{name}" for name in ("link", "remove", "removedirs", "rename", "renames", "replace",
                                "rmdir", "symlink", "truncate", "unlink")),
    *(f"shutil.{name}" for name in ("copy", "copy2", "copyfile", "copytree", "move", "rmtree")),
)  # fmt: skip
"""Functions that change what lies at the paths that they are given."""


_MAX_DOCUMENT: Final = 50_000
_MAX_ALIASES: Final = 16
"""By how many aliases a document of YAML may grow."""
_LOADERS: Final = frozenset(
    f"yaml.{name}" for name in ("SafeLoader", "CSafeLoader", "FullLoader", "Loader")
)
"""What makes the same of a document without tags."""


class Handlers(Part):
    """Carries out calls by rules of their own."""

    def __init__(self, world: Interpreter) -> None:
        super().__init__(world)
        self.table: dict[str, Handler] = {
            **dict.fromkeys(OF_SCOPE, _elsewhere),
            **self._of_builtins(), **self._of_files(), **self._of_modules(),
        }  # fmt: skip
        """By dotted name."""

    def _of_builtins(self) -> dict[str, Handler]:
        attributes, arguments = self._world.attributes, self._world.arguments
        handlers: dict[str, Handler] = {
            "__import__": lambda name, *rest, **named: self._world.modules.imported(
                name, whole="fromlist" in named or len(rest) > 2),
            "delattr": attributes.delete,
            "format": lambda value, layout="": self._world.texts.format(
                self._world.arguments.shown(value, "__str__", "__format__"), known(layout)),
            "getattr": self._getattr,
            "hasattr": lambda owner, name: known(self._getattr(owner, name, ABSENT)) is not ABSENT,
            "setattr": lambda owner, name, value: attributes.put(owner, known(name), value),
            "isinstance": self._isinstance, "type": self._type, "next": self._next,
            "iter": lambda value, *end: iter(self._world.calls.closure(value), *end) if end
            else self._world.items.iterate(value),
            "open": self._world.files.open, "reversed": self._world.items.backwards,
            "pow": lambda base, exp, mod=None: power(*map(arguments.plain, (base, exp, mod))),
            "sum": self._sum, "print": self._print, "exit": self._exit, "quit": self._exit,
            "str.maketrans": functools.partial(arguments.native, str.maketrans, "p"),
        }  # fmt: skip
        return {f"builtins.{name}": handler for name, handler in handlers.items()}

    def _of_files(self) -> dict[str, Handler]:
        files, environment = self._world.files, self._world.environment
        return {
            "os.getenv": lambda key, default=None: environment.get(key, default),
            **dict.fromkeys(_WRITING, files.write),
            "os.mkdir": files.make, "os.makedirs": files.make,
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
            "pathlib.Path.cwd": lambda: pathlib.Path(files.present()),
            "importlib.resources.files": lambda package: pathlib.Path(
                self._world.modules.folder(package)),
            "importlib.util.find_spec": self._specified,
            "importlib.util.spec_from_file_location": lambda name, location=None, **_:
                files.carry_out(location),
            "imp.load_source": lambda name, pathname, file=None: files.carry_out(pathname),
            "runpy.run_path": lambda path_name, *_, **__: files.carry_out(path_name),
            "pkgutil.iter_modules": files.modules,
            "pkgutil.get_data": lambda package, resource: files.open(
                f"{self._world.modules.folder(package)}/{files.text(resource)}", "rb").read(),
        }  # fmt: skip

    def _of_modules(self) -> dict[str, Handler]:
        world, arguments = self._world, self._world.arguments
        operate = world.expressions.operate
        return {
            "json.load": lambda fp, **keywords: self._world.library.find("json.loads")(
                self._content(fp), **keywords),
            "tomllib.load": lambda fp: self._world.library.find("tomllib.loads")(
                self._content(fp).decode()),
            "yaml.safe_load": lambda stream: self._yaml(stream, None),
            "yaml.load": self._yaml,
            "platform.system": lambda: "Linux",
            "dataclasses.dataclass": self._dataclass,
            "pydantic.dataclasses.dataclass": self._dataclass,
            **dict.fromkeys(("pydantic.Field", "pydantic.fields.Field", "pydantic.v1.Field"),
                            ModelField),
            "functools.wraps": lambda wrapped, *_, **__: Known(
                "functools.wraps", functools.partial(_wrapped, wrapped)),
            "functools.update_wrapper": lambda wrapper, wrapped, *_: _wrapped(wrapped, wrapper),
            "functools.lru_cache": self._cache,
            "functools.cache": lambda user_function: self._remember(user_function, MAX_ITEMS),
            "itertools.chain.from_iterable": lambda several: itertools.chain.from_iterable(
                map(arguments.taken, arguments.taken(several))),
            "math.prod": lambda items, start=1: functools.reduce(
                functools.partial(operate, ast.Mult()), arguments.weighed(items), start),
            "operator.attrgetter": lambda *names: Known("operator.attrgetter", functools.partial(
                _gotten, self._attribute_of, names)),
            "pydantic.ConfigDict": lambda **told: told,
            "operator.itemgetter": lambda *keys: Known("operator.itemgetter", functools.partial(
                _gotten, world.items.get, keys)),
            **Patterns(world).table,
            **{f"operator.{name}{'_' * keyword.iskeyword(name)}": functools.partial(operate, kind())
               for kind, name in NAMES.items()},
            "abc.abstractmethod": self._abstract,
            **dict.fromkeys(("atexit.register", "typing.overload",
                             "typing.final", "typing.no_type_check"), _same),
            **dict.fromkeys(("random.seed", "time.sleep", "warnings.simplefilter",
                             "warnings.filterwarnings"), _nothing),
            **{f"logging.{of}{name}": self._log for of in ("", "Logger.") for name in _LOGGING},
            "logging.basicConfig": self._handed, "logging.Logger.addFilter": self._handed,
            "logging.Logger.addHandler": self._handed,
            "logging.getLogger": lambda name=None: Unknown(
                "a logger is not evaluated", dotted="logging.Logger", standard=True),
            "contextlib.contextmanager": world.statements.managing,
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

    def _specified(self, name: Value, package: Value = None) -> NoReturn:
        """Import the package of a module that is looked for, as Python does."""
        if "." in known(name)[1:]:
            self._world.modules.imported(name.rpartition(".")[0], package)
        raise refused("where a module lies is not evaluated")

    def _exit(self, *_: Value) -> Value:
        raise UnknownError(Unknown("sys.exit() ends the program"))

    # Output

    def _print(self, *values: Value, file: Value = None, **_: Value) -> None:
        if file is not None and not isinstance(file, Unknown):
            why = Unknown("what is printed to an object is not evaluated")
            self._world.effects.of_values((file, *values), why)
            return
        for value in values:
            if any(map(_has_own_text, reached([value], contained))):
                str(value)

    def _log(self, *values: Value, **_: Value) -> None:
        """Leave it open whether a text is made of what is logged."""
        own = [value for value in reached(values, contained) if _has_own_text(value)]
        self._world.effects.of_values(own, Unknown("what is logged may be changed"))

    def _handed(self, *values: Value, **named: Value) -> None:
        """Take as changed what loggers may change from now on."""
        given = (*values, *named.values())
        self._world.effects.of_values(given, Unknown("what is given to loggers may be changed"))

    # Values

    def _isinstance(self, value: Value, kind: Value) -> bool:
        cls, kind = self._type(value), self._world.arguments.plain(kind)
        outside = outside_base(cls)
        if outside is not None or cls in _KINDS.values():
            return self._issubclass(cls, kind)
        return isinstance(value, kind)

    def _issubclass(self, cls: Value, kind: Value) -> bool:
        outside = outside_base(cls) if isinstance(known(cls), type) else None
        kinds = [*reached([self._world.arguments.plain(kind)], contained)]
        if outside is not None and not any(each in cls.__mro__ for each in kinds):
            raise Touched(outside)
        return issubclass(cls, kind)

    def _type(self, *positional: Value, **keywords: Value) -> Value:
        if len(positional) != 1:
            return self._world.calls.make_class(type, positional, keywords)
        kind = type(known(positional[0]))
        if kind not in _KINDS and kind.__module__.startswith(_OWN):
            raise refused("what kind of thing it is is not evaluated")
        return _KINDS.get(kind, kind)

    def _of_numpy(self, kind: type[int | float], value: Value = 0) -> Value:
        several = isinstance(self._world.arguments.plain(value), list | tuple)
        items = list(value) if several else [value]
        if not all(isinstance(item, int | float) for item in items):
            raise refused("an argument is not a number")
        shown = [kind(item) for item in items]
        return Shown("what numpy makes is not looked into", value=shown if several else shown[0])

    def _limited(self, limit: Value, least: int) -> Unknown:
        if self._world.arguments.plain(limit) < least:
            raise Beyond(Unknown("a lower limit of Python's own is not evaluated"))
        return Unknown("a limit of Python's own is not read")

    def _limits(self, owner: str, kind: Value) -> Value:
        name = getattr(kind, "dotted", "") or getattr(kind, "name", "")
        return self._world.library.find(f"{owner}.iinfo.{name.rpartition('.')[2]}")

    # Documents

    def _content(self, stream: Value) -> Value:
        """Return what an open file holds."""
        return self._world.calls.call(self._world.attributes.get(stream, "read"), [], {})

    def _yaml(self, stream: Value, Loader: Value) -> Value:  # noqa: N803 - as PyYAML has it
        """Return what PyYAML makes of a document without tags of its own."""
        if Loader is not None and not (isinstance(Loader, Unknown) and Loader.dotted in _LOADERS):
            raise refused("such a loader is not evaluated")
        text = self._world.arguments.plain(
            stream if isinstance(stream, str | bytes) else self._content(stream)
        )
        if len(text) > _MAX_DOCUMENT:
            raise too_large()
        yaml = importlib.import_module("yaml")  # which takes longer than most readings
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

    def _sum(self, items: Value, start: Value = 0) -> Value:
        items = self._world.arguments.weighed(items)
        if any(isinstance(each, float) for each in (*items, start)):
            check_same(self._world.version, "float.__add__")
        return self._world.arguments.native(sum, "lv", items, start)

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
        check_keywords(self._world.version, "dataclass", keywords)
        if cls is None:
            decorate = functools.partial(self._dataclass, **keywords)
            return Known("dataclasses.dataclass", decorate)
        require_known(list(keywords.values()))
        names = {name: value for name, value in keywords.items() if name in _DATACLASS}
        own = self._world.classes
        place = own.nodes.get(known(cls))
        module = nullcontext() if place is None else own.registered(place[1])
        with module, without_hash(self._world.version, cls, own.nodes):
            made = dataclasses.dataclass(**names)(cls)
        own.nodes[made] = place
        return made


def _elsewhere(*_: Value, **__: Value) -> NoReturn:
    raise refused("a function that looks at its scope is not evaluated here")


def _same(value: Value, *_: Value, **__: Value) -> Value:
    return value


def _gotten(get: Handler, names: Values, owner: Value, /) -> Value:
    found = tuple(get(owner, name) for name in names)
    return found if len(names) > 1 else found[0]


def _has_own_text(value: Value) -> bool:
    """Whether the author says how a value is written."""
    kind = type(value)
    return any(isinstance(of_class(kind, name), Function) for name in ("__str__", "__repr__"))


def _nothing(*_: Value, **__: Value) -> None:
    """Do nothing that a signature could depend on."""


def _wrapped(wrapped: Value, wrapper: Value) -> Value:
    if isinstance(wrapper, Function) and isinstance(wrapped, Function):
        functools.update_wrapper(wrapper, wrapped)
    return wrapper
