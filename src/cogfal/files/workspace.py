"""Directories that end with whom they are for: a process's own, and each prediction's.

A process that is killed removes nothing. So each directory of a process is locked for as long as it
lives, and `sweep` removes those that nobody holds: the system lets go of a lock when its holder
ends, however that was, and unlike a process id it means the same in every container.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
import stat
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, Final

from typing_extensions import Self

from cogfal.files.names import variant

_NUMBERED = 10
"""Files of one name are numbered up to here; each further one gets a random word."""


class Workspace:
    """One directory in `parent`, by default the system's temporary one, and what ends with it.

    The directory is made when it is first asked for. Usable as a context manager. `close` may be
    called from any thread and more than once.

    Attributes:
        began: When it was opened, as the clock shows it: what is newer may be the prediction's.
        received: Bytes of the prediction's inputs that were fetched.
        sent: Bytes of its outputs that were stored.
    """

    def __init__(self, parent: Path | Scratch | None = None) -> None:
        self.began = time.time()
        self.received = 0
        self.sent = 0
        self._parent = parent
        self._path: Path | None = None
        self._making = threading.Lock()
        self._ends: list[Callable[[], object]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def path(self) -> Path:
        """Where the directory is or will be, without links in its path; it is not made for this.

        Where its parent cannot be made, it is a path at which nothing can be.
        """
        with self._making:
            if self._path is None:
                try:
                    self._path = self._place() / f"cogfal-{secrets.token_hex(8)}"
                except OSError:
                    return Path(os.devnull, "workspace")
            return self._path

    @property
    def directory(self) -> Path:
        """The directory, made where it is not there yet."""
        self._place()  # locked from now on, before anything is in it; or it says what is wrong
        path = self.path
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        return path

    @property
    def used(self) -> bool:
        """Whether there is anything to close."""
        return bool(self._ends) or (self._path is not None and self._path.is_dir())

    @property
    def made(self) -> Path | None:
        """The directory, None as long as it is not there."""
        return self._path if self._path is not None and self._path.is_dir() else None

    def ends_with(self, end: Callable[[], object]) -> None:
        """Have `end` called when the workspace is closed; the latest comes first."""
        self._ends.append(end)

    def another_name(self, path: Path) -> Path:
        """Give a file of this directory a second name, without copying it."""
        return claim(self.directory, path.name, lambda second: os.link(path, second))

    def link(self, target: Path) -> Path:
        """Put a symbolic link to `target`, under its name, into this directory."""
        return claim(self.directory, target.name, lambda link: link.symlink_to(target))

    def close(self) -> None:
        """Close the opened files and remove the directory with everything in it.

        What fails keeps nothing else from its end; it is raised last.
        """
        with ExitStack() as stack:
            # Called last: what ends before it may be open in the directory.
            stack.callback(self._remove)
            while self._ends:
                stack.callback(self._ends.pop(0))

    def _remove(self) -> None:
        if self.made is not None:
            remove(self.made)

    def _place(self) -> Path:
        if isinstance(self._parent, Scratch):
            return self._parent.directory
        return (self._parent or Path(tempfile.gettempdir())).resolve()


def create_file(directory: Path, name: str) -> tuple[Path, BinaryIO]:
    """Create a new file called `name`, or nearly so, directly in `directory`; return it opened."""
    opened: list[BinaryIO] = []
    path = claim(directory, name, lambda candidate: opened.append(candidate.open("xb")))
    return path, opened[0]


def rename(path: Path, name: str) -> Path:
    """Call a file `name`, or nearly so, in the directory that it lies in; return its new path."""
    better, placeholder = create_file(path.parent, name)
    placeholder.close()
    return path.replace(better)


def claim(directory: Path, name: str, create: Callable[[Path], object]) -> Path:
    """Call `create` with `directory / name`, or the first variant of it that does not exist.

    However many files of one name there are, a few variants are tried and no more.
    """
    for candidate in _variants(name):
        with suppress(FileExistsError):
            create(directory / candidate)
            return directory / candidate
    raise AssertionError("variants never end")


def _variants(name: str) -> Iterator[str]:
    yield name
    for number in range(2, _NUMBERED):
        yield variant(name, str(number))
    while True:
        yield variant(name, secrets.token_hex(6))


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
        """The directory, made where it is not there yet."""
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
            # Looked at once it is locked: before that, a sweep may have taken it for abandoned.
            if path.is_dir():
                return path, lock
            os.close(lock)


@contextmanager
def _locked(path: Path) -> Iterator[os.stat_result]:
    """Hold a directory's lock; raises OSError where somebody else does."""
    lock = _open(path)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # Of what is locked, not of the path, at which something else may be by now.
        yield os.fstat(lock)
    finally:
        os.close(lock)


def _open(path: Path) -> int:
    return os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
