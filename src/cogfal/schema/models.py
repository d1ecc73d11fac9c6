"""Build the Pydantic models of fal's typed endpoint: one for the inputs, one for the answer.

They document the endpoint; requests are checked by `Validator`, from the same spec.
"""

from __future__ import annotations

import keyword
import math
import sys
from collections.abc import Callable
from typing import Annotated, Any, Final, Literal, Optional, Union

from pydantic import BaseModel, ConfigDict, Field, create_model
from typing_extensions import assert_never

from cogfal.schema.json_types import title_of
from cogfal.schema.media import MEDIA
from cogfal.schema.patterns import is_linear
from cogfal.schema.widgets import MediaKind, media_kind_of_name, widget
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

EXACT: Final = 2**53
"""Integers beyond it do not survive fal's deploy metadata, which turns numbers into doubles."""

_MODEL_NAMES = {
    Role.PREDICT: ("PredictInput", "PredictOutput"),
    Role.TRAIN: ("TrainInput", "TrainOutput"),
}


def input_model(spec: PredictorSpec) -> type[BaseModel]:
    """Return the model of the inputs: required ones first, each with its Playground hints."""
    ordered = sorted(spec.inputs, key=lambda each: not each.required)
    fields = {}
    for number, each in enumerate(ordered):
        fields[_attribute(each.name, number)] = (_input_annotation(each), _input_field(each))
    return _model(_MODEL_NAMES[spec.role][0], fields)


def output_model(spec: PredictorSpec, output_name: str = "output") -> type[BaseModel]:
    """Return the model of the answer: an object's own fields, or one called `output_name`."""
    name = _MODEL_NAMES[spec.role][1]
    kind = spec.output
    if isinstance(kind, ObjectType):
        return _object(kind, name)
    hint = media_kind_of_name(output_name) or MediaKind.FILE
    field = Field(title=title_of(output_name), alias=output_name)
    return _model(name, {_attribute(output_name, 0): (_annotation(kind, hint), field)})


def _model(name: str, fields: dict[str, Any], description: str | None = None) -> type[BaseModel]:
    extra = {} if description is None else {"description": description}
    config = ConfigDict(
        json_schema_extra=dict(extra), populate_by_name=True, protected_namespaces=()
    )
    return create_model(name, __config__=config, **fields)


def _attribute(name: str, number: int) -> str:
    """Return a name that a model's attribute may have; the alias is always the author's."""
    usable = name.isidentifier() and not name.startswith("_") and not keyword.iskeyword(name)
    return name if usable and not hasattr(BaseModel, name) else f"field_{number}"


def _input_annotation(each: InputSpec) -> Any:
    annotation = _input_type(each.type, each)
    nullable = each.default is None and not isinstance(each.type, OptionalType)
    return Optional[annotation] if nullable else annotation  # noqa: UP045 - built at run time


def _input_type(kind: Type, each: InputSpec) -> Any:  # noqa: PLR0911 - one line per kind
    match kind:
        case OptionalType(inner):
            return Optional[_input_type(inner, each)]  # noqa: UP045 - built at run time
        case ListType(item):
            return list[_input_type(item, each)]  # type: ignore[misc]  # built at run time
        case _ if each.choices is not None:
            return Literal[each.choices]
        case IntegerType():
            low, high = _bound(each.ge, math.ceil), _bound(each.le, math.floor)
            return Annotated[int, Field(ge=low, le=high)]
        case FloatType():
            return Annotated[float, Field(ge=_bound(each.ge, float), le=_bound(each.le, float))]
        case StringType():
            return Annotated[str, _length_and_pattern(each)]
        case PathType() | FileType() | SecretType():
            return str
        case DictType() | ObjectType():
            return dict[str, Any]
        case UnionType(members):
            return Union[tuple(_input_type(member, each) for member in members)]  # noqa: UP007
        case _:
            return _annotation(kind, MediaKind.FILE)


def _bound(bound: float | None, rounded: Callable[[float], Any]) -> Any:
    """Return a bound that fal's metadata keeps; a wider one is no bound worth showing."""
    return None if bound is None or abs(bound) >= EXACT else rounded(bound)


def _length_and_pattern(each: InputSpec) -> Any:
    known = each.regex is None or is_linear(each.regex)
    return Field(
        min_length=each.min_length,
        max_length=each.max_length,
        pattern=each.regex if known else None,
        # What Pydantic's engine does not know is shown here and checked by Validator.
        json_schema_extra=None if known else {"pattern": each.regex},
    )


def _input_field(each: InputSpec) -> Any:
    default = ... if each.required else _shown_default(each)
    return Field(
        default=default,
        alias=each.name,
        title=title_of(each.name),
        description=each.description,
        deprecated=each.deprecated or None,
        json_schema_extra=_hints(each),
    )


def _hints(each: InputSpec) -> dict[str, Any]:
    chosen = widget(each)
    hints: dict[str, Any] = {} if chosen is None else {"ui": {"field": chosen}}
    match each.type:
        case PathType() | FileType() | OptionalType(PathType() | FileType()):
            hints["format"] = "uri"
        case SecretType() | OptionalType(SecretType()):
            hints |= {"format": "password", "writeOnly": True}
        case _:
            pass
    return hints


def _shown_default(each: InputSpec) -> JSON:
    """Return the default that the document shows: never a secret, always JSON that survives."""
    if isinstance(each.type, SecretType | OptionalType) and _is_secret(each.type):
        return None
    value = each.default
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if type(value) is int and abs(value) >= EXACT:
        return float(value) if abs(value) < sys.float_info.max else None
    return value


def _is_secret(kind: Type) -> bool:
    return isinstance(kind.inner if isinstance(kind, OptionalType) else kind, SecretType)


def _object(kind: ObjectType, name: str) -> type[BaseModel]:
    fields = {
        _attribute(each.name, number): (_field_annotation(each), _output_field(each))
        for number, each in enumerate(kind.fields)
    }
    return _model(name, fields, kind.description)


def _field_annotation(each: FieldSpec) -> Any:
    annotation = _annotation(each.type, media_kind_of_name(each.name) or MediaKind.FILE)
    return Optional[annotation] if each.default is None else annotation  # noqa: UP045 - as above


def _output_field(each: FieldSpec) -> Any:
    default = ... if each.default is MISSING else each.default
    return Field(
        default=default, alias=each.name, title=title_of(each.name), description=each.description
    )


def _annotation(  # noqa: C901, PLR0911, PLR0912 - one line per kind
    kind: Type, hint: MediaKind
) -> Any:
    """Return the annotation of a kind of type; `hint` says what its files are."""
    match kind:
        case StringType() | SecretType():
            return str
        case IntegerType():
            return int
        case FloatType():
            return float
        case BooleanType():
            return bool
        case AnyType():
            return Any
        case NullType():
            return type(None)
        case PathType() | FileType():
            return MEDIA[hint]
        case OpaqueType():
            return dict[str, Any]
        case LiteralType(values):
            return Literal[values]
        case EnumType(members=members):
            return Literal[tuple(dict.fromkeys(value for _, value in members))]
        case ListType(item):
            return list[_annotation(item, hint)]  # type: ignore[misc]  # built at run time
        case DictType(value):
            return dict[str, _annotation(value, hint)]  # type: ignore[misc]  # built at run time
        case OptionalType(inner):
            return Optional[_annotation(inner, hint)]  # noqa: UP045 - built at run time
        case UnionType(members):
            return Union[tuple(_annotation(member, hint) for member in members)]  # noqa: UP007
        case ObjectType():
            return _object(kind, kind.name)
        case IteratorType(item, concatenate):
            return str if concatenate else list[_annotation(item, hint)]  # type: ignore[misc]
        case _:
            assert_never(kind)
