"""Watch how much memory a server takes while something else goes on."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks.arms import Server

MIB = 2**20
INTERVAL = 0.01  # seconds


class Growth:
    """How far a server's resident memory rose above what it was at first."""

    def __init__(self, before: int) -> None:
        self.before = self.peak = before

    @property
    def mib(self) -> float:
        """The rise in MiB."""
        return (self.peak - self.before) / MIB


@contextmanager
def watched(server: Server) -> Iterator[Growth]:
    """Sample the server's memory during the block."""
    growth, over = Growth(server.resident_bytes()), threading.Event()

    def sample() -> None:
        while not over.wait(INTERVAL):
            growth.peak = max(growth.peak, server.resident_bytes())

    thread = threading.Thread(target=sample)
    thread.start()
    try:
        yield growth
    finally:
        over.set()
        thread.join()
