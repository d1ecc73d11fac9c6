"""Where an output file may lie, and whether it is removed once it is delivered."""

from __future__ import annotations

import os
import stat
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cached_property
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple, TypeAlias
from weakref import ReferenceType, ref

from cogfal.errors import OutputError
from cogfal.files.workspace import Workspace

Prefixes: TypeAlias = tuple[str, ...]

_SYSTEM: Prefixes = ("/proc/", "/sys/", "/dev/", "/etc/", "/run/")
_SHARED_MEMORY = "/dev/shm/"  # noqa: S108 (named, not used)
_USUAL: tuple[str, ...] = ("/tmp", "/var/tmp")  # noqa: S108 (named, not used)
"""Where temporary files lie that were not made with `tempfile`."""
_TICK: Final = 0.02
"""Seconds that the times of files may be behind the clock."""
_SECOND: Final = 1.0
"""The same where a disk keeps whole seconds."""
_REMEMBERED: Final = 20_000
"""Delivered files that are known; one that its author overwrites or removes counts once."""
_FLAGS = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK


class Opened(NamedTuple):
    """An output file that may be read, and where it really lies."""

    file: BinaryIO
    real: str


class Delivered(NamedTuple):
    """A file as it was when a prediction delivered it."""

    written: int
    size: int
    prediction: ReferenceType[Workspace]


class OutputDirectories:
    """Where outputs may lie: in the project, in temporary directories, in `others`.

    Elsewhere lies an output that was written since its prediction began, and nothing older: a path
    that a caller had a hand in leads to no secret and no weights. System directories are refused
    whatever lies in them. What one prediction wrote and delivered is never delivered by another.
    One instance serves all requests: where the directories themselves really lie is found out when
    the first file is judged.

    Args:
        project: The project's directory.
        others: Further directories.
        shared: Directories whose files belong to no prediction, such as a cache of inputs.
    """

    def __init__(
        self, project: Path, others: Sequence[Path] = (), shared: Sequence[Path] = ()
    ) -> None:
        self._project = project
        self._others = (*others, *shared)
        self._shared = shared
        self._delivered: dict[tuple[int, int], Delivered] = {}
        self._remembering = threading.Lock()

    @contextmanager
    def opened(self, path: Path, workspace: Workspace, where: str) -> Iterator[Opened]:
        """Open an output file to read it; raise `OutputError`, naming it, if that may not be.

        Where it really lies is judged before it is opened and again, by what was opened, after.
        `workspace` is the prediction's; `where` is what the file is called in messages.
        """
        real = os.path.realpath(path)
        found = _status(real)
        self._refuse_outside(path, real, found, workspace, where)
        _refuse_irregular(path, found, where)
        try:
            descriptor = os.open(path, _FLAGS)
        except FileNotFoundError as error:
            raise OutputError(f"{where}: the file {path} does not exist") from error
        except OSError as error:
            raise OutputError(f"{where}: {path} cannot be read: {error.strerror}") from error
        with os.fdopen(descriptor, "rb") as file:
            real, found = _real_path(descriptor, path), os.fstat(descriptor)
            self._refuse_outside(path, real, found, workspace, where)
            _refuse_irregular(path, found, where)
            if not _is_inside(real, (*_prefixes(workspace.made), *self._without_owner)):
                self._refuse_delivered(path, found, descriptor, workspace, where)
            yield Opened(file, real)

    def located(self, path: Path) -> Path:
        """Look in the project for a file that is not in the working directory."""
        try:
            here = Path.cwd()
        except FileNotFoundError:  # the author's code has removed it
            return path
        if not path.is_relative_to(here) or os.path.lexists(path):
            return path
        return self._project.resolve() / path.relative_to(here)

    def at_hand(self, path: Path, own: Path | None) -> bool:
        """Tell whether a file lies where predictions' directories lie, so that a look is quick.

        A link on the way there may lead anywhere.
        """
        places = (self._home,) if own is None else (self._home, own)
        home = next((each for each in places if path.is_relative_to(each)), None)
        if home is None or ".." in path.parts:
            return False
        steps = len(path.parts) - len(home.parts)
        return not any(step.is_symlink() for step in (path, *path.parents[: steps - 1]))

    def is_temporary(self, real: str, own: Path | None) -> bool:
        """Tell whether the file that really lies at `real` is removed once it is delivered.

        What lies in the prediction's `own` directory may be an input, and goes with it.
        """
        if _is_inside(real, (*_prefixes(own), *self._lasting)):
            return False
        return _is_inside(real, self._temporary)

    @cached_property
    def _home(self) -> Path:
        return Path(tempfile.gettempdir()).resolve()

    @cached_property
    def _lasting(self) -> Prefixes:
        return tuple(_prefix(place.resolve()) for place in (self._project, *self._others))

    @cached_property
    def _without_owner(self) -> Prefixes:
        return tuple(_prefix(place.resolve()) for place in self._shared)

    @cached_property
    def _temporary(self) -> Prefixes:
        places = (self._home, *map(Path, _USUAL))
        return (*(_prefix(place.resolve()) for place in places), _SHARED_MEMORY)

    def _refuse_delivered(
        self, path: Path, found: os.stat_result, descriptor: int, workspace: Workspace, where: str
    ) -> None:
        """Refuse what another prediction delivered, and know from now on what this one does.

        What was there before the prediction began is the author's own, for all of them.
        """
        identity = found.st_dev, found.st_ino
        with self._remembering:
            known = self._delivered.get(identity)
            if known is not None and known[:2] == (found.st_mtime_ns, found.st_size):
                if known.prediction() is workspace:
                    return
                raise OutputError(
                    f"{where}: {path} was delivered by another prediction and has not been "
                    "written since; write a new file for each prediction"
                )
            if found.st_ctime < workspace.began - _TICK:
                return
            self._delivered.pop(identity, None)
            self._delivered[identity] = Delivered(
                _told_apart(descriptor, found), found.st_size, ref(workspace)
            )
            if len(self._delivered) > _REMEMBERED:
                self._delivered.pop(next(iter(self._delivered)))

    def _refuse_outside(
        self, path: Path, real: str, found: os.stat_result | None, workspace: Workspace, where: str
    ) -> None:
        allowed = (*_prefixes(workspace.made), *self._lasting, *self._temporary)
        system = _is_inside(real, _SYSTEM) and not _is_inside(real, (_SHARED_MEMORY,))
        if not system and (_is_inside(real, allowed) or _is_new(found, workspace.began)):
            return
        whereabouts = f"{path}" if real == str(path) else f"{path} (really {real})"
        found_there = "" if system else ", and was there before the prediction"
        raise OutputError(
            f"{where}: {whereabouts} lies outside the project, the temporary directory and the "
            f"prediction's directory{found_there}; write output files to one of them"
        )


def _prefix(place: Path) -> str:
    """Return what the path of every file in `place` begins with."""
    return os.path.join(place, "")  # noqa: PTH118 (a Path drops the slash at the end)


def _prefixes(own: Path | None) -> Prefixes:
    return () if own is None else (_prefix(own),)


def _is_inside(real: str, prefixes: Prefixes) -> bool:
    return f"{real}/".startswith(prefixes)


def _status(real: str) -> os.stat_result | None:
    """Tell what lies at `real`, None if nothing that can be looked at does."""
    try:
        return os.stat(real)  # noqa: PTH116 (it is no Path)
    except OSError:
        return None


def _is_new(found: os.stat_result | None, since: float) -> bool:
    """Tell whether a file was written since then; what is not there gives nothing away."""
    if found is None:
        return True
    coarseness = _TICK if found.st_ctime % 1 else _SECOND
    return found.st_ctime >= since - coarseness


def _told_apart(descriptor: int, found: os.stat_result) -> int:
    """Return when a file was written, in nanoseconds, so that writing it again will show.

    One that was written just now is dated back by a nanosecond: the clock of files stands still for
    some milliseconds, in which another prediction may write as many bytes.
    """
    written = found.st_mtime_ns
    if time.time_ns() - written < _TICK * 10**9:
        with suppress(OSError):  # it is somebody else's
            os.utime(descriptor, ns=(found.st_atime_ns, written - 1))
            return os.fstat(descriptor).st_mtime_ns
    return written


def _refuse_irregular(path: Path, found: os.stat_result | None, where: str) -> None:
    if found is None or stat.S_ISREG(found.st_mode):
        return
    if stat.S_ISDIR(found.st_mode):
        raise OutputError(f"{where}: {path} is a directory; return its files, or an archive")
    raise OutputError(f"{where}: {path} is not a regular file")


def _real_path(descriptor: int, path: Path) -> str:
    """Return where the opened file lies, as the kernel says where it does."""
    try:
        return os.readlink(f"/proc/self/fd/{descriptor}")  # noqa: PTH115 (it is no Path)
    except OSError:  # there is no /proc
        return os.path.realpath(path)
