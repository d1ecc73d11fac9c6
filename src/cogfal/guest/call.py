"""A call of the author's, as one series of pieces, on a thread without a running loop (`SyncCall`).

What it returns decides, not what the function looks like: decorators hide that. The author's code
rests after each piece until the next is asked for, so a file that is overwritten after a `yield`
has been delivered by then. On a running loop it is the same series: see `AsyncCall`.

A hop between two threads costs more than a short token does, so a generator that is quick is asked
for several pieces at a time, the more the longer it stays quick. Nobody can tell the difference:
such a piece is text or a number, which cannot change once it is handed over. Everything else, and
every piece that took its time, is waited for: the first of a series goes out at once, and so does
each piece of a slow one, since a thread that rests leaves the interpreter to the server's. Where
that has a process of its own, a short one is waited for only until it has come there.
"""

from __future__ import annotations

import io
import os
import time
from collections.abc import AsyncGenerator, AsyncIterable, Callable, Generator, Iterator
from contextvars import Context
from functools import partial
from inspect import isawaitable
from typing import TYPE_CHECKING, Any, NamedTuple

from cogfal.cog.server.scope import Scope, use_scope
from cogfal.guest.encoding import as_read
from cogfal.guest.events import (
    ENDED,
    GOES_ON,
    RAISED,
    REFUSED,
    RETURNED,
    SEVERAL,
    YIELDED,
    CallEvents,
    Piece,
)
from cogfal.guest.faults import LONGEST_TEXT, shortened
from cogfal.guest.inheriting import leave_fork
from cogfal.guest.interruption import Interruption
from cogfal.guest.saving import Unfit
from cogfal.guest.thread import AuthorThread
from cogfal.spec import FileType, PathType, holds

if TYPE_CHECKING:
    from cogfal.spec import Type

    Job = Callable[[], None]
    Encode = Callable[[Any, Callable[[Job], object]], Any]
    """Turns a result into what can be handed over once the jobs are done that it hands out."""

MOST = 64
"""Pieces that the author's code may hand over before it rests."""
QUICK = 0.0001
"""Seconds within which the next piece has to come."""
LONGEST = 4096
"""Characters of a text that is short."""
_GROWTH = 4
_NUMBERS = frozenset({int, float, bool, type(None)})
_INDESCRIBABLE = "an exception was raised which itself raises another when it is described"


class Prefetch:
    """How far one series of pieces is ahead; used by the thread that makes them.

    Args:
        kind: The declared output, by which a text may be the name of a file.
        clock: Tells seconds.
    """

    __slots__ = ("_clock", "_last", "_room", "_stretch", "_texts")

    def __init__(self, kind: Type, clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock = clock
        self._texts = not holds(kind, PathType, FileType)
        self._stretch = 1
        self._room = 1
        self._last = 0.0

    def begin(self) -> None:
        """Note that the next piece is asked for."""
        self._room = self._stretch
        self._last = self._clock()

    def goes_on(self, value: Any) -> bool:
        """Say whether the code that has just yielded `value` may go on at once."""
        now = self._clock()
        quick = now - self._last < QUICK
        self._last = now
        self._room -= 1
        if not quick or not self._lasts(value):
            return False
        if not self._room:
            self._stretch = min(self._stretch * _GROWTH, MOST)
        return self._room > 0

    def _lasts(self, value: Any) -> bool:
        """Tell a piece that can neither change nor take long to deliver."""
        kind = type(value)
        return (kind is str and self._texts and len(value) <= LONGEST) or kind in _NUMBERS


def _at_once(job: Job) -> None:
    job()


class CallSite(NamedTuple):
    """Where a call happens and what is around it.

    Attributes:
        thread: The author's.
        context: What the author's context variables are.
        scope: The current one.
        events: The way out.
        output: What is declared of the result.
        encode: Turns a result into what can be handed over; raises `Unfit`, as do the jobs.
        describe: Turns an exception into what can be handed over.
        retire: Called on the author's thread when the call is over.
        interruption: Makes what can interrupt one stretch of sync code there.
        cancellation: What sync code sees then; coroutines see `asyncio.CancelledError`.
    """

    thread: AuthorThread
    context: Context
    scope: Scope
    events: CallEvents
    output: Type
    encode: Encode
    describe: Callable[[BaseException], Any]
    retire: Callable[[], None]
    interruption: Callable[[], Interruption]
    cancellation: type[BaseException]

    def piece(self, kind: str, value: Any, do: Callable[[Job], object] = _at_once) -> Piece:
        """Make a piece of a result, or of the reason why it cannot be one.

        Where it is one of `SEVERAL`, the author's code goes on. `do` is called with jobs that have
        to be done before it is handed over, and that may have no end.
        """
        try:
            if kind == SEVERAL:
                return Piece(self.events.number, kind, [as_read(value)], rests=False)
            return Piece(self.events.number, kind, self.encode(value, do))
        except Unfit as unfit:
            return self.refused(unfit)

    def refused(self, unfit: Unfit) -> Piece:
        """Make a piece of the reason why a result cannot be one."""
        return Piece(self.events.number, REFUSED, shortened(str(unfit), LONGEST_TEXT))

    def ended(self) -> Piece:
        """Make the piece that says that there are no more."""
        return Piece(self.events.number, ENDED)

    def raised(self, error: BaseException) -> Piece:
        """Make the piece that tells of an exception, whatever that does when it is asked."""
        try:
            described = self.describe(error)
        except BaseException:  # of what it is not even the name can be relied on
            described = self.describe(RuntimeError(_INDESCRIBABLE))
        return Piece(self.events.number, RAISED, described)


class GuestCall:
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
        # find nothing of this one. It is over once it has retired, not before: what a signal
        # handler of the author's interrupts here is done again.
        if not self._over:
            try:
                self._site.retire()
            except BaseException as error:
                piece = self._site.raised(error)
            self._over = True
        self._site.events.piece(piece._replace(ignored=self._ignored, closes=closes))


def is_iterator(value: object) -> bool:
    """Tell an iterator, which is a result in pieces, from a file, which can be iterated too."""
    return isinstance(value, Iterator) and not isinstance(value, io.IOBase)


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
            with use_scope(self._site.scope):
                piece = self._site.context.run(step.run, function)
            self._ignored = self._ignored or step.landed
        except BaseException as error:  # SystemExit and its like end this call only
            leave_fork(self._process, error)
            return self._site.raised(error)
        leave_fork(self._process)
        return piece

    def _first(self) -> Piece:
        result = self._function()
        if isawaitable(result):
            result = self._complete(result)
        if isinstance(result, AsyncIterable):
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
