"""Reading imported predictors in every Python that a model may ask for."""

from __future__ import annotations

from pathlib import Path

import pytest

from cogfal.guest.wire import to_plain
from cogfal.reading import read_predictor
from tests.guest.live_cases import CASES, source
from tests.interpreters import on_every_python, run_there

PROGRAM = """
import types
import cogfal.cog.alias
cogfal.cog.alias.install()
from cogfal.guest.verification import differences
from cogfal.guest.live import read_live
from cogfal.guest.wire import from_plain

def read(source):
    module = sys.modules["predict"] = types.ModuleType("predict")
    exec(compile(source, "predict.py", "exec"), vars(module))
    return read_live(module.Predictor, path="predict.py", name="Predictor")

def main(given):
    return {name: differences(from_plain(text), read(source))
            for name, (minor, source, text) in given.items() if sys.version_info >= (3, minor)}
"""


@on_every_python
def test_every_python_reads_what_the_text_says(
    python: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """Annotations of every kind that the version knows, by the rules of today's typing."""
    given = {}
    for name, (minor, _) in CASES.items():
        (tmp_path / "predict.py").write_text(source(name))
        text = read_predictor("predict.py:Predictor", tmp_path)
        given[name] = [minor, source(name), to_plain(text)]

    found = run_there(python, PROGRAM, given)

    here = int(request.node.callspec.id.partition("3.")[2])
    assert found == {name: [] for name, (minor, _) in CASES.items() if minor <= here}
