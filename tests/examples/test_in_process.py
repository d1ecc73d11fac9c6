"""The examples through `cogfal.testing`: what they answer, and that they leave nothing behind."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from cogfal.testing import no_leaks, open_predictor, open_trainer
from tests.pictures import drawn

EXAMPLES = Path(__file__).parents[2] / "examples"


@dataclass(frozen=True)
class Example:
    """An example's inputs, once to warm up and once to look."""

    warm: dict[str, Any]
    inputs: dict[str, Any]


RUNS = {
    "audio": Example({"seconds": 0.1}, {"seconds": 0.2}),
    "concurrency": Example({"seconds": 0}, {"seconds": 0.01}),
    "hello-text": Example({"name": "Grace"}, {"name": "Ada"}),
    "image-list": Example({"prompt": "a", "num_outputs": 1}, {"prompt": "b", "num_outputs": 2}),
    "image-tool": Example({"width": 64}, {"width": 32}),
    "secret-input": Example({"message": "a", "key": "k"}, {"message": "b", "key": "hunter2"}),
    "streaming-text": Example({"count": 1, "pause": 0}, {"count": 2, "pause": 0}),
    "training": Example({"word": "the"}, {"word": "cog"}),
}


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    """A picture to give."""
    path = tmp_path / "picture.png"
    path.write_bytes(drawn("cog"))
    return path


def copied(name: str, tmp_path: Path) -> Path:
    """Copy an example, so that what it writes stays out of the checkout."""
    root = tmp_path / name
    shutil.copytree(EXAMPLES / name, root, ignore=shutil.ignore_patterns("__pycache__"))
    return root


@pytest.mark.parametrize("name", RUNS)
def test_a_prediction_leaves_nothing_behind(name: str, tmp_path: Path, picture: Path) -> None:
    """Neither in memory nor on disk nor in the process: the next caller meets what this one met."""
    example = RUNS[name]
    given = {"image": picture} if name == "image-tool" else {}

    with open_predictor(copied(name, tmp_path)) as predictor:
        predictor.run(**example.warm, **given)
        with no_leaks(predictor):
            result = predictor.run(**example.inputs, **given)

    assert result is not None


def test_training_leaves_nothing_behind(tmp_path: Path) -> None:
    """But its weights in the project, where the next training writes them anew."""
    corpus = tmp_path / "corpus.txt"
    corpus.write_text("a a b")

    with open_trainer(copied("training", tmp_path)) as trainer:
        trainer.run(corpus=corpus)
        with no_leaks(trainer, ignore=["file weights.json"]):
            result = trainer.run(corpus=corpus, minimum=2)

    assert result["words"] == 1
