"""The model's environment that a runner makes itself, on a disk for many."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from cogfal.environments import interpreter_of
from cogfal.provision import make_model_environment
from tests.environments.packages import wheel
from tests.project.cases import Case, packages


@pytest.mark.parametrize("gpu", [False, True])
def test_what_was_planned_is_made_where_it_was_planned(gpu: bool, tmp_path: Path) -> None:
    """The first runner makes it, with the builds that its machine needs; the next finds it."""
    wheel(tmp_path / "wheels", "alpha")
    case = Case(
        "x", packages("six", gpu=gpu), settings={"kind": "virtualenv", "environment": "own"}
    )
    (tmp_path / "project").mkdir()
    plan = case.plan(tmp_path / "project")
    assert plan.model is not None
    assert plan.interpreter is not None
    given = ("--no-index", f"--find-links {tmp_path / 'wheels'}", "alpha")
    model = replace(plan.model, requirements=given)
    expected = interpreter_of(model, tmp_path / "data", cpu=not gpu)

    python = make_model_environment(model.to_json(), str(expected))
    again = make_model_environment(model.to_json(), str(expected))

    assert plan.made_by_runner
    assert plan.interpreter == str(
        interpreter_of(plan.model, Path("/data/cogfal/environments"), cpu=not gpu)
    )
    assert "uv" in plan.requirements
    assert python == again == expected
    assert subprocess.run([python, "-c", "import alpha"], check=False).returncode == 0
