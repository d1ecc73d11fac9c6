"""Follow a prediction's events without falling silent for long."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Final

from cogfal.engine.history import Watch
from cogfal.engine.prediction import Event

HEARTBEAT: Final = 15.0
"""Seconds of silence after which a stream shows that it lives, as Cog's."""


async def pulse(events: Watch[Event], seconds: float = HEARTBEAT) -> AsyncIterator[list[Event]]:
    """Yield the events that are there, all at once; an empty list after each silent stretch."""
    while not events.ended:
        await events.wait(seconds)
        yield events.take()
