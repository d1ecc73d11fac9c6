"""The overview names what is there."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
OVERVIEW = (ROOT / "docs" / "architecture" / "01-overview.md").read_text("utf-8")
THREATS = (ROOT / "docs" / "architecture" / "07-threats.md").read_text("utf-8")
STEPS = re.findall(r"`([\w/]+\.py)` `([\w.]+)`", OVERVIEW)


def _defined(nodes: list[ast.stmt], prefix: str = "") -> Iterator[str]:
    for node in nodes:
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield prefix + node.name
            if isinstance(node, ast.ClassDef):
                yield from _defined(node.body, f"{prefix}{node.name}.")


@pytest.mark.parametrize(("file", "name"), STEPS, ids=str)
def test_each_step_of_a_request_is_where_the_overview_says(file: str, name: str) -> None:
    """The file has the class or function."""
    tree = ast.parse((ROOT / "src" / "cogfal" / file).read_text("utf-8"))

    assert name in set(_defined(tree.body))


def test_every_room_has_its_line() -> None:
    """Nothing in the package is left out of the table of rooms."""
    package = ROOT / "src" / "cogfal"
    rooms = {
        path.name + ("/" if path.is_dir() else "")
        for path in package.iterdir()
        if not path.name.startswith("_") and path.name != "py.typed"
    }

    assert {room for room in rooms if f"`{room}`" not in OVERVIEW} == set()


def test_every_threat_names_its_promise_and_a_test() -> None:
    """The promise is one of those that the page lists, and each file of tests is there."""
    tests = ROOT / "tests"
    promises = set(re.findall(r"^- \*\*(\w+)\*\*: ", THREATS, re.MULTILINE))
    rows = [line.split(" | ") for line in THREATS.splitlines() if line.startswith("| ")]
    threats = [row for row in rows if row[1] != "promise"]

    named = [re.findall(r"`([\w/]+\.py)`|`(fuzz)`", row[3]) for row in threats]

    assert len(promises) == 5
    assert {row[1] for row in threats} == promises
    assert all(named)
    files = {file for each in named for file, _ in each if file}
    assert [name for name in sorted(files) if not (tests / name).is_file()] == []
