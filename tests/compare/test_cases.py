"""What two models are asked: cases that are written down, and those made of a signature."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cogfal.compare.cases import cases_of, read_cases, typed
from cogfal.compare.signatures import signature_of
from cogfal.errors import ProjectError
from cogfal.examples import Example
from tests.compare.documents import document

FILE = {"type": "string", "format": "uri"}


def test_examples_are_cases(tmp_path: Path) -> None:
    """A file of any name holds them, but for the other tool's."""
    path = tmp_path / "mine.yaml"
    path.write_text("- name: one\n  input: {n: 1}\n")

    assert read_cases(path) == [Example("one", {"n": 1})]


@pytest.mark.parametrize("text", ["", "predict: {}\n", "predict: [1]\n", "a: [\n"])
def test_a_list_of_another_tool_without_cases_is_refused(tmp_path: Path, text: str) -> None:
    """The remedy names where cases are written."""
    path = tmp_path / "cog-safe-push.yaml"
    path.write_text(text)

    with pytest.raises(ProjectError, match=r"it holds no predict\.test_cases") as caught:
        read_cases(path)

    assert "examples.yaml" in str(caught.value.remedy)


def test_words_are_read_as_json_where_no_text_is_taken() -> None:
    """What is no JSON stays, as does what is unknown: the model refuses it."""
    signature = signature_of(document({"n": {"type": "integer"}, "t": {"type": "string"}}))
    given = {"n": "3", "t": "3", "u": "3"}

    assert typed(given, signature) == {"n": 3, "t": "3", "u": "3"}
    assert typed({"n": "three"}, signature) == {"n": "three"}


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"type": "string", "enum": ["b", "a"]}, "b"),
        ({"type": "integer", "default": 7}, 7),
        ({"type": "integer", "minimum": 3}, 3),
        ({"type": "integer", "maximum": -3}, -3),
        ({"type": "integer", "minimum": 3, "maximum": 2}, 1),
        ({"type": "string", "maxLength": 2}, "a "),
        ({"type": "boolean"}, True),
        ({"type": "object"}, {}),
    ],
    ids=["choice", "default", "least", "most", "none", "short", "truth", "object"],
)
def test_an_input_that_must_be_given_is_made_up(schema: dict[str, Any], value: Any) -> None:
    """Of its choices, its default and its bounds."""
    signature = signature_of(document({"x": schema}, required=("x",)))

    assert cases_of(signature)[0].input == {"x": value}


def test_each_bound_and_choice_is_a_case() -> None:
    """Once, where the first case has it not already."""
    schema = {"type": "boolean", "default": False}
    bounded = {"type": "integer", "default": 1, "minimum": 0, "maximum": 9}
    signature = signature_of(document({"flag": schema, "n": bounded}))

    assert [each.name for each in cases_of(signature)] == ["defaults", "flag=True", "n=0", "n=9"]


@pytest.mark.parametrize("schema", [FILE, {"type": "array", "items": FILE}])
def test_a_file_cannot_be_made_up(schema: dict[str, Any]) -> None:
    """The remedy says how to give one."""
    signature = signature_of(document({"image": schema}, required=("image",)))

    with pytest.raises(ProjectError, match="a file for image has to be given") as caught:
        cases_of(signature)

    assert "-i image=@FILE" in str(caught.value.remedy)
