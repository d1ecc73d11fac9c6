"""What a prediction leaves behind is found, and what it does not is not."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from cogfal.testing import ProjectClient, StateLeak, no_leaks, open_predictor
from tests.project_files import write_project

LEAKS = """
    import os, pathlib, tempfile, threading

    from cog import BasePredictor

    import leaking_words

    CALLS = []
    LIMITS = {"low": [1, 2], "high": [3]}
    _stop = threading.Event()

    class Predictor(BasePredictor):
        def setup(self):
            self.last = None
            self.table = {"a": [1]}

        def predict(self, way: str) -> str:
            getattr(self, way)()
            return way

        def nothing(self):
            local = [*CALLS, 1]
            with tempfile.TemporaryDirectory() as folder:
                pathlib.Path(folder, "x").write_text("x")

        def attribute(self):
            self.last = "Ada"

        def nested(self):
            self.table["a"].append(2)

        def module(self):
            CALLS.append(1)

        def deep(self):
            LIMITS["low"][0] = 7

        def sibling(self):
            leaking_words.COUNT += 1

        def file(self):
            pathlib.Path("out.txt").write_text("x")

        def temporary(self):
            tempfile.NamedTemporaryFile(delete=False).close()

        def directory(self):
            os.chdir("/")

        def variable(self):
            os.environ["LEFT_BEHIND"] = "a-secret-value"

        def thread(self):
            threading.Thread(target=_stop.wait, name="left", daemon=True).start()
"""
CASES = [
    ("attribute", "Predictor.last has changed"),
    ("nested", "Predictor.table has changed"),
    ("module", "predict.CALLS has changed"),
    ("deep", "predict.LIMITS has changed"),
    ("sibling", "leaking_words.COUNT has changed"),
    ("file", "file out.txt is new"),
    ("temporary", "temporary file tmp"),
    ("directory", "working directory has changed"),
    ("variable", "variable LEFT_BEHIND is new"),
    ("thread", "thread left is new"),
]


@pytest.fixture
def client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ProjectClient]:
    """The project, set up and warm."""
    monkeypatch.setenv("LEFT_BEHIND", "")
    monkeypatch.delenv("LEFT_BEHIND")
    monkeypatch.chdir(tmp_path)
    for name in ("predict", "leaking_words"):  # of an earlier test's project
        monkeypatch.delitem(sys.modules, name, raising=False)
    write_project(tmp_path, predict_py=LEAKS, leaking_words_py="COUNT = 0\n")
    with open_predictor(tmp_path) as opened:
        opened.run(way="nothing")
        yield opened


def test_a_prediction_that_keeps_nothing_passes(client: ProjectClient) -> None:
    """Local values and temporary files that are removed are nobody's business."""
    with no_leaks(client):
        assert client.run(way="nothing") == "nothing"


@pytest.mark.parametrize(("way", "expected"), CASES)
def test_what_is_left_is_named(client: ProjectClient, way: str, expected: str) -> None:
    """Each by its name, without showing a value."""
    with pytest.raises(StateLeak) as caught, no_leaks(client):
        client.run(way=way)

    assert any(change.startswith(expected) for change in caught.value.changes)
    assert len(caught.value.changes) == 1
    assert "secret" not in str(caught.value)


def test_what_may_change_can_be_named(client: ProjectClient) -> None:
    """A cache is no leak."""
    with no_leaks(client, ignore=["Predictor.l*"]):
        client.run(way="attribute")
