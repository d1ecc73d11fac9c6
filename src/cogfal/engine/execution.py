"""Turn a call of any flavour of predictor into one asynchronous series of pieces.

What the call returns decides, not what the function looks like: decorators hide that. A `Run` asks
the predictor's thread for one piece at a time, and the author's code rests until the next is asked
for, so a file that is overwritten after a `yield` has been delivered by then.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Generator, Iterator
from contextvars import Context
from functools import partial
from inspect import isawaitable
from typing import Any, TypeAlias, TypeVar

from cogfal.cog.scope import Scope, use_scope
from cogfal.engine.interruption import Interruption
from cogfal.engine.pieces import (
    Answer,
    Ended,
    Piece,
    Raised,
    Returned,
    Run,
    Yielded,
    is_async_iterator,
    is_iterator,
)
from cogfal.engine.thread import PredictorThread

R = TypeVar("R")
Call: TypeAlias = Callable[[], Any]
"""The author's function with its arguments bound; whatever it returns is the author's."""


def start(
    thread: PredictorThread,
    call: Call,
    context: Context,
    cancellation: type[BaseException],
    scope: Scope,
) -> Run:
    """Prepare a call on the predictor's thread, in `context` and with `scope` as current one.

    `cancellation` is what sync code sees when cancelled; coroutines see `asyncio.CancelledError`.
    """
    if thread.looping:
        return _LoopRun(thread, call, context, scope)
    return _ThreadRun(thread, call, context, cancellation, scope)


class _ThreadRun:
    """A call on a thread that runs one job after the other; every step is a job."""

    def __init__(
        self,
        thread: PredictorThread,
        call: Call,
        context: Context,
        cancellation: type[BaseException],
        scope: Scope,
    ) -> None:
        self.ignored = False
        self._scope = scope
        self._thread = thread
        self._call = call
        self._context = context
        self._cancellation = cancellation
        self._iterator: Iterator[Any] | None = None
        self._cancelled = False
        self._step: Interruption | None = None
        self._answer: Answer | None = None
        self._task: asyncio.Task[Any] | None = None

    async def next(self) -> Piece:
        step = self._step = Interruption(self._cancellation)
        if self._cancelled:
            step.fire()
        return await self._perform(self._first if self._iterator is None else self._advance, step)

    def cancel(self) -> None:
        self._cancelled = True
        task, step = self._task, self._step
        if task is not None:
            self._thread.loop.call_soon_threadsafe(task.cancel)
        elif step is not None:
            step.fire()

    def abandon(self) -> None:
        self._iterator = None
        _give_up(self._answer)

    async def close(self) -> Piece:
        if self._iterator is None:
            return Ended()
        return await self._perform(self._abandon, Interruption(self._cancellation))

    async def _perform(self, function: Callable[[], Piece], step: Interruption) -> Piece:
        answer = self._answer = Answer()
        self._thread.post(partial(self._work, function, step, answer))
        return await answer.wait(self.cancel)

    def _work(self, function: Callable[[], Piece], step: Interruption, answer: Answer) -> None:
        try:
            piece = step.run(partial(self._context.run, self._within_scope, function))
            self.ignored = self.ignored or step.landed
        except BaseException as error:  # SystemExit and its like end this call only
            piece = Raised(error)
        if not isinstance(piece, Yielded):
            self._iterator = None
        answer.give_threadsafe(piece)

    def _within_scope(self, function: Callable[[], Piece]) -> Piece:
        with use_scope(self._scope):
            return function()

    def _first(self) -> Piece:
        result = self._call()
        if isawaitable(result):
            result = self._complete(result)
        if is_async_iterator(result):
            result = self._stepwise(result)
        if not is_iterator(result):
            return Returned(result)
        self._iterator = result
        return self._advance()

    def _advance(self) -> Piece:
        assert self._iterator is not None
        try:
            return Yielded(next(self._iterator))
        except StopIteration:
            return Ended()

    def _abandon(self) -> Piece:
        iterator, self._iterator = self._iterator, None
        if isinstance(iterator, Generator):
            if self._cancelled:
                self._throw(iterator)
            iterator.close()
        return Ended()

    def _throw(self, generator: Generator[Any, Any, Any]) -> None:
        try:
            generator.throw(self._cancellation())
        except (StopIteration, self._cancellation, asyncio.CancelledError):
            return
        self.ignored = True

    def _complete(self, awaitable: Awaitable[R]) -> R:
        """Run a coroutine to its end; from now on a cancellation goes to its task."""
        task = self._thread.loop.create_task(_awaited(awaitable))
        self._task = task
        if self._cancelled:
            task.cancel()
        try:
            return self._thread.complete(task)
        finally:
            self._task = None

    def _stepwise(self, items: AsyncIterator[Any]) -> Generator[Any, None, None]:
        iterator = aiter_of(items)
        try:
            while True:
                try:
                    item = self._complete(iterator.__anext__())
                except StopAsyncIteration:
                    return
                yield item
        finally:
            if isinstance(iterator, AsyncGenerator):
                self._thread.complete(self._thread.loop.create_task(_awaited(iterator.aclose())))


class _LoopRun:
    """A call on a thread whose event loop is running: one task from beginning to end."""

    def __init__(self, thread: PredictorThread, call: Call, context: Context, scope: Scope) -> None:
        self.ignored = False
        self._scope = scope
        self._thread = thread
        self._call = call
        self._context = context
        self._cancelled = False  # somebody asked
        self._interrupted = False  # the task was told
        self._open = False
        self._answer: Answer | None = None
        self._task: asyncio.Task[Piece] | None = None
        self._rest: asyncio.Future[bool] | None = None

    async def next(self) -> Piece:
        return await self._ask(partial(self._resume, True) if self._open else self._begin)

    def cancel(self) -> None:
        self._cancelled = True
        self._thread.post(self._cancel_task)

    def abandon(self) -> None:
        self._open = False
        _give_up(self._answer)

    async def close(self) -> Piece:
        if not self._open:
            return Ended()
        return await self._ask(partial(self._resume, False))

    async def _ask(self, job: Callable[[], None]) -> Piece:
        self._answer = Answer()
        self._thread.post(job)
        piece = await self._answer.wait(self.cancel)
        self._open = isinstance(piece, Yielded)
        return piece

    def _tell(self, piece: Piece) -> None:
        assert self._answer is not None
        self._answer.give_threadsafe(piece)

    def _begin(self) -> None:
        self._task = self._context.run(self._thread.loop.create_task, self._drive())
        self._task.add_done_callback(self._finish)

    def _finish(self, task: asyncio.Task[Piece]) -> None:
        self._tell(Raised(asyncio.CancelledError()) if task.cancelled() else task.result())

    def _cancel_task(self) -> None:
        if self._task is not None:
            self._interrupted = self._task.cancel()

    def _resume(self, wanted: bool) -> None:
        if self._task is not None and self._task.done():
            self._finish(self._task)  # it was cancelled before anybody asked on
        elif self._rest is not None and not self._rest.done():
            self._rest.set_result(wanted)

    async def _drive(self) -> Piece:
        try:
            if self._cancelled:
                return Raised(asyncio.CancelledError())
            with use_scope(self._scope):
                return await self._perform()
        except BaseException as error:  # SystemExit and its like end this call only
            return Raised(error)

    async def _perform(self) -> Piece:
        result = self._call()
        if isawaitable(result):
            result = await result
        if is_iterator(result):
            result = _asynchronous(result)
        if not is_async_iterator(result):
            self.ignored = self._interrupted
            return Returned(result)
        await self._iterate(aiter_of(result))
        return Ended()

    async def _iterate(self, items: AsyncIterator[Any]) -> None:
        try:
            async for item in items:
                if self._interrupted:
                    self.ignored = True
                    return
                if not await self._hand_over(item):
                    return
        except asyncio.CancelledError:
            if self._rest is not None:
                await self._throw(items)
            raise
        finally:
            if isinstance(items, AsyncGenerator):
                await items.aclose()

    async def _hand_over(self, item: Any) -> bool:
        """Give a piece away and wait until the next is wanted; False says it never will be."""
        self._rest = self._thread.loop.create_future()
        self._tell(Yielded(item))
        wanted = await self._rest
        self._rest = None
        return wanted

    async def _throw(self, items: AsyncIterator[Any]) -> None:
        """Cancel a generator at the `yield` where it rests."""
        if isinstance(items, AsyncGenerator):
            try:
                await items.athrow(asyncio.CancelledError())
            except (StopAsyncIteration, asyncio.CancelledError):
                return
            self.ignored = True


def _give_up(answer: Answer | None) -> None:
    if answer is not None:
        answer.give(Raised(asyncio.CancelledError()))


def aiter_of(items: Any) -> AsyncIterator[Any]:
    """Return the asynchronous iterator of an iterable."""
    iterator: AsyncIterator[Any] = items.__aiter__()
    return iterator


async def _awaited(awaitable: Awaitable[R]) -> R:
    return await awaitable


async def _asynchronous(items: Iterator[Any]) -> AsyncGenerator[Any, None]:
    try:
        for item in items:
            yield item
    finally:
        if isinstance(items, Generator):
            items.close()
