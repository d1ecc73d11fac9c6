"""Write down every change of a value, so that it can be undone and compared."""

from __future__ import annotations

import enum
from collections import OrderedDict, deque
from collections.abc import Callable, MutableMapping
from contextlib import suppress
from functools import partial
from pathlib import Path, PurePosixPath
from types import MappingProxyType, MemberDescriptorType, SimpleNamespace
from typing import Any, Final, TypeVar

from cogfal.reading.unknown import ABSENT, Unknown, Value

Made = TypeVar("Made")

CONTAINERS: Final = (list, dict, set, deque)
"""Mutable plain data."""

_NONE: Final = MappingProxyType[str, Value]({})

ALIKE: Final = (
    int,
    float,
    complex,
    str,
    bytes,
    bool,
    type(None),
    range,
    type(Path()),
    PurePosixPath,
)
"""Classes of values that never change."""


def is_namespace(value: Value) -> bool:
    """Whether it is an object of Python's own that has the attributes that it is given."""
    kind = type(value)  # the only one of argparse, which takes long to import, goes by its name
    return kind is SimpleNamespace or kind.__module__ == "argparse"


class Place:
    """Where a change happened: `key` of a scope's names, an attribute, or a whole container."""

    __slots__ = ("id", "key", "kind", "owner")

    def __init__(self, kind: str, owner: Value, key: Any = None) -> None:
        self.kind, self.owner, self.key = kind, owner, key
        self.id = (kind, id(owner), key)
        """What makes it the same place as another."""

    def value(self) -> Value:
        """Return what stands there now; of a container, a copy of its contents."""
        match self.kind:
            case "name":
                return self.owner.get(self.key, ABSENT)
            case "attribute":
                return own_attribute(self.owner, self.key)
            case "order":
                return list(self.owner)
        return contents(self.owner)

    def put(self, value: Value) -> None:
        """Put back what stood there."""
        match self.kind:
            case "name" if value is ABSENT:
                self.owner.pop(self.key, None)
                _forget_member(self.owner, self.key)
            case "name" if isinstance(self.owner, dict) and self.key in self.owner:
                dict.__setitem__(self.owner, self.key, value)  # an Enum's body binds nothing twice
            case "name":
                self.owner[self.key] = value
            case "attribute" if value is not ABSENT:
                set_attribute(self.owner, self.key, value)
            case "attribute" if own_attribute(self.owner, self.key) is not ABSENT:
                delete_attribute(self.owner, self.key)
            case "contents":
                refill(self.owner, value)
            case "order" if list(self.owner) != value:
                refill(self.owner, {key: self.owner[key] for key in value if key in self.owner})


def _forget_member(names: Any, name: Any) -> None:
    """Let the names of an Enum's body forget a member."""
    members = getattr(names, "_member_names", {})
    if name in members:
        del members[name if isinstance(members, dict) else members.index(name)]
        names._last_values.pop()  # noqa: SLF001
    if name == "_generate_next_value_" and hasattr(names, "_auto_called"):
        names._auto_called = False  # noqa: SLF001


def attributes_of(owner: Value) -> Any:
    """Return the attributes that an object itself holds by name, asking none of its methods."""
    try:
        return object.__getattribute__(owner, "__dict__")
    except AttributeError:
        return _NONE


def of_class(kind: type, name: str) -> Value:
    """Return what a class or one of its bases holds under a name, asking none of its methods."""
    return next((vars(base)[name] for base in kind.__mro__ if name in vars(base)), None)


def own_attribute(owner: Value, name: str) -> Value:
    """Return an attribute that an object itself has, `ABSENT` where there is none."""
    held = attributes_of(owner)
    if name in held or isinstance(owner, type):
        return held.get(name, ABSENT)
    slot = of_class(type(owner), name)
    with suppress(AttributeError):
        return slot.__get__(owner) if isinstance(slot, MemberDescriptorType) else ABSENT
    return ABSENT


def set_attribute(owner: Value, name: str, value: Value) -> None:
    """Set an attribute as Python's own `__setattr__` does."""
    (type if isinstance(owner, type) else object).__setattr__(owner, name, value)


def delete_attribute(owner: Value, name: str) -> None:
    """Delete an attribute as Python's own `__delattr__` does."""
    (type if isinstance(owner, type) else object).__delattr__(owner, name)


def contents(container: Value) -> Value:
    """Return a copy of what a mutable container holds."""
    if isinstance(container, dict):
        return dict(container)
    return set(container) if isinstance(container, set) else list(container)


def _kind(container: Value) -> Any:
    kinds = (OrderedDict, dict, set, list, deque)
    return next(kind for kind in kinds if isinstance(container, kind))


def refill(container: Value, held: Value) -> None:
    """Make a container hold this again, whatever methods of its own it has."""
    kind = _kind(container)
    kind.clear(container)
    (kind.extend if kind in (list, deque) else kind.update)(container, held)


class Journal:
    """The changes since the present statement of a module began."""

    def __init__(self) -> None:
        self._entries: list[tuple[Place, Value, Callable[..., Any] | None]] = []
        """What is changed, what stood there, and what undoes it, if that is not to put it back."""
        self._iterators: dict[int, Value] = {}
        """By id: those that were noted as new."""

    def __len__(self) -> int:
        return len(self._entries)

    def clear(self) -> None:
        """Forget what can no longer be undone."""
        self._entries.clear()

    def put(self, place: Place, value: Value) -> None:
        """Change what stands in a place."""
        if place.kind == "attribute":
            self.note(place.owner, place.key)
        else:
            self._entries.append((place, place.value(), None))
        place.put(value)

    def bind(self, names: MutableMapping[Any, Value], name: Any, value: Value) -> None:
        """Bind a name."""
        self._entries.append((Place("name", names, name), names.get(name, ABSENT), None))
        names[name] = value

    def unbind(self, names: MutableMapping[Any, Value], name: Any) -> None:
        """Remove a name."""
        self._entries.append((Place("name", names, name), names[name], None))
        del names[name]

    def note(self, owner: Value, name: str) -> None:
        """Note that an attribute is about to change, and the order of all of them."""
        held = attributes_of(owner)
        places = [Place("order", held)] if type(held) is dict else []
        for place in (*places, Place("attribute", owner, name)):
            self._entries.append((place, place.value(), None))

    def save(self, container: Value) -> None:
        """Note that a container's contents are about to change."""
        self._entries.append((Place("contents", container), contents(container), None))

    def grow(self, container: Value) -> None:
        """Note that items are about to be appended to a list."""
        undo = partial(list.__delitem__, container, slice(list.__len__(container), None))
        self._entries.append((Place("contents", container), None, undo))

    def fill(self, container: Value, key: Value) -> None:
        """Note that an item is about to change, or to be added to a dict or set."""
        kind, start = _kind(container), len(self)
        there = kind is list or kind.__contains__(container, key)
        if kind is set:
            undo = None if there else partial(kind.discard, container, key)
        elif there:
            undo = partial(kind.__setitem__, container, key, kind.__getitem__(container, key))
        else:
            undo = partial(kind.__delitem__, container, key)
        if len(self) > start:  # what the key's own methods did, which will be asked once more
            self.undo(start)
        if undo is None:
            return
        self._entries.append((Place("contents", container), None, undo))

    def advance(self, iterator: Value) -> None:
        """Note that an iterator is moved, which cannot be undone."""
        self._entries.append((Place("advance", iterator), None, None))

    def born(self, iterator: Made) -> Made:
        """Note an iterator that may be new, and return it."""
        if id(iterator) not in self._iterators:
            self._iterators[id(iterator)] = iterator
            self._entries.append((Place("born", iterator), None, None))
        return iterator

    def changed(self, start: int) -> dict[tuple[str, int, Any], tuple[Place, list[Value]]]:
        """Return the places changed since `start`, and what stood there before each change."""
        found: dict[tuple[str, int, Any], tuple[Place, list[Value]]] = {}
        for place, before, _ in self._entries[start:]:
            if place.id in found:
                found[place.id][1].append(before)
            elif place.kind not in ("born", "advance"):
                found[place.id] = (place, [before])
        return found

    def segment(self, start: int) -> dict[tuple[str, int, Any], tuple[Place, Value]]:
        """Return what has changed since `start`, so that it can be done again."""
        return {i: (place, place.value()) for i, (place, _) in self.changed(start).items()}

    def moved(self, start: int) -> list[Value]:
        """Return the iterators that were moved since `start`."""
        return [place.owner for place, _, _ in self._entries[start:] if place.kind == "advance"]

    def undo(self, start: int) -> bool:
        """Undo everything since `start`, if no older iterator was moved; return whether."""
        new = {id(p.owner) for p, _, _ in self._entries[start:] if p.kind == "born"}
        if any(id(iterator) not in new for iterator in self.moved(start)):
            return False
        while len(self._entries) > start:
            place, before, undo = self._entries.pop()
            place.put(before) if undo is None else undo()
        return True


def same(left: Value, right: Value) -> bool:
    """Whether two values cannot be told apart: one object, or equal and never changing."""
    if left is right:
        return True
    if type(left) is not type(right) or isinstance(left, enum.Enum):
        return False
    if isinstance(left, Unknown):
        return bool(left.dotted) and left.dotted == right.dotted
    if type(left) in (float, complex, range):
        return repr(left) == repr(right)
    if isinstance(left, tuple):
        return len(left) == len(right) and all(map(same, left, right))
    return type(left) in ALIKE and bool(left == right)
