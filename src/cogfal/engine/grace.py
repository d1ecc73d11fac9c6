"""The time that an app has to end in: one for everything that is done until then."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from enum import Enum
from typing import TypeVar

from typing_extensions import TypeVarTuple, Unpack

Arguments = TypeVarTuple("Arguments")
Result = TypeVar("Result")


class Moment(float, Enum):
    """By when something is done, as a share of what comes after predictions may go on."""

    CANCELLED = 0.0
    """Predictions that still run are cancelled."""
    GIVEN_UP = 0.2
    """The author's code that has not obeyed is waited for no longer."""
    CLEARED = 0.28
    """What predictions upload, or remove, has come to its end."""
    TOLD = 0.36
    """Callers have read their answers, receivers their webhooks, or are hung up on."""
    TORN_DOWN = 0.6
    """The author's `teardown` has run, and its thread or process has ended."""
    CLOSED = 0.7
    """What was kept is given back, and what was promised has arrived."""
    OVER = 0.8
    """The process ends; the system needs the rest to take its memory back."""


class Grace:
    """The time from being told to end until being killed, shared by all steps of the end.

    Each step may last until its moment: what one leaves is the next one's, and what takes too long
    takes nothing from those behind it.

    Args:
        seconds: The whole, from now on.
        running: The share of it for which predictions may go on.
    """

    def __init__(self, seconds: float, running: float = 0.7) -> None:
        self.seconds = seconds
        self._begun = time.monotonic()
        self._running = running

    def left(self, moment: Moment) -> float:
        """Return how many seconds are left until a moment, or 0 where it is over."""
        share = self._running + (1 - self._running) * moment
        return max(0.0, self._begun + share * self.seconds - time.monotonic())

    async def within(
        self,
        moment: Moment,
        step: Callable[[Unpack[Arguments]], Awaitable[Result]],
        *arguments: Unpack[Arguments],
    ) -> Result | None:
        """Await a step until a moment; then it is cancelled, and None returned at once."""
        task = asyncio.ensure_future(step(*arguments))
        try:
            await asyncio.wait({task}, timeout=self.left(moment))
            return task.result() if task.done() else None
        finally:
            task.cancel()
