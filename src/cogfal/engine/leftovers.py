"""Find and end what author's code has left running, though what watched over it is gone.

Whatever the author's code starts inherits a variable that names the server's process and one life
of the author's. On Linux it is found in /proc; what was started with other variables is not.
"""

from __future__ import annotations

import os
import re
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from typing import Final, NamedTuple

import anyio
from typing_extensions import Self

from cogfal.concurrency import on_daemon_thread

VARIABLE: Final = "COGFAL_STARTED_BY"
PAUSE: Final = 0.005  # seconds between the first two looks for processes that are still there
LONGEST_PAUSE: Final = 0.5
PATIENCE: Final = 10.0  # seconds after which one that does not end, in a driver, is left alone


_WRITTEN: Final = re.compile(r"([0-9a-f.]*)-([0-9]{1,9})-([0-9]+)-([0-9a-z]*)", re.ASCII)


class OwnerMark(NamedTuple):
    """Which server a process was started for, and in which life of its author's code.

    `place` is where the server's process id and its time of starting mean what they say: what they
    mean elsewhere is not known here.
    """

    place: str
    server: int
    started: str
    life: str

    @classmethod
    def of_this_process(cls, life: str = "") -> Self:
        """Return the mark of what this process starts; raises OSError where there is no /proc."""
        pid = os.getpid()
        return cls(_place(), pid, _status(pid).started, life)

    @classmethod
    def read(cls, text: str) -> Self | None:
        """Read what `written` has written, None where it is something else."""
        found = _WRITTEN.fullmatch(text)
        if found is None:
            return None
        place, server, *others = found.groups()
        return cls(place, int(server), *others)

    def written(self) -> str:
        """Return the value of the variable."""
        return "-".join(map(str, self))

    @property
    def orphaned(self) -> bool:
        """Whether the server has ended, for certain; not where it cannot be told from here."""
        try:
            return self.place == _place() and _has_ended(self.server, self.started)
        except (OSError, ValueError, LookupError):
            return False


def marking(life: str = "") -> dict[str, str]:
    """Return the variable that marks what this process starts; none where nobody can read it."""
    try:
        return {VARIABLE: OwnerMark.of_this_process(life).written()}
    except OSError:
        return {}


async def end_orphans() -> None:
    """End what the author's code of servers that are gone has left running."""
    await _end(lambda mark: mark.orphaned)


async def end_life(life: str) -> None:
    """End what one life of this process's author's code has left running."""
    with suppress(OSError):
        gone = OwnerMark.of_this_process(life)
        await _end(lambda mark: mark == gone)


async def _end(wanted: Callable[[OwnerMark], bool]) -> None:
    """Kill them until none is left, or for as long as there is patience."""
    with anyio.move_on_after(PATIENCE):
        # Nobody waits for the thread: a driver may hold up who reads of a process.
        await on_daemon_thread(partial(_kill_all, wanted, time.monotonic() + PATIENCE))


def _kill_all(wanted: Callable[[OwnerMark], bool], deadline: float) -> None:
    """Kill them again and again, as they may start others."""
    pause = PAUSE
    while _kill(wanted) and time.monotonic() < deadline:
        time.sleep(pause)
        pause = min(2 * pause, LONGEST_PAUSE)


def _kill(wanted: Callable[[OwnerMark], bool]) -> bool:
    """Kill those that are there; return whether there was any."""
    found = False
    for pid, mark in _marked():
        if wanted(mark):
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
                found = True
    return found


def _marked() -> Iterator[tuple[int, OwnerMark]]:
    """Yield the processes, but for this one, that have inherited a mark."""
    try:
        names = os.listdir("/proc")  # noqa: PTH208  # names are enough
    except OSError:
        return
    for name in names:
        if not name.isdecimal() or int(name) == os.getpid():
            continue
        try:
            with open(f"/proc/{name}/environ", "rb") as file:  # noqa: PTH123  # for speed
                mark = _mark_in(file.read())
        except OSError:  # somebody else's, or it has ended
            continue
        if mark is not None:
            yield int(name), mark


def _mark_in(environ: bytes) -> OwnerMark | None:
    """Read the mark among variables, None where there is none or more than one."""
    start = f"{VARIABLE}=".encode()
    if start not in environ:
        return None
    values = [each[len(start) :] for each in environ.split(b"\0") if each.startswith(start)]
    return OwnerMark.read(values[0].decode("ascii", "replace")) if len(values) == 1 else None


def _place() -> str:
    """Name this boot of this machine, and the namespaces of process ids and of times."""
    boot = ""
    with suppress(OSError), open("/proc/sys/kernel/random/boot_id") as file:  # noqa: PTH123
        boot = file.read().strip().replace("-", "")
    parts = [boot, str(os.stat("/proc/self/ns/pid").st_ino)]  # noqa: PTH116  # for speed
    with suppress(FileNotFoundError):  # an older Linux
        parts.append(str(os.stat("/proc/self/ns/time").st_ino))  # noqa: PTH116  # for speed
    return ".".join(parts)


class _Status(NamedTuple):
    """What /proc tells of a process: with `started`, its id is never used again."""

    state: str
    threads: int
    started: str


def _status(pid: int) -> _Status:
    with open(f"/proc/{pid}/stat", "rb") as file:  # noqa: PTH123  # for speed
        told = file.read().rpartition(b")")[2].decode("ascii").split()
    return _Status(told[0], int(told[17]), told[19])


def _has_ended(pid: int, started: str) -> bool:
    """Say whether a process has ended; raises OSError where that cannot be told."""
    try:
        found = _status(pid)
    except (FileNotFoundError, ProcessLookupError):
        return not _exists(pid)  # it may be hidden
    # Nobody has asked yet how it ended; its other threads may go on, though.
    collected = found.state in "XZ" and found.threads <= 1
    return found.started != started or collected


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
