"""Say in the log how a long download is going."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Protocol

_UNITS = {10**3: "kB", 10**6: "MB", 10**9: "GB"}


class Reporter(Protocol):
    """Receives how many bytes of one transfer have passed so far."""

    def report(self, count: int) -> None:
        """Take the number of bytes."""


class Progress:
    """Report one transfer every `interval` seconds; a shorter one reports nothing."""

    def __init__(
        self,
        name: str,
        size: int | None,
        log: Callable[[str], None] | None = None,
        interval: float = 5.0,
        verb: str = "Downloading",
    ) -> None:
        self._name = name
        self._size = size
        self._log = log or write_line
        self._interval = interval
        self._verb = verb
        self._last = time.monotonic()

    def report(self, count: int) -> None:
        """Log `count`, the bytes so far, if the last line is long enough ago."""
        now = time.monotonic()
        if now - self._last < self._interval:
            return
        self._last = now
        whole = f" of {readable(self._size)} ({100 * count // self._size} %)" if self._size else ""
        self._log(f"{self._verb} {self._name}: {readable(count)}{whole}")


def write_line(text: str) -> None:
    """Write one line to the standard output, which is the prediction's log while one is running."""
    sys.stdout.write(f"{text}\n")


def readable(count: int) -> str:
    """Write a number of bytes as people do, such as `1.5 GB`."""
    if count < 1000:
        return counted(count, "byte")
    unit = max(unit for unit in _UNITS if count >= unit)
    return f"{count / unit:.1f} {_UNITS[unit]}"


def counted(count: int, what: str) -> str:
    """Write a number of things as people do, such as `1 file` or `2 files`."""
    return f"{count} {what}{'' if count == 1 else 's'}"
