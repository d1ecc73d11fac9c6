"""Turn a class of the project into the type that it describes: an object, an Enum, a path."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable, Iterator
from typing import Final

from cogfal.inspection import attributes
from cogfal.inspection.constants import to_json
from cogfal.inspection.externals import external_type
from cogfal.inspection.values import (
    Call,
    ClassValue,
    External,
    Scope,
    Unknown,
    Unresolved,
    Unsupported,
    Value,
    mro,
)
from cogfal.inspection.world import World
from cogfal.spec import (
    JSON,
    MISSING,
    EnumType,
    FieldSpec,
    Missing,
    ObjectFlavour,
    ObjectType,
    Type,
)

_FLAVOURS: Final = {
    "cog.BaseModel": ObjectFlavour.COG,
    "pydantic.BaseModel": ObjectFlavour.PYDANTIC,
    "pydantic.main.BaseModel": ObjectFlavour.PYDANTIC,
    "pydantic.v1.BaseModel": ObjectFlavour.PYDANTIC,
    "pydantic.RootModel": ObjectFlavour.PYDANTIC,
    "typing.TypedDict": ObjectFlavour.TYPED_DICT,
    "typing_extensions.TypedDict": ObjectFlavour.TYPED_DICT,
}
_DATACLASS: Final = frozenset({"dataclasses.dataclass", "pydantic.dataclasses.dataclass"})

Read = Callable[[ast.expr | None, Scope], Type]


def class_type(world: World, cls: ClassValue, read: Read) -> Type:
    """Return the type that a class describes; `read` reads its fields' annotations.

    Raises:
        Unresolved: It describes none, or not all of it is told by the text.
    """
    if attributes.is_enum(cls):
        return _enum(cls)
    flavour = _flavour(cls)
    if flavour is None:
        return _by_base(cls)
    fields = _fields(world, cls, flavour, read)
    return ObjectType(cls.name, tuple(fields), flavour, description(cls.node))


def description(node: ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) -> str | None:
    """Return the docstring, None where there is none or it is empty."""
    text = ast.get_docstring(node, clean=False)
    return (inspect.cleandoc(text) or None) if text else None


def _enum(cls: ClassValue) -> EnumType:
    members: list[tuple[str, str | int | float | bool]] = []
    for name, member in attributes.enum_members(cls).items():
        if not isinstance(member.value, str | int | float):
            raise Unresolved(f"the value of {cls.name}.{name} is no text or number")
        if all(member.value != value for _, value in members):
            members.append((name, member.value))
    return EnumType(cls.name, tuple(members))


def _flavour(cls: ClassValue) -> ObjectFlavour | None:
    for base in mro(cls):
        if isinstance(base, External) and base.canonical in _FLAVOURS:
            return _FLAVOURS[base.canonical]
    decorated = any(isinstance(base, ClassValue) and _is_dataclass(base) for base in mro(cls))
    return ObjectFlavour.DATACLASS if decorated else None


def _is_dataclass(cls: ClassValue) -> bool:
    return any(isinstance(d, External) and d.canonical in _DATACLASS for d in cls.decorators)


def _by_base(cls: ClassValue) -> Type:
    """Return the type of a class that extends a type outside the project, such as a path."""
    for base in mro(cls)[1:]:
        if isinstance(base, External) and base.canonical not in ("builtins.object", "cog.Opaque"):
            return external_type(base)
    raise Unsupported(f"the class {cls.name} describes no fields")


def _fields(
    world: World, cls: ClassValue, flavour: ObjectFlavour, read: Read
) -> Iterator[FieldSpec]:
    found: dict[str, FieldSpec] = {}
    for base in reversed(mro(cls)):
        if isinstance(base, ClassValue):
            for statement in base.node.body:
                name = _field_name(statement)
                if name and isinstance(statement, ast.AnnAssign):
                    type_ = read(statement.annotation, base.scope)
                    found[name] = _field(world, name, type_, base, flavour)
    yield from found.values()


def _field_name(statement: ast.stmt) -> str | None:
    if not isinstance(statement, ast.AnnAssign) or not isinstance(statement.target, ast.Name):
        return None
    annotation = statement.annotation
    called = annotation.value if isinstance(annotation, ast.Subscript) else annotation
    is_class_variable = ast.unparse(called).rpartition(".")[2] == "ClassVar"
    name = statement.target.id
    return None if is_class_variable or name.startswith("_") or name == "model_config" else name


def _field(
    world: World, name: str, type_: Type, cls: ClassValue, flavour: ObjectFlavour
) -> FieldSpec:
    if flavour is ObjectFlavour.TYPED_DICT or name not in cls.scope.names:
        return FieldSpec(name, type_)
    value = cls.scope.names[name]
    text = None
    if isinstance(value, Call):
        text = value.keywords.get("description")
        if isinstance(text, Unknown):
            raise text.error
        value = _called_default(world, value)
    default: JSON | Missing = MISSING
    if value is not MISSING and value is not ...:
        default = to_json(world, value)
    return FieldSpec(name, type_, default, text if isinstance(text, str) else None)


def _called_default(world: World, call: Call) -> Value:
    factory = call.keywords.get("default_factory")
    if factory is not None:
        return world.call(factory, [], {})
    if call.positional:
        return call.positional[0]
    return call.keywords.get("default", MISSING)
