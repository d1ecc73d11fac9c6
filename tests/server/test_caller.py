"""Who waits for an answer, and who has left."""

from __future__ import annotations

import asyncio

import pytest
from starlette.requests import Request
from starlette.types import Message

from cogfal.server.caller import wait_watching


class Caller:
    """The caller of a request; leaves when told to."""

    def __init__(self) -> None:
        self.left = asyncio.Event()
        self.cancellations = 0
        self.request = Request({"type": "http"}, self._receive)

    def cancel(self) -> None:
        """Count a cancellation."""
        self.cancellations += 1

    async def _receive(self) -> Message:
        await self.left.wait()
        return {"type": "http.disconnect"}


def test_a_caller_that_stays_cancels_nothing() -> None:
    """The end is waited for, also beyond the time in which nobody looks."""

    async def main() -> int:
        caller = Caller()
        await wait_watching(asyncio.sleep(0.1), caller.request, caller.cancel)
        return caller.cancellations

    assert asyncio.run(main()) == 0


def test_a_caller_that_leaves_cancels_and_the_end_is_awaited() -> None:
    """Cleaning up takes its time."""

    async def main() -> tuple[int, bool]:
        caller, cleaned = Caller(), asyncio.Event()

        def cancel() -> None:
            caller.cancel()
            asyncio.get_running_loop().call_later(0.05, cleaned.set)

        caller.left.set()
        await wait_watching(cleaned.wait(), caller.request, cancel)
        return caller.cancellations, cleaned.is_set()

    assert asyncio.run(main()) == (1, True)


def test_a_cancelled_wait_cancels() -> None:
    """A server that gives the request up takes the prediction along."""

    async def main() -> int:
        caller = Caller()
        never = asyncio.Event()
        waiting = asyncio.ensure_future(wait_watching(never.wait(), caller.request, caller.cancel))
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        return caller.cancellations

    assert asyncio.run(main()) == 1
