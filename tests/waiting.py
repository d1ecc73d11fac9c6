"""Wait in ordinary code for what another thread or process does."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

SOON = 120.0
"""Seconds after which something that is waited for will not happen, however busy the machine is."""


def until(holds: Callable[[], object]) -> bool:
    """Wait until something holds; tell whether it did in time."""
    deadline = time.monotonic() + SOON
    while time.monotonic() < deadline:
        if holds():
            return True
        threading.Event().wait(0.02)
    return False
