"""Capture what a predictor prints while pytest captures too."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from contextvars import Context
from typing import TextIO

from cogfal.engine.descriptors import Outlets, Receiver
from cogfal.engine.event_queue import EventQueue
from cogfal.engine.prediction import Source
from cogfal.local import Discreet


class PythonStreams(Outlets):
    """Captures `sys.stdout` and `sys.stderr` alone: the descriptors are pytest's."""

    def open(self, originals: Mapping[Source, TextIO], receive: Receiver) -> None:
        """Leave everything as it is."""

    def outlet(self, source: Source) -> TextIO | None:
        """Say that the original stream is the way."""

    def numbers(self) -> tuple[int, int]:
        """Return the process's own."""
        return 1, 2

    def drain(self) -> None:
        """Nothing is ever on its way."""

    def close(self) -> None:
        """Leave everything as it is."""


class SharedCapture(Discreet):
    """A capture that takes the standard streams again when pytest has replaced them.

    pytest does so before every test and with each of its capturing fixtures.
    """

    _taken: TextIO | None = None

    def open(self) -> None:
        """Begin to capture."""
        super().open()
        self._taken = sys.stdout

    def begin(self, feed: EventQueue, context: Context) -> None:
        """Attribute what code in `context` prints to `feed`."""
        if sys.stdout is not self._taken:
            self.close()
            self.open()
        super().begin(feed, context)
