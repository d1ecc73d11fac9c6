"""A prediction's own directory: every file of its inputs and outputs, removed when it ends."""

from __future__ import annotations

import os
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import IO, Any, BinaryIO

from typing_extensions import Self

from cogfal.files.blocking import to_the_end
from cogfal.files.names import numbered
from cogfal.files.scratch import Scratch, remove


class Workspace:
    """One directory in `parent`, by default the system's temporary one, and the files opened in it.

    The directory is made when it is first asked for. Usable as a context manager; `async with`
    removes it without holding the event loop up. `close` may be called from any thread and more
    than once.

    Attributes:
        received: Bytes of the prediction's inputs that were fetched.
        sent: Bytes of its outputs that were stored.
    """

    def __init__(self, parent: Path | Scratch | None = None) -> None:
        self.received = 0
        self.sent = 0
        self._parent = parent
        self._made: Path | None = None
        self._making = threading.Lock()
        self._handles: list[IO[Any]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._made is not None or self._handles:
            await to_the_end(self.close)

    @property
    def directory(self) -> Path:
        """The directory, without links in its path."""
        with self._making:
            if self._made is None:
                self._made = Path(tempfile.mkdtemp(prefix="cogfal-", dir=self._place())).resolve()
            return self._made

    def open(self, path: Path) -> BinaryIO:
        """Open `path` for reading bytes until the workspace is closed."""
        handle = path.open("rb")
        self._handles.append(handle)
        return handle

    def another_name(self, path: Path) -> Path:
        """Give a file of this directory a second name, without copying it."""
        return claim(self.directory, path.name, lambda second: os.link(path, second))

    def link(self, target: Path) -> Path:
        """Put a symbolic link to `target`, under its name, into this directory."""
        return claim(self.directory, target.name, lambda link: link.symlink_to(target))

    def close(self) -> None:
        """Close the opened files and remove the directory with everything in it."""
        while self._handles:
            self._handles.pop().close()
        if self._made is not None and self._made.exists():
            remove(self._made)

    def _place(self) -> Path | None:
        return self._parent.directory if isinstance(self._parent, Scratch) else self._parent


def create_file(directory: Path, name: str) -> tuple[Path, BinaryIO]:
    """Create a new file called `name`, or nearly so, directly in `directory`; return it opened."""
    opened: list[BinaryIO] = []
    path = claim(directory, name, lambda candidate: opened.append(candidate.open("xb")))
    return path, opened[0]


def claim(directory: Path, name: str, create: Callable[[Path], object]) -> Path:
    """Call `create` with `directory / name`, or the first numbered variant that does not exist."""
    for candidate in _variants(name):
        with suppress(FileExistsError):
            create(directory / candidate)
            return directory / candidate
    raise AssertionError("variants never end")


def _variants(name: str) -> Iterator[str]:
    yield name
    for number in count(2):
        yield numbered(name, number)
