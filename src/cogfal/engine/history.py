"""Keep a prediction's latest events and hand them to any number of watchers.

Events form a linked list: a watcher holds its own place in it, so one that reads slowly loses
nothing, and whatever nobody can ask for any more is freed.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterator
from typing import Generic, TypeVar
from weakref import ReferenceType, ref

T = TypeVar("T")


class Gone(Exception):
    """Report that events that were asked for are no longer kept; `lost` says how many."""

    def __init__(self, lost: int) -> None:
        super().__init__(f"{lost} events are no longer kept")
        self.lost = lost


class _Node(Generic[T]):
    """A place in the list; `item` and `next` are filled in together, when the item arrives."""

    __slots__ = ("item", "next")

    def __init__(self) -> None:
        self.item: T | None = None
        self.next: _Node[T] | None = None


class Watch(Generic[T]):
    """A watcher's place in a history.

    It may be waited on, or iterated over; cancelling either loses no item.

    Attributes:
        passed: How many items of the history lie behind it.
    """

    def __init__(self, history: History[T], node: _Node[T], passed: int) -> None:
        self.passed = passed
        self._history = history
        self._node = node

    @property
    def ended(self) -> bool:
        """Whether every item was taken and no more will come."""
        return self._node.next is None and self._history.ended

    def take(self) -> list[T]:
        """Return, and pass, the items that are there."""
        items: list[T] = []
        while self._node.next is not None:
            items.append(self._node.item)  # type: ignore[arg-type]  # a node with a next holds one
            self._node = self._node.next
        self._pass(len(items))
        return items

    async def wait(self, seconds: float | None = None) -> None:
        """Wait until there is an item to take, or the end, or for so many seconds."""
        if self._node.next is None and not self._history.ended:
            await self._history.more(seconds)

    def __aiter__(self) -> Watch[T]:
        return self

    async def __anext__(self) -> T:
        while self._node.next is None and not self._history.ended:
            await self.wait()
        if self._node.next is None:
            raise StopAsyncIteration
        item, self._node = self._node.item, self._node.next
        self._pass(1)
        return item  # type: ignore[return-value]  # a node with a next holds one

    def _pass(self, items: int) -> None:
        self.passed += items
        self._history.make_room()


class History(Generic[T]):
    """A list of items that ends once, of which the latest `capacity` stay for latecomers."""

    def __init__(self, capacity: int) -> None:
        self._tail: _Node[T] = _Node()
        self._kept: deque[_Node[T]] = deque(maxlen=capacity)
        self._count = 0
        self.ended = False
        self._waiting: list[asyncio.Future[None]] = []
        self._holding: list[ReferenceType[Watch[T]]] = []
        self._room: asyncio.Future[None] | None = None

    def append(self, item: T) -> None:
        """Add an item and wake the watchers."""
        node, self._tail = self._tail, _Node()
        node.item, node.next = item, self._tail
        self._kept.append(node)
        self._count += 1
        self._wake()

    def end(self) -> None:
        """Say that nothing more will come."""
        self.ended = True
        self._wake()

    def watch(self, after: int = 0, *, holds: bool = False) -> Watch[T]:
        """Take a place behind the first `after` items.

        Where it `holds`, `room` waits for it, for as long as somebody has it.

        Raises:
            Gone: Some of the items behind it are no longer kept.
        """
        first = self._count - len(self._kept)
        if after < first:
            raise Gone(first - after)
        node = self._kept[after - first] if after < self._count else self._tail
        watch = Watch(self, node, min(after, self._count))
        if holds:
            self._holding.append(ref(watch, self._let_go))
        return watch

    async def room(self, most: int) -> None:
        """Wait until whoever holds has passed all items but `most`; for one task at a time."""
        while any(self._count - watch.passed > most for watch in self._holders()):
            self._room = asyncio.get_running_loop().create_future()
            await self._room

    def make_room(self) -> None:
        """Have `room` look again; for watches."""
        if self._room is not None:
            _set(self._room)

    def _holders(self) -> Iterator[Watch[T]]:
        return (watch for each in self._holding if (watch := each()) is not None)

    def _let_go(self, gone: ReferenceType[Watch[T]]) -> None:
        self._holding.remove(gone)
        self.make_room()

    async def more(self, seconds: float | None = None) -> None:
        """Wait for the next item, or the end, or for so many seconds."""
        loop = asyncio.get_running_loop()
        waiter = loop.create_future()
        self._waiting.append(waiter)
        timer = loop.call_later(seconds, _set, waiter) if seconds is not None else None
        try:
            await waiter
        finally:
            if timer is not None:
                timer.cancel()
            if waiter in self._waiting:
                self._waiting.remove(waiter)

    def _wake(self) -> None:
        waiting, self._waiting = self._waiting, []
        for waiter in waiting:
            _set(waiter)


def _set(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)
