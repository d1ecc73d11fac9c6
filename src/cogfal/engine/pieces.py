"""The pieces in which a call of the author's function hands over its result."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterable, Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol, TypeAlias


class Returned(NamedTuple):
    """The whole result; nothing follows."""

    value: Any


class Yielded(NamedTuple):
    """One piece of the result; `rests` says that the author's code waits until it is asked on."""

    value: Any
    rests: bool = True


@dataclass(frozen=True, slots=True)
class Ended:
    """There are no more pieces."""


class Raised(NamedTuple):
    """The author's code raised; nothing follows."""

    error: BaseException


Piece: TypeAlias = Returned | Yielded | Ended | Raised


class Run(Protocol):
    """One call of the author's function."""

    @property
    def ignored(self) -> bool:
        """Whether the author's code was interrupted and went on nevertheless."""

    async def next(self) -> Piece:
        """Return the next piece, for which the author's code goes on where it rests.

        It may be ahead by some pieces that nothing can change any more (see `prefetch`). Cancelling
        this cancels the run, and still waits until the author's code has been interrupted.
        """

    def cancel(self) -> None:
        """Interrupt the author's code; repeated, or after the end, it does nothing."""

    async def close(self) -> Piece:
        """End the author's code where it rests, or will rest next.

        The piece is `Raised` where its cleanup fails. A generator sees the cancellation at its
        `yield`, or `GeneratorExit` where nobody cancelled. Does nothing after the end.
        """

    def abandon(self) -> None:
        """Answer `next` and `close` although the author's code goes on."""


def is_iterator(value: object) -> bool:
    """Tell an iterator, which is a result in pieces, from a file, which can be iterated too."""
    return isinstance(value, Iterator) and not isinstance(value, io.IOBase)


def is_async_iterator(value: object) -> bool:
    """Tell a result in asynchronous pieces."""
    return isinstance(value, AsyncIterable)


class Bell:
    """Wakes the one task of the event loop that waits for something."""

    __slots__ = ("_loop", "_waiter")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._waiter: asyncio.Future[None] | None = None

    async def until(self, so: Callable[[], object], cancel: Callable[[], None]) -> None:
        """Wait until it is so; when this is cancelled, call `cancel`, wait on, and only then raise.

        Whether it is so is looked at again whenever the bell rings.
        """
        interrupted: asyncio.CancelledError | None = None
        while not so():
            self._waiter = self._loop.create_future()
            try:
                await self._waiter
            except asyncio.CancelledError as error:
                interrupted = error
                cancel()
        if interrupted is not None:
            raise interrupted

    def ring(self) -> None:
        """Have it looked at again; on the loop."""
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


class Answer:
    """The last piece of a call that is ended, on its way from another thread or process."""

    __slots__ = ("_bell", "_loop", "_piece")

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._bell = Bell(self._loop)
        self._piece: Piece | None = None

    async def wait(self, cancel: Callable[[], None]) -> Piece:
        """Return the piece; when this is cancelled, call `cancel`, wait on, and only then raise."""
        await self._bell.until(lambda: self._piece, cancel)
        assert self._piece is not None
        return self._piece

    def give(self, piece: Piece) -> None:
        """Answer, on the loop; only the first answer counts."""
        if self._piece is None:
            self._piece = piece
            self._bell.ring()

    def give_threadsafe(self, piece: Piece) -> None:
        """Answer from another thread."""
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            self._loop.call_soon_threadsafe(self.give, piece)
