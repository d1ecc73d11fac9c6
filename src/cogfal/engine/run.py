"""One call of the author's function, seen from the server's side, and the errors of failures."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, Final, NamedTuple, Protocol

from cogfal.engine.event_queue import Bell, EventQueue
from cogfal.errors import DeviceError, PredictorFailed, PredictorMismatch, SetupError
from cogfal.guest.events import GOES_ON, RAISED, Failure, Piece
from cogfal.guest.faults import Fault

GIVEN_UP: Final = Fault("the prediction was given up", "", cancellation=True)


class Way(Protocol):
    """Where orders about calls go."""

    def send(self, order: str, *details: Any) -> None:
        """Give an order; one to a process that is dead is lost."""

    def kill(self) -> None:
        """End the author's process, where it is one of its own."""


class Call(NamedTuple):
    """What a prediction hands to the author's side.

    `values` are the inputs by name, or their JSON in pieces where they cross to another process,
    which takes them away; `context` is the request's, and `workspace` the directory of the
    prediction, which may not be there yet.
    """

    values: Mapping[str, Any] | list[bytes]
    context: Mapping[str, str]
    workspace: str


class Run:
    """A call, whichever process the author's code is in.

    `ignored` tells whether the author's code was interrupted and went on nevertheless.

    Args:
        number: The call's.
        call: What is handed over.
        way: Where the orders go.
        queue: Where the events come from.
        grace: Seconds between a cancellation and the end of the process; None leaves it alone.
    """

    def __init__(
        self, number: int, call: Call, way: Way, queue: EventQueue, grace: float | None
    ) -> None:
        self.ignored = False
        self.number = number
        self.queue = queue
        self._call = call
        self._way = way
        self._grace = grace
        self._begun = False
        self._rests = True
        self._open = False
        self._over = False
        self._cancelled = False
        self._closed: Piece | None = None
        self._last: Piece | None = None
        self._loop = asyncio.get_running_loop()
        self._bell = Bell(self._loop)
        self._killing: asyncio.TimerHandle | None = None

    async def next(self) -> Piece:
        """Return the next piece, for which the author's code goes on where it rests.

        It may be ahead by some pieces that nothing can change any more (see `guest.prefetch`).
        Cancelling this cancels the run, and still waits until the author's code was interrupted.
        """
        self.go_on()
        return self._taken(await self.queue.next_piece(self.cancel))

    def go_on(self) -> None:
        """Let the author's code go on where it rests, before its next piece is asked for."""
        if not self._rests:
            return
        self._rests = False
        if self._begun:
            self._way.send("advance", self.number)
        else:
            self._begun = True
            self._way.send("start", self.number, *self._call)

    def next_at_hand(self) -> Piece | None:
        """Return the next piece if it has come already and nobody cancelled."""
        if self._rests or self._cancelled:
            return None
        piece = self.queue.piece_at_hand()
        return piece and self._taken(piece)

    def _taken(self, piece: Piece) -> Piece:
        self._open = piece.kind in GOES_ON
        self._over = not self._open
        self._rests = piece.rests
        if self._cancelled:
            self._drop(piece)  # whoever cancelled asks only `close` how it ended
        else:
            self.ignored = self.ignored or piece.ignored
        return piece

    def cancel(self) -> None:
        """Interrupt the author's code; repeated, or after the end, it does nothing."""
        if self._cancelled or not self._begun:
            return
        self._cancelled = True
        self._way.send("cancel", self.number)
        if self._grace is not None:
            self._killing = self._loop.call_later(self._grace, self._way.kill)

    async def close(self) -> Piece | None:
        """End the author's code where it rests, or will rest next.

        The piece tells of an exception where the author's cleanup fails; None where it is over and
        `next` has told how. A generator sees the
        cancellation at its `yield`, or `GeneratorExit` where nobody cancelled.
        """
        try:
            if not self._open:
                return self._last
            self._way.send("close", self.number)
            self.queue.discard_pieces(self._drop)  # what hides behind them has to go on
            await self._bell.until(lambda: self._closed, self.cancel)
            assert self._closed is not None
            self.ignored = self.ignored or self._closed.ignored
            return self._last or self._closed
        finally:
            if self._killing is not None:
                self._killing.cancel()

    def abandon(self) -> bool:
        """Answer `next` and `close` although the author's code goes on; return whether it does."""
        if self._over:
            return False
        self.take(Piece(self.number, RAISED, GIVEN_UP))
        self.take(Piece(self.number, RAISED, GIVEN_UP, closes=True))
        self._way.kill()
        return True

    def lose(self, cause: str) -> None:
        """Answer `next` and `close`: the author's process is dead."""
        self.take(Piece(self.number, RAISED, lost(cause)))
        self.take(Piece(self.number, RAISED, lost(cause), closes=True))

    def take(self, piece: Piece) -> None:
        """Take a piece from the author's side; on the loop where it answers `close`."""
        if not piece.closes:
            self.queue.put(piece)
        elif self._closed is None:
            self._closed = piece
            self._bell.ring()

    def _drop(self, piece: Piece) -> None:
        """Note how a call ended that nobody waits for any more."""
        self.ignored = self.ignored or piece.ignored
        if piece.kind == RAISED:
            self._last = piece


def failure(fault: Fault) -> PredictorFailed:
    """Return the error to report for an exception of the author's code."""
    failed = (DeviceError if fault.device else PredictorFailed)(fault.text)
    if isinstance(failed, DeviceError):
        failed.broken = fault.broken
    failed.fal = fault.fal
    failed.__cause__ = fault.error
    return failed


def setup_error(failed: Failure) -> SetupError:
    """Return the error to report for a predictor that cannot be brought up."""
    error = (PredictorMismatch if failed.mismatch else SetupError)(
        failed.text, remedy=failed.remedy
    )
    if failed.fault is not None:
        error.traceback = failed.fault.traceback
        error.__cause__ = failed.fault.error
    return error


def lost(cause: str) -> Fault:
    """Describe the death of the author's process."""
    return Fault(cause, f"{cause}\n")
