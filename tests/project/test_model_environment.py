"""The author's `telemetry.py` is looked for before anything is deployed."""

from __future__ import annotations

from pathlib import Path

import pytest

from cogfal.errors import ConfigError
from cogfal.project.config_reader import read_config
from cogfal.project.model_environment import local_model
from cogfal.spec import Location
from tests.project.cases import Case


def asking(root: Path, path: str) -> Case:
    """A project below a directory that holds the author's provider in several places."""
    (root / "elsewhere.py").write_text("")
    (root / "project" / "lib").mkdir(parents=True)
    (root / "project" / "leads_out.py").symlink_to("../elsewhere.py")
    (root / "project" / "link.py").symlink_to("lib/telemetry.py")
    files = {"lib/telemetry.py": "", "lib/kept_here.py": "", ".dockerignore": "lib/kept*\n"}
    return Case("x", f"observability:\n  traces:\n    config: {path}\n", files)


NOWHERE = [
    pytest.param("nowhere.py", id="missing"),
    pytest.param("../elsewhere.py", id="above"),
    pytest.param("leads_out.py", id="a link out"),
    pytest.param("{root}/project/lib/telemetry.py", id="absolute"),
]
STAYS = [
    pytest.param("lib/kept_here.py", id="ignored"),
    pytest.param("link.py", id="a link"),
]


@pytest.mark.parametrize("path", [*NOWHERE, *STAYS])
def test_a_provider_that_does_not_travel_is_refused(path: str, tmp_path: Path) -> None:
    """With the line that names it."""
    case = asking(tmp_path, path.format(root=tmp_path))

    with pytest.raises(ConfigError, match="which makes the provider of traces,") as refused:
        case.plan(tmp_path / "project")

    assert refused.value.where == Location("cog.yaml", 3)


@pytest.mark.parametrize("path", NOWHERE)
def test_a_provider_outside_of_the_project_is_refused_here_too(path: str, tmp_path: Path) -> None:
    """What works here is to work on fal."""
    root = tmp_path / "project"
    case = asking(tmp_path, path.format(root=tmp_path))

    with pytest.raises(ConfigError, match="is not in the project"):
        local_model(read_config(case.write(root)), root, {})


def test_a_provider_in_the_project_is_taken_by_any_path(tmp_path: Path) -> None:
    """Cog reads it relative to the project."""
    case = asking(tmp_path, "./lib/../lib/telemetry.py")

    planned = case.plan(tmp_path / "project")

    assert "lib/telemetry.py" in planned.files.names
