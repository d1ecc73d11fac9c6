"""Turn a call on a running event loop into one series of pieces: one task from beginning to end."""

from __future__ import annotations

import threading
from collections.abc import AsyncGenerator, AsyncIterable, Callable, Generator, Iterator
from contextlib import suppress
from contextvars import copy_context
from functools import partial
from inspect import isawaitable
from typing import TYPE_CHECKING, Any

from cogfal.cog.server.scope import use_scope
from cogfal.guest.call import CallSite, GuestCall, Prefetch, is_iterator
from cogfal.guest.events import REFUSED, RETURNED, SEVERAL, YIELDED, Piece
from cogfal.guest.inheriting import leave_fork
from cogfal.guest.interruption import Interruption
from cogfal.guest.saving import Unfit

if TYPE_CHECKING:
    from cogfal.guest.call import Job


class AsyncCall(GuestCall):
    """A call on a thread whose event loop is running: one task from beginning to end."""

    def __init__(self, site: CallSite, function: Callable[[], Any]) -> None:
        import asyncio  # noqa: PLC0415  # a sync predictor does without

        super().__init__(site, function)
        self._cancelled_error = asyncio.CancelledError
        self._wait = asyncio.wait
        self._begun = False
        self._closing = False  # it is to end at the next piece
        self._answers = False  # it is to answer that it is closed
        self._cancelled = False  # somebody asked
        self._interrupted = False  # the task was told
        self._task: Any = None
        self._rest: Any = None

    def advance(self) -> None:
        """Let the author's code go on until it rests or ends."""
        begun, self._begun = self._begun, True
        self._site.thread.call_soon(partial(self._resume, True) if begun else self._begin)

    def cancel(self) -> None:
        """Cancel the task; repeated, or after the end, it does nothing."""
        self._cancelled = True
        self._site.thread.call_soon(self._cancel_task)

    def close(self) -> None:
        """End the author's code where it rests, or will rest next; answered by a last piece."""
        self._site.thread.call_soon(self._close)

    def _begin(self) -> None:
        self._task = self._site.context.run(self._site.thread.loop.create_task, self._drive())
        self._task.add_done_callback(self._finish)

    def _finish(self, task: Any) -> None:
        try:
            piece = task.result()
        except BaseException as error:  # it was cancelled before it began
            piece = self._site.raised(error)
        self._end_with(piece, closes=self._answers)

    def _cancel_task(self) -> None:
        if self._task is not None:
            self._interrupted = self._task.cancel()

    def _close(self) -> None:
        self._answers = True
        if self._task is None or self._over:
            # It was over before it was closed, or never began.
            self._end_with(self._site.ended(), closes=True)
        elif not self._task.done():
            self._closing = True
            self._resume(False)
        # A task that is done, but has not told so, answers with how it ended: see `_finish`.

    def _resume(self, wanted: bool) -> None:
        if self._rest is not None and not self._rest.done():
            self._rest.set_result(wanted)

    async def _drive(self) -> Piece:
        try:
            if self._cancelled:
                return self._site.raised(self._cancelled_error())
            with use_scope(self._site.scope):
                piece = await self._perform()
        except BaseException as error:  # SystemExit and its like end this call only
            leave_fork(self._process, error)
            return self._site.raised(error)
        leave_fork(self._process)
        return piece

    async def _perform(self) -> Piece:
        result = self._function()
        if isawaitable(result):
            result = await result
        if is_iterator(result):
            result = _asynchronous(result)
        if not isinstance(result, AsyncIterable):
            self._ignored = self._interrupted
            return await self._piece(RETURNED, result)
        return await self._iterate(result.__aiter__()) or self._site.ended()

    async def _iterate(self, items: Any) -> Piece | None:
        """Hand over the pieces; return the last one where it is not handed over."""
        prefetch = Prefetch(self._site.output)
        try:
            prefetch.begin()
            async for item in items:
                if self._interrupted:
                    self._ignored = True
                    return None
                if self._closing:
                    return None
                piece = await self._piece(SEVERAL if prefetch.goes_on(item) else YIELDED, item)
                if piece.kind == REFUSED:
                    return piece
                if not piece.rests:
                    self._site.events.piece(piece)
                elif await self._rest_with(piece):
                    prefetch.begin()
                else:
                    return None
        except self._cancelled_error:
            if self._rest is not None:
                await self._throw(items)
            raise
        finally:
            if isinstance(items, AsyncGenerator):
                await items.aclose()
        return None

    async def _piece(self, kind: str, value: Any) -> Piece:
        """Make a piece, and leave the loop to others while something of it is read to its end."""
        jobs: list[Job] = []
        piece = self._site.piece(kind, value, jobs.append)
        for job in jobs:
            try:
                await self._aside(job)
            except Unfit as unfit:
                return self._site.refused(unfit)
        return piece

    async def _aside(self, job: Job) -> None:
        """Do a job on a thread; a cancellation interrupts it there, and waits for its end."""
        loop, context = self._site.thread.loop, copy_context()
        step = Interruption(self._site.cancellation)
        done = loop.create_future()

        def work() -> None:
            outcome: BaseException | None = None
            try:
                context.run(step.run, job)
            except BaseException as error:
                outcome = error
            with suppress(RuntimeError):  # the loop is closed: nobody waits any more
                loop.call_soon_threadsafe(done.set_result, outcome)

        threading.Thread(target=work, name="cogfal-copying", daemon=True).start()
        raised: BaseException | None = None
        while not done.done():
            try:
                await self._wait({done})
            except self._cancelled_error as error:
                raised = error
                step.fire()
        raised = raised or done.result()
        if raised is not None:
            raise raised

    async def _rest_with(self, piece: Piece) -> bool:
        """Give a piece away and wait until the next is wanted; False says it never will be."""
        leave_fork(self._process)
        self._rest = self._site.thread.loop.create_future()
        self._site.events.piece(piece)
        wanted: bool = await self._rest
        self._rest = None
        return wanted

    async def _throw(self, items: Any) -> None:
        """Cancel a generator at the `yield` where it rests."""
        if isinstance(items, AsyncGenerator):
            try:
                await items.athrow(self._cancelled_error())
            except (StopAsyncIteration, self._cancelled_error):
                return
            self._ignored = True


async def _asynchronous(items: Iterator[Any]) -> AsyncGenerator[Any, None]:
    try:
        for item in items:
            yield item
    finally:
        if isinstance(items, Generator):
            items.close()
