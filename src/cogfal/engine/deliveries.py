"""Deliver the pieces of one prediction, several at a time, and tell them in their order."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Final

from cogfal.engine.prediction import OutputDeliverer
from cogfal.files.workspace import Workspace
from cogfal.spec import JSON

AHEAD: Final = 4
"""Deliveries that may be under way while the author's code makes the next piece."""


class Deliveries:
    """The deliveries of one prediction that are under way.

    Args:
        make_deliverer: Makes what delivers a piece, when there is one that has to be.
        workspace: Outlives them.
        tell: Takes pieces once they, and all before them, are delivered; on the loop.
    """

    def __init__(
        self,
        make_deliverer: Callable[[], OutputDeliverer],
        workspace: Workspace,
        tell: Callable[..., None],
    ) -> None:
        self._make_deliverer = make_deliverer
        self._deliverer: OutputDeliverer | None = None
        self._workspace = workspace
        self._tell = tell
        self._under_way: deque[asyncio.Future[JSON]] = deque()
        self._moved = asyncio.Event()

    async def begin(self, value: Any) -> None:
        """Begin to deliver a piece; return when the author's code may go on.

        That is when nothing of the piece is needed as it is now, and few enough are under way.

        Raises:
            OutputError: It, or one before it, cannot be delivered.
        """
        deliverer = self._deliverer = self._deliverer or self._make_deliverer()
        released = asyncio.Event()

        def release() -> None:
            released.set()
            self._moved.set()

        # In no task group: it outlives this call, and `drop` ends it where nobody finishes it.
        task = asyncio.ensure_future(deliverer.deliver(value, self._workspace, release))
        self._under_way.append(task)
        task.add_done_callback(self._note)
        await self._until(
            lambda: (released.is_set() or task.done()) and len(self._under_way) <= AHEAD
        )

    async def pass_on(self, values: Sequence[JSON]) -> None:
        """Tell pieces that need no delivery, once all before them are delivered.

        Raises:
            OutputError: One before them cannot be delivered.
        """
        if not self._under_way:
            self._tell(*values)
            return
        for value in values:
            delivered = asyncio.get_running_loop().create_future()
            delivered.set_result(value)
            self._under_way.append(delivered)
        await self._until(lambda: len(self._under_way) <= AHEAD)

    async def finish(self) -> None:
        """Wait for all that is under way.

        Raises:
            OutputError: One of them cannot be delivered.
        """
        await self._until(lambda: not self._under_way)

    async def drop(self) -> None:
        """Stop all that is under way, and wait until it has stopped."""
        left = [*self._under_way]
        self._under_way.clear()
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)

    async def _until(self, so: Callable[[], bool]) -> None:
        while True:
            self._tell_delivered()
            if self._under_way and self._under_way[0].done():
                self._under_way[0].result()  # it failed, and stays in front of the others
            if so():
                return
            self._moved.clear()
            await self._moved.wait()

    def _note(self, _: object) -> None:
        self._tell_delivered()
        self._moved.set()

    def _tell_delivered(self) -> None:
        """Tell what is delivered, as far as everything before it is."""
        tasks = self._under_way
        while tasks and tasks[0].done() and not _failed(tasks[0]):
            self._tell(tasks.popleft().result())


def _failed(task: asyncio.Future[JSON]) -> bool:
    return task.cancelled() or task.exception() is not None
