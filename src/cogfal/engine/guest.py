"""The server's side of the author's: orders that are awaited, and the runs of predictions."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from typing import Any, Final, NamedTuple, Protocol, TypeAlias

import anyio

from cogfal.engine.channel import Channel, Foreign, Receive
from cogfal.engine.event_queue import EventQueue
from cogfal.errors import DeviceError, PredictorFailed, PredictorMismatch, SetupError
from cogfal.guest.events import GOES_ON, RAISED, CallEvents, Done, Failure, Piece
from cogfal.guest.faults import Fault
from cogfal.spec import PredictorSpec

MakeChannel: TypeAlias = Callable[[Receive, Foreign, Callable[[str], None]], Channel]
"""Makes a channel; told what takes events and foreign text, and who is told of a death."""


class GuestClient:
    """The author's side, which may die and be brought up again.

    `apart` tells whether it is another process.

    Args:
        make: Makes a channel to it.
        on_death: Told when it died though nobody asked it to.
    """

    def __init__(self, make: MakeChannel, on_death: Callable[[str], None]) -> None:
        self.apart = False
        self._make = make
        self._on_death = on_death
        self._grace: float | None = None
        self._channel: Channel | None = None
        self._loop: asyncio.AbstractEventLoop
        self._numbers = itertools.count(1)
        self._queues: dict[int, EventQueue] = {}
        self._runs: dict[int, GuestRun] = {}
        self._orders: dict[int, asyncio.Future[Done]] = {}
        self._log_limit = 0
        self._past_python: CallEvents | None = None
        """Of the last call that wrote past Python."""

    async def open(
        self,
        spec: PredictorSpec,
        root: str,
        log_limit: int,
        given: Any,
        *,
        queue: EventQueue,
        grace: float | None,
    ) -> str:
        """Bring it into being and import the predictor; return the form of weights it wants.

        `log_limit` is how many characters of a call's logs are kept, and as many of what it writes
        past Python. `grace` is how many seconds lie between a cancellation that is not obeyed and
        the end of its process; None leaves it alone.

        What was there before is gone first, and everything that it had started.

        Raises:
            SetupError: It cannot be brought up.
        """
        await self.close(0.0)
        self._loop = asyncio.get_running_loop()
        self._grace = grace
        self._log_limit = log_limit
        channel = self._channel = self._make(self._receive, self._take_foreign, self._die)
        self.apart = channel.apart
        try:
            await channel.open()
        except OSError as error:
            raise SetupError(f"the predictor's process cannot be started: {error}") from error
        done = await self._order("load", spec, root, log_limit, given, queue=queue)
        return str(done.value)

    async def setup(self, weights: str | None, queue: EventQueue) -> None:
        """Run the author's `setup`; raises SetupError."""
        await self._order("setup", weights, queue=queue)

    def run(self, call: Call, queue: EventQueue) -> GuestRun:
        """Prepare a prediction."""
        channel = self._channel
        assert channel is not None
        run = GuestRun(next(self._numbers), call, channel, queue, self._grace)
        if channel.death is not None:
            run.lose(channel.death)
        self._runs[run.number] = run
        self._queues[run.number] = queue
        return run

    def forget(self, run: GuestRun) -> None:
        """Take nothing more for a run."""
        self._runs.pop(run.number, None)
        self._queues.pop(run.number, None)

    async def check(self, seconds: float) -> str | None:
        """Run the author's `healthcheck`; return why the predictor is not well."""
        if self._channel is None or self._channel.death is not None:
            return "the predictor's process is not running"
        with anyio.move_on_after(2 * seconds):
            reason = (await self._ask("check", seconds)).value
            return None if reason is None else str(reason)
        return "the predictor's process does not answer"

    async def teardown(self, queue: EventQueue) -> bool:
        """Run the author's `teardown`, where there is one, and return True; raises SetupError."""
        if self._channel is not None and self._channel.death is None:
            await self._order("teardown", queue=queue)
        return True

    async def close(self, seconds: float) -> bool:
        """Give all back; return whether the author's code had ended within so many seconds."""
        channel, self._channel = self._channel, None
        return channel is None or await channel.close(seconds)

    async def _order(self, order: str, *details: Any, queue: EventQueue) -> Done:
        done = await self._ask(order, *details, queue=queue)
        if done.failure is not None:
            raise setup_error(done.failure)
        return done

    async def _ask(self, order: str, *details: Any, queue: EventQueue | None = None) -> Done:
        """Give an order that is no call, and wait until it is carried out."""
        number, channel = next(self._numbers), self._channel
        assert channel is not None
        if channel.death is not None:
            return Done(number, failure=Failure(channel.death))
        # Both before the order is given: its events come at once, on the author's thread.
        answer = self._orders[number] = asyncio.get_running_loop().create_future()
        if queue is not None:
            self._queues[number] = queue
        try:
            channel.send(order, number, *details)
            done: Done = await answer
        except asyncio.CancelledError:
            channel.send("cancel", number)
            raise
        finally:
            del self._orders[number]
            self._queues.pop(number, None)
        return done

    def _receive(self, event: Any) -> Callable[[], bool]:
        """Take an event, on whichever thread it happens; see `Receive`."""
        if isinstance(event, Done):
            self._post(partial(self._answer, event))
        elif isinstance(event, Piece) and event.closes:
            self._post(partial(self._close_run, event))
        elif event.call in self._queues:
            queue = self._queues[event.call]
            queue.put(event)
            return queue.is_crowded
        return _never

    def _take_foreign(self, source: str, text: str) -> None:
        """Attribute what was written past Python to whatever is running, if it is one thing."""
        if len(self._queues) == 1:
            ((number, queue),) = self._queues.items()
            events = self._past_python
            if events is None or events.number != number:
                events = CallEvents(number, queue.put, self._log_limit, _forget_nothing)
                self._past_python = events
            events.write(source, text)
            events.flush(source)

    def _post(self, function: Callable[[], None]) -> None:
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            self._loop.call_soon_threadsafe(function)

    def _answer(self, done: Done) -> None:
        answer = self._orders.get(done.call)
        if answer is not None and not answer.done():
            answer.set_result(done)

    def _close_run(self, piece: Piece) -> None:
        if piece.call in self._runs:
            self._runs[piece.call].take(piece)

    def _die(self, cause: str) -> None:
        for number in list(self._orders):
            self._answer(Done(number, failure=Failure(cause)))
        for run in list(self._runs.values()):
            run.lose(cause)
        self._on_death(cause)


def _forget_nothing(number: int) -> None:
    """Keep what is known of a call: its last piece comes another way."""


def _never() -> bool:
    """Say that nobody has to wait."""
    return False


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


class GuestRun:
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
        self._killing: asyncio.TimerHandle | None = None

    async def next(self) -> Piece:
        """Return the next piece, for which the author's code goes on where it rests.

        It may be ahead by some pieces that nothing can change any more (see `guest.call_site`).
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
            await self.queue.until(lambda: self._closed, self.cancel)
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
            self.queue.ring()

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
