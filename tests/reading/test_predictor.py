"""Reading predictors from text: every signature of the table means what the table says."""

from __future__ import annotations

from pathlib import Path

import pytest

from cogfal.reading import read_predictor
from tests.reading.table import OUTPUTS, ROWS, Output, Row


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.id)
def test_a_parameter_means_an_input(row: Row, tmp_path: Path) -> None:
    """Each parameter is read as the input that it declares."""
    (tmp_path / "predict.py").write_text(row.source)

    spec = read_predictor("predict.py:Predictor", tmp_path)

    assert spec.inputs == (row.spec,)


@pytest.mark.parametrize("row", OUTPUTS, ids=lambda row: row.id)
def test_an_annotation_means_an_output(row: Output, tmp_path: Path) -> None:
    """Each return annotation is read as the output that it declares."""
    (tmp_path / "predict.py").write_text(row.source)

    spec = read_predictor("predict.py:Predictor", tmp_path)

    assert spec.output == row.type
