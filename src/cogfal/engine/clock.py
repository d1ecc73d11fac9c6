"""Say what time it is, on a clock that nobody sets."""

from __future__ import annotations

import time
from datetime import datetime, timedelta, timezone


class Clock:
    """The time of day as it was at the beginning, and as much more as has passed since.

    The system's own may be set in the meantime; what ends would then end before it began.
    """

    __slots__ = ("_began", "_mark")

    def __init__(self) -> None:
        self._began = datetime.now(timezone.utc)
        self._mark = time.monotonic()

    def now(self) -> datetime:
        """Return the time, aware."""
        return self._began + timedelta(seconds=time.monotonic() - self._mark)
