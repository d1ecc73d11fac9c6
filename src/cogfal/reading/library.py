"""Python's built-in functions, and those of its library that need more than plain arguments."""

from __future__ import annotations

import ast
import collections
import contextlib
import copy
import dataclasses
import enum
import functools
import io
import itertools
import os
import pathlib
import re
import types
import typing
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Final

from cogfal.reading.functions import Function
from cogfal.reading.mappings import Namespace
from cogfal.reading.operators import MAX_BITS, SIZED, bounded, power
from cogfal.reading.outside import Known
from cogfal.reading.part import Part
from cogfal.reading.scopes import Scope
from cogfal.reading.source import Module
from cogfal.reading.standins import FieldInfo
from cogfal.reading.unknown import (
    Carried,
    GivenUp,
    Named,
    Touched,
    Unknown,
    UnknownError,
    Value,
    Values,
    known,
    refused,
    require_known,
    unknown_in,
)

if TYPE_CHECKING:
    from cogfal.reading.interpreter import Interpreter

Handler = Callable[..., Value]

OF_SCOPE: Final = frozenset({"super", "locals", "globals", "vars", "dir", "exec", "eval"})
"""Functions that look at the scope that they are called from."""

_LAZY: Final = (
    "accumulate combinations compress dropwhile filterfalse groupby islice permutations product "
    "repeat starmap takewhile zip_longest count cycle tee"
)
_TAKING_ALL: Final = (
    itertools.product, itertools.permutations, itertools.cycle, itertools.combinations
)  # fmt: skip
_CALLING: Final[dict[Any, int]] = {
    **dict.fromkeys((map, filter, itertools.starmap, itertools.takewhile), 0),
    **dict.fromkeys((itertools.dropwhile, itertools.filterfalse), 0),
    **dict.fromkeys((itertools.accumulate, itertools.groupby), 1),
}
"""Which argument is a function."""
_DATACLASS: Final = frozenset({"init", "repr", "eq", "order", "unsafe_hash", "frozen", "kw_only"})
_FACTORIES: Final = (list, dict, set, int, str, float, bool, tuple, None)
_MAX_REPEATS: Final = 10**8


class Library(Part):
    """Carries out calls of built-in functions."""

    def __init__(self, world: Interpreter) -> None:
        super().__init__(world)
        builtin = {f"builtins.{name}": handler for name, handler in self._of_builtins().items()}
        self.table: dict[str, Handler] = {
            **builtin, **self._of_files(), **self._of_modules(), **self._of_packages(),
        }  # fmt: skip
        for cls, handler in self._of_classes().items():
            world.outside.construct(cls, handler)

    def _of_builtins(self) -> dict[str, Handler]:
        attributes = self._world.attributes
        return {
            **{name: self._elsewhere(name) for name in OF_SCOPE - {"super"}},
            "__import__": lambda name, *rest, **named: self._world.modules.imported(
                name, whole="fromlist" in named or len(rest) > 2),
            "all": lambda items: all(self._truth(i) for i in self._each(items)),
            "any": lambda items: any(self._truth(i) for i in self._each(items)),
            "ascii": lambda value: ascii(self._shown(value)),
            "callable": lambda value: callable(known(value)),
            "delattr": attributes.delete,
            "format": lambda value, layout="": self._format(value, layout),
            "getattr": self._getattr, "hasattr": self._hasattr,
            "setattr": lambda owner, name, value: attributes.put(owner, known(name), value),
            "isinstance": self._isinstance, "issubclass": self._issubclass,
            "iter": self._iter, "len": self._len, "next": self._next,
            "max": self._extreme(max), "min": self._extreme(min),
            "open": self._world.files.open, "pow": lambda *values: power(*map(self._plain, values)),
            "print": _nothing, "repr": lambda value: repr(self._shown(value)),
            "sorted": self._sorted, "sum": self._sum, "exit": self._exit, "quit": self._exit,
        }  # fmt: skip

    def _of_files(self) -> dict[str, Handler]:
        files, environment = self._world.files, self._world.environment
        return {
            "os.getenv": environment.get, "os.putenv": environment.__setitem__,
            "os.unsetenv": lambda name: environment.pop(name, None),
            "os.getcwd": lambda: files.state["folder"], "os.chdir": files.change,
            "os.fspath": files.text, "os.listdir": files.names,
            "os.path.abspath": files.absolute, "os.path.realpath": files.absolute,
            "os.path.exists": files.is_there,
            "os.path.isdir": lambda place: files.is_there(place, pathlib.Path.is_dir),
            "os.path.isfile": lambda place: files.is_there(place, pathlib.Path.is_file),
            "os.path.join": lambda *parts: os.path.join(*map(files.text, parts)),  # noqa: PTH118
            "os.path.dirname": self._dirname,
            "os.path.basename": lambda p: os.path.basename(files.text(p)),  # noqa: PTH119
            "glob.glob": files.like, "io.open": files.open, "codecs.open": files.open,
            "pathlib.Path.cwd": lambda: pathlib.Path(files.state["folder"]),
        }  # fmt: skip

    def _of_modules(self) -> dict[str, Handler]:
        world = self._world
        return {
            "copy.copy": self._copy,
            "copy.deepcopy": lambda value: self._copy(self._plain(value), deep=True),
            "json.load": lambda file, **kw: self._found("json.loads")(file.read(), **kw),
            "dataclasses.dataclass": self._dataclass, "dataclasses.field": dataclasses.field,
            "dataclasses.asdict": self._asdict,
            "functools.wraps": world.outside.wraps,
            "functools.update_wrapper": lambda f, wrapped, *_: world.outside.wraps(wrapped)(f),
            "functools.partial": self._partial,
            "functools.reduce": lambda function, items, *first: functools.reduce(
                world.calls.closure(function), self._listed(items), *first),
            "functools.lru_cache": self._cache, "functools.cache": self._remember,
            "importlib.import_module": world.modules.imported,
            "inspect.isclass": lambda value: isinstance(known(value), type),
            "itertools.chain.from_iterable": self._lazy(itertools.chain.from_iterable),
            **{f"itertools.{name}": self._lazy(getattr(itertools, name)) for name in _LAZY.split()},
            "collections.namedtuple": self._namedtuple,
            "random.seed": _nothing, "time.sleep": _nothing, "warnings.simplefilter": _nothing,
            "warnings.filterwarnings": _nothing, "typing.cast": lambda _, value: value,
            "re.compile": self._pattern, "re.escape": lambda text: re.escape(self._plain(text)),
            **{f"re.{name}": self._regular(name) for name in
               ("match", "search", "fullmatch", "findall", "split", "sub")},
            "typing.NewType": typing.NewType,
            "typing.get_args": lambda alias: typing.get_args(known(alias)),
            **{f"typing.{name}": _same for name in
               ("overload", "final", "runtime_checkable", "no_type_check")},
            "abc.abstractmethod": _same, "atexit.register": _same, "enum.unique": enum.unique,
            "sys.exit": self._exit,
        }  # fmt: skip

    def _of_packages(self) -> dict[str, Handler]:
        whole = dict.fromkeys(("int8", "int16", "int32", "int64"), int)
        numbers: dict[str, type[int | float]] = {**whole, "float64": float}
        return {
            **{f"numpy.{name}": functools.partial(self._of_numpy, kind)
               for name, kind in numbers.items()},
            **{f"{owner}.iinfo": functools.partial(self._limits, owner)
               for owner in ("numpy", "torch")},
            "pydantic.dataclasses.dataclass": self._dataclass,
            **dict.fromkeys(("pydantic.Field", "pydantic.fields.Field", "pydantic.v1.Field"),
                            FieldInfo),
        }  # fmt: skip

    def _of_classes(self) -> dict[Any, Handler]:
        made = (slice, object, property, staticmethod, classmethod, types.SimpleNamespace,
                functools.cached_property, enum.auto, typing.TypeVar, typing.NewType)  # fmt: skip
        lazy = (enumerate, map, zip, filter, itertools.chain)
        listed = (list, tuple, collections.deque)
        paths = (pathlib.Path, pathlib.PurePath, pathlib.PosixPath, pathlib.PurePosixPath)
        return {
            **{kind: kind for kind in made},
            **{kind: self._lazy(kind) for kind in lazy},
            **{kind: functools.partial(self._series, kind) for kind in listed},
            **{kind: functools.partial(self._keyed, kind) for kind in (set, frozenset)},
            **{kind: functools.partial(self._mapping, kind)
               for kind in (dict, collections.OrderedDict)},
            **{kind: functools.partial(self._number, kind) for kind in (int, float)},
            **{kind: functools.partial(self._path, kind) for kind in paths},
            **{kind: functools.partial(self._made, kind) for kind in (complex, range)},
            bool: lambda value=False: self._truth(value), str: self._text, bytes: self._bytes,
            bytearray: functools.partial(self._refused, "bytearray() is not evaluated"),
            type: self._type, reversed: self._reversed,
            collections.Counter: self._counter, collections.defaultdict: self._defaultdict,
            types.MappingProxyType: known,
            io.StringIO: lambda text="": self._world.iterator(io.StringIO(self._plain(text))),
        }  # fmt: skip

    # Arguments

    def _plain(self, value: Value) -> Value:
        self._world.outside.check([value], {})
        return value

    def _shown(self, value: Value) -> Value:
        self._world.texts.check(known(value))
        return value

    def _each(self, value: Value) -> Iterator[Value]:
        return iter(self._world.budget.metered(self._world.items.iterate(value)))

    def _listed(self, value: Value) -> list[Value]:
        return self._world.items.listed(value)

    def _truth(self, value: Value) -> bool:
        if isinstance(value, Unknown):
            return bool(self._world.choices.decide(value))
        return bool(value)

    def _found(self, name: str) -> Handler:
        function = self._world.outside.find(name)
        return lambda *positional, **named: self._world.calls.call(function, positional, named)

    def _refused(self, reason: str, *_: Value, **__: Value) -> Value:
        raise refused(reason)

    # Values

    def _made(self, kind: Callable[..., Any], *values: Value, **named: Value) -> Value:
        self._world.outside.check(values, named)
        return kind(*values, **named)

    def _text(self, value: Value = "", *rest: Value) -> str:
        return str(value, *rest) if isinstance(value, bytes) and rest else str(self._shown(value))

    def _bytes(self, value: Value = b"", *rest: Value) -> bytes:
        if isinstance(self._plain(value), int):
            bounded(range(value))
        return bytes(value, *rest)

    def _format(self, value: Value, layout: Value) -> str:
        return self._world.texts.format(self._shown(value), known(layout))

    def _number(
        self, kind: type[int | float], value: Value = 0, *base: Value, **named: Value
    ) -> Value:
        if isinstance(self._plain(value), str) and len(value) > MAX_BITS // 4:
            raise refused("too large to evaluate")
        return kind(value, *base, **named)

    def _series(
        self, kind: Callable[..., Any], items: Value = (), *rest: Value, **named: Value
    ) -> Value:
        return kind(self._each(items), *rest, **named)

    def _keyed(self, kind: Callable[..., Any], items: Value = ()) -> Value:
        if isinstance(items, set | frozenset):
            return kind(items)
        return kind(self._world.items.key(item) for item in self._each(items))

    def _mapping(self, kind: Callable[..., Any], *given: Value, **named: Value) -> Value:
        if given and not isinstance(known(given[0]), dict):
            pairs = [self._listed(pair) for pair in self._each(given[0])]
            for pair in filter(None, pairs):
                self._world.items.key(pair[0])
            return kind(pairs, **named)
        return kind(*given, **named)

    def _counter(self, items: Value = (), **named: Value) -> Value:
        if not isinstance(items, dict):
            items = [self._world.items.key(item) for item in self._each(items)]
        return collections.Counter(items, **named)

    def _defaultdict(self, factory: Value = None, *rest: Value, **named: Value) -> Value:
        if factory not in _FACTORIES and not isinstance(factory, Function):
            raise refused("such a default_factory is not evaluated")
        return collections.defaultdict(factory, self._mapping(dict, *rest, **named))

    def _namedtuple(self, *positional: Value, **keywords: Value) -> Value:
        made = self._made(collections.namedtuple, *positional, **keywords)  # noqa: PYI024
        self._world.outside.construct(made, made)
        return made

    def _type(self, *positional: Value, **_: Value) -> Value:
        if len(positional) != 1:
            raise refused("a class that type() makes is not evaluated")
        value = known(positional[0])
        return types.FunctionType if isinstance(value, Function) else type(value)

    def _path(self, kind: Callable[..., Any], *parts: Value) -> Value:
        return kind(*map(self._world.files.text, parts))

    def _dirname(self, place: Value) -> Value:
        text = self._world.files.text(place)
        return self._world.files.kept(text, os.path.dirname(text))  # noqa: PTH120

    def _copy(self, value: Value, *, deep: bool = False) -> Value:
        if isinstance(value, Iterator):
            raise refused("a copy of an iterator is not evaluated")
        if isinstance(held := getattr(value, "__dict__", None), dict):
            known(self._world.known(held))
        return copy.deepcopy(value) if deep else copy.copy(value)

    def _asdict(self, value: Value) -> Value:
        require_known(list(vars(self._plain(known(value))).values()))
        return dataclasses.asdict(value)

    def _of_numpy(self, kind: type[int | float], value: Value = 0) -> Value:
        several = isinstance(self._plain(value), list | tuple)
        items = list(value) if several else [value]
        if not all(isinstance(item, int | float) for item in items):
            raise refused("an argument is not a number")
        return [kind(item) for item in items] if several else kind(value)

    def _limits(self, owner: str, kind: Value) -> Value:
        name = getattr(kind, "dotted", "") or getattr(kind, "name", "")
        return self._world.outside.find(f"{owner}.iinfo.{name.rpartition('.')[2]}")

    # Series

    def _lazy(self, function: Callable[..., Any]) -> Handler:
        """Wrap a function that gives an iterator over what it is given."""

        def call(*positional: Value, **keywords: Value) -> Value:
            called = _CALLING.get(function)
            values = [
                self._world.calls.closure(value)
                if place == called
                else self._source(function, value)
                for place, value in enumerate(positional)
            ]
            functions = {k: self._world.calls.closure(v) for k, v in keywords.items()
                         if k in ("key", "func")}  # fmt: skip
            held = (*values, *positional, *keywords.values())
            return self._world.iterator(function(*values, **keywords | functions), *held)

        return call

    def _source(self, function: Callable[..., Any], value: Value) -> Value:
        if isinstance(value, int | float | None) or function is itertools.repeat:
            return value
        return self._listed(value) if function in _TAKING_ALL else self._world.items.iterate(value)

    def _len(self, value: Value) -> int:
        if not isinstance(known(value), Iterator):
            self._world.texts.check_places("len", (value,))
        return len(value)

    def _sum(self, items: Value, *start: Value, **named: Value) -> Value:
        taken = self._listed(items)
        if any(isinstance(item, SIZED) for item in (*taken, *start)):
            self._world.budget.weigh([*taken, *start])
        return sum(taken, *start, **named)

    def _sorted(self, items: Value, *, key: Value = None, reverse: Value = False) -> Value:
        taken = self._listed(items)
        self._world.budget.weigh(taken)
        return sorted(taken, key=self._world.calls.closure(key), reverse=self._truth(reverse))

    def _extreme(self, pick: Callable[..., Any]) -> Handler:
        def call(*items: Value, key: Value = None, **default: Value) -> Value:
            taken = self._listed(items[0]) if len(items) == 1 else list(items)
            self._world.budget.weigh(taken)
            return pick(taken, key=self._world.calls.closure(key), **default)

        return call

    def _iter(self, value: Value, *sentinel: Value) -> Value:
        if sentinel:
            return iter(self._world.calls.closure(value), *sentinel)
        return self._world.items.iterate(value)

    def _next(self, items: Value, *default: Value) -> Value:
        if not isinstance(known(items), Iterator):
            raise TypeError(f"{type(items).__name__!r} object is not an iterator")
        self._world.journal.advance(items)
        try:
            return next(items, *default)
        except StopIteration as error:
            raise Carried(error) from None

    def _reversed(self, value: Value) -> Value:
        direct = isinstance(known(value), dict | list | tuple | str | range | collections.deque)
        return reversed(value if direct else self._listed(value))

    # Functions

    def _partial(self, function: Value, *positional: Value, **keywords: Value) -> Value:
        return functools.partial(known(function), *positional, **keywords)

    def _cache(self, *positional: Value, **_: Value) -> Value:
        if len(positional) == 1 and isinstance(positional[0], Function):
            return self._remember(positional[0])
        return Known("functools.lru_cache", self._remember)

    def _remember(self, function: Value) -> Value:
        results: dict[Value, Value] = {}

        def call(*positional: Value, **keywords: Value) -> Value:
            key = self._world.items.key((positional, tuple(keywords.items())))
            if key not in results:
                value = self._world.calls.call(function, positional, keywords)
                self._world.journal.fill(results, key)
                results[key] = value
            return results[key]

        return Known("functools.cache", call, function)

    def _exit(self, *_: Value) -> Value:
        raise UnknownError(Unknown("sys.exit() ends the program"))

    # Attributes and classes

    def _getattr(self, owner: Value, name: Value, *default: Value) -> Value:
        if not isinstance(known(name), str):
            raise TypeError("attribute name must be string")
        if isinstance(owner, Unknown) and not owner.dotted:
            raise Touched(owner)
        try:
            return self._world.attributes.get(owner, name)
        except AttributeError:
            if default:
                return default[0]
            raise

    def _hasattr(self, owner: Value, name: Value) -> bool:
        try:
            known(self._getattr(owner, name))
        except AttributeError:
            return False
        return True

    def _isinstance(self, value: Value, kind: Value) -> bool:
        require_known(kind)
        if isinstance(known(value), Function) and kind in (types.FunctionType, types.LambdaType):
            return True
        if isinstance(value, Module | Function):
            raise refused("the class of such a value is not evaluated")
        return isinstance(value, kind)

    def _issubclass(self, cls: Value, kind: Value) -> bool:
        if unknown_in([cls, kind]) is not None or not isinstance(cls, type):
            raise refused("a class that is not known")
        return issubclass(cls, kind)

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

    def _pattern(self, pattern: Value, *flags: Value) -> Value:
        self._world.outside.check([pattern, *flags], {})
        text = pattern if isinstance(pattern, str) else ""
        if not text or re.search(r"\)[*+{?]|\\\d|\(\?[^:P]", text):
            raise refused("such a regular expression is not evaluated")
        return re.compile(pattern, *flags)

    def _regular(self, name: str) -> Handler:
        def call(pattern: Value, *rest: Value, **named: Value) -> Value:
            compiled = pattern if isinstance(pattern, re.Pattern) else self._pattern(pattern)
            self._world.outside.check(rest, named)
            subject = rest[1] if name == "sub" and len(rest) > 1 else rest[0]
            repeats = len(re.findall(r"[*+{]", compiled.pattern))
            if max(len(subject), 2) ** max(repeats, 1) > _MAX_REPEATS:
                raise refused("too much work to evaluate")
            if name == "sub" and not isinstance(rest[0], str):
                raise refused("such a replacement is not evaluated")
            return getattr(compiled, name)(*rest, **named)

        return call

    # What looks at the scope of the call

    def _elsewhere(self, name: str) -> Handler:
        return functools.partial(self._refused, f"{name}() is not evaluated here")

    def of_scope(self, name: str, positional: Values, keywords: Named, scope: Scope) -> Value:
        """Return the result of a built-in function that looks at the scope it is called from."""
        if name == "super":
            return self._super(positional, scope)
        if name in ("exec", "eval") and len(positional) == 1 and isinstance(positional[0], str):
            return self._executed(name, positional[0], scope)
        if (name == "vars" and positional) or name == "dir":
            raise refused(f"{name}() is not evaluated")
        if name in ("locals", "globals", "vars"):
            if name == "globals" or scope.kind != "function":
                return Namespace(self._world, scope.top if name == "globals" else scope)
            return dict(scope.names)
        self._world.effects.of_values([scope.module], Unknown(f"{name}() may have changed it"))
        raise refused(f"{name}() of a text that is not known is not evaluated")

    def _super(self, positional: Values, scope: Scope) -> Value:
        if positional:
            return super(*positional)
        inner: Scope | None = scope
        while inner is not None and inner.kind == "comprehension":
            inner = inner.parent
        outer = inner
        while outer is not None and outer.kind != "class":
            outer = outer.parent
        if inner is None or outer is None or not isinstance(outer.owner, type):
            raise RuntimeError("super(): no arguments")
        return super(outer.owner, inner.names[inner.first])

    def _executed(self, name: str, text: str, scope: Scope) -> Value:
        if name == "eval":
            return self._world.evaluate(ast.parse(text.strip(), mode="eval").body, scope)
        if scope.kind == "function":
            raise GivenUp(Unknown("exec() in a function is not evaluated"))
        self._world.run(ast.parse(text).body, scope)
        return None


def _same(value: Value, *_: Value, **__: Value) -> Value:
    return value


def _nothing(*_: Value, **__: Value) -> None:
    """Do nothing that a signature could depend on."""
