"""Let threads that keep the interpreter busy work in turn, a step of one of them at a time.

Whenever the event loop has read or written something it wants the interpreter back, for which it
waits as long as there are busy threads: a millisecond for one of them, ten for ten.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final


class Stopped(Exception):
    """Report that work was given up at the end of a step."""


class Turns:
    """A line of threads, of which only the first goes on."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._line: deque[threading.Lock] = deque()
        self._taken = False
        self._mine = threading.local()

    @property
    def waiting(self) -> int:
        """How many threads wait for their turn."""
        return len(self._line)

    @contextmanager
    def one(self, stopped: Callable[[], bool] = bool) -> Iterator[None]:
        """Wait for a turn, and have it for the length of the block, or until it is `stopped`."""
        self._begin()
        self._mine.stopped = stopped
        try:
            self._go_on()
            yield
        finally:
            del self._mine.stopped
            self._end()

    @contextmanager
    def aside(self) -> Iterator[None]:
        """Let others work while this thread waits for something, if it has a turn at all."""
        stopped = self._mine.__dict__.pop("stopped", None)
        if stopped is not None:
            self._end()
        try:
            yield
        finally:
            if stopped is not None:
                self._begin()
                self._mine.stopped = stopped

    def pass_on(self) -> None:
        """End a step of this thread's, if it has a turn: those who wait come first.

        Raises:
            Stopped: It is not to go on.
        """
        if hasattr(self._mine, "stopped"):
            if self._line:
                self._end()
                self._begin()
            self._go_on()

    def _go_on(self) -> None:
        if self._mine.stopped():
            raise Stopped

    def _begin(self) -> None:
        turn = threading.Lock()
        with self._guard:
            if self._taken:
                turn.acquire()
                self._line.append(turn)
            self._taken = True
        turn.acquire()  # it is handed over by whoever ends, so that nobody comes in between

    def _end(self) -> None:
        with self._guard:
            if self._line:
                self._line.popleft().release()
            else:
                self._taken = False


TURNS: Final = Turns()
"""Those of this process, whose threads have one interpreter."""
