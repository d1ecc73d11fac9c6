"""Keep a prediction's latest events and hand them to any number of watchers.

Events form a linked list: a watcher holds its own place in it, so one that reads slowly loses
nothing, and whatever nobody can ask for any more is freed.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from typing import Generic, TypeVar

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


class History(Generic[T]):
    """A list of items that ends once, of which the latest `capacity` stay for latecomers."""

    def __init__(self, capacity: int) -> None:
        self._tail: _Node[T] = _Node()
        self._kept: deque[_Node[T]] = deque(maxlen=capacity)
        self._count = 0
        self._ended = False
        self._waiting: list[asyncio.Future[None]] = []

    def append(self, item: T) -> None:
        """Add an item and wake the watchers."""
        node, self._tail = self._tail, _Node()
        node.item, node.next = item, self._tail
        self._kept.append(node)
        self._count += 1
        self._wake()

    def end(self) -> None:
        """Say that nothing more will come."""
        self._ended = True
        self._wake()

    def watch(self, after: int = 0) -> AsyncIterator[T]:
        """Iterate over all items but the first `after`; the place is taken at once.

        Raises:
            Gone: Some of these items are no longer kept.
        """
        first = self._count - len(self._kept)
        if after < first:
            raise Gone(first - after)
        place = self._kept[after - first] if after < self._count else self._tail
        return self._follow(place)

    async def _follow(self, node: _Node[T]) -> AsyncIterator[T]:
        while True:
            while node.next is not None:
                item, node = node.item, node.next
                yield item  # type: ignore[misc]  # a node with a successor holds an item
            if self._ended:
                return
            await self._more()

    async def _more(self) -> None:
        waiter = asyncio.get_running_loop().create_future()
        self._waiting.append(waiter)
        try:
            await waiter
        finally:
            if waiter in self._waiting:
                self._waiting.remove(waiter)

    def _wake(self) -> None:
        waiting, self._waiting = self._waiting, []
        for waiter in waiting:
            if not waiter.done():
                waiter.set_result(None)
