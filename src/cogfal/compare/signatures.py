"""Say what a model takes and gives, whoever wrote its OpenAPI document.

Cog of every year, cogfal and Replicate write the same thing in different ways: choices as a
component of their own or in place, null as a mark or as a type. A `Signature` is what remains.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from cogfal.errors import CogfalError
from cogfal.spec import JSON

_BOUNDS: Final = ("minimum", "maximum", "minLength", "maxLength", "pattern")
_DEPTH: Final = 20
NOTHING: Final = object()
"""The default of an input that has none."""


class NoSignature(CogfalError):
    """Report a document that does not say what a model takes."""


@dataclass(frozen=True)
class ValueShape:
    """A kind of value.

    Attributes:
        kind: JSON's word for it, `file`, `secret`, `stream` (an iterator's list), `text` for pieces
            that are joined, `any`, or several with ` | ` between them.
        items: Of a list or stream.
        fields: Of an object that says them.
        required: The fields that are always there.
        choices: The only values, where there are such.
        nullable: Whether null is one.
        bounds: OpenAPI's `minimum`, `maximum`, `minLength`, `maxLength` and `pattern`.
    """

    kind: str
    items: ValueShape | None = None
    fields: Mapping[str, ValueShape] = field(default_factory=dict)
    required: frozenset[str] = frozenset()
    choices: tuple[JSON, ...] | None = None
    nullable: bool = False
    bounds: Mapping[str, JSON] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Its name in a sentence, such as `array of file`."""
        return f"{self.kind} of {self.items.name}" if self.items is not None else self.kind


@dataclass(frozen=True)
class Input:
    """One input: its kind, whether it must be given, and what it is where it is not."""

    shape: ValueShape
    required: bool
    default: JSON = NOTHING


@dataclass(frozen=True)
class Signature:
    """What a model takes and gives."""

    inputs: Mapping[str, Input]
    output: ValueShape

    @property
    def secrets(self) -> frozenset[str]:
        """The inputs that must be shown and written nowhere."""
        return frozenset(n for n, each in self.inputs.items() if "secret" in each.shape.kind)


def signature_of(document: Mapping[str, Any]) -> Signature:
    """Read the signature from the OpenAPI document of a Cog server, an app, or Replicate.

    Raises:
        NoSignature: It has no `Input` among its components.
    """
    schemas = _mapping(_mapping(document.get("components")).get("schemas"))
    if "Input" not in schemas:
        raise NoSignature("the OpenAPI document has no components.schemas.Input")
    reader = _SchemaReader(schemas)
    taken = _mapping(schemas["Input"])
    required = taken.get("required", [])
    properties = sorted(
        _mapping(taken.get("properties")).items(),
        key=lambda each: _mapping(each[1]).get("x-order", 0),
    )
    inputs = {name: _input(reader.shape(node), node, name in required) for name, node in properties}
    return Signature(inputs, reader.shape(schemas.get("Output", {})))


def _input(shape: ValueShape, node: Mapping[str, Any], required: bool) -> Input:
    """Read an input; one that is optional and has no default is null where it is left out."""
    return Input(shape, required, node.get("default", NOTHING if required else None))


class _SchemaReader:
    def __init__(self, schemas: Mapping[str, Any]) -> None:
        self._schemas = schemas

    def shape(self, node: Any, depth: int = 0) -> ValueShape:
        """Read a schema; one that is nested without end is `any`."""
        if depth > _DEPTH or not isinstance(node, Mapping):
            return ValueShape("any")
        node = self._resolved(node, depth)
        members = [each for key in ("anyOf", "oneOf") for each in node.get(key, [])]
        if members:
            return self._union(node, [self.shape(each, depth + 1) for each in members])
        kinds = node.get("type")
        if isinstance(kinds, list):
            return self._union(node, [self.shape({**node, "type": k}, depth + 1) for k in kinds])
        return self._plain(node, depth)

    def _resolved(self, node: Mapping[str, Any], depth: int) -> Mapping[str, Any]:
        """Follow a reference, alone or in an `allOf`, keeping what stands beside it."""
        for reference in [node, *node.get("allOf", [])]:
            name = str(_mapping(reference).get("$ref", "")).rpartition("/")[2]
            if name in self._schemas and depth <= _DEPTH:
                beside = {k: v for k, v in node.items() if k not in ("$ref", "allOf", "title")}
                target = _mapping(self._schemas[name])
                return {**self._resolved(target, depth + 1), **beside}
        return node

    def _union(self, node: Mapping[str, Any], members: list[ValueShape]) -> ValueShape:
        kept = [each for each in members if each.kind != "null"]
        nullable = len(kept) < len(members) or bool(node.get("nullable"))
        nullable = nullable or any(each.nullable for each in kept)
        if len(kept) == 1:
            only = kept[0]
            bounds = {**only.bounds, **_bounds(node)}
            return ValueShape(
                only.kind, only.items, only.fields, only.required, only.choices, nullable, bounds
            )
        return ValueShape(
            " | ".join(sorted({each.name for each in kept})) or "null", nullable=nullable
        )

    def _plain(self, node: Mapping[str, Any], depth: int) -> ValueShape:
        choices = node.get("enum") or ([node["const"]] if "const" in node else None)
        properties = _mapping(node.get("properties"))
        is_list = node.get("type") == "array"
        return ValueShape(
            kind=_kind(node),
            items=self.shape(node.get("items", {}), depth + 1) if is_list else None,
            fields={name: self.shape(each, depth + 1) for name, each in properties.items()},
            required=frozenset(map(str, node.get("required", []))) if properties else frozenset(),
            choices=tuple(choices) if choices is not None else None,
            nullable=bool(node.get("nullable")),
            bounds=_bounds(node),
        )


_MARKS: Final = (
    ("x-cog-secret", True, "secret"),
    ("format", "password", "secret"),
    ("format", "uri", "file"),
    ("x-cog-array-display", "concatenate", "text"),
    ("x-cog-array-type", "iterator", "stream"),
)
_KIND_OF: Final = {bool: "boolean", int: "integer", float: "number"}


def _kind(node: Mapping[str, Any]) -> str:
    for mark, value, kind in _MARKS:
        if node.get(mark) == value:
            return kind
    if isinstance(node.get("type"), str):
        return str(node["type"])
    return _KIND_OF.get(type(node["enum"][0]), "string") if node.get("enum") else "any"


def _bounds(node: Mapping[str, Any]) -> dict[str, JSON]:
    """Return the bounds; a document may write those of an integer as 1.0."""
    return {name: _whole(node[name]) for name in _BOUNDS if node.get(name) is not None}


def _whole(bound: JSON) -> JSON:
    return int(bound) if isinstance(bound, float) and bound.is_integer() else bound


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
