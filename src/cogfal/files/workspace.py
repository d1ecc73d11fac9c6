"""A prediction's own directory: every file of its inputs and outputs, removed when it ends."""

from __future__ import annotations

import os
import secrets
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

from typing_extensions import Self

from cogfal.files.names import variant
from cogfal.files.scratch import Scratch, remove

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

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
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
        """The directory, which is there."""
        self._place()  # locked from now on, before anything is in it; or it says what is wrong
        path = self.path
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        return path

    @property
    def used(self) -> bool:
        """Whether there is anything to close."""
        return bool(self._ends) or self.made is not None

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
