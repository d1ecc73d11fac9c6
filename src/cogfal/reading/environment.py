"""The environment variables that the text reads and sets, and orders that Python leaves open."""

from __future__ import annotations

import operator
import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from cogfal.reading.unknown import Touched, Unknown, Value

if TYPE_CHECKING:
    from cogfal.reading.interpreter import Interpreter

Item = TypeVar("Item")


class Environment:
    """Stands for `os.environ`."""

    def __init__(self, world: Interpreter) -> None:
        self._world = world
        self._own: dict[str, Value] = {}
        """What the text sets; None for what it removes."""
        self.read: set[str] = set()
        """The variables that were asked for, and that the text does not set."""
        self.given: dict[str, str] = {}
        """Values that stand in for those of this machine."""

    def get(self, name: Value, default: Value = None) -> Value:
        """Return a variable, as the text or else this machine sets it."""
        if isinstance(name, Unknown):
            raise Touched(name)
        if not isinstance(name, str):
            raise TypeError(f"str expected, not {type(name).__name__}")
        if name in self._own:
            value = self._own[name]
        else:
            if name in self._world.doubted:
                raise Touched(Unknown(f"the environment variable {name} may differ"))
            self.read.add(name)
            value = self.given.get(name, os.environ.get(name))
        return default if value is None else value

    def item(self, name: Value) -> Value:
        """Return `os.environ[name]`."""
        value = self.get(name)
        if value is None:
            raise KeyError(name)
        return value

    def put(self, name: Value, value: Value) -> None:
        """Carry out `os.environ[name] = value`."""
        if isinstance(name, Unknown):
            raise Touched(name)
        if not isinstance(value, str | Unknown):
            raise TypeError(f"str expected, not {type(value).__name__}")
        self._world.journal.bind(self._own, name, value)

    def remove(self, name: Value) -> None:
        """Carry out `del os.environ[name]`."""
        self.item(name)
        self._world.journal.bind(self._own, name, None)

    def default(self, name: Value, value: Value) -> Value:
        """Carry out `os.environ.setdefault`."""
        found = self.get(name)
        if found is None:
            self.put(name, value)
            return value
        return found

    def update(self, *values: Value, **named: Value) -> None:
        """Carry out `os.environ.update`."""
        for name, value in {**dict(*values), **named}.items():
            self.put(name, value)

    def pop(self, name: Value, *default: Value) -> Value:
        """Carry out `os.environ.pop`."""
        if self.get(name) is None and default:
            return default[0]
        value = self.item(name)
        self.remove(name)
        return value

    def attribute(self, name: str) -> Value:
        """Return a method of `os.environ`."""
        methods: dict[str, Callable[..., Value]] = {
            "get": self.get, "setdefault": self.default, "update": self.update, "pop": self.pop,
        }  # fmt: skip
        if name not in methods:
            raise Touched(Unknown(f"os.environ.{name} is not evaluated"))
        return self._world.outside.handled(f"os.environ.{name}", methods[name])

    def compared(self, how: Callable[[Any, Any], Any], left: Value, right: Value) -> bool:
        """Return `name in os.environ`."""
        there = right is self and isinstance(left, str) and self.get(left) is not None
        if right is not self or how in (operator.eq, operator.ne):
            raise Touched(Unknown("the whole environment is not compared"))
        return there is bool(how("x", "x"))


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
