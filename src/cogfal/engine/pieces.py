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
Answer: TypeAlias = "asyncio.Future[Piece]"


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


async def settled(answer: Answer, cancel: Callable[[], None]) -> Piece:
    """Wait for an answer from the predictor's thread; when cancelled, call `cancel` and wait on."""
    try:
        return await asyncio.shield(answer)
    except asyncio.CancelledError:
        cancel()
        while not answer.done():
            with suppress(asyncio.CancelledError):
                await asyncio.wait({answer})
        raise


def reply(loop: asyncio.AbstractEventLoop, answer: Answer, piece: Piece) -> None:
    """Answer from the predictor's thread."""
    with suppress(RuntimeError):  # the loop is closed: nobody waits any more
        loop.call_soon_threadsafe(_set, answer, piece)


def _set(answer: Answer, piece: Piece) -> None:
    if not answer.done():
        answer.set_result(piece)
