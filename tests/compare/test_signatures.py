"""Signatures, however a document spells them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cogfal.compare.signatures import NoSignature, compare_signatures, signature_of
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
