"""The examples beside a cog.yaml are looked at before anything is deployed."""

from __future__ import annotations

from pathlib import Path

import pytest

from cogfal.cli.check import check_examples
from cogfal.cli.console import Sign
from cogfal.examples import EXAMPLES, ExamplesError
from cogfal.reading import read_predictor
from cogfal.spec import PredictorSpec

PREDICT = """
from cog import BasePredictor, Input, Path

class Predictor(BasePredictor):
    def predict(self, prompt: str, image: Path = None, steps: int = Input(default=1, le=9)) -> str:
        return prompt
"""
FIT = """
- {name: one, input: {prompt: "@@home", image: "@a.png"}}
- {name: two, input: {prompt: x, steps: 9}}
"""
UNFIT = """
- {name: strange, input: {prompt: x, stepz: 3}}
- {name: too many, input: {prompt: x, steps: 10}}
- {name: nothing, input: {}}
"""


@pytest.fixture
def spec(tmp_path: Path) -> PredictorSpec:
    """The predictor of a project that has a picture."""
    (tmp_path / "predict.py").write_text(PREDICT)
    (tmp_path / "a.png").write_bytes(b"")
    return read_predictor("predict.py:Predictor", tmp_path)


def test_examples_that_fit_are_counted(tmp_path: Path, spec: PredictorSpec) -> None:
    """Files are there, and values are what a caller could send."""
    (tmp_path / EXAMPLES).write_text(FIT)

    (found,) = check_examples(tmp_path, spec)

    assert found.mark is Sign.GOOD
    assert found.what == "examples.yaml: 2 examples fit"


def test_each_mistake_is_told_with_its_example(tmp_path: Path, spec: PredictorSpec) -> None:
    """An input that there is not, a value out of bounds, and one that is missing."""
    (tmp_path / EXAMPLES).write_text(UNFIT)

    found = list(check_examples(tmp_path, spec))

    assert {each.mark for each in found} == {Sign.BAD}
    assert [(each.where, each.what) for each in found] == [
        ("examples.yaml, strange", "there is no input stepz"),
        ("examples.yaml, too many", "steps: Input should be less than or equal to 9"),
        ("examples.yaml, nothing", "prompt: Field required"),
    ]


def test_a_file_that_is_missing_is_told(tmp_path: Path, spec: PredictorSpec) -> None:
    """As whatever else is wrong with the file itself."""
    (tmp_path / EXAMPLES).write_text('- {name: one, input: {image: "@b.png"}}\n')

    with pytest.raises(ExamplesError, match=r"b\.png"):
        list(check_examples(tmp_path, spec))


def test_a_project_without_examples_is_not_spoken_of(tmp_path: Path, spec: PredictorSpec) -> None:
    """They are no duty."""
    assert list(check_examples(tmp_path, spec)) == []
