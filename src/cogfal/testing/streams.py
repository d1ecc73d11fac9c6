"""Capture what a predictor prints while pytest captures too."""

from __future__ import annotations

import sys
from contextvars import Context
from typing import TextIO

from cogfal.guest.calls import CallEvents
from cogfal.local import Discreet


class SharedCapture(Discreet):
    """A capture that takes the standard streams again when pytest has replaced them.

    pytest does so before every test and with each of its capturing fixtures.
    """

    _taken: TextIO | None = None

    def open(self, *, home: bool = True) -> None:
        """Begin to capture."""
        super().open(home=home)
        self._taken = sys.stdout

    def begin(self, events: CallEvents, context: Context) -> None:
        """Attribute what code in `context` prints to a call."""
        if sys.stdout is not self._taken:
            self.close()
            self.open()
        super().begin(events, context)
