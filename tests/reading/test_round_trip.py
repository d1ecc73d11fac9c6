"""Every predictor of the schema tests, written as source and read back."""

from __future__ import annotations

from pathlib import Path

import pytest

from cogfal.reading import read_predictor
from cogfal.spec import PredictorSpec
from tests.schema.corpus import PREDICTORS
from tests.schema.render import render


@pytest.mark.parametrize("spec", PREDICTORS.values(), ids=PREDICTORS.keys())
def test_a_predictor_is_read_as_it_was_written(spec: PredictorSpec, tmp_path: Path) -> None:
    """What the schemas are compared with Cog for is what the reader finds in the same source."""
    (tmp_path / "predict.py").write_text(render(spec))

    read = read_predictor("predict.py:Predictor", tmp_path, role=spec.role)

    assert (read.inputs, read.output) == (spec.inputs, spec.output)
