"""Tests of requirements as an installer's arguments, read back by uv's own command line."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import uv
from packaging.requirements import Requirement

from cogfal.errors import ConfigError
from cogfal.project.installer import file_lines, install_arguments, without_cog
from cogfal.project.report import Report, SettingStatus
from cogfal.project.requirements import RequirementSet, read_packages, read_requirements
from tests.project.cases import CASES, Case


def read(tmp_path: Path, *lines: str, **files: str) -> RequirementSet:
    """Read a requirements file."""
    for name, content in files.items():
        (tmp_path / f"{name}.txt").write_text(content)
    path = tmp_path / "requirements.txt"
    path.write_text("\n".join(lines))
    return read_requirements(path, {})


def arguments(requirements: RequirementSet, root: Path) -> tuple[tuple[str, ...], Report]:
    """The arguments for uv, and what was said about them."""
    report = Report()
    return install_arguments(requirements, root, report, "3.11"), report


def test_options_come_first(tmp_path: Path) -> None:
    """An index has to precede what it is for, wherever the file names it."""
    found, _ = arguments(read(tmp_path, "a", "--find-links https://x", "b"), tmp_path)

    assert found == ("--find-links", "https://x", "a", "b")


def test_constraints_are_folded_in(tmp_path: Path) -> None:
    """A constraint narrows the requirement it names, and is a requirement itself otherwise."""
    requirements = read(
        tmp_path, "A_b[x]>=1", "-c c.txt", c="a-b<2\nother==3\nwin; os_name=='nt'\n"
    )

    found, report = arguments(requirements, tmp_path)

    first = Requirement(found[0])
    assert (first.extras, set(map(str, first.specifier))) == ({"x"}, {">=1", "<2"})
    assert found[1] == "other==3"
    assert "other" in [line.key for line in report.lines()]


def test_repeated_values_of_flags_stay(tmp_path: Path) -> None:
    """Only repeated requirements are dropped: two flags may have one value."""
    lines = ["--no-binary a", "--only-binary a", "a", "a"]

    found, _ = arguments(read(tmp_path, *lines), tmp_path)

    assert found == ("--no-binary", "a", "--only-binary", "a", "a")


def test_paths_outside_the_project_are_absolute(tmp_path: Path) -> None:
    """A local requirement is relative to the project where it can be."""
    project, other = tmp_path / "project", tmp_path / "other"
    (project / "lib").mkdir(parents=True)
    other.mkdir()

    found, _ = arguments(read(project, "./lib[x]", "../other", "-e ."), project)

    assert found == ("lib[x]", str(other), ".")


def test_lost_hashes_are_reported(tmp_path: Path) -> None:
    """A check that does not happen is not passed over in silence."""
    _, report = arguments(read(tmp_path, "a==1 --hash=sha256:aa --global-option=b"), tmp_path)

    assert [(line.key, line.status) for line in report.lines()] == [
        ("a", SettingStatus.CHANGED),
        ("a", SettingStatus.UNSUPPORTED),
    ]


def test_cog_is_left_out() -> None:
    """Cog's own packages never reach the runner, by whatever spelling."""
    requirements = read_packages({"Cog==0.9": "1", "coglet": "2", "cogs": "3"}, Path(), {})

    kept = without_cog(requirements, Report())

    assert [package.requirement.name for package in kept.packages()] == ["cogs"]


def test_files_keep_everything(tmp_path: Path) -> None:
    """In an image pip reads a file, with hashes, options and constraints as they were."""
    requirements = read(
        tmp_path,
        "--require-hashes",
        "-i https://x",
        "a==1 --hash=sha256:aa --hash=sha256:bb",
        "https://x/y.whl --hash=sha256:cc",
        "git+https://x/y ; python_version < '4'",
        "-c c.txt",
        c="z<2",
    )

    lines, constraints = file_lines(requirements, tmp_path)

    assert lines == (
        "--require-hashes",
        "--index-url https://x",
        "a==1 --hash=sha256:aa --hash=sha256:bb",
        "https://x/y.whl#sha256=cc",
        "git+https://x/y ; python_version < '4'",
    )
    assert constraints == ("z<2",)


@pytest.mark.parametrize(
    ("lines", "place"),
    [
        (["six", "-i https://me:hunter2@x"], "requirements.txt:2"),
        (["-c c.txt"], "c.txt:1"),
    ],
    ids=["index", "constraint"],
)
def test_no_credentials_in_an_image(lines: list[str], place: str, tmp_path: Path) -> None:
    """A password that is written out is refused where it stands, and not shown."""
    requirements = read(tmp_path, *lines, c="a @ https://me:hunter2@x/a.whl\n")

    with pytest.raises(ConfigError) as caught:
        file_lines(requirements, tmp_path)

    assert str(caught.value.where) == place
    assert "hunter2" not in str(caught.value)
    assert "fal secret" in str(caught.value)


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_uv_understands_the_arguments(case: Case, tmp_path: Path) -> None:
    """What fal's builder would run is a valid command: uv gets as far as looking packages up."""
    environment = case.plan(tmp_path)
    wanted = environment.requirements
    if not wanted:
        return

    done = subprocess.run(
        [uv.find_uv_bin(), "pip", "install", "--dry-run", "--offline", "--no-cache", *wanted],
        cwd=tmp_path,
        env={"PATH": "", "VIRTUAL_ENV": sys.prefix},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert done.returncode in (0, 1), done.stderr
    assert "Failed to parse" not in done.stderr
