"""Predictors as public projects write them are read as Python imports them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.reading.projects import compared

TEXT = Path(__file__).with_name("public.txt").read_text("utf-8")
"""The projects: `=== name`, and below it `--- file` and the file's text, of one after the other."""


def _projects() -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for project in TEXT.split("=== ")[1:]:
        name, _, files = project.partition("\n")
        parts = (part.partition("\n") for part in f"\n{files}".split("\n--- ")[1:])
        found[name] = {path: f"{text}\n" for path, _, text in parts}
    return found


PROJECTS = _projects()


@pytest.mark.parametrize("name", PROJECTS)
def test_a_public_shape_is_read_as_python_imports_it(name: str, tmp_path: Path) -> None:
    """What is told is what every import gives, whatever the packages that it uses answer."""
    told, imports = compared(tmp_path, PROJECTS[name])

    assert imports
    assert set(imports) == {told}
