"""Signatures, however a document spells them, and what a change of one does to callers."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import pytest

from cogfal.compare.signatures import (
    Change,
    NoSignature,
    Verdict,
    compare_signatures,
    signature_of,
    verdict_of,
)
from cogfal.reading import read_predictor
from cogfal.schema.document import document as our_document
from tests.compare.documents import document

ENUM = {"title": "style", "description": "An enumeration.", "enum": ["a", "b"], "type": "string"}
SPELLINGS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "choices": (
        document({"style": {"allOf": [{"$ref": "#/components/schemas/style"}]}}, style=ENUM),
        document({"style": {"type": "string", "enum": ["a", "b"]}}),
    ),
    "null": (
        document({"mask": {"type": "string", "format": "uri", "nullable": True}}),
        document({"mask": {"anyOf": [{"type": "string", "format": "uri"}, {"type": "null"}]}}),
    ),
    "a list of types": (
        document({"seed": {"type": ["integer", "null"]}}),
        document({"seed": {"type": "integer", "nullable": True}}),
    ),
    "bounds": (
        document({"steps": {"type": "integer", "minimum": 1}}),
        document({"steps": {"type": "integer", "minimum": 1.0}}),
    ),
    "a default of null": (
        document({"seed": {"type": "integer"}}),
        document({"seed": {"type": "integer", "default": None}}),
    ),
}


@pytest.mark.parametrize(("one", "other"), SPELLINGS.values(), ids=SPELLINGS)
def test_spellings_of_the_same_are_the_same(one: dict[str, Any], other: dict[str, Any]) -> None:
    """What is compared is what they mean."""
    assert compare_signatures(signature_of(one), signature_of(other)) == []


def test_the_files_of_an_answer_are_found_by_the_signature() -> None:
    """Not every text that looks like an address is a file."""
    uri = {"type": "string", "format": "uri"}
    properties = {"image": uri, "page": {"type": "string"}}
    output = {"type": "array", "items": {"type": "object", "properties": properties}}
    shape = signature_of(document({}, output)).output

    assert shape.items is not None
    kinds = {name: each.kind for name, each in shape.items.fields.items()}

    assert kinds == {"image": "file", "page": "string"}


def test_a_reference_to_itself_ends() -> None:
    """A document may be nested without end."""
    tree = {"type": "object", "properties": {"child": {"$ref": "#/components/schemas/Tree"}}}

    signature = signature_of(document({"t": {"$ref": "#/components/schemas/Tree"}}, Tree=tree))

    assert signature.inputs["t"].shape.kind == "object"


def test_a_document_without_inputs_is_no_model() -> None:
    """The error says what is missing."""
    with pytest.raises(NoSignature, match=r"components\.schemas\.Input"):
        signature_of({"components": {}})


def test_secrets_and_streams_are_known(tmp_path: Path) -> None:
    """As cogfal's own documents mark them."""
    (tmp_path / "predict.py").write_text(
        "from cog import BasePredictor, Input, Secret, ConcatenateIterator\n"
        "class P(BasePredictor):\n"
        "    def predict(self, key: Secret) -> ConcatenateIterator[str]: ...\n"
    )
    spec = read_predictor("predict.py:P", tmp_path)

    signature = signature_of(our_document(spec, title="m", version="1"))

    assert signature.secrets == {"key"}
    assert signature.output.kind == "text"


INT = {"type": "integer", "default": 1}
TEXT = {"type": "string"}
FILE = {"type": "string", "format": "uri"}
STREAM = {"type": "array", "items": TEXT, "x-cog-array-type": "iterator"}
BROKEN, FINE = Verdict.BREAKING, Verdict.COMPATIBLE


def object_of(required: tuple[str, ...] = (), **fields: Any) -> dict[str, Any]:
    """Return the schema of an object."""
    return {"type": "object", "properties": fields, "required": list(required)}


class Case(NamedTuple):
    """Two documents and the one change between them."""

    before: dict[str, Any]
    after: dict[str, Any]
    place: str
    verdict: Verdict
    what: str


def inputs(before: dict[str, Any], after: dict[str, Any], verdict: Verdict, what: str) -> Case:
    """Return a case about the one input `x`."""
    return Case(document({"x": before}), document({"x": after}), "x", verdict, what)


def outputs(before: Any, after: Any, place: str, verdict: Verdict, what: str) -> Case:
    """Return a case about the output."""
    return Case(document({}, before), document({}, after), place, verdict, what)


CASES = {
    "gone": Case(document({"x": INT}), document({}), "x", BROKEN, "the input is gone"),
    "new": Case(document({}), document({"x": INT}), "x", FINE, "a new input, with a default"),
    "new and required": Case(
        document({}),
        document({"x": TEXT}, required=("x",)),
        "x",
        BROKEN,
        "a new input that must be given",
    ),
    "required": Case(
        document({"x": TEXT}),
        document({"x": TEXT}, required=("x",)),
        "x",
        BROKEN,
        "it must be given now",
    ),
    "optional": Case(
        document({"x": TEXT}, required=("x",)),
        document({"x": TEXT}),
        "x",
        FINE,
        "it may be left out now",
    ),
    "default": inputs(INT, {**INT, "default": 2}, BROKEN, "the default 1 became 2"),
    "default of another type": inputs(
        {"default": 1}, {"default": True}, BROKEN, "the default 1 became True"
    ),
    "type": inputs(INT, {**TEXT, "default": 1}, BROKEN, "integer became string"),
    "wider type": inputs(INT, {**INT, "type": "number"}, FINE, "integer became number"),
    "narrower bound": inputs(INT, {**INT, "minimum": 1}, BROKEN, "minimum is 1 now"),
    "raised minimum": inputs(
        {**INT, "minimum": 1}, {**INT, "minimum": 2}, BROKEN, "minimum 1 became 2"
    ),
    "raised maximum": inputs(
        {**INT, "maximum": 1}, {**INT, "maximum": 2}, FINE, "maximum 1 became 2"
    ),
    "no bound": inputs({**INT, "maximum": 5}, INT, FINE, "maximum 5 is gone"),
    "pattern": inputs(
        {**TEXT, "pattern": "a"}, {**TEXT, "pattern": "b"}, BROKEN, "pattern a became b"
    ),
    "choice more": inputs(
        {**TEXT, "enum": ["a"]}, {**TEXT, "enum": ["a", "b"]}, FINE, "a new choice 'b'"
    ),
    "choice gone": inputs(
        {**TEXT, "enum": ["a", "b"]}, {**TEXT, "enum": ["a"]}, BROKEN, "the choice 'b' is gone"
    ),
    "only choices": inputs(TEXT, {**TEXT, "enum": ["a"]}, BROKEN, "only 'a'"),
    "any value": inputs({**TEXT, "enum": ["a"]}, TEXT, FINE, "any value, not one of the choices"),
    "no null": inputs({**TEXT, "nullable": True}, TEXT, BROKEN, "null is refused now"),
    "items": inputs(
        {"type": "array", "items": {**INT, "maximum": 9}},
        {"type": "array", "items": {**INT, "maximum": 8}},
        BROKEN,
        "items: maximum 9 became 8",
    ),
    "field": inputs(object_of(a=INT), object_of(), BROKEN, "the field a is gone"),
    "new field": inputs(
        object_of(a=INT),
        object_of(("b",), a=INT, b=INT),
        BROKEN,
        "a new field b, which must be given",
    ),
    "output type": outputs(TEXT, FILE, "output", BROKEN, "string became file"),
    "output list": outputs(
        STREAM,
        {"type": "array", "items": TEXT},
        "output",
        BROKEN,
        "stream of string became array of string",
    ),
    "output choice more": outputs(
        {**TEXT, "enum": ["a"]}, {**TEXT, "enum": ["a", "b"]}, "output", BROKEN, "a new choice 'b'"
    ),
    "output choice gone": outputs(
        {**TEXT, "enum": ["a", "b"]},
        {**TEXT, "enum": ["a"]},
        "output",
        FINE,
        "the choice 'b' is gone",
    ),
    "output null": outputs(
        TEXT, {**TEXT, "nullable": True}, "output", BROKEN, "it may be null now"
    ),
    "output field gone": outputs(
        object_of(a=INT), object_of(), "output.a", BROKEN, "the field is gone"
    ),
    "output field more": outputs(
        object_of(a=INT), object_of(a=INT, b=INT), "output.b", FINE, "a new field"
    ),
    "output field optional": outputs(
        object_of(("a",), a=INT),
        object_of(a=INT),
        "output.a",
        BROKEN,
        "the field may be missing now",
    ),
    "output items": outputs(
        {"type": "array", "items": {**TEXT, "nullable": True}},
        {"type": "array", "items": TEXT},
        "output[]",
        FINE,
        "it is never null now",
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_each_change_is_named_and_judged(case: Case) -> None:
    """One change is told where there is one."""
    changes = compare_signatures(signature_of(case.before), signature_of(case.after))

    assert changes == [Change(case.place, case.verdict, case.what)]


def test_the_worst_change_decides() -> None:
    """A breaking one outweighs all others; without any it is the same."""
    changes = [Change("a", FINE, ""), Change("b", BROKEN, "")]

    assert verdict_of(changes) is BROKEN
    assert verdict_of(changes[:1]) is FINE
    assert verdict_of([]) is Verdict.SAME
