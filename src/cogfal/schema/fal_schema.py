"""Write the schemas of fal's typed endpoint: one of the inputs, one of the answer, and their parts.

They are those that Pydantic would write of models with these fields, which is what fal reads. They
describe; requests are checked by `Validator`, from the same spec. `ui.field` is the hint of fal's
page "Handle inputs and outputs": an upload, a text area, a dice.
"""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Callable, Iterable, Mapping
from enum import Enum
from functools import partial
from typing import Any, Final

from typing_extensions import assert_never

from cogfal.files.names import type_by_name
from cogfal.schema.cog_schema import (
    REF,
    Components,
    Schema,
    given,
    literal_schema,
    present,
    title_of,
)
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


class MediaKind(Enum):
    """What kind of media a file holds, as far as its declaration tells."""

    IMAGE = "image"
    VIDEO = "video"
    AUDIO = "audio"
    FILE = "file"


_NAMED: Final = {
    MediaKind.IMAGE: "image images img imgs picture pictures photo photos mask masks face portrait"
    " frame frames selfie garment sketch thumbnail",
    MediaKind.VIDEO: "video videos movie clip clips footage mp4",
    MediaKind.AUDIO: "audio audios song songs voice speech sound sounds music melody wav mp3 "
    "vocals",
    MediaKind.FILE: "zip tar archive weights checkpoint lora csv json pdf",
}
"""Words in a name that say what a file holds."""

_DESCRIBED: Final = {
    MediaKind.IMAGE: "image images picture photo photograph mask",
    MediaKind.VIDEO: "video videos movie footage",
    MediaKind.AUDIO: "audio speech song music sound wav mp3",
    MediaKind.FILE: _NAMED[MediaKind.FILE],
}
"""The same in a description, which speaks of more than its file."""

_TEXT_AREAS: Final = "prompt prompts text lyrics caption instructions instruction message messages"

EXACT: Final = 2**53
"""Integers beyond it do not survive fal's deploy metadata, which turns numbers into doubles."""

_NAMES: Final = {
    Role.PREDICT: ("PredictInput", "PredictOutput"),
    Role.TRAIN: ("TrainInput", "TrainOutput"),
}
_NULL: Final[Schema] = {"type": "null"}
_SCALARS: Final[Mapping[type[Type], Schema]] = {
    StringType: {"type": "string"},
    SecretType: {"type": "string"},
    IntegerType: {"type": "integer"},
    FloatType: {"type": "number"},
    BooleanType: {"type": "boolean"},
    NullType: _NULL,
    AnyType: {},
    OpaqueType: {"type": "object", "additionalProperties": True},
}
_FILE: Final[Mapping[str, tuple[str, str, Any]]] = {
    "url": ("string", "The URL where the file can be downloaded from.", None),
    "content_type": ("string", "The mime type of the file.", "image/png"),
    "file_name": ("string", "The name of the file.", "z9RV14K95DvU.png"),
    "file_size": ("integer", "The size of the file in bytes.", 4404019),
}
_SIZE: Final[Mapping[str, tuple[str, str, Any]]] = {
    "width": ("integer", "The width of the image in pixels.", 1024),
    "height": ("integer", "The height of the image in pixels.", 1024),
}


def fal_schemas(
    specs: Iterable[PredictorSpec], output_name: str, taken: frozenset[str]
) -> tuple[dict[str, Schema], list[tuple[str, str]]]:
    """Return all components, and for each spec the names of its input's and its answer's.

    Names that are `taken` are prefixed.
    """
    written = Components("Fal", taken)
    names = []
    for spec in specs:
        input_name, answer_name = _NAMES[spec.role]
        inputs = written.add(input_name, spec, partial(_inputs, spec, input_name))
        names.append((inputs, _answer(spec, output_name, answer_name, written)))
    return written.schemas, names


def _titled(schema: Schema, title: str, written: Components) -> Schema:
    """Add a title to a schema, unless it refers to one that has the same."""
    referred = written.schemas.get(schema.get("$ref", "").removeprefix(REF), {})
    return schema if referred.get("title") == title else schema | {"title": title}


def _object(title: str, properties: dict[str, Schema], required: list[str]) -> Schema:
    """Write an object, with the order of its properties as fal adds it to its own documents."""
    schema: Schema = {"properties": properties, "title": title, "type": "object"}
    schema |= {"required": required} if required else {}
    return schema | {"x-fal-order-properties": list(properties)}


def _inputs(spec: PredictorSpec, title: str) -> Schema:
    """Write the inputs: required ones first, each with its Playground hints."""
    ordered = sorted(spec.inputs, key=lambda each: not each.required)
    properties = {each.name: _input(each) for each in ordered}
    return _object(title, properties, [each.name for each in ordered if each.required])


def _answer(spec: PredictorSpec, output_name: str, title: str, written: Components) -> str:
    """Write the answer: an object's own fields, or one called `output_name`."""
    kind = spec.output
    if isinstance(kind, ObjectType):
        return written.add(title, (title, kind), lambda: _fields(kind, title, written))
    hint = media_kind_of_name(output_name) or MediaKind.FILE

    def write() -> Schema:
        schema = _titled(_type(kind, hint, written), title_of(output_name), written)
        return _object(title, {output_name: schema}, [output_name])

    return written.add(title, (title, kind), write)


def _input(each: InputSpec) -> Schema:
    schema = _input_type(each.type, each)
    if each.default is None:
        schema = _or_null(schema)
    schema["title"] = title_of(each.name)
    schema |= present({"description": each.description, "deprecated": each.deprecated or None})
    if not each.required:
        schema["default"] = _shown_default(each)
    return schema | _hints(each)


def _input_type(kind: Type, each: InputSpec) -> Schema:  # noqa: PLR0911 - one line per kind
    match kind:
        case OptionalType(inner):
            return _or_null(_input_type(inner, each))
        case ListType(item):
            return {"type": "array", "items": _input_type(item, each)}
        case _ if each.choices is not None:
            return literal_schema(each.choices)
        case IntegerType():
            least, most = _bound(each.ge, math.ceil), _bound(each.le, math.floor)
            return present({"type": "integer", "minimum": least, "maximum": most})
        case FloatType():
            least, most = _bound(each.ge, float), _bound(each.le, float)
            return present({"type": "number", "minimum": least, "maximum": most})
        case StringType():
            limits = {"minLength": each.min_length, "maxLength": each.max_length}
            return present({"type": "string", **limits, "pattern": each.regex})
        case PathType() | FileType():
            return {"type": "string"}
        case DictType() | ObjectType():
            return dict(_SCALARS[OpaqueType])
        case UnionType(members):
            return _any_of([_input_type(member, each) for member in members])
        case _:
            return _type(kind, MediaKind.FILE, Components("Fal"))


def _bound(bound: float | None, rounded: Callable[[float], Any]) -> Any:
    """Return a bound that fal's metadata keeps; a wider one is no bound worth showing."""
    return None if bound is None or abs(bound) >= EXACT else rounded(bound)


def _hints(each: InputSpec) -> Schema:
    chosen = widget(each)
    hints: Schema = {} if chosen is None else {"ui": {"field": chosen}}
    match given(each.type):
        case PathType() | FileType():
            hints["format"] = "uri"
        case SecretType():
            hints |= {"format": "password", "writeOnly": True}
        case _:
            pass
    return hints


def _shown_default(each: InputSpec) -> JSON:
    """Return the default that the document shows: never a secret, always JSON that survives."""
    kind, value = given(each.type), each.default
    if isinstance(kind, SecretType) or (isinstance(value, float) and not math.isfinite(value)):
        return None
    if type(value) is int and abs(value) >= EXACT:
        return float(value) if abs(value) < sys.float_info.max else None
    return value


def _fields(kind: ObjectType, title: str, written: Components) -> Schema:
    properties = {each.name: _field(each, written) for each in kind.fields}
    required = [each.name for each in kind.fields if each.default is MISSING]
    schema = _object(title, properties, required)
    return schema if kind.description is None else schema | {"description": kind.description}


def _field(each: FieldSpec, written: Components) -> Schema:
    schema = _type(each.type, media_kind_of_name(each.name) or MediaKind.FILE, written)
    if each.default is None:
        schema = _or_null(schema)
    schema = _titled(schema, title_of(each.name), written)
    if each.description is not None:
        schema["description"] = each.description
    return schema if each.default is MISSING else schema | {"default": each.default}


def _type(  # noqa: C901, PLR0911 - one line per kind
    kind: Type, hint: MediaKind, written: Components
) -> Schema:
    """Return the schema of a kind of type; `hint` says what its files are."""
    match kind:
        case (
            StringType() | SecretType() | IntegerType() | FloatType() | BooleanType() | NullType()
            | AnyType() | OpaqueType()
        ):  # fmt: skip
            return dict(_SCALARS[type(kind)])
        case PathType() | FileType():
            return written.refer(hint.name.title(), hint, lambda: _media(hint))
        case LiteralType(values):
            return literal_schema(tuple(dict.fromkeys(values)))
        case EnumType(members=members):
            return literal_schema(tuple(dict.fromkeys(value for _, value in members)))
        case ListType(item):
            return {"type": "array", "items": _type(item, hint, written)}
        case DictType(value):
            return {"type": "object", "additionalProperties": _type(value, hint, written) or True}
        case OptionalType(inner):
            return _or_null(_type(inner, hint, written))
        case UnionType(members):
            return _any_of([_type(member, hint, written) for member in members])
        case ObjectType():
            return written.refer(kind.name, kind, lambda: _fields(kind, kind.name, written))
        case IteratorType(item, concatenate):
            items = {"type": "array", "items": _type(item, hint, written)}
            return {"type": "string"} if concatenate else items
        case _:
            assert_never(kind)


def _or_null(schema: Schema) -> Schema:
    return _any_of([schema, _NULL])


def _any_of(schemas: Iterable[Schema]) -> Schema:
    """Return a choice of these, each of them once, those of a choice by themselves."""
    found: list[Schema] = []
    for schema in schemas:
        for each in schema["anyOf"] if set(schema) == {"anyOf"} else [schema]:
            if each not in found:
                found.append(each)
    return {"anyOf": found} if len(found) > 1 else dict(found[0])


def _media(kind: MediaKind) -> Schema:
    """Describe a file in an answer as fal.toolkit's File, Image, Video and Audio do."""
    fields = {**_FILE, **(_SIZE if kind is MediaKind.IMAGE else {})}
    properties = {}
    for name, (type_name, description, example) in fields.items():
        told: Schema = {"title": title_of(name), "description": description}
        if name == "url":
            properties[name] = {"type": type_name, **told}
        else:
            either = {"anyOf": [{"type": type_name}, _NULL]}
            properties[name] = {**either, **told, "default": None, "examples": [example]}
    schema = _object(kind.name.title(), properties, ["url"])
    return schema if kind is MediaKind.FILE else schema | {"ui": {"field": kind.value}}


def media_kind_of_name(name: str) -> MediaKind | None:
    """Return the kind of media that a field's name states: `mask_image` an image, `weights` none.

    The last word decides, so that `video_mask` is an image and `image_archive` is not.
    """
    return _first(reversed(_words(name)), _NAMED)


def media_kind(each: InputSpec) -> MediaKind:
    """Return what kind of media a file input takes: by `accept`, by name, by description."""
    return (
        _accepted(each.accept)
        or media_kind_of_name(each.name)
        or _first(_words(each.description or ""), _DESCRIBED)
        or MediaKind.FILE
    )


def widget(each: InputSpec) -> str | None:
    """Return the Playground's `ui.field` of an input; None leaves the choice to its type."""
    match _scalar(each.type):
        case PathType() | FileType():
            return media_kind(each).value
        case IntegerType() if each.choices is None and _words(each.name)[-1:] == ["seed"]:
            return "seed"
        case StringType() if each.choices is None and _is_prose(each):
            return "textarea"
        case _:
            return None


def _is_prose(each: InputSpec) -> bool:
    words = _words(each.name)
    return bool(words) and (words[-1] in _TEXT_AREAS.split() or words[0] in ("prompt", "lyrics"))


def _scalar(kind: Type) -> Type:
    match given(kind):
        case ListType(PathType() | FileType() as item):
            return item
        case bare:
            return bare


def _accepted(accept: str | None) -> MediaKind | None:
    """Return the one kind of media that an HTML `accept` list allows."""
    if not accept:
        return None
    kinds = {_kind_of_media_type(part.strip().lower()) for part in accept.split(",")}
    return kinds.pop() if len(kinds) == 1 else MediaKind.FILE


def _kind_of_media_type(part: str) -> MediaKind:
    media_type = type_by_name(f"name{part}") or "" if part[:1] == "." else part
    try:
        return MediaKind(media_type.partition("/")[0])
    except ValueError:
        return MediaKind.FILE


def _first(words: Iterable[str], said: Mapping[MediaKind, str]) -> MediaKind | None:
    """Return the kind of media that the first word which says one speaks of."""
    kinds = {word: kind for kind, names in said.items() for word in names.split()}
    return next((kinds[word] for word in words if word in kinds), None)


def _words(text: str) -> list[str]:
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", text)
    return [word.rstrip("0123456789") for word in re.findall(r"[A-Za-z0-9]+", spaced.lower())]
