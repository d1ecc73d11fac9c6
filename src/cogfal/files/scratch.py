"""Directories of this process among the temporary ones, which outlive nobody for long.

A process that is killed removes nothing. So each directory is locked for as long as its process
lives, and `sweep` removes those that nobody holds: the system lets go of a lock when its holder
ends, however that was, and unlike a process id it means the same in every container.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import stat
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

PREFIX: Final = "cogfal-run-"


class Scratch:
    """One directory, made when it is first asked for, and again where it has been taken away.

    No part of its path is a link.

    `close` removes it with everything in it, and may be called more than once. Safe in any thread.

    Args:
        parent: Where to make it; by default among the system's temporary directories.
    """

    def __init__(self, parent: Path | None = None) -> None:
        self._parent = parent
        self._path: Path | None = None
        self._lock: int | None = None
        self._making = threading.Lock()

    @property
    def directory(self) -> Path:
        """The directory, which is there."""
        with self._making:
            if self._path is None or not self._path.is_dir():
                self._let_go()
                self._path, self._lock = _make(self._parent)
            return self._path

    def close(self) -> None:
        """Remove the directory, if there is one."""
        with self._making:
            if self._path is not None and self._path.is_dir():
                remove(self._path)
            self._path = None
            self._let_go()

    def forget(self) -> None:
        """Leave the directory to the process that made it, in one that was forked from it.

        The descriptor is closed; the lock stays held by the other process, whose it is as well.
        """
        self._making = threading.Lock()
        self._path = None
        self._let_go()

    def _let_go(self) -> None:
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None


def sweep(parent: Path | None = None, *, unused_for: float = 0.0) -> None:
    """Remove what processes of this user left there when they were killed.

    What cannot be removed stays, and is tried again by the next.

    Args:
        parent: Where the directories were made; by default among the system's temporary ones.
        unused_for: Seconds in which nothing was written to a directory that is removed: where other
            machines use `parent` too, their locks may not be seen here.
    """
    with suppress(OSError):
        for path in (parent or Path(tempfile.gettempdir())).glob(f"{PREFIX}*"):
            with suppress(OSError), _locked(path) as status:
                mine = status.st_uid == os.geteuid()
                if mine and (not unused_for or _last_written(path) <= time.time() - unused_for):
                    remove(path)


def _last_written(directory: Path) -> float:
    """Return when something in a directory was last written, as its disk's clock has it."""
    return max(path.lstat().st_mtime for path in (directory, *directory.rglob("*")))


def remove(directory: Path) -> None:
    """Remove a directory with everything in it, whatever rights its owner was left with."""
    try:
        shutil.rmtree(directory)
    except PermissionError:
        _permit_all(directory)
        shutil.rmtree(directory)


def _permit_all(directory: Path) -> None:
    _permit(directory)
    for folder, names, _ in os.walk(directory):
        for name in names:
            _permit(Path(folder, name))


def _permit(path: Path) -> None:
    """Give back the right to list and empty a directory; links are left alone."""
    mode = path.lstat().st_mode
    if stat.S_ISDIR(mode) and mode & stat.S_IRWXU != stat.S_IRWXU:
        path.chmod(stat.S_IRWXU)


def _make(parent: Path | None) -> tuple[Path, int]:
    """Make and lock a directory; one that a sweep took before it was locked is made again."""
    while True:
        path = Path(tempfile.mkdtemp(prefix=PREFIX, dir=parent)).resolve()
        with suppress(FileNotFoundError):
            lock = _open(path)
            with suppress(OSError):  # a file system without locks: no sweep can lock it either
                fcntl.flock(lock, fcntl.LOCK_EX)
            if path.is_dir():
                return path, lock
            os.close(lock)


@contextmanager
def _locked(path: Path) -> Iterator[os.stat_result]:
    """Hold a directory's lock; raises OSError where somebody else does."""
    lock = _open(path)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield os.fstat(lock)
    finally:
        os.close(lock)


def _open(path: Path) -> int:
    return os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
