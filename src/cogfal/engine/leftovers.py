"""Find and end what author's code has left running, though what watched over it is gone.

Whatever the author's code starts inherits a variable that names the server's process and one life
of the author's. On Linux it is found in /proc; what was started with other variables is not.
"""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Final, NamedTuple

from typing_extensions import Self

VARIABLE: Final = "COGFAL_STARTED_BY"
PAUSE: Final = 0.005  # seconds between two looks for processes that are still there
PATIENCE: Final = 10.0  # seconds after which one that does not end, in a driver, is left alone


class Mark(NamedTuple):
    """Which server a process was started for, and in which life of its author's code.

    `namespace` is the server's own for process ids: what they mean elsewhere is not known here.
    """

    namespace: int
    server: int
    started: str
    life: str

    @classmethod
    def of_this_process(cls, life: str = "") -> Self:
        """Return the mark of what this process starts; raises OSError where there is no /proc."""
        pid = os.getpid()
        return cls(_namespace(), pid, _started(pid), life)

    @classmethod
    def read(cls, text: str) -> Self | None:
        """Read what `written` has written, None where it is something else."""
        parts = text.split("-")
        if len(parts) != len(cls._fields) or not all(map(str.isdecimal, parts[:3])):
            return None
        return cls(int(parts[0]), int(parts[1]), *parts[2:])

    def written(self) -> str:
        """Return the value of the variable."""
        return "-".join(map(str, self))

    @property
    def orphaned(self) -> bool:
        """Whether the server has ended; not where it cannot be told from here."""
        try:
            return self.namespace == _namespace() and _started(self.server) != self.started
        except OSError:
            return True


def marking(life: str = "") -> dict[str, str]:
    """Return the variable that marks what this process starts; none where nobody can read it."""
    try:
        return {VARIABLE: Mark.of_this_process(life).written()}
    except OSError:
        return {}


async def end_orphans() -> None:
    """End what the author's code of servers that are gone has left running."""
    await _end(lambda mark: mark.orphaned)


async def end_life(life: str) -> None:
    """End what one life of this process's author's code has left running."""
    with suppress(OSError):
        gone = Mark.of_this_process(life)
        await _end(lambda mark: mark == gone)


async def _end(wanted: Callable[[Mark], bool]) -> None:
    """Kill them again and again, as they may start others, until none is left."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        found = [pid for pid, mark in _marked() if wanted(mark)]
        if not found:
            return
        for pid in found:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        await asyncio.sleep(PAUSE)


def _marked() -> Iterator[tuple[int, Mark]]:
    """Yield the processes, but for this one, that have inherited a mark."""
    start = f"{VARIABLE}=".encode()
    try:
        names = os.listdir("/proc")  # noqa: PTH208  # names are enough
    except OSError:
        return
    for name in names:
        if not name.isdecimal() or int(name) == os.getpid():
            continue
        try:
            with open(f"/proc/{name}/environ", "rb") as file:  # noqa: PTH123  # for speed
                environ = file.read()
        except OSError:  # somebody else's, or it has ended
            continue
        if start in environ:
            for each in environ.split(b"\0"):
                mark = Mark.read(each[len(start) :].decode("ascii", "replace"))
                if each.startswith(start) and mark is not None:
                    yield int(name), mark


def _namespace() -> int:
    return os.stat("/proc/self/ns/pid").st_ino  # noqa: PTH116  # for speed


def _started(pid: int) -> str:
    """Return when a process started: with that, its id is never used again."""
    with open(f"/proc/{pid}/stat", "rb") as file:  # noqa: PTH123  # for speed
        state, *others = file.read().rpartition(b")")[2].split()
    if state in b"XZ":
        raise ProcessLookupError
    return others[18].decode()
