"""Call what blocks on a thread, do several things at a time, and let busy threads work in turn."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Awaitable, Callable, Hashable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any, Final, TypeVar

import anyio
import anyio.to_thread
from typing_extensions import TypeVarTuple, Unpack

SHORT: Final = 128 * 1024
"""Bytes that are read, coded, written or removed sooner than a thread takes the work over."""

Arguments = TypeVarTuple("Arguments")
Key = TypeVar("Key", bound=Hashable)
Result = TypeVar("Result")


async def to_the_end(
    function: Callable[[Unpack[Arguments]], Result],
    *arguments: Unpack[Arguments],
    stop: Callable[[], object] | None = None,
) -> Result:
    """Call `function` on a thread; cancelling this also waits until it has returned.

    `stop` is called first then, so that a function in steps can end before its next one.
    """
    work = asyncio.ensure_future(anyio.to_thread.run_sync(function, *arguments))
    try:
        return await asyncio.shield(work)
    except asyncio.CancelledError:
        if stop is not None:
            stop()
        with anyio.CancelScope(shield=True):
            while not work.done():
                with suppress(asyncio.CancelledError):
                    await asyncio.wait({work})
        raise


async def together(
    work: Mapping[Key, Callable[[], Awaitable[Result]]], at_once: int
) -> dict[Key, Result]:
    """Do all of `work`, at most `at_once` at a time, and return the results by their keys.

    The first failure cancels what is under way and is raised as it is; so does cancelling.
    """
    if len(work) <= 1:
        return {key: await job() for key, job in work.items()}
    results: dict[Key, Result] = {}
    failures: list[Exception] = []
    waiting = iter(work.items())
    async with anyio.create_task_group() as tasks:

        async def do_some() -> None:
            for key, job in waiting:
                try:
                    results[key] = await job()
                except Exception as error:  # noqa: PERF203 (few)
                    failures.append(error)
                    tasks.cancel_scope.cancel()
                    return

        for _ in range(min(at_once, len(work))):
            tasks.start_soon(do_some)
    if failures:
        raise failures[0]
    return results


async def on_daemon_thread(work: Callable[[], Result]) -> Result:
    """Await what blocks on a thread that the process does not wait for when it ends.

    Cancelled, it returns at once and leaves the thread to itself.
    """
    loop = asyncio.get_running_loop()
    future: asyncio.Future[Result] = loop.create_future()

    def run() -> None:
        try:
            told = partial(_settle, future.set_result, future, work())
        except BaseException as error:  # it is raised where it is awaited
            told = partial(_settle, future.set_exception, future, error)
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(told)

    threading.Thread(target=run, name="cogfal-work", daemon=True).start()
    return await future


def _settle(settle: Callable[[Any], None], future: asyncio.Future[Any], outcome: Any) -> None:
    if not future.done():
        settle(outcome)


class Stopped(Exception):
    """Report that work was given up at the end of a step."""


class Turns:
    """A line of threads that keep the interpreter busy, of which only the first goes on.

    Whenever the event loop has read or written something it wants the interpreter back, for which
    it waits as long as there are busy threads: a millisecond for one of them, ten for ten.
    """

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._line: deque[threading.Lock] = deque()
        self._taken = False
        self._mine = threading.local()

    @property
    def waiting(self) -> int:
        """How many threads wait for their turn."""
        return len(self._line)

    @contextmanager
    def one(self, stopped: Callable[[], bool] = bool) -> Iterator[None]:
        """Wait for a turn, and have it for the length of the block, or until it is `stopped`."""
        self._begin()
        self._mine.stopped = stopped
        try:
            self._go_on()
            yield
        finally:
            del self._mine.stopped
            self._end()

    @contextmanager
    def aside(self) -> Iterator[None]:
        """Let others work while this thread waits for something, if it has a turn at all."""
        stopped = self._mine.__dict__.pop("stopped", None)
        if stopped is not None:
            self._end()
        try:
            yield
        finally:
            if stopped is not None:
                self._begin()
                self._mine.stopped = stopped

    def pass_on(self) -> None:
        """End a step of this thread's, if it has a turn: those who wait come first.

        Raises:
            Stopped: It is not to go on.
        """
        if hasattr(self._mine, "stopped"):
            if self._line:
                self._end()
                self._begin()
            self._go_on()

    def _go_on(self) -> None:
        if self._mine.stopped():
            raise Stopped

    def _begin(self) -> None:
        turn = threading.Lock()
        with self._guard:
            if self._taken:
                turn.acquire()
                self._line.append(turn)
            self._taken = True
        turn.acquire()  # it is handed over by whoever ends, so that nobody comes in between

    def _end(self) -> None:
        with self._guard:
            if self._line:
                self._line.popleft().release()
            else:
                self._taken = False


TURNS: Final = Turns()
"""Those of this process, whose threads have one interpreter."""
