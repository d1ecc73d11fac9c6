"""Where an output file may lie, and whether it is removed once it is delivered."""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from cogfal.errors import OutputError

_SYSTEM = tuple(Path(place) for place in ("/proc", "/sys", "/dev", "/etc"))
_FLAGS = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK


class Places:
    """The directories that outputs may lie in: the project, temporary ones, and `others`.

    System directories are refused even inside those.
    """

    def __init__(self, project: Path, others: Sequence[Path] = ()) -> None:
        self.project = project.resolve()
        self._others = tuple(other.resolve() for other in others)
        temporary = (tempfile.gettempdir(), "/tmp", "/var/tmp")  # noqa: S108 (named, not used)
        self._temporary = tuple(Path(place).resolve() for place in temporary)

    @contextmanager
    def opened(self, path: Path, directory: Path, where: str) -> Iterator[BinaryIO]:
        """Open an output file to read it; raise `OutputError`, naming it, if that may not be.

        Where it really lies is judged before it is opened and again, by what was opened, after.
        `directory` is the prediction's own; `where` is what the file is called in messages.
        """
        self._judge(path, Path(os.path.realpath(path)), directory, where)
        try:
            descriptor = os.open(path, _FLAGS)
        except FileNotFoundError as error:
            raise OutputError(f"{where}: the file {path} does not exist") from error
        except OSError as error:
            raise OutputError(f"{where}: {path} cannot be read: {error.strerror}") from error
        with os.fdopen(descriptor, "rb") as file:
            self._judge(path, _real_path(descriptor, path), directory, where)
            yield file

    def located(self, path: Path) -> Path:
        """Make a path absolute, from the working directory or, if it is not there, the project."""
        if path.is_absolute():
            return path
        here = Path.cwd() / path
        return here if here.exists() else self.project / path

    def is_temporary(self, path: Path, directory: Path) -> bool:
        """Tell whether the file at `path` is removed once it is delivered.

        What lies in the prediction's own `directory` may be an input, and goes with it.
        """
        real = Path(os.path.realpath(path))
        if any(real.is_relative_to(kept) for kept in (directory, self.project, *self._others)):
            return False
        return any(real.is_relative_to(place) for place in self._temporary)

    def _judge(self, path: Path, real: Path, directory: Path, where: str) -> None:
        allowed = (directory, self.project, *self._temporary, *self._others)
        inside = any(real.is_relative_to(place) for place in allowed)
        if not inside or any(real.is_relative_to(place) for place in _SYSTEM):
            whereabouts = f"{path}" if real == path else f"{path} (really {real})"
            raise OutputError(
                f"{where}: {whereabouts} lies outside the project, the temporary directory and "
                "the prediction's directory; write output files to one of them"
            )
        if real.is_dir():
            raise OutputError(f"{where}: {path} is a directory; return its files, or an archive")
        if real.exists() and not stat.S_ISREG(real.stat().st_mode):
            raise OutputError(f"{where}: {path} is not a regular file")


def _real_path(descriptor: int, path: Path) -> Path:
    """Return where the opened file lies, as the kernel says where it does."""
    link = Path(f"/proc/self/fd/{descriptor}")
    return link.readlink() if link.exists() else Path(os.path.realpath(path))
