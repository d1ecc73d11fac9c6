"""Reading imported predictors: the same as reading their text."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

import pytest

import cogfal.cog
from cogfal.inspection import differences, read_live, read_predictor
from cogfal.spec import PredictorSpec
from tests.inspection.table import OUTPUTS, ROWS, Output, Row


@pytest.fixture(params=["ours", "real"])
def cog_package(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Put our authoring API or the real Cog under the name `cog`."""
    if request.param == "ours":
        monkeypatch.setitem(sys.modules, "cog", cogfal.cog)
    else:
        monkeypatch.delitem(sys.modules, "cog", raising=False)
    return str(request.param)


def execute(source: str, folder: Path, name: str = "Predictor") -> PredictorSpec:
    """Run the source as a module, and read the predictor in it."""
    module = ModuleType("live_predictor")
    sys.modules["live_predictor"] = module
    try:
        exec(compile(source, str(folder / "predict.py"), "exec"), vars(module))
        return read_live(vars(module)[name], path="predict.py", name=name)
    finally:
        del sys.modules["live_predictor"]


@pytest.mark.parametrize("row", [r for r in ROWS if r.importable], ids=lambda row: row.id)
@pytest.mark.usefixtures("cog_package")
def test_the_imported_input_equals_the_text(row: Row, tmp_path: Path) -> None:
    """Text and import agree on every parameter of the table."""
    (tmp_path / "predict.py").write_text(row.source)
    text = read_predictor("predict.py:Predictor", tmp_path)

    live = execute(row.source, tmp_path)

    assert differences(text, live) == []


@pytest.mark.parametrize("row", OUTPUTS, ids=lambda row: row.id)
@pytest.mark.usefixtures("cog_package")
def test_the_imported_output_equals_the_text(row: Output, tmp_path: Path) -> None:
    """Text and import agree on every output of the table."""
    (tmp_path / "predict.py").write_text(row.source)
    text = read_predictor("predict.py:Predictor", tmp_path)

    live = execute(row.source, tmp_path)

    assert differences(text, live) == []
