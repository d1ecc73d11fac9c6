"""Keep a model's answers in a plain folder, to compare with once the model is gone.

    recording/
      examples.yaml     inputs and outputs, as everywhere
      files/...         the files of both
      schema.json       components.Input and Output of the model's OpenAPI document
      timings.json      seconds of each example's calls

An output is there where the call succeeded. Secret inputs are never written.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from cogfal.compare.endpoints import Answer, EndpointUnreachable, ModelEndpoint, Outcome
from cogfal.errors import ProjectError
from cogfal.examples import EXAMPLES, Example, keep_files, read_examples, write_examples
from cogfal.spec import JSON

SCHEMA: Final = "schema.json"
TIMINGS: Final = "timings.json"
FILES: Final = "files"


def write_recording(
    folder: Path,
    document: Mapping[str, JSON],
    secrets: frozenset[str],
    runs: Sequence[tuple[Example, Sequence[Answer]]],
) -> None:
    """Write a recording into `folder`, which must not exist or be empty.

    Of all the answers to an example, the first is kept, and the times of all.

    Raises:
        ProjectError: There is something in it.
    """
    refuse_filled(folder)
    folder.mkdir(parents=True, exist_ok=True)
    examples = [
        _recorded_example(example, answers[0], folder / FILES / str(number), secrets)
        for number, (example, answers) in enumerate(runs, 1)
    ]
    write_examples(folder / EXAMPLES, examples)
    timings = {example.name: [each.seconds for each in answers] for example, answers in runs}
    _write_json(folder / TIMINGS, timings)
    # Last: a folder without it is no recording, so what was interrupted is not taken for one.
    _write_json(folder / SCHEMA, document)


def refuse_filled(folder: Path) -> None:
    """Raise ProjectError where there is something in the place of a new recording."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ProjectError(
            "there is something already", where=str(folder), remedy="name a new directory"
        )


def is_recording(folder: Path) -> bool:
    """Tell whether a directory holds a recording and no project."""
    return all((folder / name).is_file() for name in (EXAMPLES, SCHEMA))


@asynccontextmanager
async def open_recording(folder: Path) -> AsyncIterator[RecordedEndpoint]:
    """Read the recording in `folder`; raises EndpointUnreachable, NoSignature and ExamplesError."""
    try:
        document = json.loads((folder / SCHEMA).read_text("utf-8"))
        timings = json.loads((folder / TIMINGS).read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise EndpointUnreachable(f"{folder} is no whole recording: {error}") from error
    yield RecordedEndpoint(str(folder), document, read_examples(folder / EXAMPLES), timings)


@dataclass(eq=False)
class RecordedEndpoint(ModelEndpoint):
    """Answers with what was recorded for the same inputs."""

    recorded: Sequence[Example]
    timings: Mapping[str, list[float | None]]

    async def examples(self) -> Sequence[Example]:
        """Return those that were recorded."""
        return self.recorded

    async def run(self, inputs: Mapping[str, Any], folder: Path) -> Answer:  # noqa: ARG002
        """Look the inputs up; secret ones are not compared, as they were not recorded."""
        for example in self.recorded:
            if _same(inputs, example.input, self.signature.secrets):
                seconds = next(iter(self.timings.get(example.name, [])), None)
                if not example.recorded:
                    return Answer(Outcome.FAILED, error="it failed when it was recorded")
                return Answer(Outcome.SUCCEEDED, example.output, seconds=seconds)
        return Answer(Outcome.UNREACHABLE, error="nothing was recorded for these inputs")


def _same(inputs: Mapping[str, Any], recorded: Mapping[str, Any], secrets: frozenset[str]) -> bool:
    names = {*inputs, *recorded} - secrets
    return all(_equal(inputs.get(name), recorded.get(name)) for name in names)


def _equal(one: Any, other: Any) -> bool:
    if isinstance(one, Path) and isinstance(other, Path):
        return one == other or one.read_bytes() == other.read_bytes()
    return bool(one == other)


def _recorded_example(
    example: Example, answer: Answer, place: Path, secrets: frozenset[str]
) -> Example:
    """Copy an example's files below `place`, and leave its secrets out."""
    shown = {name: value for name, value in example.input.items() if name not in secrets}
    succeeded = answer.outcome is Outcome.SUCCEEDED
    return Example(
        name=example.name,
        input=keep_files(shown, place / "input"),
        output=keep_files(answer.output, place / "output") if succeeded else None,
        tolerance=example.tolerance,
        recorded=succeeded,
    )


def _write_json(path: Path, value: JSON) -> None:
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", "utf-8")
