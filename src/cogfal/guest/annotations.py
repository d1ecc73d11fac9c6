"""Turn live annotations and defaults into kinds of type and JSON."""

from __future__ import annotations

import dataclasses
import enum
import inspect
import math
import os
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, ClassVar, Union

from cogfal.guest import type_names
from cogfal.guest.hints import annotated, arguments_of, class_hints, origin_of
from cogfal.guest.type_names import COG_ROOTS, Unservable, optional, union
from cogfal.spec import (
    JSON,
    MISSING,
    AnyType,
    DictType,
    EnumType,
    FieldSpec,
    FloatType,
    IntegerType,
    IteratorType,
    ListType,
    LiteralType,
    Missing,
    NullType,
    ObjectFlavour,
    ObjectType,
    OpaqueType,
    OptionalType,
    PathType,
    Type,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

Live = Any
"""An annotation or value of the author's."""


def type_of(annotation: Live, within: tuple[type, ...] = ()) -> Type:
    """Return the type that a live annotation means.

    Args:
        annotation: What stands there, evaluated.
        within: The classes of whose fields this is one.

    Raises:
        Unservable: It means none.
    """
    if annotation is None or annotation is type(None):
        return NullType()
    origin, arguments = origin_of(annotation), arguments_of(annotation)
    alias = annotation if origin is None else origin
    if type(alias).__name__ == "TypeAliasType":
        meant = alias.__value__
        return type_of(meant[arguments] if arguments else meant, within)
    if origin is not None and arguments:
        return _generic(annotation, origin, arguments, within)
    if hasattr(annotation, "__supertype__"):
        return type_of(annotation.__supertype__, within)
    annotation = origin or annotation
    if inspect.isclass(annotation):
        return _class(annotation, within)
    return _named(annotation)


def canonical(annotation: Live) -> str:
    """Return the canonical dotted name of something importable."""
    module = getattr(annotation, "__module__", "")
    name = getattr(annotation, "__qualname__", None) or getattr(annotation, "_name", None) or ""
    if module.partition(".")[0] in COG_ROOTS:
        return f"cog.{name}"
    return f"{module}.{name}"


def _named(annotation: Live) -> Type:
    name = canonical(annotation)
    if name == ".":
        raise Unservable(f"{annotation!r} is not a type")
    try:
        return type_names.plain_type(name)
    except Unservable as error:
        raise Unservable(f"{annotation!r}: {error.reason}") from error


def _generic(
    annotation: Live, origin: Live, arguments: Sequence[Live], within: tuple[type, ...]
) -> Type:
    if origin is annotated:
        marks = [type(mark).__name__ for mark in annotation.__metadata__]
        return _opaque(arguments[0]) if "_OpaqueMarker" in marks else type_of(arguments[0], within)
    if origin is Union:
        return union([type_of(argument, within) for argument in arguments])
    if canonical(origin).endswith(".Literal"):
        return _literal(arguments)
    kind = type_names.container(canonical(origin))
    if kind == "transparent":
        return type_of(arguments[0], within)
    if kind == "list":
        return ListType(type_of(arguments[0], within))
    if kind == "tuple":
        members = [type_of(a, within) for a in arguments if a is not ... and a != ()]
        return ListType(union(members) if members else AnyType())
    if kind == "dict":
        return DictType(type_of(arguments[-1], within))
    if kind in ("iterator", "concatenate"):
        return IteratorType(type_of(arguments[0], within), kind == "concatenate")
    return type_of(origin, within)


def _opaque(annotation: Live) -> Type:
    origin, arguments = origin_of(annotation), arguments_of(annotation)
    if type_names.container(canonical(origin or annotation)) == "list":
        return ListType(OpaqueType())
    others = [a for a in arguments if a is not type(None)]
    if origin is Union and len(others) == 1:
        return optional(_opaque(others[0]))
    return OpaqueType()


def _literal(arguments: Sequence[Live]) -> Type:
    values = [plain(argument) for argument in arguments if argument is not None]
    literal = LiteralType(distinct(values, "in a Literal"))
    return optional(literal) if None in arguments else literal


def distinct(values: Iterable[JSON], what: str) -> tuple[Any, ...]:
    """Return texts and numbers without repetition; True is not 1.

    Raises:
        Unservable: One is neither; `what` says of what it is.
    """
    kept: dict[tuple[Any, bool], JSON] = {}
    for value in values:
        if not isinstance(value, (str, int, float)):
            raise Unservable(f"the value {value!r} {what} is no text or number")
        kept.setdefault((value, isinstance(value, bool)), value)
    return tuple(kept.values())


def _class(cls: type, within: tuple[type, ...]) -> Type:
    if issubclass(cls, enum.Enum):
        members = tuple((member.name, member.value) for member in cls)
        return EnumType(cls.__name__, members)
    if issubclass(cls, os.PathLike):
        return PathType()
    flavour = _flavour(cls)
    if flavour is None or type_names.is_plain(canonical(cls)):
        return _by_name(cls)
    if cls in within:
        raise Unservable(f"{cls.__name__} contains itself")
    fields = tuple(_fields(cls, flavour, (*within, cls)))
    return ObjectType(cls.__name__, fields, flavour, _description(cls))


def _by_name(cls: type) -> Type:
    names = (canonical(base) for base in cls.__mro__[:-1])
    known = next((base for base in names if type_names.is_plain(base)), canonical(cls))
    return type_names.plain_type(known)


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


def _fields(cls: type, flavour: ObjectFlavour, within: tuple[type, ...]) -> list[FieldSpec]:
    hints = class_hints(cls)
    names = [name for name, hint in hints.items() if not is_class_variable(name, hint)]
    if flavour is not ObjectFlavour.TYPED_DICT and dataclasses.is_dataclass(cls):
        # What a subclass that is no dataclass itself, or InitVar, names besides is no field.
        names = [field.name for field in dataclasses.fields(cls) if field.name in names]
    return [_field(cls, name, type_of(hints[name], within), flavour) for name in names]


def is_class_variable(name: str, hint: Live) -> bool:
    """Whether an annotation in a class says that the name is no field."""
    if name == "model_config":
        return True
    return ClassVar in (hint, origin_of(hint)) or type(hint).__name__ == "_ClassVar"


def _field(cls: type, name: str, kind: Type, flavour: ObjectFlavour) -> FieldSpec:
    if flavour is ObjectFlavour.TYPED_DICT:
        return FieldSpec(name, kind)
    if flavour is ObjectFlavour.PYDANTIC:
        known: Live = getattr(cls, "model_fields", None) or getattr(cls, "__fields__", {})
        info = getattr(known.get(name), "field_info", known.get(name))
    else:
        info = getattr(cls, "__dataclass_fields__", {}).get(name)
    return FieldSpec(name, kind, _field_default(info), getattr(info, "description", None))


def _field_default(info: Live) -> JSON:
    factory = getattr(info, "default_factory", None)
    if factory is not None and factory is not dataclasses.MISSING:
        return plain(factory())
    default = getattr(info, "default", dataclasses.MISSING)
    unset = default is ... or type(default).__name__.endswith("UndefinedType")
    if unset or default is dataclasses.MISSING:
        return MISSING
    return plain(default)


def check_members(name: str, declared: Type, default: JSON | Missing) -> None:
    """Refuse the default of the input `name` where it is no member of its Enum.

    Raises:
        Unservable: It is none.
    """
    if isinstance(declared, OptionalType):
        check_members(name, declared.inner, default)
    elif isinstance(declared, ListType) and isinstance(default, list):
        for each in default:
            check_members(name, declared.item, each)
    elif isinstance(declared, DictType) and isinstance(default, dict):
        for each in default.values():
            check_members(name, declared.value, each)
    elif isinstance(declared, EnumType) and default is not None and default is not MISSING:
        values = [value for _, value in declared.members]
        if default not in values:
            wanted = ", ".join(map(repr, values))
            raise Unservable(
                f'the default of "{name}" is {default!r}, which is no member of {declared.name}; '
                f"write one of {wanted}"
            )


def as_declared(declared: Type, value: JSON | Missing) -> JSON | Missing:
    """Return a default or a choice as Cog takes it: a number, where it is written as a text."""
    if isinstance(declared, OptionalType):
        return as_declared(declared.inner, value)
    if isinstance(declared, ListType):
        if isinstance(value, list):
            return [as_declared(declared.item, each) for each in value]
        return as_declared(declared.item, value)
    if isinstance(declared, IntegerType) and isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(declared, (IntegerType, FloatType)) and isinstance(value, str):
        try:
            number = int(value) if isinstance(declared, IntegerType) else float(value)
        except ValueError:
            return value
        return number if abs(number) < math.inf else value
    return value


def is_field_info(value: Live) -> bool:
    """Whether a parameter's default was made by `Input()`."""
    return type(value).__name__ == "FieldInfo"


def plain(value: Live) -> JSON:
    """Return the JSON form of a live value.

    Raises:
        Unservable: It has none.
    """
    try:
        return _plain(value)
    except RecursionError:
        raise Unservable("a value that contains itself has no counterpart in JSON") from None


def _plain(value: Live) -> JSON:
    if isinstance(value, enum.Enum):
        return _plain(value.value)
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, PurePath):
        return str(value)
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (set, frozenset)):
        return [_plain(item) for item in sorted(value, key=repr)]
    if isinstance(value, (list, tuple, range)):
        return [_plain(item) for item in value]
    if type(value).__name__ in ("Secret", "SecretStr"):
        return value.get_secret_value()
    if type(value).__module__ == "numpy":
        return _plain(value.tolist())
    raise Unservable(f"{value!r} has no counterpart in JSON")
