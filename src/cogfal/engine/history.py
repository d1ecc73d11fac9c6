"""Keep a prediction's latest events and hand them to any number of watchers.

What is kept is bounded: the latest events for those who come late, older ones as long as a watcher
has not passed them, and of these so many and no more. A watcher that is too far behind is told how
many it lost, and that is its end.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final, Generic, TypeVar

T = TypeVar("T")

LIMIT: Final = 65536
"""Events that are kept for a slow watcher."""
AT_ONCE: Final = 256
"""Events that a watcher takes at a time."""


class Watch(Generic[T]):
    """A watcher's place in a history; it is to be closed.

    One task waits on it, or iterates over it; cancelling either loses no item.

    Attributes:
        passed: How many items of the history lie behind it.
    """

    def __init__(self, history: History[T], passed: int) -> None:
        self.passed = passed
        self._history = history
        self._closed = False
        self._waiter: asyncio.Future[None] | None = None

    @property
    def ended(self) -> bool:
        """Whether every item was taken and no more will come, or it was closed."""
        return self._closed or (self._history.ended and self.passed >= self._history.count)

    def take(self, most: int = AT_ONCE) -> list[T]:
        """Return, and pass, the items that are there, so many at most."""
        if self._closed:
            return []
        lost = self._history.first - self.passed
        if lost > 0:
            self.close()
            return [self._history.gone(lost)]
        items = self._history.kept(self.passed, most)
        self.passed += len(items)
        self._history.look_again()
        return items

    async def wait(self, seconds: float | None = None) -> None:
        """Wait until there is an item to take, or the end, or for so many seconds."""
        if self.ended or self.passed < self._history.count:
            return
        self._waiter = asyncio.get_running_loop().create_future()
        await _until_set(self._waiter, seconds)

    def wake(self) -> None:
        """Have whoever waits look again; for the history."""
        if self._waiter is not None:
            _set(self._waiter)

    def again(self) -> Watch[T]:
        """Take another place where this one is."""
        return self._history.place(self.passed)

    def close(self) -> None:
        """Leave: nothing is kept for it, and nobody waits for it; harmless when repeated.

        Whoever waits on it finds it ended.
        """
        self._closed = True
        self._history.leave(self)
        self.wake()

    def __aiter__(self) -> Watch[T]:
        return self

    async def __anext__(self) -> T:
        while not self.ended:
            if items := self.take(1):
                return items[0]
            await self.wait()
        self.close()
        raise StopAsyncIteration


class History(Generic[T]):
    """A list of items that ends once.

    Attributes:
        holders: Those that `wait_for_watchers` waits for.

    Args:
        capacity: How many of the latest items stay for latecomers.
        gone: Makes the item that stands for so many lost ones.
    """

    def __init__(self, capacity: int, gone: Callable[[int], T]) -> None:
        self.ended = False
        self.first = 0
        self.gone = gone
        self._capacity = capacity
        self._items: list[T] = []
        self._watches: set[Watch[T]] = set()
        self.holders: set[Watch[T]] = set()
        self._waiting: asyncio.Future[None] | None = None

    @property
    def count(self) -> int:
        """How many items there have been; `first` of them are no longer kept."""
        return self.first + len(self._items)

    def append(self, *items: T) -> None:
        """Add items and wake the watchers."""
        self._items += items
        if len(self._items) > 2 * self._capacity:
            self._forget()
        for watch in self._watches:
            watch.wake()

    def end(self, *items: T) -> None:
        """Add the last items; nothing more will come."""
        self.ended = True
        self.append(*items)

    def watch(self, after: int = 0, *, holds: bool = False) -> Watch[T]:
        """Take a place behind the first `after` items.

        Where it `holds`, `wait_for_watchers` waits for it until it is closed. Where some of the
        items behind it are too old for a latecomer, all it gets is what stands for the lost ones.
        """
        if after < self.count - self._capacity:
            return self._too_late(self.count - self._capacity - after)
        watch = self.place(min(after, self.count))
        if holds:
            self.holders.add(watch)
        return watch

    def place(self, passed: int) -> Watch[T]:
        """Take a place behind the first `passed` items, which may be old; for watches."""
        watch = Watch(self, passed)
        self._watches.add(watch)
        return watch

    def kept(self, start: int, most: int) -> list[T]:
        """Return so many items behind the first `start`; for watches."""
        return self._items[start - self.first : start - self.first + most]

    def leave(self, watch: Watch[T]) -> None:
        """Forget a watch; for watches."""
        self._watches.discard(watch)
        self.holders.discard(watch)
        self.look_again()

    async def wait_for_watchers(self, most: int, seconds: float | None = None) -> None:
        """Wait until whoever holds has passed all items but `most`, or for so many seconds.

        For one task at a time.
        """
        loop = asyncio.get_running_loop()
        end = None if seconds is None else loop.time() + seconds
        while any(self.count - watch.passed > most for watch in self.holders):
            left = None if end is None else end - loop.time()
            if left is not None and left <= 0:
                break
            self._waiting = loop.create_future()
            await _until_set(self._waiting, left)

    def look_again(self) -> None:
        """Have `wait_for_watchers` look again; for watches."""
        if self._waiting is not None:
            _set(self._waiting)

    def _forget(self) -> None:
        """Let go of what nobody needs, and of what only those need who are too far behind."""
        needed = min((watch.passed for watch in self._watches), default=self.count)
        most = max(LIMIT, self._capacity)
        first = max(min(needed, self.count - self._capacity), self.count - most, self.first)
        del self._items[: first - self.first]
        self.first = first

    def _too_late(self, lost: int) -> Watch[T]:
        only = History(1, self.gone)
        only.end(self.gone(lost))
        return only.watch()


async def _until_set(waiter: asyncio.Future[None], seconds: float | None) -> None:
    """Wait for somebody to set it, or for so many seconds."""
    timer = waiter.get_loop().call_later(seconds, _set, waiter) if seconds is not None else None
    try:
        await waiter
    finally:
        if timer is not None:
            timer.cancel()


def _set(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)
