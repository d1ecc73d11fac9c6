"""How much, how long and from where files are fetched, and how a file falls short of it."""

from __future__ import annotations

import time
from dataclasses import dataclass, fields
from typing import Final

from cogfal.errors import SettingError

_MAY_BE_ZERO: Final = ("min_bytes_per_second", "max_redirects", "allow_private_hosts")


class FetchError(Exception):
    """Report a file that cannot be had; the text says why and shows no credentials."""


class TooLarge(FetchError):
    """Report a file, or the sum of a request's files, above `max_size` bytes."""

    def __init__(self, max_size: int, *, whole_request: bool = False) -> None:
        self.max_size = max_size
        subject = "the request's files are" if whole_request else "the file is"
        super().__init__(f"{subject} larger than {max_size} bytes")


@dataclass(frozen=True, slots=True)
class FileLimits:
    """Limits on the file inputs of one request; sizes count decoded bytes, times are seconds.

    `stall_seconds` bounds the wait for a response's headers and each pause in its body, and a body
    slower than `min_bytes_per_second` over that time counts as stalled. `allow_private_hosts` lets
    inputs name hosts on private and loopback networks, for local runs.
    """

    max_files: int = 1000
    max_file_bytes: int = 4 * 1024**3
    max_request_bytes: int = 16 * 1024**3
    total_seconds: float = 600.0
    connect_seconds: float = 10.0
    stall_seconds: float = 30.0
    min_bytes_per_second: int = 1024
    max_redirects: int = 5
    concurrency: int = 16
    allow_private_hosts: bool = False

    def __post_init__(self) -> None:
        for each in fields(self):
            value = getattr(self, each.name)
            if each.name in _MAY_BE_ZERO and value < 0:
                raise SettingError(f"{each.name} is {value}", remedy="make it 0 or more")
            if each.name not in _MAY_BE_ZERO and value <= 0:
                raise SettingError(f"{each.name} is {value}", remedy="make it positive")


OPERATORS: Final = FileLimits(
    max_file_bytes=2**50,
    max_request_bytes=2**50,
    total_seconds=24 * 3600.0,
    allow_private_hosts=True,
)
"""What holds for files that the operator or the author named, such as weights."""


class FetchBudget:
    """What one request may still fetch; its files share it, and its time runs from its making."""

    def __init__(self, limits: FileLimits) -> None:
        self.limits = limits
        self._bytes_left = limits.max_request_bytes
        self._deadline = time.monotonic() + limits.total_seconds

    @property
    def spent(self) -> int:
        """How many bytes have arrived."""
        return self.limits.max_request_bytes - self._bytes_left

    def seconds_left(self) -> float:
        """Return the seconds until the request's files must have arrived, never below 0."""
        return max(0.0, self._deadline - time.monotonic())

    def meter(self) -> Meter:
        """Start counting one file's bytes against its own limit and the request's."""
        return Meter(self)

    def spend(self, count: int) -> None:
        """Take `count` bytes of one file; raise `TooLarge` when the request has had its share."""
        self.check(count)
        self._bytes_left -= count

    def check(self, count: int) -> None:
        """Raise `TooLarge` if a file of `count` bytes could not be fetched; take nothing."""
        if count > self.limits.max_file_bytes:
            raise TooLarge(self.limits.max_file_bytes)
        if count > self._bytes_left:
            raise TooLarge(self.limits.max_request_bytes, whole_request=True)


class Meter:
    """The bytes of one file so far."""

    def __init__(self, budget: FetchBudget) -> None:
        self._budget = budget
        self.count = 0

    def add(self, count: int) -> None:
        """Count `count` more bytes; raise `TooLarge` at the first limit that is passed."""
        self.count += count
        if self.count > self._budget.limits.max_file_bytes:
            raise TooLarge(self._budget.limits.max_file_bytes)
        self._budget.spend(count)


class Pace:
    """Notice a body that keeps arriving, but too slowly to be worth waiting for."""

    def __init__(self, limits: FileLimits) -> None:
        self._window = limits.stall_seconds
        self._least = limits.stall_seconds * limits.min_bytes_per_second
        self._start = time.monotonic()
        self._count = 0

    def add(self, count: int) -> None:
        """Count received bytes; raise `FetchError` at the end of a window with too few of them."""
        self._count += count
        now = time.monotonic()
        if now - self._start < self._window:
            return
        if self._count < self._least:
            raise FetchError(f"the server sent only {self._count} bytes in {self._window:g} s")
        self._start, self._count = now, 0
