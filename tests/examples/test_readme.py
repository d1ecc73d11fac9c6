"""The table of the examples: all of them are in it, and its commands work."""

from __future__ import annotations

import os
import re
import shlex
import shutil
from pathlib import Path

import pytest

from tests.examples.conftest import EXAMPLES
from tests.forking import command
from tests.pictures import drawn
from tests.processes import Process

ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in (EXAMPLES / "README.md").read_text("utf-8").splitlines()
    if line.startswith("| [")
]
HERE = ("",)
"""What examples need that run beside the tests."""


def name_of(row: list[str]) -> str:
    """Return the example that a row is about."""
    found = re.match(r"\[([\w-]+)\]", row[0])
    assert found
    return found[1]


def test_every_example_is_listed() -> None:
    """None is forgotten, and none is there that is not."""
    directories = {path.parent.name for path in EXAMPLES.glob("*/cog.yaml")}

    assert {name_of(row) for row in ROWS} == directories


@pytest.mark.parametrize("row", [row for row in ROWS if row[2] in HERE], ids=name_of)
def test_its_commands_work(row: list[str], tmp_path: Path) -> None:
    """As they stand there, in the example's directory."""
    project = Path(shutil.copytree(EXAMPLES / name_of(row), tmp_path / "project"))
    (project / "photo.png").write_bytes(drawn("Hi", size=(160, 120)))
    (project / "text.txt").write_text("b. b a")
    lines = re.findall(r"`cogfal ([^`]+)`", row[3])

    assert lines
    for line in lines:
        with Process(
            [command("cogfal"), *shlex.split(line)], cwd=project, env=os.environ
        ) as process:
            process.succeed()
