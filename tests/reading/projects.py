"""Write projects from text, and read their predictors."""

from __future__ import annotations

from pathlib import Path

from cogfal.reading import read_predictor
from cogfal.spec import PredictorSpec
from tests.reading.oracle.execution import shown
from tests.reading.oracle.importing import imported


def write(root: Path, files: dict[str, str]) -> None:
    """Write the files of a project."""
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)


def read(root: Path, files: dict[str, str], ref: str = "predict.py:Predictor") -> PredictorSpec:
    """Write a project and read its predictor."""
    write(root, files)
    return read_predictor(ref, root)


def compared(root: Path, files: dict[str, str]) -> tuple[str, list[str]]:
    """Return what is told of `predict.py:Predictor`, and what every import of it gives."""
    told = shown(read(root, files))
    return told, [shown(spec) for spec in imported(files)]
