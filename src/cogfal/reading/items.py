"""Items, iteration and comparison of values."""

from __future__ import annotations

import enum
import re
import types
from collections import defaultdict, deque
from collections.abc import Callable, ItemsView, Iterable, Iterator, KeysView, Sequence, ValuesView
from typing import TYPE_CHECKING, Any, Final, TypeVar

from cogfal.reading.classes import outside_base
from cogfal.reading.functions import Function
from cogfal.reading.journal import of_class
from cogfal.reading.namespaces import Lookup
from cogfal.reading.operators import MAX_ITEMS, PARENTS, SIZED
from cogfal.reading.source import BUILTINS, MODULES
from cogfal.reading.unknown import (
    Beyond,
    Part,
    Touched,
    Unknown,
    Value,
    known,
    refused,
    require_known,
    unknown_in,
)
from cogfal.reading.versions import check_same

if TYPE_CHECKING:
    from cogfal.reading.interpreter import Interpreter
    from cogfal.reading.scopes import Scope

Item = TypeVar("Item")

VIEWS: Final[tuple[type, ...]] = (KeysView, ValuesView, ItemsView)
SERIES: Final[tuple[type, ...]] = (str, bytes, list, tuple, dict, range, deque, *VIEWS)
"""What holds items in an order that Python promises."""

_FIXED: Final = (str, bytes, range)
_CHANGED: Final = (list, dict, deque)


class _Watched:
    """Iterates over the items of what holds them, unless unknown code may have changed it."""

    def __init__(self, world: Interpreter, held: Value, items: Iterable[Value]) -> None:
        self._world, self._held, self._items = world, held, iter(items)
        self._size = len(held)

    def __iter__(self) -> Iterator[Value]:
        return self

    def __next__(self) -> Value:
        held = known(self._world.known(self._held))
        if isinstance(held, set) and len(held) != self._size:
            raise RuntimeError("Set changed size during iteration")
        return self._world.known(next(self._items))


class Items(Part):
    """Reads and changes the items of values."""

    def get(self, base: Value, key: Value, scope: Scope | None = None) -> Value:
        """Return `base[key]`; a generic type with arguments, too."""
        world = self._world
        base = world.known(base)  # which its key may have changed
        if isinstance(base, Unknown):
            world.effects.of_operands([key], base)
            whole = base.dotted == MODULES
            return (
                world.modules.carried_out(key, base) if whole else world.expressions.raising(base)
            )
        if isinstance(base, Lookup):
            return base[key]
        if scope is not None and world.types.is_generic(base):
            return world.types.subscripted(base, key, scope)
        if isinstance(key, Unknown):
            world.effects.of_operands([base], key)
            items = base.values() if isinstance(base, dict) else base
            about = tuple(items) if isinstance(base, dict | list | tuple) else ()
            return world.expressions.raising(key.alone().holding(about))
        require_known(key)
        if isinstance(base, PARENTS):
            if not (isinstance(key, int) and key >= 0):
                check_same(world.version, "parents")
            return world.files.kept(base, base[key])
        world.texts.check_places("item", (base,))
        if isinstance(base, SIZED):
            world.budget.weigh(key)
        elif not isinstance(base, (*SERIES, re.Match)):
            self._check_base(base)
        if isinstance(base, defaultdict):
            world.journal.fill(base, key)
        return world.known(base[key])

    def _check_base(self, base: Value) -> None:
        """Refuse to index what is not the author's, or may have its items from outside."""
        if not self._world.attributes.is_authored(base):
            raise refused("indexing such a value is not evaluated")
        kind = base if isinstance(base, type) else type(base)
        unknown = outside_base(kind)
        if unknown is not None and (kind is base or of_class(kind, "__getitem__") is None):
            raise Touched(unknown)

    def put(self, base: Value, key: Value, value: Value) -> None:
        """Carry out `base[key] = value`."""
        if not self._is_changed(base, key, "__setitem__", value):
            return
        if isinstance(key, slice):
            self._world.journal.save(base)
            base[key] = list(self.iterate(value))
        elif isinstance(base, deque):
            self._world.journal.save(base)
            base[key] = value
        else:
            if isinstance(base, dict):
                require_known(key)
            if isinstance(base, dict) or -len(base) <= key < len(base):
                self._world.journal.fill(base, key)
            base[key] = value

    def delete(self, base: Value, key: Value) -> None:
        """Carry out `del base[key]`."""
        if self._is_changed(base, key, "__delitem__"):
            self._world.journal.save(base)
            del base[key]

    def _is_changed(self, base: Value, key: Value, method: str, *value: Value) -> bool:
        """Whether it is plain data that is changed at a key; do it for everything else."""
        world = self._world
        found = unknown_in([base] if isinstance(base, Unknown) else [key])
        if found is not None:
            if isinstance(base, Unknown) and base.dotted == BUILTINS:
                raise Beyond(Unknown("changed builtins are not evaluated"))
            doubted = world.modules.doubt(base, key, found)
            world.effects.of_values(value if doubted else (base, key, *value), found)
            world.expressions.raising(found)
            return False
        if isinstance(base, Lookup):
            getattr(base, method)(key, *value)
            return False
        kind = type(base)
        if isinstance(base, _CHANGED) and not isinstance(getattr(kind, method), Function):
            return True
        if world.attributes.is_authored(base):
            world.calls.call(world.attributes.get(kind, method), [base, key, *value], {})
            return False
        told = "assignment" if value else "deletion"
        raise TypeError(f"{kind.__name__!r} object does not support item {told}")

    def key(self, value: Value) -> Value:
        """Return `value` for use as a key of a dict or set."""
        require_known(value)
        if isinstance(value, tuple | frozenset):
            self._world.budget.weigh(value)
        if isinstance(value, slice):
            check_same(self._world.version, "slice.__hash__")
        return value

    def iterate(self, value: Value) -> Iterator[Value]:
        """Return an iterator over a value's items, as `for` takes it."""
        world = self._world
        if isinstance(known(value), set | frozenset):
            return self.watched(value, self.ordered(value))
        if isinstance(value, Iterator):
            world.journal.advance(value)
            return value
        if isinstance(value, enum.EnumMeta):
            return iter(list(value))
        if isinstance(value, (*SERIES, types.MappingProxyType)):
            world.texts.check_places("item", (value,))
            items: Any = value
            if not isinstance(items, range) and len(items) > MAX_ITEMS * 10:
                raise refused("too many items to evaluate")
            return iter(items) if isinstance(items, _FIXED) else self.watched(items, items)
        if world.attributes.is_authored(value):
            return self._authored(value)
        if isinstance(value, PARENTS):
            return world.journal.born(world.files.kept(value, each) for each in value)
        if isinstance(value, Lookup):
            return world.journal.born(iter(value))
        if callable(value) or of_class(type(value), "__iter__") is not None:
            raise refused("what is iterated over is not known")
        raise TypeError(f"{type(value).__name__!r} object is not iterable")

    def watched(self, held: Value, items: Iterable[Value]) -> Iterator[Value]:
        """Return an iterator over items until unknown code may have changed what holds them."""
        return self._world.journal.born(_Watched(self._world, held, items))

    def whole(self, value: Value) -> Value:
        """Return a dict in place of a mapping that only stands for one."""
        return dict(value.items()) if isinstance(value, Lookup) else value

    def mapping(self, value: Value) -> Value:
        """Return a dict of what `dict()` takes for a mapping, by its keys; others as they are."""
        value = self.whole(known(value))
        if isinstance(value, types.MappingProxyType):
            return dict(value)
        if isinstance(value, dict) or not self._world.attributes.is_authored(value):
            return value
        try:
            keys = self._world.attributes.get(value, "keys")
        except AttributeError:
            return value
        found = self.iterate(self._world.calls.call(keys, [], {}))
        return {self.key(key): self.get(value, key) for key in self._world.budget.metered(found)}

    def backwards(self, value: Value) -> Iterator[Value]:
        """Return what `reversed()` gives."""
        self._world.budget.weigh(known(value))
        items = reversed(value)
        return self.watched(value, items) if isinstance(value, (*_CHANGED, *VIEWS)) else items

    def _authored(self, value: Value) -> Iterator[Value]:
        world, kind = self._world, type(value)
        if of_class(kind, "__getitem__") is not None and of_class(kind, "__iter__") is None:
            return world.journal.born(iter(value))
        return self.iterate(world.calls.call(world.attributes.special(value, "__iter__"), [], {}))

    def ordered(self, value: set[Value] | frozenset[Value]) -> list[Value]:
        """Return the items of a set in one of the orders that Python may give them."""
        require_known(list(value))
        return self._world.orders.arranged(sorted(value, key=_sorting))

    def compare(self, how: Callable[[Any, Any], Any], left: Value, right: Value) -> Value:
        """Return the result of a comparison, which looks into what is compared."""
        for operand in (left, right):
            if isinstance(operand, Iterator):
                self._world.journal.advance(operand)
        return how(left, right)

    def listed(self, value: Value) -> list[Value]:
        """Return all items of a value."""
        return list(self._world.budget.metered(self.iterate(value)))


def _sorting(value: Value) -> str:
    return f"{type(value).__name__} {value.name if isinstance(value, enum.Enum) else value!r}"


class Orders:
    """Arranges what Python gives in no certain order, another way in each reading."""

    def __init__(self, turn: int = 0) -> None:
        self._turn = turn
        self.asked = False
        """Whether there was such an order."""

    def arranged(self, items: Sequence[Item]) -> list[Item]:
        """Return the items in one of their orders."""
        if len(items) > 1:
            self.asked = True
        if self._turn == 1:
            return list(reversed(items))
        return [*items[1:], items[0]] if self._turn == 2 and items else list(items)
