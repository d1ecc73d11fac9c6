"""Tests of the choice of files, with fal's own code as the oracle of what would be uploaded."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from fal.container import DockerignoreHandler
from fal.file_sync import FileSync
from hypothesis import example, given, settings
from hypothesis import strategies as st

from cogfal.errors import ConfigError
from cogfal.project.file_choice import IgnoreRules, PlannedFiles, choose_files
from cogfal.project.report import Report, SettingStatus

TREE = [
    "predict.py",
    "README.md",
    "keep.md",
    "models/a.bin",
    "models/deep/b.bin",
    "models/deep/c.txt",
    "we[i]rd *?!#.txt",
    " space ",
    ".git/HEAD",
    ".cog/tmp/x",
    ".cogfal/y",
    "pkg/__pycache__/m.cpython-311.pyc",
    "pkg/m.py",
    "env/pyvenv.cfg",
    "env/bin/python",
    ".env",
    ".DS_Store",
]


def plant(root: Path, names: list[str]) -> Path:
    """Write empty files."""
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return root


def choose(root: Path, dockerignore: str = "") -> tuple[PlannedFiles, Report]:
    """Choose the files of a project with a .dockerignore."""
    if dockerignore:
        (root / ".dockerignore").write_text(dockerignore)
    report = Report()
    return choose_files(root, report), report


def uploaded(root: Path, patterns: list[str]) -> set[str]:
    """What fal's client would upload for `.` with these regular expressions."""
    sync = FileSync(str(root), credentials=object())
    compiled = [re.compile(pattern) for pattern in patterns]
    found = sync.collect_files(["."], str(root), files_ignore=compiled)
    return {file.relative_path for file in found}


@pytest.mark.parametrize(
    ("dockerignore", "absent", "present"),
    [
        ("", [".git/HEAD", ".cog/tmp/x", ".cogfal/y", "env/bin/python", ".env"], ["predict.py"]),
        ("*.md\n!keep.md\n", ["README.md"], ["keep.md", "models/a.bin"]),
        (
            "models\n!models/deep/b.bin\n",
            ["models/a.bin", "models/deep/c.txt"],
            ["models/deep/b.bin"],
        ),
        ("deep\n", [], ["models/deep/b.bin"]),
        ("**/deep\n", ["models/deep/b.bin"], ["models/a.bin"]),
        ("*/*.bin\n", ["models/a.bin"], ["models/deep/b.bin"]),
        ("/models/\n", ["models/a.bin"], ["predict.py"]),
        ("# predict.py\n\n  keep.md  \n", ["keep.md"], ["predict.py"]),
        (
            "models/?.bin\nmodels/deep/[a-b].bin\n",
            ["models/a.bin", "models/deep/b.bin"],
            ["models/deep/c.txt"],
        ),
        ("**\n!predict.py\n", ["keep.md"], ["predict.py"]),
        ("we\\[i\\]rd*\n", ["we[i]rd *?!#.txt"], ["predict.py"]),
        ("[z-a]*\n[^a-o]*.py\n", ["predict.py"], ["keep.md", "README.md"]),
    ],
)
def test_files_are_chosen_as_docker_would(
    dockerignore: str, absent: list[str], present: list[str], tmp_path: Path
) -> None:
    """A .dockerignore means what Docker's documentation says, order and exceptions included."""
    choice, _ = choose(plant(tmp_path, TREE), dockerignore)

    names = set(choice.names)
    assert not names & set(absent)
    assert names >= set(present)


@pytest.mark.parametrize(
    "dockerignore", ["", "*.md\n!keep.md\n", "models\n!models/deep/b.bin\n", "w*\n", "* *\n"]
)
def test_fal_uploads_exactly_the_choice(dockerignore: str, tmp_path: Path) -> None:
    """Both forms of the choice make fal's client upload the chosen files and no others."""
    choice, _ = choose(plant(tmp_path, TREE), dockerignore)
    names = set(choice.names)

    for_images = DockerignoreHandler(dockerignore=list(choice.dockerignore)).get_regex_patterns()

    assert uploaded(tmp_path, list(choice.ignore)) == names
    assert uploaded(tmp_path, for_images) == names


@given(st.lists(st.text("ab*?/[!]\\.#- ", max_size=8), max_size=5), st.text("ab/.", max_size=10))
@example(lines=["[---ba]", "[a&&b]"], path="a")
@settings(max_examples=300)
def test_any_pattern_is_decided(lines: list[str], path: str) -> None:
    """No pattern, however broken, is an accident."""
    assert IgnoreRules(lines).ignores(path) in (True, False)


def test_links_do_not_travel(tmp_path: Path) -> None:
    """A link is reported, because fal would upload it under another name or refuse it."""
    plant(tmp_path, ["predict.py"])
    (tmp_path / "link").symlink_to("predict.py")
    (tmp_path / "out").symlink_to("/etc")

    choice, report = choose(tmp_path)

    unsupported = [line.key for line in report.lines() if line.status is SettingStatus.UNSUPPORTED]
    assert unsupported == ["link", "out"]
    assert uploaded(tmp_path, list(choice.ignore)) == {"predict.py"}


def test_ignored_links_are_not_reported(tmp_path: Path) -> None:
    """Who ignores a link knows about it."""
    plant(tmp_path, ["predict.py"])
    (tmp_path / "link").symlink_to("predict.py")

    _, report = choose(tmp_path, "link\n")

    assert not [line for line in report.lines() if line.status is SettingStatus.UNSUPPORTED]


def test_secrets_in_dotenv_stay_here(tmp_path: Path) -> None:
    """A .env is kept out, and the report says so."""
    choice, report = choose(plant(tmp_path, [".env", "a.py"]))

    assert choice.names == ("a.py",)
    assert ".env" in [line.key for line in report.lines() if line.status is SettingStatus.CHANGED]


def test_a_file_that_fal_refuses_is_an_error(tmp_path: Path) -> None:
    """A file over the limit is named, with the setting that helps."""
    with (tmp_path / "big.bin").open("wb") as file:
        file.truncate((1 << 30) + 1)

    with pytest.raises(ConfigError, match=r"big\.bin: 1\.1 GB, and fal takes") as caught:
        choose_files(tmp_path, Report())

    assert "weights" in str(caught.value.remedy)


def test_excluded_files_are_not_measured(tmp_path: Path) -> None:
    """Weights that the runner fetches itself may be of any size."""
    with (tmp_path / "big.bin").open("wb") as file:
        file.truncate((1 << 30) + 1)

    choice = choose_files(tmp_path, Report(), exclude=["big.bin"])

    assert choice.names == ()


def test_a_directory_that_cannot_be_listed_is_an_error(tmp_path: Path) -> None:
    """Here as its path is too long for the system; named in .dockerignore it is no matter."""
    name = "d" * 250
    inner = os.open(tmp_path, os.O_RDONLY)
    for _ in range(17):
        os.mkdir(name, dir_fd=inner)
        outer, inner = inner, os.open(name, os.O_RDONLY, dir_fd=inner)
        os.close(outer)
    os.close(inner)

    with pytest.raises(ConfigError, match="cannot be listed: File name too long") as caught:
        choose_files(tmp_path, Report())

    assert ".dockerignore" in str(caught.value.remedy)
    assert choose(tmp_path, f"{name}\n")[0].names == ()


def test_a_binary_dockerignore_is_an_error(tmp_path: Path) -> None:
    """What cannot be read is not taken for empty."""
    (tmp_path / ".dockerignore").write_bytes(b"\xff\xfe")

    with pytest.raises(ConfigError, match="not UTF-8"):
        choose_files(tmp_path, Report())
