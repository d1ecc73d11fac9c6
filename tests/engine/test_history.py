"""Events for watchers: none is lost to those who read, and what is kept has a bound."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cogfal.engine import history as module
from cogfal.engine.history import History, Watch


def history(capacity: int) -> History[int]:
    """Make a history in which a lost item is told as a negative number."""
    return History(capacity, lambda lost: -lost)


@given(
    capacity=st.integers(0, 5),
    steps=st.lists(st.sampled_from(["append", "watch", "take one", "take all", "close"])),
)
def test_whoever_reads_sees_all_in_order(capacity: int, steps: list[str]) -> None:
    """From its place on, whatever others do; a latecomer is told how many it has missed."""
    events, watches = history(capacity), list[tuple[Watch[int], list[int], int]]()
    for step in steps:
        if step == "append":
            events.append(events.count)
        elif step == "watch":
            watches.append((events.watch(), [], max(events.count - capacity, 0)))
        elif watches and step == "close":
            watches.pop(0)[0].close()
        elif watches:
            watch, seen, _ = watches[-1]
            seen += watch.take(1 if step == "take one" else 100)
    events.end()

    for watch, seen, missed in watches:
        seen.extend(watch.take(len(steps)))
        assert seen == ([-missed] if missed else list(range(events.count)))
        assert watch.ended


def test_what_a_slow_watcher_needs_is_kept_up_to_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """Past it the watcher learns what it lost, and that is its end; the others go on."""
    monkeypatch.setattr(module, "LIMIT", 10)
    events = history(2)
    slow, quick = events.watch(), events.watch()
    seen = []

    for number in range(100):
        events.append(number)
        seen += quick.take()

    assert seen == list(range(100))
    assert events.count - events.first <= 11
    assert slow.take() == [-events.first]
    assert slow.ended
    assert slow.take() == []


def test_nothing_is_kept_for_who_has_left() -> None:
    """A closed watch holds neither events nor whoever makes them."""

    async def main() -> None:
        events = history(2)
        watch = events.watch(holds=True)
        for number in range(100):
            events.append(number)
        waiting = asyncio.ensure_future(events.wait_for_watchers(10))
        await asyncio.sleep(0)
        assert not waiting.done()

        watch.close()
        await waiting
        events.append(100)

        assert events.count - events.first <= 5

    asyncio.run(main())


def test_nobody_is_waited_for_longer_than_was_said() -> None:
    """A watcher that holds and takes nothing makes room late; whoever waits may go on before."""

    async def main() -> None:
        events = history(2)
        watch = events.watch(holds=True)
        events.append(0)

        await asyncio.wait_for(events.wait_for_watchers(0, 0.001), 120)

        assert watch.take() == [0]
        await events.wait_for_watchers(0)

    asyncio.run(main())


def test_whoever_waits_is_woken_where_its_place_is_closed() -> None:
    """The place has ended then, and what came meanwhile is another's."""

    async def main() -> None:
        events = history(2)
        watch, other = events.watch(), events.watch()
        waiting = asyncio.ensure_future(watch.wait())
        await asyncio.sleep(0)

        watch.close()
        await asyncio.wait_for(waiting, 120)
        events.append(0)

        assert (watch.ended, watch.take(), other.take()) == (True, [], [0])

    asyncio.run(main())
