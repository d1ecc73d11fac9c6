"""Tests of what answers hold, whoever reads them."""

from __future__ import annotations

import pytest

from cogfal.answers import detail_of, named_output, output_of, refusal, streaming
from cogfal.spec import JSON

DEEP = 100_000 * "["
ERRORS: dict[str, tuple[JSON, str]] = {
    "fal's list": ('{"detail": [{"loc": ["body", "x"], "msg": "too small"}]}', "x: too small"),
    "fal's text": ('{"detail": "no place"}', "no place"),
    "fal's, read already": ({"detail": "no place"}, "no place"),
    "Cog's": ('{"error": "At capacity", "status": "failed"}', "At capacity"),
    "an object of others": ('{"message": "no"}', '{"message": "no"}'),
    "one, read already": ({"message": "no"}, '{"message": "no"}'),
    "one that says nothing": ('{"detail": null}', '{"detail": null}'),
    "a list": ("[1]", "[1]"),
    "a page": ("<html>", "<html>"),
    "nothing": ("", ""),
    "nested without end": (DEEP, DEEP),
}


@pytest.mark.parametrize(("answer", "said"), ERRORS.values(), ids=ERRORS)
def test_an_error_says_what_its_server_wrote(answer: JSON, said: str) -> None:
    """The reason alone where it is known where that stands, else all of it as it was written."""
    assert refusal(detail_of(answer)) == said


@pytest.mark.parametrize("document", [None, 3, [], {"paths": 3}, {"paths": "/stream"}, {}])
def test_a_document_that_is_none_tells_of_no_stream(document: JSON) -> None:
    """It comes from whoever answers at an address."""
    assert streaming(document) == (False, False)


FILE = {"url": "https://host/a.png", "content_type": "image/png", "file_name": "a.png"}
OUTPUTS: dict[str, tuple[JSON, JSON]] = {
    "no object": ("text", "text"),
    "an output": ({"output": 3, "timings": {}}, 3),
    "a file": ({"image": FILE}, FILE),
    "files": ({"images": [FILE, [FILE]]}, [FILE, [FILE]]),
    "no files": ({"images": []}, {"images": []}),
    "something else": ({"images": [FILE, 3]}, {"images": [FILE, 3]}),
}


@pytest.mark.parametrize(("answer", "output"), OUTPUTS.values(), ids=OUTPUTS)
def test_an_output_is_taken_out_of_its_answer(answer: JSON, output: JSON) -> None:
    """Where no document was read, a lone field is the output if its name and value say so."""
    assert output_of(answer) == output


def test_a_lone_field_is_the_output_where_the_document_says_so() -> None:
    """Whatever it is called; an object whose fields the document names stays whole."""
    assert named_output({"answer": 3, "timings": {}}, frozenset()) == 3
    assert named_output({"answer": 3}, frozenset({"answer"})) == {"answer": 3}
