"""Write each kind of type as the JSON schema that Cog gives it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from typing_extensions import assert_never

from cogfal.spec import (
    JSON,
    MISSING,
    AnyType,
    BooleanType,
    DictType,
    EnumType,
    FieldSpec,
    FileType,
    FloatType,
    IntegerType,
    IteratorType,
    ListType,
    LiteralType,
    NullType,
    ObjectType,
    OpaqueType,
    OptionalType,
    PathType,
    SecretType,
    StringType,
    Type,
    UnionType,
)

Schema: TypeAlias = dict[str, Any]

REF: Final = "#/components/schemas/"
_ENUMERATION = "An enumeration."


@dataclass
class Components:
    """The named schemas of one document; `reserved` names are kept for the document itself."""

    module: str
    reserved: frozenset[str] = frozenset()
    schemas: dict[str, Schema] = field(default_factory=dict)
    _owners: dict[str, object] = field(default_factory=dict)

    def refer(self, name: str, owner: object, write: Callable[[], Schema]) -> Schema:
        """Return a reference to the schema of `owner`, which `write` makes on first use."""
        chosen = self._free_name(name, owner)
        if chosen not in self._owners:
            self._owners[chosen] = owner
            self.schemas[chosen] = write()
        return {"$ref": REF + chosen}

    def _free_name(self, name: str, owner: object) -> str:
        """Return `name`, qualified where something else has it."""
        base = f"{self.module}__{name}" if name in self.reserved else name
        chosen, number = base, 1
        while self._owners.get(chosen, owner) != owner:
            number += 1
            chosen = f"{base}__{number}"
        return chosen


def title_of(name: str) -> str:
    """Return the title that Pydantic makes of a field's name."""
    return name.title().replace("_", " ").strip()


def output_schema(  # noqa: C901, PLR0911, PLR0912 - one line per kind
    kind: Type, components: Components
) -> Schema:
    """Return the JSON schema of an output or of a part of one, objects as components."""
    match kind:
        case StringType() | IntegerType() | FloatType() | BooleanType() | NullType():
            return {"type": _SCALARS[type(kind)]}
        case AnyType():
            return {}
        case PathType() | FileType():
            return {"type": "string", "format": "uri"}
        case SecretType():
            return _secret()
        case OpaqueType():
            return {"type": "object"}
        case LiteralType(values):
            return literal_schema(values)
        case EnumType():
            return _enum(kind, components)
        case ListType(item):
            return {"items": output_schema(item, components), "type": "array"}
        case DictType(value):
            return {"additionalProperties": output_schema(value, components) or True} | _OBJECT
        case OptionalType(inner):
            return output_schema(inner, components) | {"nullable": True}
        case UnionType(members):
            return {"anyOf": [output_schema(member, components) for member in members]}
        case ObjectType():
            return components.refer(kind.name, kind, lambda: object_schema(kind, components))
        case IteratorType():
            return _iterator(kind, components)
        case _:
            assert_never(kind)


def input_schema(kind: Type, components: Components) -> Schema:
    """Return the JSON schema of an input: as of an output, but objects are bare ones."""
    match kind:
        case AnyType() | OpaqueType() | DictType() | ObjectType():
            return {"type": "object"}
        case ListType(item):
            return {"items": input_schema(item, components), "type": "array"}
        case OptionalType(inner):
            return input_schema(inner, components) | {"nullable": True}
        case UnionType(members):
            return {"anyOf": [input_schema(member, components) for member in members]}
        case _:
            return output_schema(kind, components)


def object_schema(kind: ObjectType, components: Components, title: str | None = None) -> Schema:
    """Return the JSON schema of an object itself, not a reference to it."""
    schema: Schema = {
        "properties": {each.name: _property(each, components) for each in kind.fields}
    } | _OBJECT
    if any(each.required for each in kind.fields):
        # An optional field that must be given is, as Cog writes it, neither: the list may be empty.
        schema["required"] = [
            each.name
            for each in kind.fields
            if each.required and not isinstance(each.type, OptionalType)
        ]
    schema["title"] = title or kind.name
    if kind.description is not None:
        schema["description"] = kind.description
    return schema


def literal_schema(values: tuple[Any, ...]) -> Schema:
    """Return the JSON schema of one value, or of a choice of several."""
    names = {_JSON_NAMES[type(value)] for value in values}
    schema: Schema = {"type": names.pop()} if len(names) == 1 else {}
    if len(values) == 1:
        return schema | {"const": values[0]}
    return schema | {"enum": list(values)}


def enum_component(values: tuple[Any, ...], title: str, description: str | None = None) -> Schema:
    """Return the component of a choice, with the description that Cog gives it."""
    schema = literal_schema(values)
    schema.pop("const", None)
    return schema | {
        "enum": list(values),
        "title": title,
        "description": _ENUMERATION if description is None else description,
    }


def default_entry(default: JSON) -> Schema:
    """Return the `default` of a property; none for None and for what JSON cannot say."""
    if default is MISSING or default is None:
        return {}
    if isinstance(default, float) and not math.isfinite(default):
        return {}
    return {"default": _without_none(default)}


def _property(each: FieldSpec, components: Components) -> Schema:
    schema = output_schema(each.type, components)
    if "$ref" not in schema:
        schema["title"] = title_of(each.name)
    if each.description is not None:
        schema["description"] = each.description
    return schema | default_entry(each.default)


def _enum(kind: EnumType, components: Components) -> Schema:
    values = tuple(dict.fromkeys(value for _, value in kind.members))
    return components.refer(kind.name, kind, lambda: enum_component(values, kind.name))


def _iterator(kind: IteratorType, components: Components) -> Schema:
    item: Type = StringType() if kind.concatenate else kind.item
    schema = {
        "items": output_schema(item, components),
        "type": "array",
        "x-cog-array-type": "iterator",
    }
    return schema | ({"x-cog-array-display": "concatenate"} if kind.concatenate else {})


def _secret() -> Schema:
    return {"type": "string", "format": "password", "writeOnly": True, "x-cog-secret": True}


def _without_none(value: JSON) -> JSON:
    match value:
        case dict():
            return {key: _without_none(each) for key, each in value.items() if each is not None}
        case list() | tuple():
            return [_without_none(each) for each in value]
        case _:
            return value


_OBJECT: Final = {"type": "object"}
_SCALARS: Final = {
    StringType: "string",
    IntegerType: "integer",
    FloatType: "number",
    BooleanType: "boolean",
    NullType: "null",
}
_JSON_NAMES: Final = {
    str: "string",
    int: "integer",
    float: "number",
    bool: "boolean",
    type(None): "null",
}
