"""Say what a model takes and gives, and which changes of that break those who call it.

Cog of every year, cogfal and Replicate write the same thing in different ways: choices as a
component of their own or in place, null as a mark or as a type. A `Signature` is what remains.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
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


ANY: Final = ValueShape("any")


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
            return ANY
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


class Verdict(str, Enum):
    """What a change does to callers."""

    SAME = "same"
    COMPATIBLE = "compatible"
    BREAKING = "breaking"


@dataclass(frozen=True)
class Change:
    """One difference; `place` is an input's name, or `output` with the field in it."""

    place: str
    verdict: Verdict
    what: str


_LOWER: Final = ("minimum", "minLength")
_WIDER: Final = {"integer": ("number",), "file": ("string",)}
"""The kinds that take every value of a kind."""


def compare_signatures(before: Signature, after: Signature) -> list[Change]:
    """Return how `after` differs from `before`, input by input; none where it is the same."""
    changes: list[Change] = []
    for name in {**before.inputs, **after.inputs}:
        found = _input_changes(before.inputs.get(name), after.inputs.get(name))
        changes += (Change(name, *each) for each in found)
    return [*changes, *_output_changes("output", before.output, after.output)]


def verdict_of(changes: list[Change]) -> Verdict:
    """Return the worst of some changes."""
    if any(each.verdict is Verdict.BREAKING for each in changes):
        return Verdict.BREAKING
    return Verdict.COMPATIBLE if changes else Verdict.SAME


def _input_changes(old: Input | None, new: Input | None) -> Iterator[tuple[Verdict, str]]:
    if new is None:
        yield Verdict.BREAKING, "the input is gone"
    elif old is None:
        yield (
            (Verdict.BREAKING, "a new input that must be given")
            if new.required
            else (Verdict.COMPATIBLE, "a new input, with a default")
        )
    else:
        if old.required != new.required:
            yield (
                (Verdict.BREAKING, "it must be given now")
                if new.required
                else (Verdict.COMPATIBLE, "it may be left out now")
            )
        elif isinstance(old.default, bool) is not isinstance(new.default, bool) or (
            old.default != new.default  # to Python 1 is True, to a caller it is not
        ):
            was, now = ("none" if d is NOTHING else repr(d) for d in (old.default, new.default))
            yield Verdict.BREAKING, f"the default {was} became {now}"
        yield from _taken_changes(old.shape, new.shape)


def _taken_changes(old: ValueShape, new: ValueShape) -> Iterator[tuple[Verdict, str]]:
    """Yield the changes of what is taken: to take more is compatible."""
    if old.name != new.name:
        wider = new.kind == "any" or new.kind in _WIDER.get(old.kind, ())
        verdict = Verdict.COMPATIBLE if wider else Verdict.BREAKING
        yield verdict, f"{old.name} became {new.name}"
        return
    if old.nullable != new.nullable:
        verdict = Verdict.COMPATIBLE if new.nullable else Verdict.BREAKING
        yield verdict, f"null is {'taken now' if new.nullable else 'refused now'}"
    yield from _choice_changes(old.choices, new.choices, more=Verdict.COMPATIBLE)
    yield from _bound_changes(old.bounds, new.bounds)
    if old.items is not None and new.items is not None:
        yield from (
            (verdict, f"items: {what}") for verdict, what in _taken_changes(old.items, new.items)
        )
    for name in {**old.fields, **new.fields}:
        yield from _field_taken(name, old, new)


def _field_taken(name: str, old: ValueShape, new: ValueShape) -> Iterator[tuple[Verdict, str]]:
    if name not in new.fields:
        yield Verdict.BREAKING, f"the field {name} is gone"
    elif name not in old.fields:
        needed = name in new.required
        yield (
            Verdict.BREAKING if needed else Verdict.COMPATIBLE,
            f"a new field {name}{', which must be given' if needed else ''}",
        )
    else:
        changes = _taken_changes(old.fields[name], new.fields[name])
        yield from ((verdict, f"{name}: {what}") for verdict, what in changes)


def _choice_changes(
    old: tuple[JSON, ...] | None, new: tuple[JSON, ...] | None, *, more: Verdict
) -> Iterator[tuple[Verdict, str]]:
    """Yield the changes of what may be chosen; `more` is what another choice does to callers."""
    fewer = Verdict.BREAKING if more is Verdict.COMPATIBLE else Verdict.COMPATIBLE
    if old is None or new is None:
        if old is not None:
            yield more, "any value, not one of the choices"
        elif new is not None:
            yield fewer, f"only {_listed(new)}"
        return
    gone = [each for each in old if each not in new]
    added = [each for each in new if each not in old]
    if gone:
        yield fewer, f"the choice {_listed(gone)} is gone"
    if added:
        yield more, f"a new choice {_listed(added)}"


def _bound_changes(
    old: Mapping[str, JSON], new: Mapping[str, JSON]
) -> Iterator[tuple[Verdict, str]]:
    for name in sorted({*old, *new}):
        before, after = old.get(name), new.get(name)
        if before == after:
            continue
        if after is None:
            yield Verdict.COMPATIBLE, f"{name} {before} is gone"
        elif before is None:
            yield Verdict.BREAKING, f"{name} is {after} now"
        else:
            wider = name != "pattern" and (after < before) == (name in _LOWER)
            verdict = Verdict.COMPATIBLE if wider else Verdict.BREAKING
            yield verdict, f"{name} {before} became {after}"


def _output_changes(place: str, old: ValueShape, new: ValueShape) -> Iterator[Change]:
    """Yield the changes of what is given: to give less than before was possible is compatible."""
    if old.name != new.name:
        yield Change(place, Verdict.BREAKING, f"{old.name} became {new.name}")
        return
    if old.nullable != new.nullable:
        verdict = Verdict.BREAKING if new.nullable else Verdict.COMPATIBLE
        yield Change(place, verdict, f"it {'may be' if new.nullable else 'is never'} null now")
    for verdict, what in _choice_changes(old.choices, new.choices, more=Verdict.BREAKING):
        yield Change(place, verdict, what)
    if old.items is not None and new.items is not None:
        yield from _output_changes(f"{place}[]", old.items, new.items)
    for name in {**old.fields, **new.fields}:
        yield from _field_given(f"{place}.{name}", name, old, new)


def _field_given(place: str, name: str, old: ValueShape, new: ValueShape) -> Iterator[Change]:
    if name not in new.fields:
        yield Change(place, Verdict.BREAKING, "the field is gone")
    elif name not in old.fields:
        yield Change(place, Verdict.COMPATIBLE, "a new field")
    elif name in old.required and name not in new.required:
        yield Change(place, Verdict.BREAKING, "the field may be missing now")
    else:
        yield from _output_changes(place, old.fields[name], new.fields[name])


def _listed(values: tuple[JSON, ...] | list[JSON]) -> str:
    shown = ", ".join(map(repr, values[:5]))
    return f"{shown} and {len(values) - 5} more" if len(values) > 5 else shown
