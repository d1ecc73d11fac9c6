"""Read and change attributes: those of the author's, and the harmless ones of Python's own."""

from __future__ import annotations

import enum
import functools
import re
import types
from collections import deque
from datetime import date, time, timedelta
from pathlib import PurePath
from typing import Any, Final

from cogfal.reading.classes import Outside
from cogfal.reading.functions import Function
from cogfal.reading.journal import ABSENT, delete_attribute, set_attribute
from cogfal.reading.mappings import Lookup
from cogfal.reading.part import Part
from cogfal.reading.source import Module
from cogfal.reading.unknown import Touched, Unknown, Value, may_be_absent, refused

DATA: Final = (
    str, bytes, list, deque, tuple, dict, set, frozenset, int, float, complex, range, slice,
    date, time, timedelta, functools.partial, re.Match,
)  # fmt: skip
"""Classes of plain data, whose methods look at nothing else."""

_REFUSED: Final = frozenset(
    "astimezone fromtimestamp now timestamp to_bytes today utcfromtimestamp utcnow".split()
)
"""Methods that look at the clock or the machine's time zone, or whose result may be huge."""

_OPEN: Final = frozenset(
    (
        "__add__ __bool__ __call__ __class__ __contains__ __delitem__ __doc__ __enter__ __eq__ "
        "__exit__ __float__ __getitem__ __hash__ __init__ __init_subclass__ __int__ __iter__ "
        "__len__ __members__ __module__ __name__ __new__ __next__ __post_init__ __qualname__ "
        "__repr__ __setattr__ __setitem__ __str__ __wrapped__ _member_map_ _name_ _value_"
    ).split()
)
"""Names with two underscores that are read of the author's classes and objects."""


def is_open(cls: type, name: str) -> bool:
    """Whether an attribute of plain data is read."""
    public = not name.startswith("_") or name in ("_asdict", "_fields", "_make", "_replace")
    return public and issubclass(cls, DATA) and name not in _REFUSED


class Attributes(Part):
    """Reads and changes attributes."""

    def is_authored(self, value: Value) -> bool:
        """Whether a value is a class of the author's, or an object of one."""
        nodes = self._world.classes.nodes
        cls = value if isinstance(value, type) else type(value)
        if any(base in nodes for base in cls.__mro__):
            return True
        return isinstance(value, BaseException | enum.Enum | type) and cls.__module__ != "builtins"

    def get(self, owner: Value, name: str) -> Value:
        """Return an attribute, which may be unknown."""
        value = self._world.there(self._world.known(self._get(owner, name)))
        if may_be_absent(value) and self.is_authored(owner):
            kind = owner if isinstance(owner, type) else type(owner)
            held = [vars(base)[name] for base in kind.__mro__ if name in vars(base)]
            return value.holding((*value.about, *held))
        return value

    def _get(self, owner: Value, name: str) -> Value:
        world = self._world
        if isinstance(owner, Unknown):
            if owner.dotted:
                return world.outside.attribute(owner, name)
            return world.expressions.raising(owner)
        if isinstance(owner, Module):
            return world.modules.member(owner, name)
        if isinstance(owner, Lookup):
            return owner.attribute(name)
        if isinstance(owner, Function):
            return self._of_function(owner, name)
        if isinstance(owner, PurePath):
            return world.files.attribute(owner, name)
        found = world.outside.own_attribute(owner, name)
        if found is not ABSENT:
            return found
        if self.is_authored(owner) or isinstance(owner, super | types.MethodType):
            return self._of_object(owner, name)
        if isinstance(owner, property | functools.cached_property) and name in _PROPERTY:
            return getattr(owner, name)
        if isinstance(owner, type) and (is_open(owner, name) or name in _OF_CLASS):
            return getattr(owner, name)
        return self._of_data(owner, name)

    def _of_data(self, owner: Value, name: str) -> Value:
        kind = type(owner)
        if name in ("__class__", "__doc__") and kind in DATA:
            return kind if name == "__class__" else Unknown("a text of Python's own")
        if is_open(kind, name):
            if isinstance(owner, str) and name not in ("format", "join", "endswith"):
                self._world.texts.check_places(name, (owner,))
            return getattr(owner, name)
        if isinstance(owner, types.SimpleNamespace):
            return getattr(owner, name)
        raise refused(f"the attribute {name!r} of such a value is not read", owner)

    def _of_function(self, function: Function, name: str) -> Value:
        held = vars(function)
        if name in held:
            return held[name]
        if name in ("__call__", "__get__"):
            return getattr(function, name)
        if name == "__defaults__":
            plain = [a.arg for a in (*function.node.args.posonlyargs, *function.node.args.args)]
            return tuple(function.defaults[n] for n in plain if n in function.defaults) or None
        if name in ("__annotations__", "__kwdefaults__", "__dict__"):
            why = Unknown(f"its {name} are read, and may be changed")
            self._world.journal.bind(held, "__replaced__", why)
        if name.startswith("__"):
            raise refused(f"the attribute {name!r} of a function is not read", function)
        raise AttributeError(f"'function' object has no attribute {name!r}")

    def _of_object(self, owner: Value, name: str) -> Value:
        inner = name.startswith("__") and name.endswith("__") and name not in _OPEN
        if inner and not self._is_own(owner, name):
            raise refused(f"the attribute {name!r} is not read", owner)
        hidden = self._hidden(owner, name)
        if hidden is not None:
            return hidden
        if name == "__dict__":
            raise refused("the attribute '__dict__' is not read", owner)
        if isinstance(owner, BaseException) and name == "args" and not _is_raised_by_author(owner):
            raise refused("the text of an exception depends on Python's version")
        bound: Any = owner
        if isinstance(owner, super) and _is_cached(type(bound.__self__), name):
            why = Unknown("a cached_property of a base is not evaluated")
            self._world.effects.of_values((bound.__self__,), why)
            raise Touched(why)
        if _is_cached(type(owner), name):
            self._world.journal.note(owner, name)
        return getattr(owner, name)

    def _is_own(self, owner: Value, name: str) -> bool:
        cls = owner if isinstance(owner, type) else type(owner)
        nodes = self._world.classes.nodes
        return any(name in vars(base) for base in cls.__mro__ if base in nodes)

    def _hidden(self, owner: Value, name: str) -> Unknown | None:
        """Return what is not known where a base from outside may have the attribute."""
        if isinstance(owner, super):
            bound: Any = owner
            order = bound.__self_class__.__mro__
            order = order[order.index(bound.__thisclass__) + 1 :]
        elif isinstance(owner, types.MethodType):
            return None
        else:
            cls = owner if isinstance(owner, type) else type(owner)
            order = cls.__mro__
            if not isinstance(owner, type) and name in getattr(owner, "__dict__", {}):
                return None
        for base in order:
            if Outside in base.__bases__:
                if name in ("__name__", "__qualname__", "__module__", "__class__", "__doc__"):
                    return None
                unknown: Unknown = vars(base)["unknown"]
                shown = unknown.dotted or "an unknown base"
                return Unknown(f"it may come from {shown}, which is not part of the project")
            if name in vars(base):
                return None
        return None

    def put(self, owner: Value, name: str, value: Value) -> None:
        """Carry out `owner.name = value`."""
        world = self._world
        if isinstance(owner, Unknown) and not owner.dotted:
            world.effects.of_values((owner, value), owner)
            world.expressions.raising(owner)
        elif isinstance(owner, Module):
            world.journal.bind(world.modules.load(owner).names, name, value)
        elif isinstance(owner, Function):
            self._put_function(owner, name, value)
        elif isinstance(owner, type) and not self.is_authored(owner):
            raise TypeError(f"cannot set {name!r} attribute of immutable type")
        elif world.outside.is_module(owner):
            world.outside.replace(owner, name, value)
        elif _custom(owner, "__setattr__", name):
            world.journal.note(owner, name)
            setattr(owner, name, value)
        elif isinstance(described := getattr(type(owner), name, None), Unknown):
            world.effects.of_values((owner, value), described)
        else:
            world.journal.note(owner, name)
            set_attribute(owner, name, value)

    def _put_function(self, function: Function, name: str, value: Value) -> None:
        held = vars(function)
        if name in (
            "__defaults__",
            "__kwdefaults__",
            "__annotations__",
            "__signature__",
            "__code__",
        ):
            why = Unknown(f"its {name} are replaced" if name.endswith("s__") else
                          "its signature is replaced")  # fmt: skip
            self._world.journal.bind(held, "__replaced__", why)
        self._world.journal.bind(held, name, value)

    def delete(self, owner: Value, name: str) -> None:
        """Carry out `del owner.name`."""
        world = self._world
        if isinstance(owner, Unknown):
            world.expressions.raising(owner)
        elif isinstance(owner, Module):
            names = world.modules.load(owner).names
            if name not in names:
                raise AttributeError(name)
            world.journal.unbind(names, name)
        else:
            world.journal.note(owner, name)
            if _custom(owner, "__delattr__", name):
                delattr(owner, name)
            else:
                delete_attribute(owner, name)


_OF_CLASS: Final = frozenset({"__name__", "__qualname__", "__doc__", "__new__", "__init__"})
_PROPERTY: Final = frozenset({"fget", "fset", "fdel", "getter", "setter", "deleter", "func"})


def _custom(owner: Value, method: str, name: str) -> bool:
    """Whether setting an attribute runs code: a `__setattr__`, a property, an Enum's own rules."""
    kind = type(owner)
    own = getattr(kind, method) not in (getattr(object, method), getattr(type, method))
    found = getattr(kind, name, None)
    return own or hasattr(type(found), "__set__")


def _is_cached(kind: type, name: str) -> bool:
    """Whether reading an attribute sets it."""
    return any(isinstance(vars(c).get(name), functools.cached_property) for c in kind.__mro__)


def _is_raised_by_author(error: BaseException) -> bool:
    return bool(getattr(error, "_cogfal_authored", False))
