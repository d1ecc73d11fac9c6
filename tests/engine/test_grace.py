"""One deadline for all that an app does until it is killed."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress

import pytest

from cogfal.engine.lifecycle import Grace, Moment
from tests.engine.stage import run


class Clock:
    """Stands where it is put."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 100.0
        monkeypatch.setattr(time, "monotonic", lambda: self.now)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Have a clock that only the test moves on."""
    return Clock(monkeypatch)


def test_every_moment_comes_after_the_one_before_and_in_time(clock: Clock) -> None:
    """Predictions have 70 % of it, and something is left of it when the process has ended."""
    grace = Grace(5.0)

    left = [grace.left(moment) for moment in Moment]

    assert left[0] == pytest.approx(3.5)
    assert left == sorted(set(left))
    assert left[-1] < 5.0


def test_a_step_that_takes_too_long_takes_nothing_from_those_behind_it(clock: Clock) -> None:
    """Moments stay where they are; what is over has nothing left."""
    grace = Grace(5.0)
    torn_down = grace.left(Moment.TORN_DOWN)

    clock.now += 4.0

    assert grace.left(Moment.CANCELLED) == 0
    assert grace.left(Moment.TORN_DOWN) == pytest.approx(torn_down - 4.0)


def test_predictions_may_get_no_time_at_all(clock: Clock) -> None:
    """All of it is for the end then."""
    grace = Grace(10.0, running=0)

    assert grace.left(Moment.CANCELLED) == 0
    assert grace.left(Moment.OVER) == pytest.approx(8.0)


def test_a_step_that_hangs_is_left() -> None:
    """It is cancelled, and not waited for although it does not obey; others return what they do."""
    obstinate = asyncio.Event()

    async def hang() -> str:
        while not obstinate.is_set():
            with suppress(asyncio.CancelledError):
                await obstinate.wait()
        return "late"

    async def end() -> str:
        return "in time"

    async def main() -> None:
        assert await Grace(0.01).within(Moment.CLOSED, hang) is None
        assert await Grace(60).within(Moment.CLOSED, end) == "in time"
        obstinate.set()

    run(main)


def test_what_a_step_raises_is_raised() -> None:
    """Whoever ends decides what becomes of it."""

    async def fail() -> None:
        raise OSError("full")

    async def main() -> None:
        with pytest.raises(OSError, match="full"):
            await Grace(60).within(Moment.CLOSED, fail)

    run(main)
