"""Read what a caller sends, and know whether it is still there while something is waited for."""

from __future__ import annotations

import asyncio
import ctypes
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, Final, Protocol, TypeVar

import anyio
import anyio.to_thread
from starlette.requests import Request
from starlette.types import Receive
from typing_extensions import Self

from cogfal.concurrency import TURNS, Stopped
from cogfal.errors import NotReady
from cogfal.schema.decoding import is_quick

R = TypeVar("R")
V = TypeVar("V")
BODY_LIMIT: Final = 100 * 1024 * 1024
"""Bytes of one request's JSON, unless the App says otherwise."""

HELD_BODIES: Final = 4
"""How many of the largest bodies may be held at once, together with smaller ones."""

TRIMMED: Final = 64 * 1024 * 1024
"""Bytes of bodies after which memory that is free is given back to the system."""

CHUNK: Final = 64 * 1024
"""Bytes that a chunk of a body has at least, since each is a step: many callers send less."""

UNCOUNTED: Final = 64 * 1024
"""Bytes of a body that counts for nothing: the number of requests bounds those."""

FIRST_SECONDS: Final = 30.0
SLOWEST: Final = 64 * 1024
"""Within how many seconds a body has to be there, and how many bytes each further second buys."""

LATE: Final = "the request's body did not arrive in time"
"""What tells this cancellation from others."""

UNWATCHED: Final = 0.05
"""Seconds for which nobody looks whether the caller has left: most answers are faster."""


class BodyRefused(Exception):
    """Report a body that is not read to its end; `status` is what its caller is answered."""

    def __init__(self, status: int, reason: str) -> None:
        self.status = status
        super().__init__(reason)


class Waitable(Protocol):
    """What needs a body's values until it has ended, such as a prediction."""

    async def wait(self) -> object:
        """Wait for the end."""


class Body:
    """A request's body, and its share of the bytes that are held for the length of a block.

    Attributes:
        chunks: The bytes; none once they were decoded.
        size: How many there were.
        quick: Whether what is done with them takes no time.
        needed_by: Has the values, and needs its share until it has ended.
    """

    def __init__(self, bodies: Bodies) -> None:
        self.chunks: list[bytes] = []
        self.size = 0
        self.quick = True
        self._bodies = bodies
        self.needed_by: Waitable | None = None
        self._counted = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Give its share back, at once or when the prediction has ended for which it is kept."""
        if not self._counted:
            return
        if self.needed_by is None:
            self._give_back()
        else:
            ended = asyncio.ensure_future(self.needed_by.wait())
            ended.add_done_callback(lambda _: self._give_back())

    async def read(self, request: Request) -> None:
        """Read all of it.

        Raises:
            BodyRefused: It is too large (413), too slow (408), there is no room for it now (429),
                or the caller has left (499).
        """
        limit, seconds, receive = self._bodies.limit, self._bodies.seconds, request.receive
        announced = request.headers.get("content-length", "")
        if announced.isascii() and announced.isdecimal() and int(announced[:20]) > limit:
            raise BodyRefused(413, f"The request body exceeds {limit} bytes")
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        assert task is not None
        begun, chunk, free = loop.time(), bytearray(), min(limit, UNCOUNTED)
        deadline = _Deadline(task)
        # A cancel scope takes 35 us here, where a stream's first event leaves after 400; this takes
        # 5. It cancels nothing else: whenever the timer goes off, the task waits for a piece below.
        timer = loop.call_later(seconds, deadline.pass_)
        try:
            while (message := await receive())["type"] != "http.disconnect":
                piece, more = message.get("body", b""), message.get("more_body", False)
                self.size += len(piece)
                if self.size > free:
                    self._hold()
                chunk += piece
                if len(chunk) >= CHUNK or not more:
                    self.chunks.append(bytes(chunk))
                    chunk.clear()
                if not more:
                    break
                timer.cancel()
                timer = loop.call_at(begun + seconds + self.size / SLOWEST, deadline.pass_)
            else:
                raise BodyRefused(499, "The caller left before the request was complete")
        except asyncio.CancelledError as error:
            if deadline.is_alone(error):
                raise BodyRefused(408, "The request body did not arrive in time") from error
            raise
        finally:
            timer.cancel()
        self.quick = is_quick(self.chunks)

    async def process(self, function: Callable[[V], R], value: V, *, slow: bool = False) -> R:
        """Call `function` with `chunks`, or what was made of them, where it holds nobody up.

        What is quick is dealt with at once, or on a thread where the function is `slow`; what is
        not, on a thread and in turn. Cancelling returns at once; a thread that has begun goes on.
        """
        if not self.quick:
            return await self._bodies.in_turn(function, value)
        return await anyio.to_thread.run_sync(function, value) if slow else function(value)

    def _hold(self) -> None:
        """Count what has come, as far as that may be held."""
        if self.size > self._bodies.limit:
            raise BodyRefused(413, f"The request body exceeds {self._bodies.limit} bytes")
        self._bodies.hold(self.size - self._counted)
        self._counted = self.size

    def _give_back(self) -> None:
        counted, self._counted = self._counted, 0  # once, whatever is raised below
        self._bodies.hold(-counted)


class _Deadline:
    """Cancels the task that reads a body, and tells that from what others do to the task."""

    def __init__(self, task: asyncio.Task[Any]) -> None:
        self._task = task
        self._passed = False
        self._others = 0
        if sys.version_info >= (3, 11):
            self._others = task.cancelling()

    def pass_(self) -> None:
        """Cancel the task."""
        self._passed = True
        self._task.cancel(LATE)

    def is_alone(self, error: asyncio.CancelledError) -> bool:
        """Take the cancellation back; tell whether there was no other, as far as Python knows."""
        if sys.version_info >= (3, 11):
            return self._passed and self._task.uncancel() == self._others
        return error.args == (LATE,)  # of two it tells the first


class Bodies:
    """Bounds bodies, and how much of them is held at once.

    Args:
        limit: Bytes of one body.
        seconds: Within which one has to be there, and some more for what has come of it already.
    """

    def __init__(self, limit: int = BODY_LIMIT, seconds: float = FIRST_SECONDS) -> None:
        self.limit = limit
        self.seconds = seconds
        self._held = 0
        self._released = 0
        # Of their own, so that those who wait for their turn keep nobody else from a thread; few,
        # since what is decoded takes more memory than what waits.
        self._threads = anyio.CapacityLimiter(HELD_BODIES)
        self._closed = False

    def close(self) -> None:
        """Refuse from now on whatever is not decoded yet: the app ends."""
        self._closed = True

    def hold(self, size: int) -> None:
        """Count bytes that are held from now on; raises BodyRefused where they are too many."""
        if size > 0 and self._held + size > HELD_BODIES * self.limit:
            raise BodyRefused(429, "Too many bytes of other requests are held; try again later")
        self._held += size
        self._released -= min(size, 0)
        if self._released > TRIMMED:
            self._released = 0
            with suppress(RuntimeError):  # the loop ends, and the memory with the process
                asyncio.get_running_loop().run_in_executor(None, _trim)

    async def in_turn(self, function: Callable[[V], R], value: V) -> R:
        """Call on a thread what keeps the interpreter busy, step by step as others do.

        Raises:
            NotReady: The app ends.
        """

        def work() -> R:
            with TURNS.one(lambda: self._closed):
                return function(value)

        try:
            return await anyio.to_thread.run_sync(work, limiter=self._threads)
        except Stopped as error:
            raise NotReady("the app is ending") from error


def _trim() -> None:
    """Give memory back that is free: the C library keeps it, in a heap for each thread.

    Whoever wants memory of the same heap waits: the loop 9 ms where it has freed 400 MiB of chunks.
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # there is one in glibc alone
    if trim is not None:
        trim(0)


async def cancel_on_disconnect(
    done: Awaitable[R], request: Request, cancel: Callable[[], None]
) -> R:
    """Return what `done` gives; call `cancel` when the caller leaves or this is cancelled.

    After the caller has left `done` is still waited for. The request's body must have been read.
    """
    loop = asyncio.get_running_loop()
    watching: asyncio.Task[None] | None = None

    def watch() -> None:
        nonlocal watching
        watching = loop.create_task(_leave(request.receive, cancel))

    # A task group of both would take 0.19 ms of every request, this takes 0.01.
    timer = loop.call_later(UNWATCHED, watch)
    try:
        return await done
    except asyncio.CancelledError:
        cancel()
        raise
    finally:
        timer.cancel()
        if watching is not None:
            watching.cancel()


async def _leave(receive: Receive, cancel: Callable[[], None]) -> None:
    await wait_for_disconnect(receive)
    cancel()


async def wait_for_disconnect(receive: Receive) -> None:
    """Return once the caller has dropped the connection."""
    while (await receive())["type"] != "http.disconnect":
        pass
