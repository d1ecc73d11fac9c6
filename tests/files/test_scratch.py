"""Directories that are removed by whoever comes next, where their own process cannot."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from cogfal.files.workspace import PREFIX, Scratch, sweep

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
