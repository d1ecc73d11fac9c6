"""Write the schemas by which Cog's callers know a model: `Input`, `Output` and their parts.

They are those of Cog 0.16, the last release that wrote them from Python; kinds of type that it
refused are written as the current Cog writes them. Differences: docs/differences.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePosixPath

from cogfal.schema.json_types import (
    REF,
    Components,
    Schema,
    default_entry,
    enum_component,
    input_schema,
    object_schema,
    output_schema,
    title_of,
)
from cogfal.spec import (
    EnumType,
    InputSpec,
    ListType,
    LiteralType,
    ObjectType,
    OptionalType,
    PredictorSpec,
    Role,
    SecretType,
    Type,
)

ENVELOPES = (
    "HTTPValidationError",
    "PredictionRequest",
    "PredictionResponse",
    "Status",
    "TrainingRequest",
    "TrainingResponse",
    "ValidationError",
    "WebhookEvent",
)
"""Components of Cog's document that are the same for every model."""

_NAMES = {Role.PREDICT: ("Input", "Output"), Role.TRAIN: ("TrainingInput", "TrainingOutput")}
_RESERVED = frozenset({*ENVELOPES, "Input", "Output", "TrainingInput", "TrainingOutput"})


def components(spec: PredictorSpec, train_spec: PredictorSpec | None = None) -> dict[str, Schema]:
    """Return `Input` and `Output` (`TrainingInput`, `TrainingOutput`) with what they refer to.

    Args:
        spec: The predictor.
        train_spec: The trainer of the same model, where there is one.
    """
    specs = [spec] if train_spec is None else [spec, train_spec]
    names = _choice_names(spec, train_spec)
    result: dict[str, Schema] = {}
    written = Components(PurePosixPath(spec.path).stem, _RESERVED)
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
    default = {} if _secret(each.type) else default_entry(each.default)
    return {name: value for name, value in told.items() if value is not None} | default


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
                schema["description"] = "An enumeration."
            return schema if "$ref" in schema else schema | {"title": name}


def _choices(each: InputSpec) -> tuple[object, ...] | None:
    """Return the values of an input that has a component for its choices."""
    if each.choices is not None:
        return each.choices
    kind = each.type.inner if isinstance(each.type, OptionalType) else each.type
    match kind:
        case LiteralType(values) if len(values) > 1:
            return values
        case EnumType(members=members):
            return tuple(dict.fromkeys(value for _, value in members))
        case _:
            return None


def _literal(kind: Type) -> bool:
    inner = kind.inner if isinstance(kind, OptionalType) else kind
    return isinstance(inner, LiteralType)


def _secret(kind: Type) -> bool:
    inner = kind.inner if isinstance(kind, OptionalType) else kind
    return isinstance(inner, SecretType)
