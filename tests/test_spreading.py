"""The order in which the files of tests are begun."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.spreading import FIRST, rank
from tests.virtualenvs import ROOT


@pytest.mark.parametrize("path", FIRST)
def test_what_is_begun_first_is_there(path: str) -> None:
    """A file that is moved takes its line along."""
    assert (ROOT / path).exists()


def test_what_is_not_named_is_begun_last() -> None:
    """Of the others, the earlier line is begun earlier."""
    paths = ["tests/test_errors.py", *reversed(FIRST)]

    assert sorted(paths, key=rank) == [*FIRST, "tests/test_errors.py"]


DIES = """
import os, pytest

@pytest.mark.parametrize("number", range(3))
def test_dies(number):
    if number == 1:
        os._exit(1)
"""


def test_a_process_that_dies_takes_one_test_along(tmp_path: Path) -> None:
    """The others of its files are run, and the run ends."""
    (tmp_path / "conftest.py").write_text(
        "from tests.spreading import Spread\n"
        "def pytest_xdist_make_scheduler(config, log):\n"
        "    return Spread(config, log)\n"
    )
    for number in range(4):
        (tmp_path / f"test_{number}.py").write_text("def test_one(): pass\ndef test_two(): pass\n")
    (tmp_path / "test_dies.py").write_text(DIES)

    command = [sys.executable, "-m", "pytest", "-n", "2", "--max-worker-restart", "1", "-q"]
    result = subprocess.run(
        [*command, "--no-loadscope-reorder", "--rootdir", str(tmp_path), str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert "1 failed, 10 passed" in result.stdout
    assert "test_dies[1]" in result.stdout
