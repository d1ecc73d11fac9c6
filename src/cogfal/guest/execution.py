"""Turn a call of any flavour of predictor into one series of pieces.

What the call returns decides, not what the function looks like: decorators hide that. The author's
code rests after each piece until the next is asked for, so a file that is overwritten after a
`yield` has been delivered by then. `Prefetch` lets it go on past what is short, and a server in
another process asks for the next as soon as a short piece has come.
"""

from __future__ import annotations

import io
import os
import threading
from collections.abc import AsyncGenerator, AsyncIterable, Callable, Generator, Iterator
from contextlib import suppress
from contextvars import copy_context
from functools import partial
from inspect import isawaitable
from typing import TYPE_CHECKING, Any

from cogfal.cog.server.scope import use_scope
from cogfal.guest.call_site import CallSite
from cogfal.guest.encoding import Unfit
from cogfal.guest.events import (
    GOES_ON,
    RAISED,
    REFUSED,
    RETURNED,
    SEVERAL,
    YIELDED,
    Piece,
)
from cogfal.guest.inheriting import leave_fork
from cogfal.guest.interruption import Interruption

if TYPE_CHECKING:
    from cogfal.guest.call_site import Job


def new_call(site: CallSite, function: Callable[[], Any]) -> SyncCall | AsyncCall:
    """Prepare a call, which `advance` begins."""
    if site.thread.looping:
        return AsyncCall(site, function)
    return SyncCall(site, function)


class _Call:
    """What every call has: an end, which is told once nothing of it is left on the thread."""

    def __init__(self, site: CallSite, function: Callable[[], Any]) -> None:
        self._site = site
        self._function = function
        self._ignored = False
        self._over = False
        self._process = os.getpid()

    def _end_with(self, piece: Piece, *, closes: bool = False) -> None:
        """Retire and tell the last piece, or in its place what retiring raised."""
        # In this order: with the last piece the server gives the slot to the next call, which must
        # find nothing of this one. It is over only then: what a signal handler of the author's
        # interrupts here is done again.
        if not self._over:
            try:
                self._site.retire()
            except BaseException as error:
                piece = self._site.raised(error)
            self._over = True
        self._site.events.piece(piece._replace(ignored=self._ignored, closes=closes))


class SyncCall(_Call):
    """A call on a thread that runs one job after the other; a job lasts until the next rest.

    `advance`, `cancel` and `close` come from another thread, one at a time.
    """

    def __init__(self, site: CallSite, function: Callable[[], Any]) -> None:
        super().__init__(site, function)
        self._iterator: Any = None
        self._begun = False
        self._cancelled = False
        self._closing = False
        self._step: Interruption | None = None
        self._task: Any = None

    def advance(self) -> None:
        """Let the author's code go on until it rests or ends."""
        step = self._step = self._interruption()
        if self._cancelled:
            step.fire()
        function = self._next if self._begun else self._first
        self._begun = True
        self._site.thread.post(partial(self._hand_over, function, step), self._fail)

    def cancel(self) -> None:
        """Interrupt the author's code; repeated, or after the end, it does nothing."""
        # Set before `_step` is read: `advance` reads them in the other order.
        self._cancelled = True
        task, step = self._task, self._step
        if task is not None:
            self._site.thread.call_soon(task.cancel)
        elif step is not None:
            step.fire()

    def note_cancelled(self) -> None:
        """Have the author's code interrupted; called by the handler of the signal that does it."""
        self._cancelled = True
        if self._task is None and self._step is not None:
            self._step.request()

    def close(self) -> None:
        """End the author's code where it rests, or will rest next; answered by a last piece.

        A generator sees the cancellation at its `yield`, or `GeneratorExit` where nobody cancelled.
        """
        self._closing = True
        end = partial(self._end, self._interruption())
        self._site.thread.post(end, partial(self._fail, closes=True))

    def _interruption(self) -> Interruption:
        return self._site.interruption(self._site.cancellation)

    def _fail(self, error: BaseException, *, closes: bool = False) -> None:
        """Tell of what a signal handler of the author's raised too late or too early."""
        self._end_with(self._site.raised(error), closes=closes)

    def _hand_over(self, function: Callable[[], Piece], step: Interruption) -> None:
        piece = self._performed(function, step)
        if piece.kind == RAISED and self._cancelled and _is_suspended(self._iterator):
            piece = self._performed(self._interrupted, self._interruption())
        if piece.kind in GOES_ON:
            self._site.events.piece(piece._replace(ignored=self._ignored))
        else:
            self._iterator = None
            self._end_with(piece)

    def _end(self, step: Interruption) -> None:
        self._end_with(self._performed(self._abandon, step), closes=True)

    def _performed(self, function: Callable[[], Piece], step: Interruption) -> Piece:
        try:
            # The scope is around what may be interrupted: it is entered and left whole.
            piece = self._site.context.run(self._within_scope, partial(step.run, function))
            self._ignored = self._ignored or step.landed
        except BaseException as error:  # SystemExit and its like end this call only
            leave_fork(self._process, error)
            return self._site.raised(error)
        leave_fork(self._process)
        return piece

    def _within_scope(self, function: Callable[[], Piece]) -> Piece:
        with use_scope(self._site.scope):
            return function()

    def _first(self) -> Piece:
        result = self._function()
        if isawaitable(result):
            result = self._complete(result)
        if is_async_iterator(result):
            result = self._stepwise(result)
        if not is_iterator(result):
            return self._site.piece(RETURNED, result)
        self._iterator = result
        return self._next()

    def _next(self) -> Piece:
        """Let the author's code go on until it rests or ends.

        A cancellation may land here, between two pieces, where the generator is suspended.
        """
        prefetch = self._site.prefetch
        prefetch.begin()
        for value in self._iterator:
            rests = self._cancelled or self._closing or not prefetch.goes_on(value)
            piece = self._site.piece(YIELDED if rests else SEVERAL, value)
            if piece.rests:
                return piece
            self._site.events.piece(piece)
        return self._site.ended()

    def _interrupted(self) -> Piece:
        """Cancel a generator at the `yield` where it is suspended."""
        try:
            value = self._iterator.throw(self._site.cancellation())
        except StopIteration:
            piece = self._site.ended()
        else:
            piece = self._site.piece(YIELDED, value)
        self._ignored = True
        return piece

    def _abandon(self) -> Piece:
        iterator, self._iterator = self._iterator, None
        if isinstance(iterator, Generator):
            if self._cancelled:
                self._throw(iterator)
            iterator.close()
        return self._site.ended()

    def _throw(self, generator: Generator[Any, Any, Any]) -> None:
        try:
            generator.throw(self._site.cancellation())
        except (StopIteration, self._site.cancellation):
            return
        except BaseException as error:
            if _is_cancelled_error(error):
                return
            raise
        self._ignored = True

    def _complete(self, awaitable: Any) -> Any:
        """Run a coroutine to its end; from now on a cancellation goes to its task."""
        task = self._site.thread.loop.create_task(_awaited(awaitable))
        self._task = task
        if self._cancelled:
            task.cancel()
        try:
            return self._site.thread.complete(task)
        finally:
            self._task = None

    def _stepwise(self, items: Any) -> Generator[Any, None, None]:
        iterator = items.__aiter__()
        try:
            while True:
                try:
                    item = self._complete(iterator.__anext__())
                except StopAsyncIteration:
                    return
                yield item
        finally:
            if isinstance(iterator, AsyncGenerator):
                thread = self._site.thread
                thread.complete(thread.loop.create_task(_awaited(iterator.aclose())))


class AsyncCall(_Call):
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
        if not is_async_iterator(result):
            self._ignored = self._interrupted
            return await self._piece(RETURNED, result)
        return await self._iterate(result.__aiter__()) or self._site.ended()

    async def _iterate(self, items: Any) -> Piece | None:
        """Hand over the pieces; return the last one where it is not handed over."""
        prefetch = self._site.prefetch
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
                elif not await self._rest_with(piece):
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
        self._site.prefetch.begin()
        return wanted

    async def _throw(self, items: Any) -> None:
        """Cancel a generator at the `yield` where it rests."""
        if isinstance(items, AsyncGenerator):
            try:
                await items.athrow(self._cancelled_error())
            except (StopAsyncIteration, self._cancelled_error):
                return
            self._ignored = True


def is_iterator(value: object) -> bool:
    """Tell an iterator, which is a result in pieces, from a file, which can be iterated too."""
    return isinstance(value, Iterator) and not isinstance(value, io.IOBase)


def is_async_iterator(value: object) -> bool:
    """Tell a result in asynchronous pieces."""
    return isinstance(value, AsyncIterable)


def _is_suspended(iterator: Any) -> bool:
    """Tell a generator that rests at a `yield` from one that is over."""
    return isinstance(iterator, Generator) and getattr(iterator, "gi_frame", None) is not None


def _is_cancelled_error(error: BaseException) -> bool:
    """Tell asyncio's cancellation without importing asyncio; it is an `Exception` on 3.7."""
    return any(kind.__name__ == "CancelledError" for kind in type(error).__mro__)


async def _awaited(awaitable: Any) -> Any:
    return await awaitable


async def _asynchronous(items: Iterator[Any]) -> AsyncGenerator[Any, None]:
    try:
        for item in items:
            yield item
    finally:
        if isinstance(items, Generator):
            items.close()
