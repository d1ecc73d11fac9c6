"""Read and change attributes: those of the author's, and the harmless ones of Python's own."""

from __future__ import annotations

import abc
import dataclasses
import enum
import functools
import re
import sys
import types
import typing
from collections import deque
from collections.abc import Iterator
from pathlib import PurePath
from typing import Any, Final

from cogfal.reading.classes import NOWHERE, Outside
from cogfal.reading.effects import FRAMES
from cogfal.reading.functions import Function
from cogfal.reading.journal import (
    CONTAINERS,
    attributes_of,
    delete_attribute,
    is_namespace,
    of_class,
    own_attribute,
    set_attribute,
)
from cogfal.reading.library import VersionInfo
from cogfal.reading.namespaces import Held, Lookup, Namespace
from cogfal.reading.source import Module
from cogfal.reading.standins import Described, Known, Mark, Model
from cogfal.reading.unknown import (
    ABSENT,
    Beyond,
    Part,
    Touched,
    Unknown,
    Value,
    may_be_absent,
    reached,
    refused,
)
from cogfal.reading.versions import check_attribute, check_same, differs

DATA: Final = (
    str, bytes, list, deque, tuple, dict, set, frozenset, int, float, complex, range, slice,
    functools.partial, re.Match, types.MappingProxyType,
)  # fmt: skip
"""Classes of plain data, as those of `datetime`, whose methods look at nothing else."""

_REFUSED: Final = frozenset(
    "astimezone fromtimestamp now timestamp to_bytes today utcfromtimestamp utcnow".split()
)
"""Methods that look at the clock or the machine's time zone, or whose result may be huge."""

_READ: Final[tuple[tuple[Any, str], ...]] = (
    (VersionInfo, "major minor micro releaselevel serial"),
    (Described | Mark, "positional keywords name"),
    (property | functools.cached_property, "fget fset fdel getter setter deleter func"),
    (Iterator, "__next__ __iter__ fieldnames"),
    (dataclasses.Field, "name default"),
    (re.Pattern, "pattern"),
)
"""What is read of other things of Python's."""

_SUPER: Final[Any] = super
_OF_CLASS: Final = frozenset((
    "__name__ __qualname__ __doc__ __new__ __init__ __setattr__"
).split())  # fmt: skip
_CHAINED: Final = ("classmethod.__get__ since", "classmethod.__get__ until")
_OF_DICT: Final = frozenset("__getitem__ __setitem__ __delitem__ __len__ __contains__".split())
_OF_FILE: Final = frozenset("read readline readlines close __enter__ __exit__".split())
_OPEN: Final = frozenset(
    (
        "__add__ __bool__ __call__ __class__ __contains__ __delitem__ __doc__ __enter__ __eq__ "
        "__exit__ __float__ __getitem__ __hash__ __init__ __init_subclass__ __int__ __iter__ "
        "__len__ __members__ __module__ __name__ __new__ __next__ __post_init__ __qualname__ "
        "__repr__ __setattr__ __setitem__ __str__ __wrapped__ _member_map_ _name_ _value_"
    ).split()
)
"""Names with two underscores that are read of the author's classes and objects."""

_REPLACED: Final = frozenset(
    "__defaults__ __kwdefaults__ __annotations__ __signature__ __code__".split()
)
"""What a function's signature comes from."""


def is_file(value: Value) -> bool:
    """Whether a value stands for an open file."""
    return type(value).__module__ in ("_io", "io")


def is_raised(error: Value) -> bool:
    """Whether a `raise` of the author's raises an exception, with a text that is known."""
    return "_cogfal_authored" in vars(error)


def is_open(cls: type, name: str) -> bool:
    """Whether an attribute of plain data is read."""
    public = not name.startswith("_") or name in ("_asdict", "_fields", "_make", "_replace")
    return public and is_data(cls) and name not in _REFUSED


def is_data(cls: type) -> bool:
    """Whether a class is one of plain data."""
    return issubclass(cls, DATA) or any(base.__module__ == "datetime" for base in cls.__mro__)


class Attributes(Part):
    """Reads and changes attributes."""

    def own(self, cls: type) -> list[type]:
        """Return which of a class and its bases are the author's."""
        return [base for base in cls.__mro__ if base in self._world.classes.nodes]

    def is_authored(self, value: Value) -> bool:
        """Whether a value is a class of the author's, or an object of one."""
        cls = value if isinstance(value, type) else type(value)
        if self.own(cls):
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

    def special(self, owner: Value, name: str) -> Value:
        """Return a method that Python looks for in the class of an object alone."""
        if not isinstance(owner, type) and name in attributes_of(owner):
            raise refused(f"{name} of a single object is not evaluated", owner)
        if of_class(type(owner), name) is None:
            raise TypeError(f"{type(owner).__name__!r} object has no method {name!r}")
        return self.get(owner, name)

    def _get(self, owner: Value, name: str) -> Value:
        world = self._world
        if isinstance(owner, Unknown) and name in FRAMES:
            world.effects.of_values(world.modules.certain(), owner)
        match owner:
            case Unknown() if owner.dotted:
                return world.library.attribute(owner, name)
            case Unknown():
                return world.expressions.raising(owner)
            case Module():
                return world.modules.member(owner, name)
            case Lookup():
                return owner.attribute(name)
            case Function():
                return self._of_function(owner, name)
            case PurePath():
                return world.files.attribute(owner, name)
            case Known() if owner.about:
                why = Unknown(f"the attribute {name!r} of a cache is not read")
                world.effects.of_values([owner], why)
                raise Touched(why)
            case Known():
                found = world.library.find(f"{owner.name}.{name}")
                own = isinstance(found, Unknown) and name == "__name__"
                return owner.name.rpartition(".")[2] if own else found
            case _ if name == "__dict__" and is_namespace(owner):
                return Held(world, owner)
            case _ if world.types.is_alias(owner) and not name.startswith("_"):
                return self.get(typing.get_origin(owner), name)
        kind = owner if isinstance(owner, type) else type(owner)
        if differs(world.version) and not self.own(kind):
            check_attribute(world.version, kind, name)
            check_same(world.version, *(f"{base.__name__}.{name}" for base in kind.__mro__))
        return self._of_other(owner, name)

    def _of_other(self, owner: Value, name: str) -> Value:
        world, kind = self._world, type(owner)
        if isinstance(owner, type):
            listed = f"{owner.__module__}.{owner.__qualname__}.{name}"
            if listed in world.handlers.table:
                return world.library.find(listed)
        if is_file(owner) and name in _OF_FILE:
            world.journal.advance(owner)
            return Known(name, getattr(owner, name))
        generic = kind.__module__ in ("typing", "types") and name in ("__args__", "__origin__")
        if generic or any(isinstance(owner, k) and name in names.split() for k, names in _READ):
            return getattr(owner, name)
        if isinstance(owner, types.MethodType) and name == "__globals__":
            return self.get(owner.__func__, name)
        if self.is_authored(owner) or isinstance(owner, super | types.MethodType | BaseException):
            return self._of_object(owner, name)
        if isinstance(owner, type) and (
            is_open(owner, name) or name in _OF_CLASS or (owner is dict and name in _OF_DICT)
        ):
            return getattr(owner, name)
        if name == "__class__" and is_data(kind):
            return kind
        if name == "__doc__" and is_data(kind):
            return Unknown("a text of Python's own")
        if isinstance(owner, re.Pattern) and f"re.{name}" in world.handlers.table:
            return functools.partial(world.library.find(f"re.{name}"), owner)
        if isinstance(owner, str) and name not in ("format", "join", "endswith"):
            world.texts.check_places(name, (owner,))
        if is_open(kind, name) or is_namespace(owner):
            return getattr(owner, name)
        raise refused(f"the attribute {name!r} of such a value is not read", owner)

    def _of_function(self, function: Function, name: str) -> Value:
        held = vars(function)
        if name in held:
            return held[name]
        if name in ("__call__", "__get__"):
            return getattr(function, name)
        if name == "__globals__":
            return Namespace(self._world, function.scope.top)
        if name == "__defaults__":
            plain = [a.arg for a in (*function.node.args.posonlyargs, *function.node.args.args)]
            return tuple(function.defaults[n] for n in plain if n in function.defaults) or None
        if name in ("__annotations__", "__kwdefaults__", "__dict__"):
            why = Unknown(f"its {name} are read, and may be changed")
            self._world.journal.bind(held, "__replaced__", why)
        if name.startswith("__"):
            raise refused(f"the attribute {name!r} of a function is not read", function)
        raise AttributeError(f"'function' object has no attribute {name!r}")

    def _of_object(self, owner: Any, name: str) -> Value:
        cls = owner if isinstance(owner, type) else type(owner)
        inner = name.startswith("__") and name.endswith("__") and name not in _OPEN
        if inner and not any(name in vars(base) for base in self.own(cls)):
            raise refused(f"the attribute {name!r} is not read", owner)
        hidden = self._hidden(owner, name)
        if hidden is not None:
            return hidden
        if name == "__dict__":
            return Held(self._world, owner)
        if name == "__module__" and owner.__module__ == NOWHERE:
            raise refused("where a class is made by a call is not evaluated")
        if isinstance(owner, BaseException) and name == "args" and not is_raised(owner):
            raise refused("the text of an exception depends on Python's version")
        registers = name == "register" and isinstance(owner, abc.ABCMeta)
        if registers and not self.own(cls):
            raise Beyond(Unknown(f"register() of {cls.__name__} is not evaluated"))
        if registers or (isinstance(owner, _SUPER) and _is_cached(type(owner.__self__), name)):
            why = Unknown("register() and a cached_property of a base are not evaluated")
            self._world.effects.of_values((owner if registers else owner.__self__,), why)
            raise Touched(why)
        if _is_cached(type(owner), name):
            self._world.journal.note(owner, name)
        for kind in (owner, type(owner)) if isinstance(owner, type) else (type(owner),):
            if isinstance(getattr(described := of_class(kind, name), "__func__", None), property):
                check_same(self._world.version, *_CHAINED)
            if _acts(described):
                self._world.effects.of_values((owner, described), described.alone())
        return getattr(owner, name)

    def _hidden(self, owner: Any, name: str) -> Unknown | None:
        """Return what is not known where a base from outside may have the attribute."""
        order = (owner if isinstance(owner, type) else type(owner)).__mro__
        if isinstance(owner, _SUPER):
            order = owner.__self_class__.__mro__
            order = order[order.index(owner.__thisclass__) + 1 :]
        elif isinstance(owner, types.MethodType) or (
            not isinstance(owner, type) and name in attributes_of(owner)
        ):
            return None
        for base in order:
            if base is Model or Outside in base.__bases__:
                if name in ("__name__", "__qualname__", "__module__", "__class__", "__doc__"):
                    return None
                dotted = "pydantic.BaseModel" if base is Model else vars(base)["unknown"].dotted
                shown = dotted or "an unknown base"
                return Unknown(f"it may come from {shown}, which is not part of the project")
            slot = isinstance(vars(base).get(name), types.MemberDescriptorType)
            if name in vars(base) and not (slot and own_attribute(owner, name) is ABSENT):
                return None
        return None

    def put(self, owner: Value, name: str, value: Value) -> None:
        """Carry out `owner.name = value`."""
        world = self._world
        if isinstance(owner, Unknown) and owner.dotted:
            world.library.replace(owner, name, value)
        elif isinstance(owner, Unknown):
            self._put_somewhere(owner, name, value)
        elif isinstance(owner, Module):
            world.journal.bind(world.modules.load(owner).names, name, value)
        elif isinstance(owner, Function):
            if name in _REPLACED:
                told = f"its {name} are" if name.endswith("s__") else "its signature is"
                why = Unknown(f"{told} replaced")
                world.journal.bind(vars(owner), "__replaced__", why)
            world.journal.bind(vars(owner), name, value)
        elif isinstance(owner, Described):
            raise Beyond(Unknown("an Input() that is changed is not evaluated"))
        elif isinstance(owner, type) and not self.is_authored(owner):
            raise TypeError(f"cannot set {name!r} attribute of immutable type")
        elif isinstance(owner, type) and _is_of_library(owner):
            raise Beyond(Unknown(f"a changed class {owner.__name__} is not evaluated"))
        elif _custom(owner, "__setattr__", name):
            self._note(owner, name)
            setattr(owner, name, value)
        elif isinstance(described := of_class(type(owner), name), Unknown):
            world.effects.of_values((owner, value), described)
        else:
            self._note(owner, name)
            set_attribute(owner, name, value)

    def _put_somewhere(self, owner: Unknown, name: str, value: Value) -> None:
        """Carry out `owner.name = value` for an owner that is not known, perhaps a module."""
        self._world.effects.of_values((owner, value), owner)
        for each in owner.possibly():
            if isinstance(each, Unknown) and each.dotted:
                self._world.library.lose(f"{each.dotted}.{name}", owner)
        self._world.expressions.raising(owner)

    def delete(self, owner: Value, name: str) -> None:
        """Carry out `del owner.name`."""
        world = self._world
        if isinstance(owner, Unknown):
            world.library.restore(owner, name)
            world.effects.of_values(() if owner.dotted else (owner,), owner)
            world.expressions.raising(owner)
        elif isinstance(owner, Module):
            names = world.modules.load(owner).names
            if name not in names:
                raise AttributeError(name)
            world.journal.unbind(names, name)
        elif isinstance(owner, Function) and name == "__wrapped__":
            # The annotations that were copied with it stay.
            world.journal.bind(vars(owner), "__replaced__", Unknown("its __wrapped__ is deleted"))
            world.journal.unbind(vars(owner), name)
        else:
            if isinstance(described := of_class(type(owner), name), Unknown):
                world.effects.of_values((owner, described), described)
            self._note(owner, name)
            custom = _custom(owner, "__delattr__", name)
            (delattr if custom else delete_attribute)(owner, name)

    def _note(self, owner: Value, name: str) -> None:
        self._world.journal.note(owner, name)
        if isinstance(owner, CONTAINERS):  # whose items may be its attributes
            self._world.journal.save(owner)


def _custom(owner: Value, method: str, name: str) -> bool:
    """Whether setting an attribute runs code: a `__setattr__`, a property, an Enum's own rules."""
    kind = type(owner)
    own = getattr(kind, method) not in (getattr(object, method), getattr(type, method))
    return own or of_class(type(of_class(kind, name)), "__set__") is not None


def _is_of_library(cls: type) -> bool:
    return getattr(sys.modules.get(cls.__module__), cls.__qualname__, None) is cls


def _acts(described: Value) -> bool:
    """Whether to read or delete what a class perhaps holds may run code: of a property, say."""
    if not isinstance(described, Unknown):
        return False
    held = [*reached([described], lambda each: each.about if isinstance(each, Unknown) else ())]
    if described.standard and any(isinstance(each, Function) for each in held):
        return True  # a function that Python's library perhaps made a property of
    others = [each for each in held if not isinstance(each, Function | Unknown)]
    return any(of_class(type(each), "__get__") is not None for each in others)


def _is_cached(kind: type, name: str) -> bool:
    """Whether reading an attribute sets it."""
    return any(isinstance(vars(c).get(name), functools.cached_property) for c in kind.__mro__)
