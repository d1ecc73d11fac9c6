"""Write the schemas by which Cog's callers know a model: `Input`, `Output` and their parts.

They are those of Cog 0.16, the last release that wrote them from Python; kinds of type that it
refused are written as the current Cog writes them. Differences: docs/differences.md.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
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
    InputSpec,
    IntegerType,
    IteratorType,
    ListType,
    LiteralType,
    NullType,
    ObjectType,
    OpaqueType,
    OptionalType,
    PathType,
    PredictorSpec,
    Role,
    SecretType,
    StringType,
    Type,
    UnionType,
)

Schema: TypeAlias = dict[str, Any]

REF: Final = "#/components/schemas/"
_ENUMERATION: Final = "An enumeration."
_OBJECT: Final = {"type": "object"}
_SECRET: Final = {"type": "string", "format": "password", "writeOnly": True, "x-cog-secret": True}
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

_NAMES = {Role.PREDICT: ("Input", "Output"), Role.TRAIN: ("TrainingInput", "TrainingOutput")}
_RESERVED: Final = frozenset(
    {"HTTPValidationError", "PredictionRequest", "PredictionResponse", "Status", "TrainingRequest"}
    | {"TrainingResponse", "ValidationError", "WebhookEvent"}
    | {"Input", "Output", "TrainingInput", "TrainingOutput"}
)
"""Components of Cog's document that are called so for every model."""


@dataclass
class Components:
    """The named schemas of one document.

    Attributes:
        prefix: Put before a name that is `reserved`.
        reserved: Names that the rest of the document has.
        schemas: What is written so far.
    """

    prefix: str
    reserved: frozenset[str] = frozenset()
    schemas: dict[str, Schema] = field(default_factory=dict)
    _owners: dict[str, object] = field(default_factory=dict)

    def add(self, name: str, owner: object, write: Callable[[], Schema]) -> str:
        """Write the schema of `owner`, unless it is there, and return its name.

        It is numbered where something else has the name.
        """
        base = f"{self.prefix}{name}" if name in self.reserved else name
        chosen, number = base, 1
        while self._owners.get(chosen, owner) != owner:
            number += 1
            chosen = f"{base}__{number}"
        if chosen not in self._owners:
            # Taken before it is written: the parts of the schema may ask for the same name.
            self._owners[chosen] = owner
            self.schemas[chosen] = write()
        return chosen

    def refer(self, name: str, owner: object, write: Callable[[], Schema]) -> Schema:
        """Return a reference to the schema of `owner`, which `write` makes on first use."""
        return {"$ref": REF + self.add(name, owner, write)}


def components(spec: PredictorSpec, train_spec: PredictorSpec | None = None) -> dict[str, Schema]:
    """Return `Input` and `Output` (`TrainingInput`, `TrainingOutput`) with what they refer to.

    Args:
        spec: The predictor.
        train_spec: The trainer of the same model, where there is one.
    """
    specs = [spec] if train_spec is None else [spec, train_spec]
    names = _choice_names(spec, train_spec)
    result: dict[str, Schema] = {}
    written = Components(f"{PurePosixPath(spec.path).stem}__", _RESERVED)
    for each in specs:
        input_name, output_name = _NAMES[each.role]
        result[input_name] = _input_component(each, names[each.role], written)
        result[output_name] = _output_component(each.output, output_name, written)
        result |= _choice_components(each, names[each.role])
    return result | written.schemas


def _choice_names(
    spec: PredictorSpec, train_spec: PredictorSpec | None
) -> Mapping[Role, Mapping[str, str]]:
    """Name the component of every input with choices; predictor and trainer share equal ones."""
    predict = {each.name: _choices(each) for each in spec.inputs}
    train = {each.name: _choices(each) for each in train_spec.inputs} if train_spec else {}
    names: dict[Role, dict[str, str]] = {Role.PREDICT: {}, Role.TRAIN: {}}
    for role, mine, other, number in (
        (spec.role, predict, train, 2),
        (Role.TRAIN, train, predict, 1),
    ):
        for name, values in mine.items():
            clashes = other.get(name) is not None and other[name] != values
            names[role][name] = f"cog__predictor__{name}__{number}" if clashes else name
    return names


def _choice_components(spec: PredictorSpec, names: Mapping[str, str]) -> dict[str, Schema]:
    result = {}
    for each in spec.inputs:
        values = _choices(each)
        if values is None or (spec.role is Role.TRAIN and _literal(each.type)):
            continue
        description = each.description if _literal(each.type) else None
        result[names[each.name]] = enum_component(values, each.name, description)
    return result


def _input_component(spec: PredictorSpec, names: Mapping[str, str], written: Components) -> Schema:
    properties = {
        each.name: _property(each, order, names[each.name], spec.role, written)
        for order, each in enumerate(spec.inputs)
    }
    schema: Schema = {"properties": properties, "type": "object"}
    required = [each.name for each in spec.inputs if each.required]
    if required:
        schema["required"] = required
    return schema | {"title": _NAMES[spec.role][0]}


def _property(each: InputSpec, order: int, name: str, role: Role, written: Components) -> Schema:
    if _choices(each) is None or (role is Role.TRAIN and _literal(each.type)):
        schema = input_schema(each.type, written) | {"title": title_of(each.name)}
        return schema | _told(each) | {"x-order": order}
    if _literal(each.type):
        return {"allOf": [{"$ref": REF + name}], "x-order": order}
    reference: Schema = {"$ref": REF + name}
    match each.type:
        case ListType() | OptionalType(ListType()):
            schema = {"items": reference, "type": "array", "title": title_of(each.name)}
        case _:
            schema = reference if role is Role.TRAIN else {"allOf": [reference]}
    nullable = {"nullable": True} if isinstance(each.type, OptionalType) else {}
    return schema | nullable | _told(each) | {"x-order": order}


def _told(each: InputSpec) -> Schema:
    """Return what `Input()` was told, except the choices."""
    bounds = {"ge": each.ge, "le": each.le}  # beside choices, Cog 0.16 left them as they are
    if each.choices is None or isinstance(each.type, ListType | OptionalType):
        names = (("minimum", each.ge), ("maximum", each.le))
        bounds = {name: None if bound is None else float(bound) for name, bound in names}
    told = {
        "description": each.description,
        **bounds,
        "minLength": each.min_length,
        "maxLength": each.max_length,
        "pattern": each.regex,
        "deprecated": each.deprecated or None,
        "x-cog-accept": each.accept,
    }
    default = {} if isinstance(given(each.type), SecretType) else default_entry(each.default)
    return present(told) | default


def present(entries: Schema) -> Schema:
    """Return those entries of a schema that say something: all that are not None."""
    return {name: value for name, value in entries.items() if value is not None}


def _output_component(kind: Type, name: str, written: Components) -> Schema:
    match kind:
        case ObjectType() if kind.name == name:
            return object_schema(kind, written)
        case ObjectType() if kind.name in ("Output", "TrainingOutput"):
            inherited = object_schema(kind, written, title=name)
            inherited.pop("description", None)
            return inherited
        case _:
            schema = output_schema(kind, written)
            if "enum" in schema:
                schema["description"] = _ENUMERATION
            return schema if "$ref" in schema else schema | {"title": name}


def _choices(each: InputSpec) -> tuple[object, ...] | None:
    """Return the values of an input that has a component for its choices."""
    if each.choices is not None:
        return each.choices
    match given(each.type):
        case LiteralType(values) if len(values) > 1:
            return values
        case EnumType(members=members):
            return tuple(dict.fromkeys(value for _, value in members))
        case _:
            return None


def _literal(kind: Type) -> bool:
    return isinstance(given(kind), LiteralType)


def given(kind: Type) -> Type:
    """Return what an optional value is where it is given; any other type is its own."""
    return kind.inner if isinstance(kind, OptionalType) else kind


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
            return dict(_SECRET)
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
        "properties": {each.name: _field(each, components) for each in kind.fields}
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


def _field(each: FieldSpec, components: Components) -> Schema:
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


def _without_none(value: JSON) -> JSON:
    match value:
        case dict():
            return {key: _without_none(each) for key, each in value.items() if each is not None}
        case list() | tuple():
            return [_without_none(each) for each in value]
        case _:
            return value
