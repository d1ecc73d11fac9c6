"""`cogfal try` with a git repository on this machine as the remote."""

from __future__ import annotations

import os
import pty
import subprocess
from pathlib import Path

import httpx
import pytest

from tests.cli.conftest import COMMAND, Cogfal, environment
from tests.processes import Process

PREDICT = """
import pathlib
from cog import BasePredictor, Path

pathlib.Path(__file__).with_name("ran").touch()

class Greets(BasePredictor):
    def predict(self, name: str, times: int = 1) -> str:
        return f"Hello, {name}!" * times
"""


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Clones are kept below the test's own home."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / ".cache"))


@pytest.fixture
def remote(tmp_path: Path) -> str:
    """The address of a bare repository with a project."""
    tree = tmp_path / "tree"
    tree.mkdir()
    (tree / "cog.yaml").write_text("predict: predict.py:Greets")
    (tree / "predict.py").write_text(PREDICT)
    bare = tmp_path / "greets.git"
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@b.example"]
    for words in (
        ["init", "-q", str(tree)],
        ["-C", str(tree), "add", "."],
        ["-C", str(tree), "commit", "-q", "-m", "first"],
        ["clone", "-q", "--bare", str(tree), str(bare)],
    ):
        subprocess.run([*git, *words], check=True)
    return bare.as_uri()


def clones(home: Path) -> list[Path]:
    """Return what is kept in the cache."""
    return list((home / ".cache/cogfal/projects").glob("*"))


def test_a_repository_answers_with_one_command(remote: str, cogfal: Cogfal, tmp_path: Path) -> None:
    """It is cloned once, into the cache; what it can be given is told."""
    first = cogfal("try", remote, "-i", "name=Ada", "--yes")
    second = cogfal("try", remote, "-i", "name=Eve", "-i", "times=2", "--yes")

    assert first.status == second.status == 0, first.err + second.err
    assert first.out == "Hello, Ada!\n"
    assert second.out == "Hello, Eve!Hello, Eve!\n"
    assert "-i times=  integer, default 1" in first.err
    assert "will run on this machine with your rights" in first.err
    assert "is there already" in second.err
    assert len(clones(tmp_path)) == 1


def test_nothing_of_it_runs_unasked(remote: str, cogfal: Cogfal, tmp_path: Path) -> None:
    """Without a terminal to ask on and without --yes it stops, and says what would run."""
    ended = cogfal("try", remote, "-i", "name=Ada")

    (place,) = clones(tmp_path)
    assert ended.status == 1
    assert f"read the code in {place}" in ended.err
    assert "--yes" in ended.err
    assert ended.out == ""
    assert not (place / "ran").exists()


@pytest.mark.parametrize(("answer", "status"), [(b"y\n", 0), (b"\n", 1)], ids=["yes", "no"])
def test_the_terminal_is_asked(
    remote: str, project: Path, tmp_path: Path, answer: bytes, status: int
) -> None:
    """Only a yes runs it; the clone goes where -o says."""
    ours, theirs = pty.openpty()
    os.write(ours, answer)

    ended = subprocess.run(
        [*COMMAND, "try", remote, "-i", "name=Ada", "-o", str(tmp_path / "kept")],
        cwd=project,
        env=environment(tmp_path),
        stdin=theirs,
        capture_output=True,
        check=False,
    )
    os.close(theirs)
    os.close(ours)

    assert ended.returncode == status, ended.stderr
    assert (tmp_path / "kept" / "ran").exists() == (status == 0)
    assert clones(tmp_path) == []


def test_a_directory_is_ones_own(cogfal: Cogfal) -> None:
    """It is run without a question."""
    ended = cogfal("try", ".", "-i", "name=Ada")

    assert ended.status == 0, ended.err
    assert ended.out == "Hello, Ada!\n"


def test_a_project_below_the_top_is_found(project: Path, cogfal: Cogfal) -> None:
    """Some repositories hold several."""
    ended = cogfal("try", str(project.parent), "-C", project.name, "-i", "name=Ada")

    assert ended.status == 0, ended.err
    assert ended.out == "Hello, Ada!\n"


def test_its_page_can_be_served(remote: str, project: Path, tmp_path: Path) -> None:
    """`--playground` serves instead, and asks for no inputs."""
    command = [*COMMAND, "try", remote, "--playground", "--yes", "-p", "0"]

    with Process(command, cwd=project, env=environment(tmp_path)) as process:
        url = process.wait_for(r"browser at (http://\S+)")[1]
        page = httpx.get(url)

    assert page.status_code == 200


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("git://host.invalid/a.git", "is not fetched"),
        ("ext::sh -c id", "is not fetched"),
        ("http://host.invalid/a.git", "is not fetched"),
        ("github:owner", "write github:OWNER/REPOSITORY"),
        ("file:///nowhere/at/all.git", "check the address"),
        ("nowhere", "no such directory"),
    ],
)
def test_what_cannot_be_had_is_told(cogfal: Cogfal, source: str, told: str) -> None:
    """Only https, ssh and file addresses reach git."""
    ended = cogfal("try", source, "--yes")

    assert ended.status == 1
    assert told in ended.err


def test_missing_inputs_are_asked_for_first(remote: str, cogfal: Cogfal) -> None:
    """Before anything is made or asked."""
    ended = cogfal("try", remote)

    assert ended.status == 1
    assert "it needs name; add -i name=..., or --playground" in ended.err


def test_another_repository_is_not_overwritten(remote: str, cogfal: Cogfal, tmp_path: Path) -> None:
    """A directory that holds something else is left alone."""
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "a.txt").write_text("mine")

    ended = cogfal("try", remote, "-i", "name=Ada", "--yes", "-o", str(tmp_path / "mine"))

    assert ended.status == 1
    assert "is there already, and no clone" in ended.err
