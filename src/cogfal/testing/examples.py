"""Run the examples of a project as tests of it."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

from cogfal.compare.measures import measure, tolerated
from cogfal.examples import Example
from cogfal.testing.client import ProjectClient


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
