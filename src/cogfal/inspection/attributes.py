"""Tell what an attribute of a value is."""

from __future__ import annotations

import ast
from collections.abc import Callable
from pathlib import Path
from typing import Final

from cogfal.guest.naming import COG_BASES
from cogfal.inspection.library import outside
from cogfal.inspection.limits import Budget, weigh
from cogfal.inspection.values import (
    Auto,
    BoundMethod,
    Call,
    ClassValue,
    DataMethod,
    EnumMember,
    External,
    FunctionValue,
    HostPath,
    Instance,
    ModuleValue,
    OpenFile,
    PathText,
    Raised,
    Subscripted,
    Unknown,
    Unresolved,
    Value,
    mro,
)
from cogfal.inspection.world import World

_TEXT_METHODS: Final = (
    "capitalize casefold center count endswith expandtabs find format format_map index "
    "isalnum isalpha isdecimal isdigit isidentifier islower isnumeric isspace istitle "
    "isupper join ljust lower lstrip partition removeprefix removesuffix replace rfind "
    "rindex rjust rpartition rsplit rstrip split splitlines startswith strip swapcase "
    "title upper zfill"
)
_SET_METHODS: Final = (
    "add clear copy difference difference_update discard intersection intersection_update "
    "isdisjoint issubset issuperset pop remove symmetric_difference union update"
)

METHODS: Final[dict[type, frozenset[str]]] = {
    kind: frozenset(names.split())
    for kind, names in (
        (str, _TEXT_METHODS),
        (list, "append clear copy count extend index insert pop remove reverse sort"),
        (tuple, "count index"),
        (dict, "clear copy get items keys pop popitem setdefault update values"),
        (set, _SET_METHODS),
        (frozenset, "copy difference intersection issubset issuperset union"),
        (int, "bit_length"),
        (float, "is_integer"),
        (range, "count index"),
    )
}
"""Methods of plain data that are evaluated."""

ENUM_BASES: Final = frozenset(
    {"enum.Enum", "enum.IntEnum", "enum.StrEnum", "enum.Flag", "enum.IntFlag"}
)
_ROOTS: Final = frozenset(
    {"builtins.object", "typing.Generic", *(f"cog.{name}" for name in COG_BASES)}
)


def attribute(world: World, value: Value, name: str) -> Value:
    """Return the attribute `name` of `value`."""
    kind = _KINDS.get(type(value))
    if kind is not None:
        return kind(world, value, name)
    if name in METHODS.get(type(value), ()):
        return DataMethod(value, name)
    raise Unresolved(f"the attribute {name!r} of such a value is not read")


def _of_external(_: World, value: External, name: str) -> Value:
    return outside(f"{value.name}.{name}")


def _of_function(_: World, value: FunctionValue, name: str) -> Value:
    match name:
        case "__name__" | "__qualname__":
            return value.name
        case "__doc__" if not isinstance(value.node, ast.Lambda):
            return ast.get_docstring(value.node, clean=False)
    raise Unresolved(f"the attribute {name!r} of a function is not read")


def _of_path(_: World, value: HostPath | PathText, name: str) -> Value:
    path = value.path if isinstance(value, HostPath) else Path(value.text)
    if name in ("name", "stem", "suffix"):
        return getattr(path, name)
    if name in ("parent", "parents"):
        parents = [_like(value, parent) for parent in path.parents]
        return parents[0] if name == "parent" else parents
    return DataMethod(value, name)


def _like(value: HostPath | PathText, path: Path) -> HostPath | PathText:
    return HostPath(path) if isinstance(value, HostPath) else PathText(str(path))


def find_in_class(world: World, cls: ClassValue, name: str) -> Value:
    """Return what `name` is bound to in the class or its bases, without binding it.

    Raises:
        Raised: No class binds it.
        Unresolved: A base that is not of the project may bind it.
    """
    foreign: Value = None
    for base in mro(cls):
        if isinstance(base, ClassValue) and name in base.scope.names:
            world.state.reads.update(base.scope.reads.get(name, ()))
            return world.look_up(name, base.scope)
        if isinstance(base, External) and base.canonical not in _ROOTS | ENUM_BASES:
            foreign = foreign or base
    if foreign is not None:
        raise Unresolved(f"it may come from {foreign.name}, which is not part of the project")
    raise Raised("AttributeError", f"class {cls.name} has no attribute {name!r}")


def _of_class(world: World, cls: ClassValue, name: str) -> Value:
    if is_enum(cls):
        members = enum_members(cls)
        if name == "__members__":
            return dict(members)
        if name in members:
            return members[name]
    match name:
        case "__name__" | "__qualname__":
            return cls.name
        case "__doc__":
            return ast.get_docstring(cls.node, clean=False)
    found = find_in_class(world, cls, name)
    if isinstance(found, FunctionValue) and found.has_decorator("builtins.classmethod"):
        return BoundMethod(found, cls)
    return found


def _of_instance(world: World, instance: Instance, name: str) -> Value:
    if name in instance.attributes:
        value = instance.attributes[name]
        if isinstance(value, Unknown):
            raise value.error
        return world.state.checked(value)
    if name == "__class__":
        return instance.owner
    return _bind(world, find_in_class(world, instance.owner, name), instance, instance.owner)


def _bind(world: World, found: Value, owner: Value, cls: ClassValue) -> Value:
    if not isinstance(found, FunctionValue) or found.has_decorator("builtins.staticmethod"):
        return found
    if found.has_decorator("builtins.classmethod"):
        return BoundMethod(found, cls)
    if found.has_decorator("builtins.property") or found.has_decorator("functools.cached_property"):
        return world.run(found, [owner], {})
    return BoundMethod(found, owner)


def _of_member(world: World, member: EnumMember, name: str) -> Value:
    match name:
        case "value" | "_value_":
            return member.value
        case "name" | "_name_":
            return member.name
    if name in METHODS.get(type(plain_member(member)), ()):
        return DataMethod(plain_member(member), name)
    return _bind(world, find_in_class(world, member.owner, name), member, member.owner)


def is_enum(cls: ClassValue) -> bool:
    """Whether the class is an Enum."""
    return any(isinstance(base, External) and base.name in ENUM_BASES for base in mro(cls))


def mixes_in(cls: ClassValue, *names: str) -> bool:
    """Whether one of the named classes outside the project is a base of `cls`."""
    return any(isinstance(base, External) and base.canonical in names for base in mro(cls))


def plain_member(member: EnumMember) -> Value:
    """Return what a member compares equal to: its value where the class mixes in str or int."""
    mixed = ("builtins.str", "builtins.int", "builtins.float", "enum.IntEnum", "enum.StrEnum")
    return member.value if mixes_in(member.owner, *mixed) else member


def enum_members(cls: ClassValue) -> dict[str, EnumMember]:
    """Return an Enum class's members, in order, aliases included."""
    members: dict[str, EnumMember] = {}
    last = 0
    for name, value in cls.scope.names.items():
        if name.startswith("_") or isinstance(value, FunctionValue | ClassValue | Call):
            continue
        if isinstance(value, Unknown):
            raise value.error
        weigh(value, Budget())
        automatic = name.lower() if mixes_in(cls, "enum.StrEnum") else last + 1
        members[name] = EnumMember(cls, name, automatic if isinstance(value, Auto) else value)
        last = members[name].value if isinstance(members[name].value, int) else last
    return members


def is_generic_alias(value: Value) -> bool:
    """Whether the value can stand in a union or take arguments: a class or a typing construct."""
    return isinstance(value, External | ClassValue | Subscripted)


_KINDS: Final[dict[type, Callable[[World, Value, str], Value]]] = {
    External: _of_external,
    ModuleValue: lambda world, value, name: world.member(value.module, name),
    ClassValue: _of_class,
    Instance: _of_instance,
    EnumMember: _of_member,
    FunctionValue: _of_function,
    HostPath: _of_path,
    OpenFile: lambda _, value, name: DataMethod(value, name),
    PathText: _of_path,
}
