"""How stores come by the bytes of a file, and the store that keeps them in the answer."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from cogfal.files import DataUrlStore, LocalFile, StoreError
from cogfal.files.store import take


def a_file(path: Path, *, disposable: bool = False, size: int = 5) -> LocalFile:
    """Describe a file that may or may not be there."""
    return LocalFile(path, path.name, "text/plain", size, disposable=disposable)


@pytest.mark.parametrize("size", [5, 10**6], ids=["small", "large"])
@pytest.mark.parametrize("instead", ["nothing", "directory", "pipe"])
def test_what_is_no_file_any_more_is_an_error(tmp_path: Path, instead: str, size: int) -> None:
    """It is named, and a pipe is not waited for."""
    path = tmp_path / "a.txt"
    if instead == "directory":
        path.mkdir()
    elif instead == "pipe":
        os.mkfifo(path)

    with pytest.raises(StoreError, match=r"a\.txt cannot be read"):
        asyncio.run(DataUrlStore().put(a_file(path, size=size)))


def test_a_temporary_file_is_moved(tmp_path: Path) -> None:
    """It costs nothing, and its author's name is gone."""
    path = tmp_path / "a.txt"
    path.write_text("hello")
    inode = path.stat().st_ino

    take(a_file(path, disposable=True), tmp_path / "kept")

    assert not path.exists()
    assert (tmp_path / "kept").stat().st_ino == inode


@pytest.mark.parametrize("name", ["stays", "symbolic", "hard"])
def test_a_file_with_another_name_is_copied(tmp_path: Path, name: str) -> None:
    """Whoever goes on to write to it writes to a file of his own."""
    own, path = tmp_path / "own.txt", tmp_path / "a.txt"
    own.write_text("hello")
    if name == "symbolic":
        path.symlink_to(own)
    else:
        path.hardlink_to(own)
    file = a_file(path, disposable=name != "stays")

    take(file, tmp_path / "kept")

    assert (tmp_path / "kept").read_text() == "hello"
    assert not (tmp_path / "kept").samefile(own)


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    """A name that is taken is an error of whoever chose it."""
    path = tmp_path / "a.txt"
    path.write_text("hello")
    (tmp_path / "kept").write_text("mine")

    with pytest.raises(FileExistsError):
        take(a_file(path), tmp_path / "kept")

    assert (tmp_path / "kept").read_text() == "mine"
