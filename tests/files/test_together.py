"""Doing several things at a time."""

from __future__ import annotations

import asyncio

import pytest

from cogfal.files.together import together


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
