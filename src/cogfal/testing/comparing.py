"""Fail a test where a model no longer answers as its examples or its recording say."""

from __future__ import annotations

import io
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

import anyio
from rich.console import Console

from cogfal.compare.comparison import Comparison, compare, opened
from cogfal.compare.compatibility import Verdict
from cogfal.compare.measures import measure, tolerated
from cogfal.compare.named_sides import side_of
from cogfal.compare.presentation import show
from cogfal.compare.recording import RecordedEndpoint
from cogfal.errors import ProjectError
from cogfal.examples import Example
from cogfal.testing.project_client import ProjectClient

TIMEOUT = 600.0  # seconds for each example


def compare_with(project: str | os.PathLike[str], recording: str | os.PathLike[str]) -> Comparison:
    """Run every recorded example with a project, and compare the answers.

    The project is served in a process of its own. `cogfal compare PROJECT --record RECORDING`
    makes recordings; a tolerance for each field stands in their examples.yaml.

    Args:
        project: Its directory.
        recording: The recording's folder.

    Raises:
        AssertionError: An answer is another, or the signature breaks; the text is the report.
        ProjectError: One of the two is not what it should be.
    """
    result = anyio.run(_compared, os.fspath(project), os.fspath(recording))
    if not result.same or result.verdict is Verdict.BREAKING:
        text = io.StringIO()
        show(result, Console(file=text, width=100))
        raise AssertionError(text.getvalue())
    return result


async def _compared(project: str, recording: str) -> Comparison:
    async with opened(side_of(recording, TIMEOUT), side_of(project, TIMEOUT)) as pair:
        if not isinstance(pair.before, RecordedEndpoint):
            raise ProjectError(
                "it is no recording",
                where=recording,
                remedy="make one with cogfal compare --record",
            )
        with tempfile.TemporaryDirectory(prefix="cogfal-") as folder:
            return await compare(
                pair, pair.before.examples, [], runs=1, folder=Path(folder), tell=_nothing
            )


def _nothing(_: str) -> None:
    """Tell nobody."""


def run_all(client: ProjectClient, examples: Sequence[Example]) -> None:
    """Run every example; one that says what the model answered must be answered so again.

    Raises:
        AssertionError: An answer is further from the recorded one than the example tolerates.
        InvalidInput: The inputs of an example do not fit.
        PredictionError: The model failed.
    """
    for example in examples:
        output = client.run(**example.input)
        if example.recorded:
            _expect(example, output)


def _expect(example: Example, output: object) -> None:
    with tempfile.TemporaryDirectory(prefix="cogfal-") as folder:
        found = [
            f"{each.place}: {each.what}"
            for each in measure(example.output, output, Path(folder))
            if each.distance > tolerated(each.loc, example.tolerance)
        ]
    assert not found, f"{example.name}: {'; '.join(found)}"
