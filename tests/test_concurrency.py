"""Blocking work beside the event loop, and several things at a time."""

from __future__ import annotations

import asyncio
import threading
from contextlib import suppress

import pytest

from cogfal.concurrency import on_daemon_thread, to_the_end, together


def test_the_work_is_done_on_another_thread() -> None:
    """Its result comes back, and the loop's thread did not do it."""

    def double(number: int) -> tuple[int, int]:
        return 2 * number, threading.get_ident()

    number, thread = asyncio.run(to_the_end(double, 21))

    assert number == 42
    assert thread != threading.get_ident()


def test_an_error_of_a_thread_that_is_not_waited_for_comes_through() -> None:
    """It is raised where the work is awaited, and nowhere once nobody awaits it."""
    go = threading.Event()

    def fail() -> None:
        go.wait(10)
        raise ValueError("no luck")

    async def main() -> None:
        left = asyncio.ensure_future(on_daemon_thread(fail))
        await asyncio.sleep(0)
        left.cancel()
        awaited = asyncio.ensure_future(on_daemon_thread(fail))
        await asyncio.sleep(0)
        go.set()
        with suppress(asyncio.CancelledError):
            await left
        await awaited

    with pytest.raises(ValueError, match="no luck"):
        asyncio.run(main())


def test_cancelling_asks_a_function_in_steps_to_stop() -> None:
    """It ends before its next step, and is waited for."""
    begun, stopped = threading.Event(), threading.Event()

    def work() -> None:
        begun.set()
        assert stopped.wait(120)

    async def main() -> None:
        task = asyncio.ensure_future(to_the_end(work, stop=stopped.set))
        await asyncio.to_thread(begun.wait, 10)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())

    assert stopped.is_set()


def test_an_error_comes_through() -> None:
    """As it is."""
    with pytest.raises(ZeroDivisionError):
        asyncio.run(to_the_end(divmod, 1, 0))


def test_cancelling_waits_for_the_thread() -> None:
    """However often it is cancelled, nothing runs on behind the canceller's back."""
    begun, gate, over = threading.Event(), threading.Event(), threading.Event()

    def work() -> None:
        begun.set()
        gate.wait(120)
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


def test_results_are_by_key() -> None:
    """Each result belongs to its key, in whatever order they end."""

    async def after(turns: int) -> int:
        for _ in range(turns):
            await asyncio.sleep(0)
        return turns

    work = {turns: lambda turns=turns: after(turns) for turns in (3, 1, 2)}

    assert asyncio.run(together(work, 10)) == {3: 3, 1: 1, 2: 2}


@pytest.mark.parametrize("at_once", [1, 3])
def test_no_more_than_allowed_run_at_a_time(at_once: int) -> None:
    """The most that ever ran at once is the limit."""
    running = most = 0

    async def job() -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0)
        running -= 1

    asyncio.run(together(dict.fromkeys(range(9), job), at_once))

    assert most == at_once


def test_first_failure_is_raised_as_it_is_and_ends_the_others() -> None:
    """No group around it, and nothing runs on."""
    ended: list[str] = []

    async def fail() -> None:
        await asyncio.sleep(0)
        raise OSError("no space left")

    async def wait() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("wait")

    with pytest.raises(OSError, match="no space left"):
        asyncio.run(together({"a": wait, "b": fail}, 5))
    assert ended == ["wait"]


def test_nothing_to_do_is_done() -> None:
    """No work has no results."""
    assert asyncio.run(together({}, 1)) == {}
