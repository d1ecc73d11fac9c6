"""Python's built-in functions, and those of its library that need more than plain arguments."""

from __future__ import annotations

import ast
import builtins
import collections
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
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from cogfal.reading.functions import Function
from cogfal.reading.operators import MAX_BITS, MAX_ITEMS, SIZED, bounded
from cogfal.reading.scopes import Scope
from cogfal.reading.source import Module
from cogfal.reading.standins import InputMark
from cogfal.reading.unknown import (
    Carried,
    GivenUp,
    Touched,
    Unknown,
    UnknownError,
    Value,
    unknown_in,
)

if TYPE_CHECKING:
    from cogfal.reading.interpreter import Interpreter

Handler = Callable[..., Value]

OF_SCOPE: Final = frozenset({"super", "locals", "globals", "vars", "dir", "exec", "eval"})
_FACTORIES: Final = (list, dict, set, int, str, float, bool, tuple)
_MAX_REPEATS: Final = 10**8


class Library:
    """Carries out calls of built-in functions."""

    def __init__(self, world: Interpreter) -> None:
        self._world = world
        self.table: dict[str, Handler] = {**self._of_builtins(), **self._of_modules()}
        for cls, handler in self._of_classes().items():
            world.outside.construct(cls, handler)

    def get(self, dotted: str) -> Handler | None:
        """Return what carries out a call of that name."""
        return self.table.get(dotted)

    def _of_builtins(self) -> dict[str, Handler]:
        data, over = self._data, self._over
        names = ("abs", "bin", "chr", "divmod", "hex", "oct", "ord", "round", "pow")
        found = {name: data(getattr(builtins, name)) for name in names}
        found |= {
            "all": lambda items: all(self._truth(i) for i in self._items(items)),
            "any": lambda items: any(self._truth(i) for i in self._items(items)),
            "ascii": self._shown(ascii), "repr": self._shown(repr),
            "callable": self._is_callable,
            "delattr": self._world.attributes.delete,
            "format": lambda value, layout="": self._format(value, layout),
            "getattr": self._getattr, "hasattr": self._hasattr, "setattr": self._setattr,
            "isinstance": self._isinstance, "issubclass": self._issubclass,
            "iter": self._iter, "len": self._len, "next": self._next,
            "max": self._extreme(max), "min": self._extreme(min),
            "open": self._world.files.open, "print": lambda *_, **__: None,
            "sorted": self._sorted, "sum": over(sum),
            "__import__": lambda name, *_, **__: self._world.modules.imported(name),
        }  # fmt: skip
        found |= {name: self._of_scope(name) for name in OF_SCOPE - {"super"}}
        return {f"builtins.{name}": handler for name, handler in found.items()}

    def _of_modules(self) -> dict[str, Handler]:
        files, world = self._world.files, self._world
        chain = itertools.chain
        found: dict[str, Handler] = {
            "os.getenv": world.environment.get, "os.putenv": world.environment.put,
            "os.unsetenv": lambda name: world.environment.pop(name, None),
            "os.getcwd": lambda: files.state["folder"], "os.chdir": files.change,
            "os.fspath": files.text, "os.listdir": files.names,
            "os.path.abspath": files.absolute, "os.path.realpath": files.absolute,
            "os.path.exists": files.is_there,
            "os.path.isdir": lambda place: files.is_there(place, pathlib.Path.is_dir),
            "os.path.isfile": lambda place: files.is_there(place, pathlib.Path.is_file),
            "os.path.join": self._join, "os.path.dirname": self._dirname,
            "os.path.basename": lambda p: os.path.basename(files.text(p)),  # noqa: PTH119
            "glob.glob": files.like, "io.open": files.open, "codecs.open": files.open,
            "pathlib.Path.cwd": lambda: pathlib.Path(files.state["folder"]),
            "copy.copy": self._copied(False), "copy.deepcopy": self._copied(True),
            "json.load": lambda file, **kw: self._plain_call("json.loads", file.read(), **kw),
            "dataclasses.dataclass": self._dataclass, "dataclasses.field": self._field,
            "dataclasses.asdict": self._over_instances(dataclasses.asdict),
            "functools.wraps": world.outside.wraps,
            "functools.update_wrapper": lambda f, wrapped, *_: world.outside.wraps(wrapped)(f),
            "functools.partial": self._partial, "functools.reduce": self._reduce,
            "functools.lru_cache": self._cache, "functools.cache": self._remember,
            "importlib.import_module": world.modules.imported,
            "inspect.isclass": lambda value: isinstance(self._told(value), type),
            "itertools.chain.from_iterable": self._lazy(chain.from_iterable),
            "collections.namedtuple": self._namedtuple,
            "random.seed": lambda *_: None,
            "re.compile": self._pattern,
            **{f"re.{n}": self._regular(n) for n in
               ("match", "search", "fullmatch", "findall", "split", "sub")},
            "re.escape": self._data(re.escape),
            "typing.cast": lambda _, value: value, "typing.get_args": self._get_args,
            "typing.NewType": typing.NewType,
            "typing.overload": lambda f: f, "typing.final": lambda f: f,
            "typing.runtime_checkable": lambda f: f, "typing.no_type_check": lambda f: f,
            "abc.abstractmethod": lambda f: f, "enum.unique": enum.unique,
            "sys.exit": self._exit, "builtins.exit": self._exit, "builtins.quit": self._exit,
            "warnings.filterwarnings": lambda *_, **__: None,
            "warnings.simplefilter": lambda *_, **__: None,
            "atexit.register": lambda f, *_, **__: f,
            "time.sleep": lambda *_: None,
        }  # fmt: skip
        found |= {
            f"itertools.{name}": self._lazy(getattr(itertools, name))
            for name in ("accumulate", "combinations", "compress", "dropwhile", "filterfalse",
                         "groupby", "islice", "permutations", "product", "repeat", "starmap",
                         "takewhile", "zip_longest", "count", "cycle", "tee")
        }  # fmt: skip
        for kind in ("int8", "int16", "int32", "int64", "float64"):
            found[f"numpy.{kind}"] = self._numpy(float if kind == "float64" else int)
        for owner in ("numpy", "torch"):
            found[f"{owner}.iinfo"] = lambda kind, owner=owner: self._world.outside.find(
                f"{owner}.iinfo.{self._told(kind, 'dotted').rpartition('.')[2]}"
            )
        found["pydantic.dataclasses.dataclass"] = self._dataclass
        return found

    def _of_classes(self) -> dict[Any, Handler]:
        found: dict[Any, Handler] = {
            bool: lambda value=False: self._truth(value), str: self._text,
            int: self._number(int), float: self._number(float), complex: self._data(complex),
            bytes: self._data(bytes), bytearray: self._refused("bytearray"),
            list: self._collected(list), tuple: self._collected(tuple),
            set: self._collected(set), frozenset: self._collected(frozenset),
            dict: self._dict, range: self._data(range), slice: slice, object: object,
            property: property, staticmethod: staticmethod, classmethod: classmethod,
            type: self._type, enumerate: self._lazy(enumerate), map: self._lazy(map),
            zip: self._lazy(zip), filter: self._lazy(filter), reversed: self._reversed,
            itertools.chain: self._lazy(itertools.chain),
            collections.OrderedDict: self._mapping(collections.OrderedDict),
            collections.Counter: self._counter,
            collections.deque: self._collected(collections.deque),
            collections.defaultdict: self._defaultdict,
            types.SimpleNamespace: types.SimpleNamespace,
            types.MappingProxyType: lambda value: value,
            functools.cached_property: functools.cached_property,
            enum.auto: enum.auto, typing.TypeVar: typing.TypeVar, typing.NewType: typing.NewType,
            io.StringIO: lambda text="": self._world.iterator(io.StringIO(self._plain(text))),
        }  # fmt: skip
        kinds = (pathlib.Path, pathlib.PurePath, pathlib.PosixPath, pathlib.PurePosixPath)
        found |= {kind: functools.partial(self._path, kind) for kind in kinds}
        return found

    # Arguments

    def _told(self, value: Value, attribute: str = "") -> Any:
        if isinstance(value, Unknown) and attribute != "dotted":
            raise Touched(value)
        return getattr(value, attribute, "") if attribute else value

    def _plain(self, value: Value) -> Value:
        self._world.outside.check([value], {})
        return value

    def _items(self, value: Value) -> Iterator[Value]:
        return iter(self._world.budget.metered(self._world.items.iterate(value)))

    def _truth(self, value: Value) -> bool:
        if isinstance(value, Unknown):
            return bool(self._world.choices.decide(value))
        return bool(value)

    def _plain_call(self, name: str, *positional: Value, **keywords: Value) -> Value:
        return self._world.calls.call(self._world.outside.find(name), positional, keywords)

    def _refused(self, name: str) -> Handler:
        def refuse(*_: Value, **__: Value) -> Value:
            raise Touched(Unknown(f"{name}() is not evaluated"))

        return refuse

    def _data(self, function: Callable[..., Any]) -> Handler:
        def call(*positional: Value, **keywords: Value) -> Value:
            self._world.outside.check(positional, keywords)
            if function in (pow, complex) and any(
                isinstance(p, int) and p.bit_length() > MAX_BITS // 64 for p in positional
            ):
                raise Touched(Unknown("too large to evaluate"))
            if function is bytes and positional and isinstance(positional[0], int):
                bounded([None] * min(positional[0], MAX_ITEMS + 1))
            return function(*positional, **keywords)

        return call

    def _over(self, function: Callable[..., Any]) -> Handler:
        """Wrap a function of one iterable, which looks at its items with operators alone."""

        def call(items: Value, *more: Value, **named: Value) -> Value:
            taken = list(self._items(items))
            if function is sum and any(isinstance(i, SIZED) for i in (*taken, *more)):
                self._world.budget.weigh([*taken, *more])
            return function(taken, *more, **named)

        return call

    def _shown(self, function: Callable[[Any], str]) -> Handler:
        def call(value: Value) -> str:
            self._world.texts.check(self._told(value))
            return function(value)

        return call

    def _lazy(self, function: Callable[..., Any]) -> Handler:
        """Wrap a function that gives an iterator over what it is given."""
        called_first = function in (map, filter, itertools.starmap, itertools.takewhile,
                                    itertools.dropwhile, itertools.filterfalse)  # fmt: skip

        def call(*positional: Value, **keywords: Value) -> Value:
            values = list(positional)
            kept = {k: self._world.calls.closure(v) if k in ("key", "func") and v is not None else v
                    for k, v in keywords.items()}  # fmt: skip
            for place, value in enumerate(values):
                if place == 0 and called_first:
                    values[0] = self._world.calls.closure(value)
                elif function is itertools.repeat and place == 0:
                    continue
                elif isinstance(value, int | None) or callable(value):
                    if not isinstance(value, int | None):
                        values[place] = self._world.calls.closure(value)
                else:
                    values[place] = self._world.items.iterate(value)
                    if function in (itertools.product, itertools.permutations, itertools.cycle,
                                    itertools.combinations):  # fmt: skip
                        values[place] = list(self._items(value))
            return self._world.iterator(function(*values, **kept), *values)

        return call

    # Values

    def _text(self, value: Value = "", *rest: Value) -> str:
        if isinstance(value, bytes) and rest:
            return str(value, *rest)
        self._world.texts.check(self._told(value))
        return str(value)

    def _format(self, value: Value, layout: Value) -> str:
        self._world.texts.check(self._told(value))
        return self._world.texts.format(value, self._told(layout))

    def _number(self, kind: type[int | float]) -> Handler:
        def call(value: Value = 0, *base: Value, **named: Value) -> Value:
            plain = self._plain(value)
            if isinstance(plain, str) and len(plain) > MAX_BITS // 4:
                raise Touched(Unknown("too large to evaluate"))
            return kind(plain, *base, **named)

        return call

    def _collected(self, kind: Callable[..., Any]) -> Handler:
        keyed = kind in (set, frozenset)

        def call(items: Value = (), **named: Value) -> Value:
            if keyed and isinstance(items, set | frozenset):
                return kind(items)
            taken = self._items(items)
            return kind((self._world.items.key(i) for i in taken) if keyed else taken, **named)

        return call

    def _dict(self, *positional: Value, **keywords: Value) -> Value:
        return self._mapping(dict)(*positional, **keywords)

    def _mapping(self, kind: Callable[..., Any]) -> Handler:
        def call(*positional: Value, **keywords: Value) -> Value:
            if positional and not isinstance(self._told(positional[0]), dict):
                pairs = [self._pair(pair) for pair in self._items(positional[0])]
                return kind(pairs, **keywords)
            return kind(*positional, **keywords)

        return call

    def _pair(self, pair: Value) -> Value:
        items = list(self._items(pair))
        if items:
            self._world.items.key(items[0])
        return items

    def _counter(self, items: Value = (), **named: Value) -> Value:
        if isinstance(items, dict):
            return collections.Counter(items, **named)
        return collections.Counter([self._world.items.key(i) for i in self._items(items)], **named)

    def _defaultdict(self, factory: Value = None, *rest: Value, **named: Value) -> Value:
        if factory is not None and factory not in _FACTORIES and not isinstance(factory, Function):
            raise Touched(Unknown("such a default_factory is not evaluated"))
        made = self._dict(*rest, **named)
        return collections.defaultdict(factory, made)

    def _namedtuple(self, *positional: Value, **keywords: Value) -> Value:
        self._world.outside.check(positional, keywords)
        made = collections.namedtuple(*positional, **keywords)  # type: ignore[misc]  # noqa: PYI024
        self._world.outside.construct(made, made)
        return made

    def _type(self, *positional: Value, **keywords: Value) -> Value:
        if len(positional) != 1:
            raise Touched(Unknown("a class that type() makes is not evaluated"))
        value = self._told(positional[0])
        if isinstance(value, Function):
            return types.FunctionType
        return type(value)

    def _path(self, kind: type, *parts: Value) -> Value:
        return self._world.files.make(kind, parts)

    def _join(self, first: Value, *rest: Value) -> str:
        files = self._world.files
        parts = [files.text(part) for part in (first, *rest)]
        return os.path.join(*parts)  # noqa: PTH118 - the author calls this one

    def _dirname(self, place: Value) -> Value:
        text = self._world.files.text(place)
        return self._world.files.kept(text, os.path.dirname(text))  # noqa: PTH120

    def _len(self, value: Value) -> int:
        told = self._told(value)
        if not isinstance(told, Iterator):
            self._world.texts.check_places("len", (told,))
        if told is self._world.environment or isinstance(told, Unknown):
            raise Touched(Unknown("the whole environment is not read"))
        return len(told)

    def _sorted(self, items: Value, *, key: Value = None, reverse: Value = False) -> Value:
        taken = list(self._items(items))
        self._world.budget.weigh(taken)
        return sorted(taken, key=self._world.calls.closure(key), reverse=self._truth(reverse))

    def _extreme(self, pick: Callable[..., Any]) -> Handler:
        def call(*items: Value, key: Value = None, **default: Value) -> Value:
            taken = list(self._items(items[0])) if len(items) == 1 else list(items)
            self._world.budget.weigh(taken)
            named = {} if key is None else {"key": self._world.calls.closure(key)}
            return pick(taken, **named, **default)

        return call

    def _iter(self, value: Value, *sentinel: Value) -> Value:
        if sentinel:
            return iter(self._world.calls.closure(value), *sentinel)
        return self._world.items.iterate(value)

    def _next(self, items: Value, *default: Value) -> Value:
        if not isinstance(self._told(items), Iterator):
            raise TypeError(f"{type(items).__name__!r} object is not an iterator")
        self._world.journal.advance(items)
        try:
            return next(items, *default)
        except StopIteration as error:
            raise Carried(error) from None

    def _reversed(self, value: Value) -> Value:
        if isinstance(self._told(value), dict | list | tuple | str | range | collections.deque):
            return reversed(value)
        return reversed(list(self._items(value)))

    def _reduce(self, function: Value, items: Value, *first: Value) -> Value:
        return functools.reduce(
            self._world.calls.closure(function), list(self._items(items)), *first
        )

    def _partial(self, function: Value, *positional: Value, **keywords: Value) -> Value:
        if isinstance(self._told(function), InputMark | Function) or callable(function):
            return functools.partial(function, *positional, **keywords)
        raise TypeError("the first argument must be callable")

    def _cache(self, *positional: Value, **_: Value) -> Value:
        if len(positional) == 1 and isinstance(positional[0], Function):
            return self._remember(positional[0])
        return self._world.outside.handled("functools.lru_cache", self._remember)

    def _remember(self, function: Value) -> Value:
        known: dict[Value, Value] = {}

        def call(*positional: Value, **keywords: Value) -> Value:
            key = self._world.items.key((positional, tuple(keywords.items())))
            if key not in known:
                value = self._world.calls.call(function, positional, keywords)
                self._world.journal.fill(known, key)
                known[key] = value
            return known[key]

        return self._world.outside.handled("functools.cache", call)

    def _copied(self, deep: bool) -> Handler:
        def call(value: Value) -> Value:
            self._told(value)
            if deep:
                self._world.outside.check([value], {})
                return self._deep(value)
            if isinstance(value, list | dict | set | collections.deque):
                return value.copy()
            return self._deep(value)

        return call

    def _deep(self, value: Value) -> Value:
        if isinstance(value, dict) and type(value) is dict:
            return {key: self._deep(item) for key, item in value.items()}
        if isinstance(value, tuple) and hasattr(value, "_make"):
            return value._make(self._deep(item) for item in value)
        if type(value) in (list, tuple, set):
            return type(value)(self._deep(item) for item in value)
        if isinstance(
            value, str | int | float | bytes | None | pathlib.PurePath | enum.Enum | frozenset
        ):
            return value
        raise Touched(Unknown("a copy of such a value is not evaluated"))

    # Attributes and classes

    def _getattr(self, owner: Value, name: Value, *default: Value) -> Value:
        if not isinstance(self._told(name), str):
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
            found = self._getattr(owner, name)
        except AttributeError:
            return False
        if isinstance(found, Unknown):
            raise Touched(found)
        return True

    def _setattr(self, owner: Value, name: Value, value: Value) -> None:
        self._world.attributes.put(owner, self._told(name), value)

    def _is_callable(self, value: Value) -> bool:
        return callable(self._told(value))

    def _isinstance(self, value: Value, kind: Value) -> bool:
        found = unknown_in([value, kind])
        if isinstance(value, Unknown) or (found is not None and unknown_in(kind) is not None):
            raise Touched(found if found is not None else Unknown("a class that is not known"))
        if isinstance(value, Function) and kind in (types.FunctionType, types.LambdaType):
            return True
        if isinstance(value, Module | Function):
            raise Touched(Unknown("the class of such a value is not evaluated"))
        return isinstance(value, kind)

    def _issubclass(self, cls: Value, kind: Value) -> bool:
        if unknown_in([cls, kind]) is not None or not isinstance(cls, type):
            raise Touched(Unknown("a class that is not known"))
        return issubclass(cls, kind)

    def _get_args(self, alias: Value) -> Value:
        return typing.get_args(self._told(alias))

    def _dataclass(self, *positional: Value, **keywords: Value) -> Value:
        if positional:
            cls = self._told(positional[0])
            node = self._world.classes.nodes.get(cls)
            if node is None:
                return dataclasses.dataclass(cls)
            with self._world.classes.registered(node[1]):
                return dataclasses.dataclass(cls)

        def decorate(cls: Value) -> Value:
            node = self._world.classes.nodes.get(cls)
            names = {k: v for k, v in keywords.items() if k in _DATACLASS}
            if node is None or unknown_in(list(names.values())) is not None:
                raise Touched(Unknown("such a dataclass is not evaluated"))
            with self._world.classes.registered(node[1]):
                made = dataclasses.dataclass(**names)(cls)
            self._world.classes.nodes[made] = node
            return made

        return self._world.outside.handled("dataclasses.dataclass", decorate)

    def _field(self, **keywords: Value) -> Value:
        return dataclasses.field(**keywords)

    def _over_instances(self, function: Callable[..., Any]) -> Handler:
        def call(value: Value) -> Value:
            found = unknown_in(list(vars(self._told(value)).values()))
            if found is not None:
                raise Touched(found)
            return function(value)

        return call

    def _numpy(self, kind: type[int | float]) -> Handler:
        def call(value: Value = 0) -> Value:
            several = isinstance(self._plain(value), list | tuple)
            items = list(value) if several else [value]
            if not all(isinstance(item, int | float) for item in items):
                raise Touched(Unknown("an argument is not a number"))
            found = [kind(item) for item in items]
            return found if several else found[0]

        return call

    # Regular expressions

    def _pattern(self, pattern: Value, *flags: Value) -> Value:
        self._world.outside.check([pattern, *flags], {})
        text = pattern if isinstance(pattern, str) else ""
        if not text or re.search(r"\)[*+{?]|\\\d|\(\?[^:P]", text):
            raise Touched(Unknown("such a regular expression is not evaluated"))
        return re.compile(pattern, *flags)

    def _regular(self, name: str) -> Handler:
        def call(pattern: Value, *rest: Value, **named: Value) -> Value:
            compiled = pattern if isinstance(pattern, re.Pattern) else self._pattern(pattern)
            self._world.outside.check(rest, named)
            subject = rest[1] if name == "sub" and len(rest) > 1 else rest[0]
            repeats = len(re.findall(r"[*+{]", compiled.pattern))
            if max(len(subject), 2) ** max(repeats, 1) > _MAX_REPEATS:
                raise Touched(Unknown("too much work to evaluate"))
            if name == "sub" and not isinstance(rest[0], str):
                raise Touched(Unknown("such a replacement is not evaluated"))
            return getattr(compiled, name)(*rest, **named)

        return call

    def _exit(self, *_: Value) -> Value:
        raise UnknownError(Unknown("sys.exit() ends the program"))

    # What looks at the scope of the call

    def _of_scope(self, name: str) -> Handler:
        def call(*_: Value, **__: Value) -> Value:
            raise Touched(Unknown(f"{name}() is not evaluated here"))

        return call

    def of_scope(
        self, name: str, positional: Sequence[Value], keywords: Mapping[str, Value], scope: Scope
    ) -> Value:
        """Return the result of a built-in function that looks at the scope it is called from."""
        if name == "super":
            return self._super(positional, scope)
        if name in ("exec", "eval") and len(positional) == 1 and isinstance(positional[0], str):
            return self._executed(name, positional[0], scope)
        if (name == "vars" and positional) or name == "dir":
            raise Touched(Unknown(f"{name}() is not evaluated"))
        if name in ("locals", "globals", "vars"):
            if name == "globals" or scope.kind != "function":
                return Namespace(self._world, scope.top if name == "globals" else scope)
            return dict(scope.names)
        self._world.effects.of_values([scope.module], Unknown(f"{name}() may have changed it"))
        raise Touched(Unknown(f"{name}() of a text that is not known is not evaluated"))

    def _super(self, positional: Sequence[Value], scope: Scope) -> Value:
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


class Namespace:
    """What `globals()` gives, and `locals()` outside of functions."""

    def __init__(self, world: Interpreter, scope: Scope) -> None:
        self._world, self._scope = world, scope

    def __getitem__(self, name: Value) -> Value:
        return self._scope.names[name]

    def __contains__(self, name: Value) -> bool:
        return name in self._scope.names

    def __setitem__(self, name: Value, value: Value) -> None:
        self._world.journal.bind(self._scope.names, name, value)

    def __delitem__(self, name: Value) -> None:
        self._world.journal.unbind(self._scope.names, name)

    def get(self, name: Value, default: Value = None) -> Value:
        """Return a name's value."""
        return self._scope.names.get(name, default)

    def update(self, *values: Value, **named: Value) -> None:
        """Bind several names."""
        for name, value in {**dict(*values), **named}.items():
            self[name] = value

    def attribute(self, name: str) -> Value:
        """Return a method."""
        if name not in ("get", "update"):
            why = Unknown(f"{name}() of a module's names is not evaluated")
            self._world.effects.of_values([self._scope.module], why)
            raise Touched(why)
        return self._world.outside.handled(name, getattr(self, name))


_DATACLASS: Final = frozenset({"init", "repr", "eq", "order", "unsafe_hash", "frozen", "kw_only"})
