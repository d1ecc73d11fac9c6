"""Calls: of the author's functions and classes, of data's methods, of what is known outside."""

from __future__ import annotations

import enum
import functools
import types
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, Final

from cogfal.reading.attributes import METHODS
from cogfal.reading.classes import Outside, outside_base
from cogfal.reading.functions import Function
from cogfal.reading.journal import CONTAINERS, set_attribute
from cogfal.reading.operators import MAX_TEXT, SIZED, bounded, check_format, too_large
from cogfal.reading.scopes import Scope
from cogfal.reading.unknown import Touched, Unknown, Value, unknown_in

if TYPE_CHECKING:
    from cogfal.reading.interpreter import Interpreter

_CHANGING: Final = frozenset(
    (
        *("add", "append", "appendleft", "clear", "difference_update", "discard", "extend"),
        *("extendleft", "insert", "intersection_update", "move_to_end", "pop", "popitem"),
        *("popleft", "remove", "reverse", "rotate", "setdefault", "sort"),
        *("symmetric_difference_update", "update"),
    )
)
_HOLDING: Final = frozenset(
    {"append", "appendleft", "insert", "setdefault", "update", "get", "pop"}
)
"""Methods that may be given an unknown value, which they keep or hand back."""

_ITERATING: Final = frozenset(
    (
        *("extend", "extendleft", "update", "union", "intersection", "difference", "join"),
        *("difference_update", "intersection_update", "symmetric_difference"),
        *("symmetric_difference_update", "issubset", "issuperset", "isdisjoint"),
    )
)


class Calls:
    """Carries out calls."""

    def __init__(self, world: Interpreter) -> None:
        self._world = world

    def call(
        self, function: Value, positional: Sequence[Value], keywords: Mapping[str, Value]
    ) -> Value:
        """Return the result of calling `function`, unknown where it is not to be called.

        Raises:
            Touched: An argument is not known, and the call looks into it.
        """
        result = self._call(function, positional, keywords)
        if isinstance(result, Iterator) and not isinstance(result, enum.Enum):
            self._world.journal.born(result)
        return self._world.known(bounded(result))

    def _call(
        self, function: Value, positional: Sequence[Value], keywords: Mapping[str, Value]
    ) -> Value:
        if isinstance(function, Unknown):
            return self.unknown(function, positional, keywords)
        if isinstance(function, Function):
            return self._world.functions.invoke(function, positional, keywords)
        if isinstance(function, types.MethodType):
            owner = function.__self__
            if not isinstance(function.__func__, Function):
                return self._bound(owner, function, positional, keywords)
            return self._call(function.__func__, [owner, *positional], keywords)
        if isinstance(function, functools.partial):
            named = {**function.keywords, **keywords}
            return self.call(function.func, [*function.args, *positional], named)
        known = self._world.outside.entry(function)
        if known is not None:
            return known(positional, keywords)
        if isinstance(function, type):
            return self._construct(function, positional, keywords)
        owner = getattr(function, "__self__", None)
        if isinstance(function, types.BuiltinMethodType) and owner is not None:
            return self._method(owner, function.__name__, function, positional, keywords)
        if isinstance(function, types.MethodDescriptorType | types.ClassMethodDescriptorType):
            first, rest = (positional[0], positional[1:]) if positional else (None, ())
            bound = function.__get__(first) if isinstance(first, function.__objclass__) else None
            if bound is not None:
                return self._method(first, function.__name__, bound, rest, keywords)
        return self._slot(function, positional, keywords)

    def _bound(
        self, owner: Value, function: types.MethodType, positional: Sequence[Value],
        keywords: Mapping[str, Value],
    ) -> Value:  # fmt: skip
        """Call a method that Python's own text defines: of a path, a Counter, a dataclass."""
        name = function.__name__
        if isinstance(owner, PurePath):
            return self._world.files.method(owner, name, positional, keywords)
        if any(isinstance(owner, kind) and name in METHODS[kind] for kind in METHODS):
            return self._method(owner, name, function, positional, keywords)
        own = type(owner) in self._world.classes.nodes
        if own and getattr(function.__func__, "__module__", "") not in _FOREIGN and name in _MADE:
            for field in getattr(owner, "__dataclass_fields__", ()):
                self._world.journal.note(owner, field)
            return function(*positional, **keywords)
        return self._call(function.__func__, [owner, *positional], keywords)

    def _slot(
        self, function: Value, positional: Sequence[Value], keywords: Mapping[str, Value]
    ) -> Value:
        """Call what Python puts behind `object.__init__`, `super().__setattr__` and the like."""
        world = self._world
        name = getattr(function, "__name__", "")
        bound = getattr(function, "__self__", None)
        if isinstance(function, types.MethodWrapperType | types.WrapperDescriptorType):
            values = [bound, *positional] if bound is not None else list(positional)
            if name == "__setattr__" and len(values) == 3:
                world.journal.note(values[0], values[1])
                set_attribute(*values)
                return None
            if name in _SLOTS and unknown_in(list(values)) is None:
                if values and isinstance(values[0], CONTAINERS):
                    world.journal.save(values[0])
                return function(*positional, **keywords)
        if world.attributes.is_authored(function) and not isinstance(function, type):
            return self.call(world.attributes.get(function, "__call__"), positional, keywords)
        if world.outside.is_callable(function):
            return function(*positional, **keywords)
        raise Touched(Unknown("what is called here is not evaluated"))

    def unknown(
        self, function: Unknown, positional: Sequence[Value], keywords: Mapping[str, Value]
    ) -> Value:
        """Return the result of calling what is not known, which may change what it is given.

        A function or class alone is taken for what a decorator decorates, and comes back.
        """
        world = self._world
        reason = function.reason
        why = Unknown(reason, function.node, function.module)
        if len(positional) == 1 and not keywords and self._decorated(positional[0]):
            world.effects.of_parts(positional[0], why)
            world.expressions.raising(why)
            return self.decorated(positional[0])
        world.effects.of_values((*function.about, *positional, *keywords.values()), why)
        about = (*function.about, *positional, *keywords.values())
        return world.expressions.raising(Unknown(reason, about=about))

    def decorated(self, value: Value) -> Value:
        """Return what a decorator from outside leaves of a function or class: itself."""
        if isinstance(value, type):
            self._world.classes.opened.add(value)
        return value

    def _decorated(self, value: Value) -> bool:
        if isinstance(value, Function):
            return True
        return isinstance(value, type) and value in self._world.classes.nodes

    def _construct(
        self, cls: type, positional: Sequence[Value], keywords: Mapping[str, Value]
    ) -> Value:
        world = self._world
        outside = outside_base(cls)
        if outside is not None and not self._initialised(cls):
            return self.unknown(outside, [cls, *positional], keywords)
        if cls in world.classes.opened and (positional or keywords) and not self._initialised(cls):
            raise Touched(Unknown("a class that is changed by a decorator from outside"))
        if world.attributes.is_authored(cls) or issubclass(cls, BaseException):
            if issubclass(cls, enum.Enum):
                found = unknown_in([*positional, *keywords.values()])
                if found is not None:
                    raise Touched(found)
            return cls(*positional, **keywords)
        raise Touched(Unknown(f"an object of {cls.__module__}.{cls.__qualname__} is not evaluated"))

    def _initialised(self, cls: type) -> bool:
        """Whether the author says how an object begins, before a base from outside."""
        for base in cls.__mro__:
            if Outside in base.__bases__:
                return False
            if base in self._world.classes.nodes and "__init__" in vars(base):
                return True
        return False

    # Methods of plain data

    def _method(
        self, owner: Value, name: str, function: Callable[..., Any], positional: Sequence[Value],
        keywords: Mapping[str, Value],
    ) -> Value:  # fmt: skip
        world = self._world
        kinds = [kind for kind in METHODS if isinstance(owner, kind)]
        if isinstance(owner, PurePath):
            return world.files.method(owner, name, positional, keywords)
        if isinstance(owner, type):
            return self._class_method(owner, function, positional, keywords)
        if not any(name in METHODS[kind] for kind in kinds):
            raise Touched(Unknown(f"the method {name!r} of such a value is not evaluated"))
        if isinstance(owner, str | bytes):
            return self._of_text(owner, name, function, positional, keywords)
        arguments = self._arguments(name, owner, positional)
        named = {k: self.closure(v) if k == "key" else v for k, v in keywords.items()}
        self._check(name, arguments, named)
        if name in _CHANGING:
            self._journal(owner, name, arguments)
        elif name not in ("get", "items", "keys", "values", "copy"):
            world.budget.weigh(owner)
        result = function(*arguments, **named)
        bounded(owner)
        return result

    def _arguments(self, name: str, owner: Value, positional: Sequence[Value]) -> list[Value]:
        if name not in _ITERATING:
            if name == "pop" and isinstance(owner, set) and owner:
                raise Touched(Unknown("which item of a set comes first is left open by Python"))
            return list(positional)
        kept = SIZED if isinstance(owner, set | frozenset | dict) else ()
        metered, iterate = self._world.budget.metered, self._world.items.iterate
        return [a if isinstance(a, kept) else list(metered(iterate(a))) for a in positional]

    def _check(self, name: str, arguments: list[Value], named: Mapping[str, Value]) -> None:
        """Refuse unknown arguments that the method looks into."""
        if name in _HOLDING:
            keys = arguments[:-1] if name in ("append", "appendleft") else arguments[:1]
            if name == "update":
                keys = [a for a in arguments if isinstance(a, Unknown)]
        else:
            keys = [a for a in (*arguments, *named.values()) if isinstance(a, Unknown)]
        found = unknown_in(keys) if name != "update" else next(iter(keys), None)
        if found is not None:
            raise Touched(found)
        for argument in arguments:
            self._world.budget.weigh(argument)

    def _journal(self, owner: Value, name: str, arguments: Sequence[Value]) -> None:
        journal = self._world.journal
        if isinstance(owner, list) and name in ("append", "extend"):
            journal.grow(owner)
        elif name in ("add", "setdefault") and arguments and not isinstance(owner, OrderedDict):
            hash(arguments[0])
            journal.fill(owner, arguments[0])
        else:
            self._world.budget.spend(len(owner) // 10)
            journal.save(owner)

    def _class_method(
        self, cls: type, function: Callable[..., Any], positional: Sequence[Value],
        keywords: Mapping[str, Value],
    ) -> Value:  # fmt: skip
        values = list(positional)
        if function.__name__ == "fromkeys" and values:
            items = self._world.items.iterate(values[0])
            values[0] = [self._world.items.key(i) for i in self._world.budget.metered(items)]
        elif unknown_in([*values, *keywords.values()]) is not None:
            raise Touched(Unknown("an argument is not known"))
        result = function(*values, **keywords)
        if isinstance(result, type):
            self._world.classes.made.append(result)
        return result

    def _of_text(
        self, owner: str | bytes, name: str, function: Callable[..., Any],
        positional: Sequence[Value], keywords: Mapping[str, Value],
    ) -> Value:  # fmt: skip
        world = self._world
        arguments: list[Value] = list(positional)
        if name == "join":
            if not arguments:
                raise TypeError("str.join() takes exactly one argument (0 given)")
            items = list(world.budget.metered(world.items.iterate(arguments[0])))
            arguments[0] = items
        found = unknown_in([*arguments, *keywords.values()])
        if found is not None:
            raise Touched(found)
        if name == "join" and all(isinstance(i, str | bytes) for i in arguments[0]):
            if sum(len(item) + len(owner) for item in arguments[0]) > MAX_TEXT:
                raise too_large()
        elif name in ("format", "format_map"):
            world.texts.check([*arguments, *keywords.values()])
            check_format(str(owner), (*arguments, *keywords.values()))
        elif name == "replace" and len(arguments) > 1 and isinstance(arguments[1], str | bytes):
            if len(owner) * len(arguments[1]) > MAX_TEXT * 10:
                raise too_large()
        elif any(isinstance(a, int) and a > MAX_TEXT for a in arguments):
            raise too_large()
        world.budget.spend(1 + len(owner) // 100)
        return function(*arguments, **keywords)

    def closure(self, function: Value) -> Value:
        """Return what Python's own code may call in place of a function."""
        if function is None or isinstance(function, Function):
            return function
        if isinstance(function, Unknown):
            raise Touched(function)
        return lambda *arguments, **named: self.call(function, arguments, named)

    def of_scope(
        self, name: str, positional: Sequence[Value], keywords: Mapping[str, Value], scope: Scope
    ) -> Value:
        """Return the result of a built-in function that looks at the scope it is called from."""
        return self._world.library.of_scope(name, positional, keywords, scope)


_MADE: Final = frozenset({"__init__", "__eq__", "__repr__", "__lt__"})
"""Methods that `dataclass` makes."""

_FOREIGN: Final = frozenset({"cogfal.cog.model"})

_SLOTS: Final = frozenset(
    (
        "__init__ __eq__ __ne__ __lt__ __hash__ __len__ __contains__ __getitem__ __setitem__ "
        "__delitem__ __iter__ __add__ __or__ __init_subclass__"
    ).split()
)
