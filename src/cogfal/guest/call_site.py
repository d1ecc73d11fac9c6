"""What is around a call of the author's: its thread, its way out, its end, and how far it is ahead.

Whatever the flavour of predictor, a call is one series of pieces: see `SyncCall` and `AsyncCall`.
What it returns decides, not what the function looks like: decorators hide that. The author's code
rests after each piece until the next is asked for, so a file that is overwritten after a `yield`
has been delivered by then.

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
from collections.abc import AsyncIterable, Callable, Iterator
from contextvars import Context
from typing import TYPE_CHECKING, Any, NamedTuple

from cogfal.cog.server.scope import Scope
from cogfal.guest.encoding import as_read
from cogfal.guest.events import ENDED, RAISED, REFUSED, SEVERAL, CallEvents, Piece
from cogfal.guest.faults import LONGEST_TEXT, shortened
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


def is_async_iterator(value: object) -> bool:
    """Tell a result in asynchronous pieces."""
    return isinstance(value, AsyncIterable)
