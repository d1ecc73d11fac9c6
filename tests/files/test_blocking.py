"""Blocking work beside the event loop."""

from __future__ import annotations

import asyncio
import threading

import pytest

from cogfal.files.blocking import to_the_end


def test_the_work_is_done_on_another_thread() -> None:
    """Its result comes back, and the loop's thread did not do it."""

    def double(number: int) -> tuple[int, int]:
        return 2 * number, threading.get_ident()

    number, thread = asyncio.run(to_the_end(double, 21))

    assert number == 42
    assert thread != threading.get_ident()


def test_an_error_comes_through() -> None:
    """As it is."""
    with pytest.raises(ZeroDivisionError):
        asyncio.run(to_the_end(divmod, 1, 0))


def test_cancelling_waits_for_the_thread() -> None:
    """However often it is cancelled, nothing runs on behind the canceller's back."""
    begun, gate, over = threading.Event(), threading.Event(), threading.Event()

    def work() -> None:
        begun.set()
        gate.wait(10)
        over.set()

    async def main() -> None:
        task = asyncio.ensure_future(to_the_end(work))
        await asyncio.to_thread(begun.wait, 10)
        for _ in range(3):
            task.cancel()
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            assert not task.done()
        gate.set()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert over.is_set()

    asyncio.run(main())
