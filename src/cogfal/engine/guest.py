"""The server's side of the author's: orders that are awaited, and the runs of predictions."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any, TypeAlias

import anyio

from cogfal.engine.channel import Channel, Foreign, Receive
from cogfal.engine.event_queue import EventQueue
from cogfal.engine.run import Call, Run, setup_error
from cogfal.errors import SetupError
from cogfal.guest.events import CallEvents, Done, Failure, Piece
from cogfal.spec import PredictorSpec

MakeChannel: TypeAlias = Callable[[Receive, Foreign, Callable[[str], None]], Channel]
"""Makes a channel; told what takes events and foreign text, and who is told of a death."""


class GuestClient:
    """The author's side, which may die and be brought up again.

    Args:
        make: Makes a channel to it.
        on_death: Told when it died though nobody asked it to.
    """

    def __init__(self, make: MakeChannel, on_death: Callable[[str], None]) -> None:
        self._make = make
        self._on_death = on_death
        self._grace: float | None = None
        self._channel: Channel | None = None
        self._loop: asyncio.AbstractEventLoop
        self._numbers = itertools.count(1)
        self._queues: dict[int, EventQueue] = {}
        self._runs: dict[int, Run] = {}
        self._orders: dict[int, asyncio.Future[Done]] = {}
        self._log_limit = 0
        self._past_python: CallEvents | None = None
        """Of the last call that wrote past Python."""

    @property
    def apart(self) -> bool:
        """Whether the author's side is another process."""
        return self._channel is not None and self._channel.apart

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
        try:
            await channel.open()
        except OSError as error:
            raise SetupError(f"the predictor's process cannot be started: {error}") from error
        done = await self._order("load", spec, root, log_limit, given, queue=queue)
        return str(done.value)

    async def setup(self, weights: str | None, queue: EventQueue) -> None:
        """Run the author's `setup`; raises SetupError."""
        await self._order("setup", weights, queue=queue)

    def run(self, call: Call, queue: EventQueue) -> Run:
        """Prepare a prediction."""
        channel = self._up
        run = Run(next(self._numbers), call, channel, queue, self._grace)
        if channel.death is not None:
            run.lose(channel.death)
        self._runs[run.number] = run
        self._queues[run.number] = queue
        return run

    def forget(self, run: Run) -> None:
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

    async def teardown(self, queue: EventQueue) -> None:
        """Run the author's `teardown`, where there is one; raises SetupError."""
        if self._channel is not None and self._channel.death is None:
            await self._order("teardown", queue=queue)

    async def close(self, seconds: float) -> bool:
        """Give all back; return whether the author's code had ended within so many seconds."""
        channel, self._channel = self._channel, None
        return channel is None or await channel.close(seconds)

    @property
    def _up(self) -> Channel:
        assert self._channel is not None
        return self._channel

    async def _order(self, order: str, *details: Any, queue: EventQueue) -> Done:
        done = await self._ask(order, *details, queue=queue)
        if done.failure is not None:
            raise setup_error(done.failure)
        return done

    async def _ask(self, order: str, *details: Any, queue: EventQueue | None = None) -> Done:
        """Give an order that is no call, and wait until it is carried out."""
        number, channel = next(self._numbers), self._up
        if channel.death is not None:
            return Done(number, failure=Failure(channel.death))
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
