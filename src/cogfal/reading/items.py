"""Items, iteration and comparison of values."""

from __future__ import annotations

import enum
import types
from collections import deque
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Final

from cogfal.reading.library import Namespace
from cogfal.reading.operators import MAX_ITEMS, SIZED
from cogfal.reading.unknown import Touched, Unknown, Value, unknown_in

if TYPE_CHECKING:
    from cogfal.reading.interpreter import Interpreter
    from cogfal.reading.scopes import Scope

VIEWS: Final[tuple[type, ...]] = (type({}.keys()), type({}.values()), type({}.items()))
SERIES: Final[tuple[type, ...]] = (str, bytes, list, tuple, dict, range, deque, *VIEWS)
"""What holds items in an order that Python promises."""


class Items:
    """Reads and changes the items of values."""

    def __init__(self, world: Interpreter) -> None:
        self._world = world

    def get(self, base: Value, key: Value, scope: Scope) -> Value:
        """Return `base[key]`; a generic type with arguments, too."""
        world = self._world
        if isinstance(base, Unknown):
            return world.expressions.raising(base)
        if base is world.environment:
            return world.environment.item(key)
        if isinstance(base, Namespace):
            return world.known(base[self.key(key)])
        if world.types.is_generic(base):
            return world.types.subscripted(base, key, scope)
        if isinstance(key, Unknown):
            about = tuple(base.values()) if isinstance(base, dict) else ()
            about = tuple(base) if isinstance(base, list | tuple) else about
            return world.expressions.raising(Unknown(key.reason, key.node, key.module, about=about))
        world.texts.check_places("item", (base,))
        found = unknown_in(key)
        if found is not None:
            raise Touched(found)
        if isinstance(base, SIZED):
            world.budget.weigh(key)
        elif not isinstance(base, SERIES) and not world.attributes.is_authored(base):
            raise Touched(Unknown("indexing such a value is not evaluated"))
        return world.known(base[key])

    def put(self, base: Value, key: Value, value: Value) -> None:
        """Carry out `base[key] = value`."""
        world = self._world
        if base is world.environment:
            world.environment.put(key, value)
        elif isinstance(base, Unknown) or isinstance(key, Unknown) or unknown_in(key) is not None:
            unknown = _unknown(base, key)
            world.effects.of_values((base, value), unknown)
            world.expressions.raising(unknown)
        elif isinstance(base, Namespace):
            base[key] = value
        elif isinstance(key, slice):
            world.journal.save(base)
            base[key] = list(self.iterate(value))
        elif isinstance(base, list | dict) and type(base).__setitem__ in _OWN_SET:
            if isinstance(base, dict):
                world.budget.weigh(key)
                hash(key)
            if isinstance(base, dict) or -len(base) <= key < len(base):
                world.journal.fill(base, key)
            base[key] = value
        elif world.attributes.is_authored(base):
            world.calls.call(type(base).__setitem__, [base, key, value], {})
        elif isinstance(base, deque):
            world.journal.save(base)
            base[key] = value
        else:
            raise TypeError(f"{type(base).__name__!r} object does not support item assignment")

    def delete(self, base: Value, key: Value) -> None:
        """Carry out `del base[key]`."""
        world = self._world
        if base is world.environment:
            world.environment.remove(key)
        elif isinstance(base, Unknown) or unknown_in(key) is not None:
            unknown = _unknown(base, key)
            world.effects.of_values((base,), unknown)
            world.expressions.raising(unknown)
        elif isinstance(base, Namespace):
            del base[key]
        elif isinstance(base, list | dict | deque):
            world.journal.save(base)
            del base[key]
        elif world.attributes.is_authored(base):
            world.calls.call(type(base).__delitem__, [base, key], {})
        else:
            raise TypeError(f"{type(base).__name__!r} object doesn't support item deletion")

    def key(self, value: Value) -> Value:
        """Return `value` for use as a key of a dict or set.

        Raises:
            Touched: It is not known.
        """
        found = unknown_in(value)
        if found is not None:
            raise Touched(found)
        if isinstance(value, tuple | frozenset):
            self._world.budget.weigh(value)
        hash(value)
        return value

    def iterate(self, value: Value) -> Iterator[Value]:
        """Return an iterator over a value's items, as `for` takes it.

        Raises:
            Touched: They are not known.
        """
        world = self._world
        if isinstance(value, Unknown):
            raise Touched(value)
        if isinstance(value, set | frozenset):
            return iter(self.ordered(value))
        if isinstance(value, Iterator):
            world.journal.advance(value)
            return value
        if isinstance(value, enum.EnumMeta):
            return iter(list(value))
        if isinstance(value, types.MappingProxyType):
            return iter(list(value))
        if isinstance(value, SERIES):
            world.texts.check_places("item", (value,))
            items: Any = value
            if not isinstance(items, range) and len(items) > MAX_ITEMS * 10:
                raise Touched(Unknown("too many items to evaluate"))
            return iter(items)
        if world.attributes.is_authored(value):
            found = world.attributes.get(value, "__iter__")
            return self.iterate(world.calls.call(found, [], {}))
        if value is world.environment or callable(value):
            raise Touched(Unknown("what is iterated over is not known"))
        raise TypeError(f"{type(value).__name__!r} object is not iterable")

    def ordered(self, value: set[Value] | frozenset[Value]) -> list[Value]:
        """Return the items of a set in one of the orders that Python may give them."""
        found = unknown_in(list(value))
        if found is not None:
            raise Touched(found)
        return self._world.orders.arranged(sorted(value, key=_sorting))

    def compare(self, how: Callable[[Any, Any], Any], left: Value, right: Value) -> Value:
        """Return the result of a comparison, which looks into what is compared."""
        world = self._world
        for operand in (left, right):
            if operand is world.environment:
                return world.environment.compared(how, left, right)
            if isinstance(operand, Iterator):
                world.journal.advance(operand)
        return how(left, right)


def _unknown(base: Value, key: Value) -> Unknown:
    found = unknown_in([base, key])
    return Unknown("what is changed here is not known") if found is None else found


def _sorting(value: Value) -> str:
    return f"{type(value).__name__} {value.name if isinstance(value, enum.Enum) else value!r}"


_OWN_SET: Final = (list.__setitem__, dict.__setitem__)
