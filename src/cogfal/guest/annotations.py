"""Turn live annotations and defaults into kinds of type and JSON."""

from __future__ import annotations

import dataclasses
import enum
import inspect
import os
import types
import typing
from collections.abc import Sequence
from pathlib import PurePath
from typing import Any, TypeAlias

from cogfal.guest import naming
from cogfal.guest.combining import optional, union
from cogfal.guest.naming import COG_ROOTS, Unservable
from cogfal.spec import (
    JSON,
    MISSING,
    AnyType,
    DictType,
    EnumType,
    FieldSpec,
    IteratorType,
    ListType,
    LiteralType,
    NullType,
    ObjectFlavour,
    ObjectType,
    OpaqueType,
    PathType,
    Type,
)

Live: TypeAlias = Any
"""An annotation or value of the author's."""


def type_of(annotation: Live) -> Type:
    """Return the type that a live annotation means.

    Raises:
        Unservable: It means none.
    """
    if annotation is None or annotation is type(None):
        return NullType()
    origin: Live = typing.get_origin(annotation)
    if origin is not None and typing.get_args(annotation):
        return _generic(annotation, origin, typing.get_args(annotation))
    if hasattr(annotation, "__supertype__"):
        return type_of(annotation.__supertype__)
    annotation = origin or annotation
    if inspect.isclass(annotation):
        return _class(annotation)
    return _named(annotation)


def canonical(annotation: Live) -> str:
    """Return the canonical dotted name of something importable."""
    module = getattr(annotation, "__module__", "")
    name = getattr(annotation, "__qualname__", None) or getattr(annotation, "_name", None) or ""
    if module.partition(".")[0] in COG_ROOTS:
        return f"cog.{name}"
    return f"{module}.{name}"


def _named(annotation: Live) -> Type:
    try:
        return naming.plain_type(canonical(annotation))
    except Unservable as error:
        raise Unservable(f"{annotation!r}: {error.reason}") from error


def _generic(annotation: Live, origin: Live, arguments: Sequence[Live]) -> Type:
    if origin is typing.Annotated:
        marks = [type(mark).__name__ for mark in annotation.__metadata__]
        return _opaque(arguments[0]) if "_OpaqueMarker" in marks else type_of(arguments[0])
    if origin in (typing.Union, types.UnionType):
        return union([type_of(argument) for argument in arguments])
    if canonical(origin).endswith(".Literal"):
        return _literal(arguments)
    kind = naming.container(canonical(origin))
    match kind:
        case "transparent":
            return type_of(arguments[0])
        case "list":
            return ListType(type_of(arguments[0]))
        case "tuple":
            members = [type_of(a) for a in arguments if a is not ...]
            return ListType(union(members) if members else AnyType())
        case "dict":
            return DictType(type_of(arguments[-1]))
        case "iterator" | "concatenate":
            return IteratorType(type_of(arguments[0]), kind == "concatenate")
    return type_of(origin)


def _opaque(annotation: Live) -> Type:
    origin: Live = typing.get_origin(annotation)
    arguments = typing.get_args(annotation)
    if naming.container(canonical(origin or annotation)) == "list":
        return ListType(OpaqueType())
    others = [a for a in arguments if a is not type(None)]
    if origin in (typing.Union, types.UnionType) and len(others) == 1:
        return optional(_opaque(others[0]))
    return OpaqueType()


def _literal(arguments: Sequence[Live]) -> Type:
    values = tuple(dict.fromkeys(plain(a) for a in arguments if a is not None))
    literal = LiteralType(values)
    return optional(literal) if None in arguments else literal


def _class(cls: type) -> Type:
    if issubclass(cls, enum.Enum):
        members = tuple((member.name, member.value) for member in cls)
        return EnumType(cls.__name__, members)
    if issubclass(cls, os.PathLike):
        return PathType()
    flavour = _flavour(cls)
    if flavour is None or naming.is_plain(canonical(cls)):
        return _by_name(cls)
    return ObjectType(cls.__name__, tuple(_fields(cls, flavour)), flavour, _description(cls))


def _by_name(cls: type) -> Type:
    names = (canonical(base) for base in cls.__mro__[:-1])
    known = next((base for base in names if naming.is_plain(base)), canonical(cls))
    try:
        return naming.plain_type(known)
    except Unservable as error:
        raise Unservable(f"{cls!r}: {error.reason}") from error


def _flavour(cls: type) -> ObjectFlavour | None:
    if issubclass(cls, dict) and hasattr(cls, "__total__"):
        return ObjectFlavour.TYPED_DICT
    bases = [canonical(base) for base in cls.__mro__[1:]]
    if "cog.BaseModel" in bases or "cog.model.BaseModel" in bases:
        return ObjectFlavour.COG
    if hasattr(cls, "model_fields") or hasattr(cls, "__fields__"):
        return ObjectFlavour.PYDANTIC
    return ObjectFlavour.DATACLASS if dataclasses.is_dataclass(cls) else None


def _description(cls: type) -> str | None:
    text = vars(cls).get("__doc__")
    generated = text is not None and text.startswith(f"{cls.__name__}(")
    return None if not text or generated else inspect.cleandoc(text) or None


def _fields(cls: type, flavour: ObjectFlavour) -> list[FieldSpec]:
    fields = []
    for name, hint in typing.get_type_hints(cls, include_extras=True).items():
        class_variable = hint is typing.ClassVar or typing.get_origin(hint) is typing.ClassVar
        if not class_variable and not name.startswith("_") and name != "model_config":
            fields.append(_field(cls, name, hint, flavour))
    return fields


def _field(cls: type, name: str, hint: Live, flavour: ObjectFlavour) -> FieldSpec:
    if flavour is ObjectFlavour.TYPED_DICT:
        return FieldSpec(name, type_of(hint))
    if flavour is ObjectFlavour.PYDANTIC:
        source = getattr(cls, "model_fields", None) or cls.__fields__  # type: ignore[attr-defined]
        info = getattr(source[name], "field_info", source[name])
    else:
        found = {field.name: field for field in dataclasses.fields(cls)}
        info = found.get(name)
    return FieldSpec(name, type_of(hint), _field_default(info), getattr(info, "description", None))


def _field_default(info: Live) -> JSON:
    factory = getattr(info, "default_factory", None)
    if factory is not None and factory is not dataclasses.MISSING:
        return plain(factory())
    default = getattr(info, "default", dataclasses.MISSING)
    unset = default is ... or type(default).__name__.endswith("UndefinedType")
    if unset or default is dataclasses.MISSING:
        return MISSING
    return plain(default)


def is_field_info(value: Live) -> bool:
    """Whether a parameter's default was made by `Input()`."""
    return type(value).__name__ == "FieldInfo"


def plain(value: Live) -> JSON:
    """Return the JSON form of a live value.

    Raises:
        Unservable: It has none.
    """
    match value:
        case enum.Enum():
            return plain(value.value)
        case None | bool() | int() | float() | str():
            return value
        case PurePath():
            return str(value)
        case dict():
            return {str(key): plain(item) for key, item in value.items()}
        case set() | frozenset():
            return [plain(item) for item in sorted(value, key=repr)]
        case list() | tuple() | range():
            return [plain(item) for item in value]
    if type(value).__name__ in ("Secret", "SecretStr"):
        return value.get_secret_value()
    if type(value).__module__ == "numpy":
        return plain(value.tolist())
    raise Unservable(f"{value!r} has no counterpart in JSON")
