"""A recording as a test."""

from __future__ import annotations

from pathlib import Path

import pytest

from cogfal.compare.endpoints import Answer, Outcome
from cogfal.compare.recording import write_recording
from cogfal.errors import ProjectError
from cogfal.examples import Example
from cogfal.testing import compare_with
from tests.compare.documents import document
from tests.project_files import write_project

PREDICT = """
    from cog import BasePredictor

    class Predictor(BasePredictor):
        def predict(self, text: str) -> str:
            return text.upper()
"""


def test_a_test_fails_where_an_answer_is_another(tmp_path: Path) -> None:
    """With the report as its message; what is the same passes."""
    project = write_project(tmp_path / "project", predict_py=PREDICT)
    described = document({"text": {"type": "string"}}, required=("text",))
    runs = [
        (Example("shout", {"text": "a"}), [Answer(Outcome.SUCCEEDED, "A")]),
        (Example("whisper", {"text": "b"}), [Answer(Outcome.SUCCEEDED, "b")]),
    ]
    write_recording(tmp_path / "same", described, frozenset(), runs[:1])
    write_recording(tmp_path / "other", described, frozenset(), runs)

    same = compare_with(project, tmp_path / "same")

    assert same.same
    with pytest.raises(AssertionError, match="whisper: output: 'b' became 'B'"):
        compare_with(project, tmp_path / "other")


def test_a_project_is_no_recording(tmp_path: Path) -> None:
    """The error says what makes one."""
    project = write_project(tmp_path / "project", predict_py=PREDICT)

    with pytest.raises(ProjectError, match="cogfal compare --record"):
        compare_with(project, project)
