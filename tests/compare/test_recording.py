"""A recording: made, read, compared with."""

from __future__ import annotations

import json
from pathlib import Path

import anyio
import pytest

from cogfal.compare.comparison import Comparison, compare, open_pair
from cogfal.compare.endpoints import Answer, Outcome
from cogfal.compare.recording import write_recording
from cogfal.errors import ProjectError
from cogfal.examples import Example, read_examples
from tests.compare.documents import document
from tests.compare.models import answering, model, reply

DOCUMENT = document(
    {
        "image": {"type": "string", "format": "uri"},
        "key": {"type": "string", "format": "password"},
    },
    {"type": "array", "items": {"type": "string", "format": "uri"}},
)


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    """One answer of a model that is gone."""
    given, made = tmp_path / "in.png", tmp_path / "out.txt"
    given.write_bytes(b"in")
    made.write_text("out")
    example = Example("one", {"image": given, "key": "hidden"}, tolerance=0.1)
    answer = Answer(Outcome.SUCCEEDED, [made], seconds=1.5)
    failed = Answer(Outcome.FAILED, error="no")
    folder = tmp_path / "recording"
    write_recording(
        folder,
        DOCUMENT,
        frozenset({"key"}),
        [(example, [answer, answer]), (Example("two", {}), [failed])],
    )
    return folder


def test_it_is_a_plain_folder(recording: Path) -> None:
    """examples.yaml with outputs, the files, the schema, the times; no secret."""
    first, second = read_examples(recording / "examples.yaml")

    assert set(first.input) == {"image"}
    assert first.input["image"].read_bytes() == b"in"
    assert [path.read_text() for path in first.output] == ["out"]
    assert first.tolerance == 0.1
    assert not second.recorded
    assert json.loads((recording / "timings.json").read_text())["one"] == [1.5, 1.5]
    assert not any("hidden" in path.read_text("latin-1") for path in _files(recording))


def _files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def test_nothing_is_overwritten(recording: Path) -> None:
    """A folder in which something lies is refused."""
    before = {path: path.read_bytes() for path in _files(recording)}

    with pytest.raises(ProjectError, match="there is something already"):
        write_recording(recording, DOCUMENT, frozenset(), [])

    assert {path: path.read_bytes() for path in _files(recording)} == before


@pytest.mark.parametrize(("text", "same"), [("out", True), ("other", False)])
def test_a_model_is_compared_with_what_was_recorded(
    recording: Path, tmp_path: Path, text: str, same: bool
) -> None:
    """Its examples are the cases, and nothing else is asked."""
    answer = reply({"status": "succeeded", "output": [f"data:text/plain,{text}"]})
    with model(answering(DOCUMENT, lambda _: answer)) as after:
        result = anyio.run(_compared, str(recording), after.url, tmp_path)

    assert result.cases[0].same is same
    assert result.behaviours == []
    assert [each.path for each in after.asked].count("/predictions") == 1


async def _compared(before: str, after: str, folder: Path) -> Comparison:
    async with open_pair(before, after, 30) as pair:
        cases = (await pair.before.examples())[:1]
        return await compare(pair, cases, pair.wrong_inputs(cases[0].input), folder=folder)
