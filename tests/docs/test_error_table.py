"""The main error messages are what the table says, and each says where, what and what to do."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Final

import pydantic
import pytest

from tests.docs.error_table import CASES, Case

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
    "move",
    "paths are",
    "port",
    "remove",
    "set",
    "the file defines",
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
        [sys.executable, "-c", READ], cwd=tmp_path, capture_output=True, text=True, check=False
    )

    known = {"root": tmp_path, "pydantic": pydantic.VERSION}
    expected = re.sub(r"\{(root|pydantic)\}", lambda found: str(known[found[1]]), case.message)
    assert done.stdout.strip() == expected, done.stderr


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_message_says_where_and_what_to_do(case: Case) -> None:
    """It names a place unless that is the App itself, and its remedy tells what to do."""
    assert case.where or case.settings
    assert case.what
    assert case.remedy.startswith(VERBS)
