"""Turn a call on a thread without a running loop into one series of pieces."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Generator
from functools import partial
from inspect import isawaitable
from typing import Any

from cogfal.cog.server.scope import use_scope
from cogfal.guest.call_site import CallSite, GuestCall, Prefetch, is_async_iterator, is_iterator
from cogfal.guest.events import GOES_ON, RAISED, RETURNED, SEVERAL, YIELDED, Piece
from cogfal.guest.inheriting import leave_fork
from cogfal.guest.interruption import Interruption


class SyncCall(GuestCall):
    """A call on a thread that runs one job after the other; a job lasts until the next rest.

    `advance`, `cancel` and `close` come from another thread, one at a time.
    """

    def __init__(self, site: CallSite, function: Callable[[], Any]) -> None:
        super().__init__(site, function)
        self._iterator: Any = None
        self._prefetch: Prefetch
        self._begun = False
        self._cancelled = False
        self._closing = False
        self._step: Interruption | None = None
        self._task: Any = None

    def advance(self) -> None:
        """Let the author's code go on until it rests or ends."""
        step = self._step = self._site.interruption()
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
        end = partial(self._end, self._site.interruption())
        self._site.thread.post(end, partial(self._fail, closes=True))

    def _fail(self, error: BaseException, *, closes: bool = False) -> None:
        """Tell of what a signal handler of the author's raised too late or too early."""
        self._end_with(self._site.raised(error), closes=closes)

    def _hand_over(self, function: Callable[[], Piece], step: Interruption) -> None:
        piece = self._performed(function, step)
        if piece.kind == RAISED and self._cancelled and _is_suspended(self._iterator):
            piece = self._performed(self._interrupted, self._site.interruption())
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
        self._prefetch = Prefetch(self._site.output)
        return self._next()

    def _next(self) -> Piece:
        """Let the author's code go on until it rests or ends.

        A cancellation may land here, between two pieces, where the generator is suspended.
        """
        prefetch = self._prefetch
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


def _is_suspended(iterator: Any) -> bool:
    """Tell a generator that rests at a `yield` from one that is over."""
    return isinstance(iterator, Generator) and getattr(iterator, "gi_frame", None) is not None


def _is_cancelled_error(error: BaseException) -> bool:
    """Tell asyncio's cancellation without importing asyncio; it is an `Exception` on 3.7."""
    return any(kind.__name__ == "CancelledError" for kind in type(error).__mro__)


async def _awaited(awaitable: Any) -> Any:
    return await awaitable
