"""Turn a call of any flavour of predictor into one asynchronous series of pieces.

What the call returns decides, not what the function looks like: decorators hide that. A `Run` asks
the predictor's thread for pieces, which come through the feed of the prediction, in order with what
is printed. The author's code rests until the next is asked for, so a file that is overwritten after
a `yield` has been delivered by then; only `Prefetch` lets it go on.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Generator, Iterator
from contextvars import Context
from functools import partial
from inspect import isawaitable
from typing import Any, NamedTuple, TypeAlias, TypeVar

from cogfal.cog.scope import Scope, use_scope
from cogfal.engine.event_queue import EventQueue
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
from cogfal.guest.interruption import Interruption
from cogfal.guest.prefetch import Prefetch
from cogfal.spec import Type

R = TypeVar("R")
Call: TypeAlias = Callable[[], Any]
"""The author's function with its arguments bound; whatever it returns is the author's."""


class Place(NamedTuple):
    """Where a call happens and what is around it.

    Attributes:
        thread: The predictor's.
        context: What the author's context variables are.
        scope: The current one.
        feed: Takes the pieces; for one call at a time.
        kind: The declared output.
    """

    thread: PredictorThread
    context: Context
    scope: Scope
    feed: EventQueue
    kind: Type


def start(place: Place, call: Call, cancellation: type[BaseException]) -> Run:
    """Prepare a call.

    `cancellation` is what sync code sees when cancelled; coroutines see `asyncio.CancelledError`.
    """
    if place.thread.looping:
        return _LoopRun(place, call)
    return _ThreadRun(place, call, cancellation)


class _ThreadRun:
    """A call on a thread that runs one job after the other; a job lasts until the next rest."""

    def __init__(self, place: Place, call: Call, cancellation: type[BaseException]) -> None:
        self.ignored = False
        self._scope = place.scope
        self._thread = place.thread
        self._call = call
        self._context = place.context
        self._cancellation = cancellation
        self._feed = place.feed
        self._prefetch = Prefetch(place.kind)
        self._iterator: Iterator[Any] | None = None
        self._begun = False
        self._rests = True
        self._cancelled = False
        self._closing = False
        self._step: Interruption | None = None
        self._answer: Answer | None = None
        self._task: asyncio.Task[Any] | None = None
        self._post = asyncio.get_running_loop().call_soon_threadsafe

    async def next(self) -> Piece:
        if self._rests:
            self._rests = False
            self._go_on()
        piece = await self._feed.next_piece(self.cancel)
        self._rests = not isinstance(piece, Yielded) or piece.rests
        return piece

    def cancel(self) -> None:
        self._cancelled = True
        task, step = self._task, self._step
        if task is not None:
            self._thread.loop.call_soon_threadsafe(task.cancel)
        elif step is not None:
            step.fire()

    def abandon(self) -> None:
        self._iterator = None
        self._rests = True
        _give_up(self._feed, self._answer)

    async def close(self) -> Piece:
        if self._rests and self._iterator is None:
            return Ended()
        self._closing = True
        answer = self._answer = Answer()
        self._thread.post(partial(self._end, self._interruption(), answer))
        return await answer.wait(self.cancel)

    def _interruption(self) -> Interruption:
        return Interruption(self._cancellation, self._post)

    def _go_on(self) -> None:
        step = self._step = self._interruption()
        if self._cancelled:
            step.fire()
        function = self._advance if self._begun else self._first
        self._begun = True
        self._thread.post(partial(self._work, function, step))

    def _work(self, function: Callable[[], Piece], step: Interruption) -> None:
        piece = self._performed(function, step)
        if isinstance(piece, Raised) and self._cancelled and _is_suspended(self._iterator):
            piece = self._performed(self._interrupted, self._interruption())
        if not isinstance(piece, Yielded):
            self._iterator = None
        self._feed.hand_over(piece)

    def _end(self, step: Interruption, answer: Answer) -> None:
        answer.give_threadsafe(self._performed(self._abandon, step))

    def _performed(self, function: Callable[[], Piece], step: Interruption) -> Piece:
        try:
            piece = step.run(partial(self._context.run, self._within_scope, function))
            self.ignored = self.ignored or step.landed
        except BaseException as error:  # SystemExit and its like end this call only
            piece = Raised(error)
        return piece

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
        """Let the author's code go on until it rests or ends.

        A cancellation may land here, between two pieces, where the generator is suspended.
        """
        assert self._iterator is not None
        self._prefetch.begin()
        for value in self._iterator:
            if self._cancelled or self._closing or not self._prefetch.goes_on(value):
                return Yielded(value)
            self._feed.hand_over(Yielded(value, rests=False))
        return Ended()

    def _interrupted(self) -> Piece:
        """Cancel a generator at the `yield` where it is suspended."""
        assert isinstance(self._iterator, Generator)
        try:
            piece: Piece = Yielded(self._iterator.throw(self._cancellation()))
        except StopIteration:
            piece = Ended()
        self.ignored = True
        return piece

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

    def __init__(self, place: Place, call: Call) -> None:
        self.ignored = False
        self._scope = place.scope
        self._thread = place.thread
        self._call = call
        self._context = place.context
        self._feed = place.feed
        self._prefetch = Prefetch(place.kind)
        self._begun = False
        self._open = False  # its last piece has not been taken
        self._rests = True
        self._closing = False  # it is to end at the next piece
        self._cancelled = False  # somebody asked
        self._interrupted = False  # the task was told
        self._answer: Answer | None = None
        self._task: asyncio.Task[Piece] | None = None
        self._rest: asyncio.Future[bool] | None = None

    async def next(self) -> Piece:
        if self._rests:
            self._rests = False
            self._thread.post(partial(self._resume, True) if self._begun else self._begin)
            self._begun = self._open = True
        piece = await self._feed.next_piece(self.cancel)
        self._open = isinstance(piece, Yielded)
        self._rests = not isinstance(piece, Yielded) or piece.rests
        return piece

    def cancel(self) -> None:
        self._cancelled = True
        self._thread.post(self._cancel_task)

    def abandon(self) -> None:
        self._open = False
        _give_up(self._feed, self._answer)

    async def close(self) -> Piece:
        if not self._open:
            return Ended()
        self._answer = Answer()
        self._thread.post(partial(self._resume, False))
        return await self._answer.wait(self.cancel)

    def _begin(self) -> None:
        self._task = self._context.run(self._thread.loop.create_task, self._drive())
        self._task.add_done_callback(self._finish)

    def _finish(self, task: asyncio.Task[Piece]) -> None:
        piece = Raised(asyncio.CancelledError()) if task.cancelled() else task.result()
        self._feed.hand_over(piece)
        if self._answer is not None:
            self._answer.give_threadsafe(piece)

    def _cancel_task(self) -> None:
        if self._task is not None:
            self._interrupted = self._task.cancel()

    def _resume(self, wanted: bool) -> None:
        if self._rest is not None and not self._rest.done():
            self._rest.set_result(wanted)
        elif not wanted:
            self._closing = True
            if self._task is not None and self._task.done():
                self._finish(self._task)  # it was over before it was closed

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
            self._prefetch.begin()
            async for item in items:
                if self._interrupted:
                    self.ignored = True
                    return
                if self._closing:
                    return
                if self._prefetch.goes_on(item):
                    self._feed.hand_over(Yielded(item, rests=False))
                elif not await self._rest_with(item):
                    return
        except asyncio.CancelledError:
            if self._rest is not None:
                await self._throw(items)
            raise
        finally:
            if isinstance(items, AsyncGenerator):
                await items.aclose()

    async def _rest_with(self, item: Any) -> bool:
        """Give a piece away and wait until the next is wanted; False says it never will be."""
        self._rest = self._thread.loop.create_future()
        self._feed.hand_over(Yielded(item))
        wanted = await self._rest
        self._rest = None
        self._prefetch.begin()
        return wanted

    async def _throw(self, items: AsyncIterator[Any]) -> None:
        """Cancel a generator at the `yield` where it rests."""
        if isinstance(items, AsyncGenerator):
            try:
                await items.athrow(asyncio.CancelledError())
            except (StopAsyncIteration, asyncio.CancelledError):
                return
            self.ignored = True


def _give_up(feed: EventQueue, answer: Answer | None) -> None:
    feed.hand_over(Raised(asyncio.CancelledError()))
    if answer is not None:
        answer.give(Raised(asyncio.CancelledError()))


def _is_suspended(iterator: Iterator[Any] | None) -> bool:
    """Tell a generator that rests at a `yield` from one that is over."""
    return isinstance(iterator, Generator) and getattr(iterator, "gi_frame", None) is not None


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
