"""A prediction's own directory, and a process's, which the next one removes if it was killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cogfal.files.names import safe_name
from cogfal.files.workspace import PREFIX, Scratch, Workspace, create_file, sweep


def test_everything_in_it_goes_with_it(tmp_path: Path) -> None:
    """Files, folders and links are removed, what links point to is not, handles are closed."""
    kept = tmp_path / "kept.txt"
    kept.write_text("kept")
    workspace = Workspace(tmp_path)
    (workspace.directory / "folder").mkdir()
    (workspace.directory / "folder" / "file").write_text("x")
    link = workspace.link(kept)
    handle = link.open("rb")
    workspace.ends_with(handle.close)

    workspace.close()
    workspace.close()

    assert not workspace.path.exists()
    assert handle.closed
    assert kept.read_text() == "kept"


def test_it_is_removed_when_its_block_fails(tmp_path: Path) -> None:
    """An exception is no reason to leave files behind, and passes through."""
    with pytest.raises(FileNotFoundError), Workspace(tmp_path) as workspace:
        (workspace.directory / "missing").open()

    assert list(tmp_path.iterdir()) == []


def test_an_end_that_fails_keeps_nothing_from_its_own(tmp_path: Path) -> None:
    """The latest comes first, the directory last, and the failure is not hidden."""
    ends: list[str] = []

    def fail() -> None:
        ends.append("failed")
        raise OSError("no")

    workspace = Workspace(tmp_path)
    (workspace.directory / "file").touch()
    workspace.ends_with(lambda: ends.append("first"))
    workspace.ends_with(fail)

    with pytest.raises(OSError, match="no"):
        workspace.close()

    assert ends == ["failed", "first"]
    assert list(tmp_path.iterdir()) == []
    workspace.close()
    assert ends == ["failed", "first"]


def test_write_protected_folders_are_removed_too(tmp_path: Path) -> None:
    """The author's code may have taken rights away."""
    with Workspace(tmp_path) as workspace:
        folder = workspace.directory / "folder"
        folder.mkdir()
        (folder / "file").write_text("x")
        folder.chmod(0o500)

    assert list(tmp_path.iterdir()) == []


def test_only_its_owner_sees_it(tmp_path: Path) -> None:
    """Other users of the machine cannot read a caller's files."""
    with Workspace(tmp_path) as workspace:
        assert workspace.directory.stat().st_mode & 0o077 == 0


@settings(deadline=None)
@given(st.lists(st.text(max_size=8), min_size=1, max_size=6))
def test_every_file_gets_a_place_of_its_own(names: list[str]) -> None:
    """Names that are equal, or become equal, never overwrite each other."""
    with Workspace() as workspace:
        paths = []
        for name in [*names, *names]:
            path, file = create_file(workspace.directory, safe_name(name))
            file.close()
            paths.append(path)

        assert len(set(paths)) == len(paths)
        assert {path.parent for path in paths} == {workspace.directory}


def test_second_name_is_the_same_file(tmp_path: Path) -> None:
    """A file may be removed under one name and be there under the other."""
    with Workspace(tmp_path) as workspace:
        first, file = create_file(workspace.directory, "a.png")
        file.close()

        second = workspace.another_name(first)

        assert second.name == "a-2.png"
        assert os.path.samefile(first, second)  # noqa: PTH121 (says it best)


def test_a_directory_that_nobody_asks_for_is_never_made(tmp_path: Path) -> None:
    """A prediction without files touches no disk."""
    with Workspace(tmp_path):
        made = list(tmp_path.iterdir())

    assert made == []


def test_names_of_many_files_cost_few_tries(tmp_path: Path) -> None:
    """Equal names become different ones of the same kind, however many there are."""
    for _ in range(200):
        path, file = create_file(tmp_path, "a.png")
        file.close()
        assert path.suffix == ".png"

    names = {path.name for path in tmp_path.iterdir()}
    assert len(names) == 200
    assert {"a.png", "a-2.png", "a-9.png"} < names
    assert "a-10.png" not in names


def test_its_place_is_known_before_it_is_made(tmp_path: Path) -> None:
    """Whoever makes it, there or here, it is removed at the end."""
    with Workspace(tmp_path) as workspace:
        path = workspace.path
        assert (workspace.made, workspace.used, path.exists()) == (None, False, False)

        path.mkdir()

        assert workspace.made == workspace.directory == path
        assert workspace.used

    assert list(tmp_path.iterdir()) == []


def test_a_parent_that_cannot_be_made_is_an_error_of_whoever_needs_it(tmp_path: Path) -> None:
    """Not of a prediction that puts nothing there."""
    with Workspace(Scratch(tmp_path / "missing")) as workspace:
        path = workspace.path

        with pytest.raises(OSError, match="missing"):
            _ = workspace.directory
        assert not path.exists()
        assert not workspace.used


HOLDS = """
import sys
from pathlib import Path
from cogfal.files.workspace import Scratch

directory = Scratch(Path(sys.argv[1])).directory
(directory / "left").write_text("x")
print(directory, flush=True)
sys.stdin.read()
"""


def holder(parent: Path) -> tuple[subprocess.Popen[str], Path]:
    """Start a process that holds a directory; return both."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDS, str(parent)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    return process, Path(process.stdout.readline().strip())


def end(process: subprocess.Popen[str]) -> None:
    """Kill a process, wait until it is gone, and close its pipes."""
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()


def open_files() -> int:
    """Count the descriptors of this process."""
    return len([*Path("/proc/self/fd").iterdir()])


def test_what_a_killed_process_left_is_swept(tmp_path: Path) -> None:
    """Not before it is dead, and not what other processes hold."""
    killed, left = holder(tmp_path)
    living, held = holder(tmp_path)
    try:
        sweep(tmp_path)
        before = left.exists(), held.exists()
        end(killed)

        sweep(tmp_path)

        assert before == (True, True)
        assert (left.exists(), held.exists()) == (False, True)
    finally:
        end(living)


def test_nothing_else_is_swept(tmp_path: Path) -> None:
    """Neither files and links of such a name, nor directories of another."""
    outside = tmp_path / "outside"
    other = tmp_path / "parent" / "cogfal-other"
    for directory in (outside, other):
        directory.mkdir(parents=True)
    (other.parent / f"{PREFIX}link").symlink_to(outside)
    (other.parent / f"{PREFIX}file").write_text("x")

    sweep(other.parent)
    sweep(tmp_path / "missing")

    assert outside.exists()
    assert len([*other.parent.iterdir()]) == 3


def test_a_directory_that_cannot_be_emptied_as_it_is_goes_all_the_same(tmp_path: Path) -> None:
    """What the author's code sealed is opened; what its links lead to is left alone."""
    outside = tmp_path / "outside"
    outside.mkdir()
    outside.chmod(0o500)
    scratch = Scratch(tmp_path)
    inner = scratch.directory / "a" / "b"
    inner.mkdir(parents=True)
    (inner / "file").touch()
    (inner.parent / "link").symlink_to(outside)
    for directory in (inner, inner.parent, scratch.directory):
        directory.chmod(0)

    scratch.close()
    scratch.close()

    assert [*tmp_path.iterdir()] == [outside]
    assert outside.stat().st_mode & 0o777 == 0o500


def test_a_directory_that_was_taken_away_is_made_again(tmp_path: Path) -> None:
    """As cleaners of temporary directories do, and with no descriptor left for each time."""
    scratch = Scratch(tmp_path)
    first = scratch.directory
    held = open_files()
    for _ in range(3):
        scratch.directory.rmdir()

    second = scratch.directory

    assert second.is_dir()
    assert second == scratch.directory != first
    assert open_files() == held
    scratch.close()
    assert [*tmp_path.iterdir()] == []


def test_one_that_was_never_asked_for_is_never_made(tmp_path: Path) -> None:
    """Making the object does nothing; nor does closing it."""
    Scratch(tmp_path).close()

    assert [*tmp_path.iterdir()] == []


def test_a_place_that_takes_no_directory_is_an_error(tmp_path: Path) -> None:
    """Of whoever asks for it, each time."""
    scratch = Scratch(tmp_path / "missing")

    for _ in range(2):
        with pytest.raises(FileNotFoundError):
            _ = scratch.directory
