"""Calls of Python's own functions and classes, with arguments that were looked at before."""

from __future__ import annotations

import ast
import contextlib
import dataclasses
import functools
import itertools
import keyword
import os
import pathlib
import re
import types
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Final

from cogfal.reading.functions import Function
from cogfal.reading.journal import ABSENT
from cogfal.reading.mappings import Namespace
from cogfal.reading.operators import MAX_BITS, MAX_ITEMS, NAMES, SIZED, power, too_large
from cogfal.reading.outside import Handler, Known
from cogfal.reading.part import Part
from cogfal.reading.scopes import Scope
from cogfal.reading.source import Module
from cogfal.reading.standins import FieldInfo
from cogfal.reading.unknown import (
    Carried,
    GivenUp,
    Named,
    Unknown,
    UnknownError,
    Value,
    Values,
    known,
    refused,
    require_known,
)

if TYPE_CHECKING:
    from cogfal.reading.interpreter import Interpreter

OF_SCOPE: Final = frozenset({"super", "locals", "globals", "vars", "dir", "exec", "eval"})
"""Functions that look at the scope that they are called from."""

_DATACLASS: Final = frozenset({"init", "repr", "eq", "order", "unsafe_hash", "frozen", "kw_only"})
_FACTORIES: Final = (list, dict, set, int, str, float, bool, tuple, None)
_KINDS: Final[dict[type, type]] = {Function: types.FunctionType, Module: types.ModuleType}
_SIZES: Final = frozenset({"indent", "n", "ndigits", "r", "repeat", "tabsize"})
"""Arguments by which a result may grow."""

_MAX_REPEATS: Final = 10**8


class Library(Part):
    """Carries out calls of what Python has."""

    def __init__(self, world: Interpreter) -> None:
        super().__init__(world)
        self._ways: dict[str, Callable[[Value], Value]] = {
            "v": lambda value: value, "k": known, "o": self._here, "w": self._small,
            "p": self.plain, "n": self._number, "b": self._size, "s": self._shown,
            "a": world.files.text, "i": self._taken, "e": self._each, "l": self._weighed,
            "y": self._sized, "h": self._keys, "d": self._pairs, "c": self._factory,
            "f": world.calls.closure,
        }  # fmt: skip
        self.table: dict[str, Handler] = {
            **self._of_builtins(), **self._of_files(), **self._of_modules(),
        }  # fmt: skip

    def native(self, function: Handler, letters: str, *given: Value, **named: Value) -> Value:
        """Return the result of a listed function; `letters` say how arguments are looked at."""
        last = letters[-1]
        if last == "m":
            letters = last = "l" if len(given) == 1 else "p"
        letters += last * len(given)
        positional = [self._ways[how](v) for how, v in zip(letters, given, strict=False)]
        keywords = {name: self._ways[self._way(name, v, last)](v) for name, v in named.items()}
        result = function(*positional, **keywords)
        for made in result if isinstance(result, tuple) else (result,):
            if isinstance(made, Iterator):
                self._world.iterator(made, *positional, *given, *keywords.values(), *named.values())
        return result

    def _way(self, name: str, value: Value, last: str) -> str:
        if name in ("key", "func") or (last == "p" and callable(value)):
            return "f"
        return "b" if name in _SIZES else last if last in "ps" else "v"

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
            self._world.texts.check_places("call", (value,))
        return value

    def _here(self, value: Value) -> Value:
        if not isinstance(known(value), Iterator):
            self._world.texts.check_places("call", (value,))
        return value

    def _number(self, value: Value) -> Value:
        decimal = type(self.plain(value)).__module__ == "decimal"
        text = str(value) if decimal or isinstance(value, str) else ""
        if len(text) > MAX_BITS // 4 or re.search(r"e\+?\d{4}", text, re.IGNORECASE):
            raise too_large()
        return value

    def _size(self, value: Value) -> Value:
        if isinstance(self.plain(value), int) and abs(value) > MAX_ITEMS:
            raise too_large()
        return value

    def _shown(self, value: Value) -> Value:
        self._world.texts.check(known(value))
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

    def _small(self, value: Value) -> Value:
        self._world.budget.weigh(known(value))
        if isinstance(value, Iterator):
            raise refused("an iterator is not looked into")
        return value

    def _sized(self, value: Value) -> Value:
        return self._small(value) if isinstance(value, SIZED) else self._weighed(value)

    def _keys(self, value: Value) -> Value:
        if isinstance(value, set | frozenset | dict):
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
            **{name: self._refusing(f"{name}() is not evaluated here") for name in OF_SCOPE},
            "__import__": lambda name, *rest, **named: self._world.modules.imported(
                name, whole="fromlist" in named or len(rest) > 2),
            "delattr": attributes.delete,
            "format": lambda value, layout="": self._world.texts.format(
                self._shown(value), known(layout)),
            "getattr": self._getattr,
            "hasattr": lambda owner, name: known(self._getattr(owner, name, ABSENT)) is not ABSENT,
            "setattr": lambda owner, name, value: attributes.put(owner, known(name), value),
            "isinstance": self._isinstance, "type": self._type, "next": self._next,
            "iter": lambda value, *end: iter(self._world.calls.closure(value), *end) if end
            else self._world.items.iterate(value),
            "open": self._world.files.open,
            "pow": lambda *values: power(*map(self.plain, values)),
            "print": _nothing, "exit": self._exit, "quit": self._exit,
        }  # fmt: skip
        return {f"builtins.{name}": handler for name, handler in handlers.items()}

    def _of_files(self) -> dict[str, Handler]:
        files, environment = self._world.files, self._world.environment
        return {
            "os.getenv": environment.get, "os.putenv": environment.__setitem__,
            "os.unsetenv": lambda name: environment.pop(name, None),
            "os.getcwd": lambda: files.state["folder"],
            "os.chdir": lambda place: self._world.journal.bind(
                files.state, "folder", files.absolute(place)),
            "os.fspath": files.text, "os.listdir": files.names,
            "os.path.abspath": files.absolute, "os.path.realpath": files.absolute,
            "os.path.exists": files.is_there,
            "os.path.isdir": lambda place: files.is_there(place, pathlib.Path.is_dir),
            "os.path.isfile": lambda place: files.is_there(place, pathlib.Path.is_file),
            "os.path.join": lambda *parts: os.path.join(*map(files.text, parts)),  # noqa: PTH118
            "os.path.dirname": lambda place: files.kept(
                files.text(place), os.path.dirname(files.text(place))),  # noqa: PTH120
            "os.path.basename": lambda p: os.path.basename(files.text(p)),  # noqa: PTH119
            "glob.glob": files.like, "io.open": files.open, "codecs.open": files.open,
            "pathlib.Path.cwd": lambda: pathlib.Path(files.state["folder"]),
        }  # fmt: skip

    def _of_modules(self) -> dict[str, Handler]:
        world, operate = self._world, self._world.expressions.operate
        return {
            "json.load": lambda file, **keywords: world.outside.find("json.loads")(
                world.calls.call(world.attributes.get(file, "read"), [], {}), **keywords),
            "dataclasses.dataclass": self._dataclass,
            "pydantic.dataclasses.dataclass": self._dataclass,
            **dict.fromkeys(("pydantic.Field", "pydantic.fields.Field", "pydantic.v1.Field"),
                            FieldInfo),
            "functools.wraps": lambda wrapped, *_, **__: Known(
                "functools.wraps", functools.partial(_wrapped, wrapped)),
            "functools.update_wrapper": lambda wrapper, wrapped, *_: _wrapped(wrapped, wrapper),
            "functools.lru_cache": self._cache, "functools.cache": self._remember,
            "importlib.import_module": world.modules.imported,
            "itertools.chain.from_iterable": lambda several: world.iterator(
                itertools.chain.from_iterable(map(self._taken, self._taken(several))), several),
            "math.prod": lambda items, start=1: functools.reduce(
                functools.partial(operate, ast.Mult()), self._weighed(items), start),
            "re.compile": self._pattern,
            **{f"re.{name}": functools.partial(self._regular, name)
               for name in ("match", "search", "fullmatch", "findall", "split", "sub")},
            **{f"operator.{name}{'_' * keyword.iskeyword(name)}": functools.partial(operate, kind())
               for kind, name in NAMES.items()},
            **dict.fromkeys(("abc.abstractmethod", "atexit.register", "typing.overload",
                             "typing.final", "typing.runtime_checkable",
                             "typing.no_type_check"), _same),
            **dict.fromkeys(("random.seed", "time.sleep", "warnings.simplefilter",
                             "warnings.filterwarnings"), _nothing),
            "typing.cast": lambda _, value: value, "sys.exit": self._exit,
            **{f"numpy.int{bits}": functools.partial(self._of_numpy, int)
               for bits in (8, 16, 32, 64)},
            "numpy.float64": functools.partial(self._of_numpy, float),
            **{f"{owner}.iinfo": functools.partial(self._limits, owner)
               for owner in ("numpy", "torch")},
        }  # fmt: skip

    def _refusing(self, reason: str) -> Handler:
        def refuse(*_: Value, **__: Value) -> Value:
            raise refused(reason)

        return refuse

    def _exit(self, *_: Value) -> Value:
        raise UnknownError(Unknown("sys.exit() ends the program"))

    # Values

    def _isinstance(self, value: Value, kind: Value) -> bool:
        cls = _KINDS.get(type(known(value)))
        kind = self.plain(kind)
        return isinstance(value, kind) if cls is None else issubclass(cls, kind)

    def _type(self, *positional: Value, **_: Value) -> Value:
        if len(positional) != 1:
            raise refused("a class that type() makes is not evaluated")
        kind = type(known(positional[0]))
        return _KINDS.get(kind, kind)

    def _of_numpy(self, kind: type[int | float], value: Value = 0) -> Value:
        several = isinstance(self.plain(value), list | tuple)
        items = list(value) if several else [value]
        if not all(isinstance(item, int | float) for item in items):
            raise refused("an argument is not a number")
        return [kind(item) for item in items] if several else kind(value)

    def _limits(self, owner: str, kind: Value) -> Value:
        name = getattr(kind, "dotted", "") or getattr(kind, "name", "")
        return self._world.outside.find(f"{owner}.iinfo.{name.rpartition('.')[2]}")

    # Series and functions

    def _next(self, items: Value, *default: Value) -> Value:
        if not isinstance(known(items), Iterator):
            raise TypeError(f"{type(items).__name__!r} object is not an iterator")
        self._world.journal.advance(items)
        try:
            return next(items, *default)
        except StopIteration as error:
            raise Carried(error) from None

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
        self.plain([pattern, *flags])
        text = pattern if isinstance(pattern, str) else ""
        if not text or re.search(r"\)[*+{?]|\\\d|\(\?[^:P]", text):
            raise refused("such a regular expression is not evaluated")
        return re.compile(pattern, *flags)

    def _regular(self, name: str, pattern: Value, *rest: Value, **named: Value) -> Value:
        compiled = pattern if isinstance(pattern, re.Pattern) else self._pattern(pattern)
        subject = rest[1] if name == "sub" and len(rest) > 1 else rest[0]
        repeats = len(re.findall(r"[*+{]", compiled.pattern))
        if max(len(subject), 2) ** max(repeats, 1) > _MAX_REPEATS:
            raise refused("too much work to evaluate")
        if name == "sub" and not isinstance(rest[0], str):
            raise refused("such a replacement is not evaluated")
        return self.native(getattr(compiled, name), "p", *rest, **named)

    # What looks at the scope of the call

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


def _wrapped(wrapped: Value, wrapper: Value) -> Value:
    if isinstance(wrapper, Function) and isinstance(wrapped, Function):
        functools.update_wrapper(wrapper, wrapped)
    return wrapper
