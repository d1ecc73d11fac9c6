"""The main error messages are what the table says, and each says where, what and what to do."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pydantic
import pytest

from cogfal.cli import main
from cogfal.errors import InvalidInput, PredictionError
from cogfal.testing import ProjectClient, open_predictor
from tests.docs.error_table import CASES, COMMANDS, INPUTS, PREDICTOR, RUNTIME, Case, Told
from tests.docs.troubleshooting import PAGE, written
from tests.forking import command

READ: Final = """
import runpy, sys
from cogfal.errors import ProjectError
try:
    runpy.run_path("app.py")
except ProjectError as error:
    print(error)
    sys.exit(0)
sys.exit("the App was made")
"""
VERBS: Final = (
    "add",
    "check",
    "correct",
    "did you mean",
    "make",
    "move",
    "name",
    "port",
    "put",
    "remove",
    "set",
    "use",
    "write",
)
"""How a remedy begins: with what to do, or with what there is to choose from."""


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_mistake_is_told_when_the_app_is_made(case: Case, tmp_path: Path) -> None:
    """The message is the one of the table."""
    (tmp_path / "cog.yaml").write_text(case.cog_yaml)
    (tmp_path / "predict.py").write_text(case.predict)
    (tmp_path / "app.py").write_text(
        f"import cogfal\nApp = cogfal.App.from_cog('cog.yaml', {case.settings})\n"
    )

    done = subprocess.run(
        [command("python"), "-c", READ], cwd=tmp_path, capture_output=True, text=True, check=False
    )

    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    known = {"root": tmp_path, "pydantic": pydantic.VERSION, "python": python}
    expected = re.sub(
        r"\{(root|pydantic|python)\}", lambda found: str(known[found[1]]), case.message
    )
    assert done.stdout.strip() == expected, done.stderr


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_message_says_where_and_what_to_do(case: Case) -> None:
    """It names a place unless that is the App itself, and its remedy tells what to do."""
    assert case.where or case.settings
    assert case.what
    assert case.remedy.startswith(VERBS)


def test_the_page_of_errors_is_made_of_the_table() -> None:
    """`python -m tests.docs.troubleshooting` writes it."""
    assert PAGE.read_text("utf-8") == written()


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project whose predictor does what it is told."""
    root = tmp_path_factory.mktemp("project")
    (root / "cog.yaml").write_text('predict: "predict.py:Predictor"\n')
    (root / "predict.py").write_text(PREDICTOR)
    return root


@pytest.fixture(scope="module")
def predictor(project: Path) -> Iterator[ProjectClient]:
    """It, set up."""
    with open_predictor(project) as client:
        yield client


@pytest.mark.parametrize("told", INPUTS, ids=lambda told: told.name)
def test_an_input_that_does_not_fit_is_named(predictor: ProjectClient, told: Told) -> None:
    """Each message begins with the input; nothing was called."""
    with pytest.raises(InvalidInput) as caught:
        predictor.run(**_inputs(told))

    assert str(caught.value) == told.message


@pytest.mark.parametrize("told", RUNTIME, ids=lambda told: told.name)
def test_a_prediction_without_a_result_says_why(predictor: ProjectClient, told: Told) -> None:
    """The author's exceptions keep their words; an output is named by its place."""
    with pytest.raises(PredictionError) as caught:
        predictor.run(**_inputs(told))

    assert str(caught.value) == told.message


@pytest.mark.parametrize("told", COMMANDS, ids=lambda told: told.name)
def test_the_command_line_says_what_to_do(
    project: Path, told: Told, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """The message and its remedy; the status is 1."""
    assert isinstance(told.given, str)
    monkeypatch.chdir(project)

    status = main(told.given.split())

    said = capfd.readouterr().err.removeprefix("error: ").strip().replace("\n  remedy: ", "; ")
    assert (status, said) == (1, told.message.replace("{root}", str(project)))


def _inputs(told: Told) -> dict[str, object]:
    assert isinstance(told.given, dict)
    return told.given
