"""Find the steps of an event loop that took too much of the processor's time.

It is the loop's own thread whose time is counted, not the clock's on the wall, so that a busy
machine makes no difference. Standard library alone, as an app's file imports it.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

MOST = 0.25
"""Seconds of the processor that one step may take."""

NOTES = "steps.txt"


def watched_app(folder: Path) -> str:
    """Return what the file of an app in `folder` says to be watched; see `long_steps`."""
    return f"""
import sys
sys.path.insert(0, {str(Path(__file__).parents[1])!r})
from tests.watchdog import watch
sys.path.pop(0)
watch({str(folder / NOTES)!r})
"""


@contextmanager
def watched() -> Iterator[list[str]]:
    """Collect the long steps of this thread's event loops for the length of the block."""
    found: list[str] = []
    unobserve = _observe(found.append)
    try:
        yield found
    finally:
        unobserve()


def watch(report: str) -> None:
    """Write a line into `report` for each long step of this thread from now on."""
    lines = Path(report).open("a", buffering=1)  # noqa: SIM115  # as long as the process lives

    def note(step: str) -> None:
        lines.write(step + "\n")

    _observe(note)


def long_steps(folder: Path) -> list[str]:
    """Return what a watched app of this folder has noted."""
    return (folder / NOTES).read_text().splitlines()


def _observe(note: Callable[[str], None]) -> Callable[[], None]:
    """Measure each step of this thread's event loops, until what is returned is called."""
    handles: Any = asyncio.Handle
    original = handles._run
    thread = threading.current_thread()

    def run(handle: asyncio.Handle) -> None:
        begun = time.thread_time()
        original(handle)
        spent = time.thread_time() - begun
        if spent > MOST and threading.current_thread() is thread:
            note(f"{spent:.2f} s of the processor: {handle!r}"[:2000])

    handles._run = run
    return lambda: setattr(handles, "_run", original)
