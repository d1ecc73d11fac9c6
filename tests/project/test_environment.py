"""Tests of the whole plan, against the table of projects."""

from __future__ import annotations

from pathlib import Path

import pytest

from cogfal.project.environment import app_name
from tests.project.cases import CASES, Case
from tests.project.snapshots import DIRECTORY, expected, render


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_plan_is_the_one_written_down(case: Case, tmp_path: Path) -> None:
    """A project's requirements, machine, files, Dockerfile and report are as in its snapshot."""
    found = render(case.plan(tmp_path))

    assert expected(case.name, found) == found


def test_every_snapshot_has_its_case() -> None:
    """No snapshot is left over from a case that is gone, and the table is large."""
    names = {path.stem for path in DIRECTORY.glob("*.txt")}

    assert names == {case.name for case in CASES}
    assert len(CASES) == len(names) >= 60


@pytest.mark.parametrize(
    ("image", "name"),
    [
        ("r8.im/me/My_Model:v2", "my-model"),
        ("localhost:5000/a/b@sha256:00", "b"),
        ("plain", "plain"),
        ("r8.im/me/___", None),
        (None, None),
    ],
)
def test_image_becomes_a_name_for_the_app(image: str | None, name: str | None) -> None:
    """The registry, account and tag are left out, and the rest is made to fit fal's names."""
    assert app_name(image) == name
