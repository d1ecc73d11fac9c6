"""Tests of the entry point without pickling, read back by fal's own command line."""

from __future__ import annotations

import ast
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
from fal.cli._utils import AppData, get_app_data_from_toml
from fal.project import find_project_root

from cogfal.errors import ConfigError
from cogfal.project.config import read_config
from cogfal.project.entry import EntryPoint, write_entry
from tests.project.cases import Case, build, packages, plan_settings


def write(tmp_path: Path, case: Case, **given: Any) -> EntryPoint:
    """Write a project and its entry point beside each other."""
    project = tmp_path / "My Project"
    project.mkdir(exist_ok=True)
    config = read_config(case.write(project))
    settings = plan_settings(**case.settings)
    return write_entry(config, project, tmp_path / "entry", settings=settings, **given)


def read(entry: EntryPoint, monkeypatch: pytest.MonkeyPatch) -> AppData:
    """What fal makes of the table."""
    monkeypatch.chdir(entry.directory)
    find_project_root.cache_clear()  # fal looks for the project once per process
    return get_app_data_from_toml(entry.name)


def test_fal_reads_the_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every setting reaches fal through the table, because the class's are ignored."""
    text = packages("torch==2.4.1", "six", gpu=True, python="3.12") + "concurrency: {max: 4}\n"
    case = Case("x", text, {"lib/w.py": "", "notes.md": "", ".dockerignore": "*.md\n"})

    entry = write(tmp_path, case, table={"keep_alive": 300})

    data = read(entry, monkeypatch)
    assert data.python_entry_point == entry.symbol == "my_project_entry:App"
    assert data.name == "my-project"
    assert data.options.environment == {
        "requirements": [".", "torch==2.4.1", "six"],
        "python_version": "3.12",
    }
    host = data.options.host
    assert host["machine_type"] == "GPU-H100"
    assert host["max_multiplexing"] == 4
    assert host["keep_alive"] == 300
    assert host["app_files"] == ["."]
    assert Path(host["app_files_context_dir"]).resolve() == tmp_path / "My Project"
    assert any("notes" in pattern for pattern in host["app_files_ignore"])


def test_nothing_is_said_of_another_python(tmp_path: Path) -> None:
    """This way needs no matching interpreter, so there is no conflict to report."""
    entry = write(tmp_path, Case("x", build(python="3.12")), name="mine")

    assert entry.environment.python_conflict is None
    assert entry.name == "mine"


def test_the_installer_is_pip(tmp_path: Path) -> None:
    """Behind an entry point fal runs pip, which does not know uv's options."""
    case = Case("x", packages("--extra-index-url https://example.com", "six"))

    entry = write(tmp_path, case)

    assert "--index-strategy" not in entry.environment.requirements


def test_an_image_brings_the_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """For an image the chosen files are put beside the Dockerfile, which copies them."""
    text = build(
        "system_packages: [ffmpeg]",
        "run: [{command: x, mounts: [{type: secret, id: pip, target: /etc/pip.conf}]}]",
    )
    case = Case("x", text, {"lib/w.py": "w", "notes.md": "", ".dockerignore": "*.md\n"})

    entry = write(tmp_path, case, name="mine")

    data = read(entry, monkeypatch)
    image = data.options.environment["image"]
    assert data.options.environment["kind"] == "container"
    assert image["docker_files_list"] == ["project/"]
    assert image["docker_ignore"] == []
    assert image["secrets"] == {"pip": "$PIP"}
    assert (entry.directory / "project/lib/w.py").read_text() == "w"
    assert not (entry.directory / "project/notes.md").exists()


def test_local_requirements_are_found_from_there(tmp_path: Path) -> None:
    """A local directory is named relative to the table that lists it."""
    pyproject = '[project]\nname = "lib"\nversion = "1"\n'
    text = packages("./lib[x]")
    entry = write(tmp_path, Case("x", text, {"lib/pyproject.toml": pyproject}))

    table = (entry.directory / "pyproject.toml").read_text()

    assert '"../My Project/lib[x]"' in table


def test_the_module_defines_the_app(tmp_path: Path) -> None:
    """The module is valid Python, names cog.yaml where fal puts it, and carries the settings."""
    entry = write(tmp_path, Case("x", build()), app={"output_name": "ima'ge", "isolate": True})

    source = (entry.directory / "my_project_entry.py").read_text()

    call = next(node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.keyword))
    assert call.arg == "output_name"
    assert "from_cog('/app/cog.yaml', output_name=\"ima'ge\", isolate=True)" in source


def test_the_package_holds_cogfal_and_the_module(tmp_path: Path) -> None:
    """What fal builds and uploads has everything that the runner imports."""
    entry = write(tmp_path, Case("x", build()), name="mine")

    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", tmp_path / "out"],
        cwd=entry.directory,
        check=True,
        capture_output=True,
        timeout=110,
    )

    [wheel] = (tmp_path / "out").glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert {"mine_entry.py", "cogfal/project/entry.py", "cogfal/py.typed"} <= set(names)
    assert not [name for name in names if name.endswith(".pyc")]


def test_writing_again_replaces_what_was_written(tmp_path: Path) -> None:
    """A second run leaves nothing of the first behind."""
    write(tmp_path, Case("x", build()), name="first")

    write(tmp_path, Case("x", build()), name="second")

    modules = [path.name for path in (tmp_path / "entry").glob("*_entry.py")]
    assert modules == ["second_entry.py"]


def test_the_entry_does_not_travel_with_the_project(tmp_path: Path) -> None:
    """Written into the project, the package is no file of the project."""
    config = read_config(Case("x", build()).write(tmp_path))
    for _ in range(2):
        entry = write_entry(config, tmp_path, tmp_path / "fal [entry]", settings=plan_settings())

    assert entry.environment.files.names == ("cog.yaml", "predict.py")


def test_other_directories_are_left_alone(tmp_path: Path) -> None:
    """A directory that holds anything else is never cleared."""
    (tmp_path / "entry").mkdir()
    (tmp_path / "entry/precious").touch()

    with pytest.raises(ConfigError, match="is not empty"):
        write(tmp_path, Case("x", build()))

    assert (tmp_path / "entry/precious").exists()


@pytest.mark.parametrize("name", ["My App", "-x", "a_b", "", "a/b"])
def test_names_are_checked(name: str, tmp_path: Path) -> None:
    """A name that fal would not take is refused."""
    if not name:
        return
    with pytest.raises(ConfigError, match="not a name for an app"):
        write(tmp_path, Case("x", build()), name=name)
