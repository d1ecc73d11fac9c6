"""Calls: of the author's functions and classes, of data's methods, of what is known outside."""

from __future__ import annotations

import enum
import functools
import types
import typing
from collections import Counter, OrderedDict, deque
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from pathlib import PurePath
from typing import Any, Final

from cogfal.reading.attributes import is_open
from cogfal.reading.classes import HIDING, NOWHERE, Outside, implied, outside_base
from cogfal.reading.functions import Function
from cogfal.reading.journal import CONTAINERS, set_attribute
from cogfal.reading.operators import MAX_TEXT, bounded, check_format, too_large
from cogfal.reading.unknown import (
    Named,
    Part,
    Touched,
    Unknown,
    Value,
    Values,
    known,
    refused,
    require_known,
    unknown_in,
)
from cogfal.reading.versions import check_keywords, check_layout, check_same

_CHANGING: Final = frozenset((
    "add append appendleft clear difference_update discard extend extendleft insert "
    "intersection_update move_to_end pop popitem popleft remove reverse rotate setdefault sort "
    "subtract symmetric_difference_update update"
).split())  # fmt: skip
_LOOKS: Final = {
    **dict.fromkeys("append appendleft".split(), "v"),
    **dict.fromkeys("insert setdefault get pop".split(), "wv"),
    **dict.fromkeys((
        "difference difference_update intersection intersection_update isdisjoint issubset "
        "issuperset subtract symmetric_difference symmetric_difference_update union update"
    ).split(), "y"),
    **dict.fromkeys("extend extendleft".split(), "l"),
}  # fmt: skip
"""How a method of data looks at its arguments, in the letters of `library`."""

_OF_TEXT: Final = {"join": "l", "format": "t", "format_map": "t", "replace": "pw"}
_MADE: Final = frozenset({"__init__", "__eq__", "__repr__", "__lt__"})
"""Methods that `dataclass` makes."""

_MAKING: Final[tuple[Any, ...]] = tuple(
    kind.__new__ for kind in (list, tuple, dict, deque, set, frozenset)
)
_FOREIGN: Final = frozenset({"cogfal.cog.model"})
_SLOTS: Final = frozenset((
    "__init__ __eq__ __ne__ __lt__ __hash__ __len__ __contains__ __getitem__ __setitem__ "
    "__delitem__ __iter__ __add__ __or__ __init_subclass__"
).split())  # fmt: skip


class Calls(Part):
    """Carries out calls."""

    def call(self, function: Value, positional: Values, keywords: Named) -> Value:
        """Return the result of calling `function`, unknown where it is not to be called."""
        result = self._call(function, positional, keywords)
        if isinstance(result, Iterator) and not isinstance(result, enum.Enum):
            self._world.journal.born(result)
        return self._world.known(bounded(result))

    def _call(self, function: Value, positional: Values, keywords: Named) -> Value:
        # What a partial, a bound method or Python's own code holds may have changed meanwhile.
        positional = [*map(self._world.known, positional)]
        keywords = {name: self._world.known(value) for name, value in keywords.items()}
        if isinstance(function, Unknown):
            return self.unknown(function, positional, keywords)
        if isinstance(function, Function):
            return self._world.functions.invoke(function, positional, keywords)
        if isinstance(function, types.MethodType):
            if isinstance(function.__func__, Function):
                return self._call(function.__func__, [function.__self__, *positional], keywords)
            return self._bound(function, positional, keywords)
        if isinstance(function, functools.partial):
            named = {**function.keywords, **keywords}
            return self.call(function.func, [*function.args, *positional], named)
        if self._world.types.is_alias(function):
            return self._of_alias(function, positional, keywords)
        handler = self._world.library.entry(function)
        if handler is not None:
            return handler(*positional, **keywords)
        if isinstance(function, type):
            return self._construct(function, positional, keywords)
        if isinstance(function, types.BuiltinMethodType) and function.__self__ is not None:
            return self._method(function, positional, keywords)
        descriptors = types.MethodDescriptorType | types.ClassMethodDescriptorType
        if isinstance(function, descriptors) and positional:
            first, *rest = positional
            if isinstance(first, function.__objclass__):
                return self._method(function.__get__(first), rest, keywords)
        return self._slot(function, positional, keywords)

    def _of_alias(self, alias: Any, positional: Values, keywords: Named) -> Value:
        """Return the object that a class with arguments makes, which knows them."""
        if not getattr(alias, "_inst", True):
            raise TypeError(f"Type {alias._name} cannot be instantiated")  # noqa: SLF001
        made = self.call(typing.get_origin(alias), positional, keywords)
        if self._world.attributes.is_authored(made):
            with suppress(AttributeError):
                self._world.attributes.put(made, "__orig_class__", alias)
        return made

    def _bound(self, method: types.MethodType, positional: Values, keywords: Named) -> Value:
        """Call a method that Python's own text defines: of a path, a Counter, a dataclass."""
        owner, name, kind = method.__self__, method.__name__, type(method.__self__)
        if isinstance(owner, PurePath) or is_open(kind, name):
            return self._method(method, positional, keywords)
        own = kind in self._world.classes.nodes and name in _MADE
        if own and getattr(method.__func__, "__module__", "") not in _FOREIGN:
            for field in getattr(owner, "__dataclass_fields__", ()):
                self._world.journal.note(owner, field)
            return method(*positional, **keywords)
        return self._call(method.__func__, [owner, *positional], keywords)

    def _slot(self, function: Value, positional: Values, keywords: Named) -> Value:
        """Call what Python puts behind `object.__init__`, `super().__setattr__` and the like."""
        world = self._world
        if isinstance(function, types.MethodWrapperType | types.WrapperDescriptorType):
            bound = getattr(function, "__self__", None)
            values = [bound, *positional] if bound is not None else list(positional)
            if function.__name__ == "__setattr__" and len(values) == 3:
                world.journal.note(values[0], values[1])
                set_attribute(*values)
                return None
            authored = isinstance(bound, type) and bound in world.classes.nodes
            made = function.__name__ == "__call__" and authored
            if (made or function.__name__ in _SLOTS) and unknown_in(values) is None:
                if values and isinstance(values[0], CONTAINERS):
                    world.journal.save(values[0])
                    positional = self._in_order(type(values[0]), positional)
                return function(*positional, **keywords)
        if world.attributes.is_authored(function) and not isinstance(function, type):
            return self.call(world.attributes.special(function, "__call__"), positional, keywords)
        raise refused("what is called here is not evaluated")

    def unknown(self, function: Unknown, positional: Values, keywords: Named) -> Value:
        """Return the result of calling what is not known, which may change what it is given.

        A function or class alone is taken for what a decorator of a package decorates, and comes
        back.
        """
        world, why = self._world, function.alone()
        foreign = not function.standard and all(
            isinstance(each, Unknown) for each in function.possibly()
        )
        if foreign and len(positional) == 1 and not keywords:
            first = positional[0]
            own = isinstance(first, type) and first in world.classes.nodes
            if own or isinstance(first, Function):
                world.effects.of_parts(first, why)
                world.expressions.raising(why)
                return self.decorated(first)
        return self._opaque(function, (*positional, *keywords.values()))

    def _opaque(self, function: Unknown, given: Values) -> Value:
        about = (function, *given)
        self._world.effects.of_values(about, function.alone())
        result = Unknown(function.reason, about=about, standard=function.standard)
        return self._world.expressions.raising(result)

    def decorated(self, value: Value) -> Value:
        """Return what a decorator from outside leaves of a function or class: itself."""
        if isinstance(value, type):
            self._world.classes.opened.add(value)
        return value

    def _construct(self, cls: type, positional: Values, keywords: Named) -> Value:
        world = self._world
        outside = outside_base(cls)
        if outside is not None and not self._initialised(cls):
            return self._opaque(outside, (cls, *positional, *keywords.values()))
        if cls in world.classes.opened and (positional or keywords) and not self._initialised(cls):
            raise refused("a class that is changed by a decorator from outside")
        if issubclass(cls, type) and len(positional) == 3:
            return self.make_class(cls, positional, keywords)
        if world.attributes.is_authored(cls) or issubclass(cls, BaseException):
            if issubclass(cls, enum.Enum):
                require_known([*positional, *keywords.values()])
                if len(positional) > 1 and cls.__members__:
                    check_same(world.version, "EnumType.__call__")
            if not self._initialised(cls) and cls.__new__ in _MAKING:
                positional = self._in_order(cls, positional)
            return cls(*positional, **keywords)
        raise refused(f"an object of {cls.__module__}.{cls.__qualname__} is not evaluated")

    def make_class(self, meta: type, given: Values, keywords: Named) -> Value:
        """Return the class that a call of `type` or of another metaclass makes."""
        try:
            require_known([*given[:1], *keywords.values()])
            if [type(each) for each in given[1:]] != [tuple, dict]:
                raise refused("a class that type() makes of such arguments is not evaluated")
            name, bases, names = given
            require_known([*map(self._world.known, bases), *names])
            if names.keys() & HIDING:
                raise refused("a class that answers for each attribute is not evaluated")
            filled = {**names, "__module__": names.get("__module__", NOWHERE)}
            implied(filled)
            made = meta(name, bases, filled, **keywords)
        except Touched as error:
            self._world.effects.of_values((meta, *given, *keywords.values()), error.unknown)
            raise
        if isinstance(made, type):
            self._world.classes.nodes.setdefault(made, None)
        return made

    def _in_order(self, cls: type, values: Values) -> list[Value]:
        """Return arguments, sets in one of their orders where the class keeps it."""
        keeping = issubclass(cls, list | tuple | dict | deque)
        sets = (set, frozenset) if keeping else ()
        for each in values if keeping or issubclass(cls, set | frozenset) else ():
            if isinstance(each, Iterator):
                self._world.journal.advance(each)
        return [self._world.items.ordered(v) if isinstance(v, sets) else v for v in values]

    def _initialised(self, cls: type) -> bool:
        """Whether the author says how an object begins, before a base from outside."""
        for base in cls.__mro__:
            if Outside in base.__bases__:
                return False
            if base in self._world.classes.nodes and "__init__" in vars(base):
                return True
        return False

    # Methods of plain data

    def _method(self, method: Any, positional: Values, keywords: Named) -> Value:
        owner, native = known(self._world.known(method.__self__)), self._world.arguments.native
        name = method.__name__
        if isinstance(owner, PurePath):
            return self._world.files.method(owner, name, positional, keywords)
        if isinstance(owner, property):
            return method(*positional, **keywords)
        if isinstance(owner, type):
            return self._of_class(method, positional, keywords)
        if not is_open(type(owner), name):
            raise refused(f"the method {name!r} of such a value is not evaluated")
        if isinstance(owner, str | bytes):
            looks, carried_out = _OF_TEXT.get(name, "p"), self._of_text
            if looks == "t" and "!" in owner:
                looks = "s"
        else:
            looks, carried_out = _LOOKS.get(name, "w"), self._of_data
            if isinstance(owner, dict) and looks == "y":
                looks = "h" if isinstance(owner, Counter) else "d"
            if looks in ("y", "l", "h", "d"):  # Python takes from an iterator as it goes on
                lazy = ("e" if isinstance(each, Iterator) else looks for each in positional)
                looks = "".join(lazy) or looks
        return native(partial(carried_out, method), looks, *positional, **keywords)

    def _of_data(self, method: Any, *arguments: Value, **named: Value) -> Value:
        world, owner, name = self._world, method.__self__, method.__name__
        if name == "pop" and isinstance(owner, set) and owner:
            raise refused("which item of a set comes first is left open by Python")
        if name in ("remove", "sort"):
            world.budget.weigh(owner)
        if name in _CHANGING:
            self._journal(owner, name, arguments)
        elif name not in ("get", "items", "keys", "values", "copy"):
            world.budget.weigh(owner)
        result = method(*arguments, **named)
        bounded(owner)
        return result

    def _journal(self, owner: Value, name: str, arguments: Values) -> None:
        journal = self._world.journal
        if isinstance(owner, list) and name in ("append", "extend"):
            journal.grow(owner)
        elif name in ("add", "setdefault") and arguments and not isinstance(owner, OrderedDict):
            journal.fill(owner, arguments[0])
        else:
            self._world.budget.spend(len(owner) // 10)
            journal.save(owner)

    def _of_class(self, method: Any, positional: Values, keywords: Named) -> Value:
        if method.__name__ == "fromkeys":
            return self._world.arguments.native(method, "hv", *positional, **keywords)
        given = [*positional, *keywords.values()]
        if unknown_in(given) is not None or any(isinstance(each, Iterator) for each in given):
            raise refused("an argument is not known")
        if issubclass(method.__self__, tuple):
            positional = self._in_order(tuple, positional)
        result = method(*positional, **keywords)
        if isinstance(result, type):
            self._world.classes.made.append(result)
            if result.__module__ == __name__:
                result.__module__ = NOWHERE
        return result

    def _of_text(self, method: Any, *arguments: Value, **named: Value) -> Value:
        owner, name, size = method.__self__, method.__name__, 0
        check_keywords(self._world.version, f"str.{name}", named)
        values = [*arguments, *named.values()]
        require_known(values)
        if name == "join":
            size = sum(len(i) + len(owner) for i in arguments[0] if isinstance(i, str | bytes))
        elif name in ("format", "format_map"):
            check_format(str(owner), values)
            check_layout(self._world.version, str(owner), values)
        elif name == "replace" and len(arguments) > 1 and isinstance(arguments[1], str | bytes):
            size = len(owner) * len(arguments[1]) // 10
        sizes = () if name in ("format", "format_map") else arguments
        if max([size, *(a for a in sizes if isinstance(a, int))]) > MAX_TEXT:
            raise too_large()
        self._world.budget.spend(1 + len(owner) // 100)
        return method(*arguments, **named)

    def closure(self, function: Value) -> Value:
        """Return what Python's own code may call in place of a function."""
        if known(function) is None or isinstance(function, Function):
            return function
        return lambda *arguments, **named: self.call(function, arguments, named)
