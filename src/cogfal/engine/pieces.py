"""The pieces in which a call of the author's function hands over its result."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterable, Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias


@dataclass(frozen=True, slots=True)
class Returned:
    """The whole result; nothing follows."""

    value: Any


@dataclass(frozen=True, slots=True)
class Yielded:
    """One piece of the result."""

    value: Any


@dataclass(frozen=True, slots=True)
class Ended:
    """There are no more pieces."""


@dataclass(frozen=True, slots=True)
class Raised:
    """The author's code raised; nothing follows."""

    error: BaseException


Piece: TypeAlias = Returned | Yielded | Ended | Raised


class Run(Protocol):
    """One call of the author's function."""

    @property
    def ignored(self) -> bool:
        """Whether the author's code was interrupted and went on nevertheless."""

    async def next(self) -> Piece:
        """Let the author's code run to its next piece.

        Cancelling this cancels the run, and still waits until the author's code has stopped.
        """

    def cancel(self) -> None:
        """Interrupt the author's code; repeated, or after the end, it does nothing."""

    async def close(self) -> Piece:
        """End the author's code where it rests; the piece is `Raised` where its cleanup fails.

        A generator sees the cancellation at its `yield`, or `GeneratorExit` where nobody
        cancelled. Does nothing after the end.
        """

    def abandon(self) -> None:
        """Answer `next` and `close` although the author's code goes on."""


def is_iterator(value: object) -> bool:
    """Tell an iterator, which is a result in pieces, from a file, which can be iterated too."""
    return isinstance(value, Iterator) and not isinstance(value, io.IOBase)


def is_async_iterator(value: object) -> bool:
    """Tell a result in asynchronous pieces."""
    return isinstance(value, AsyncIterable)


class Answer:
    """The next piece, on its way from another thread or process to the event loop."""

    __slots__ = ("_loop", "_piece", "_waiter")

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._piece: Piece | None = None
        self._waiter: asyncio.Future[None] | None = None

    async def wait(self, cancel: Callable[[], None]) -> Piece:
        """Return the piece; when this is cancelled, call `cancel`, wait on, and only then raise."""
        interrupted: asyncio.CancelledError | None = None
        while self._piece is None:
            self._waiter = self._loop.create_future()
            try:
                await self._waiter
            except asyncio.CancelledError as error:
                interrupted = error
                cancel()
        if interrupted is not None:
            raise interrupted
        return self._piece

    def give(self, piece: Piece) -> None:
        """Answer, on the loop; only the first answer counts."""
        if self._piece is None:
            self._piece = piece
            if self._waiter is not None and not self._waiter.done():
                self._waiter.set_result(None)

    def give_threadsafe(self, piece: Piece) -> None:
        """Answer from another thread."""
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            self._loop.call_soon_threadsafe(self.give, piece)
