"""The author's side, which may die and be brought up again, and the way there and back.

The way is within this process, to a thread of its own, or (see `process`) to another process.
"""

from __future__ import annotations

import asyncio
import itertools
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any, Final, TypeAlias

import anyio
from typing_extensions import override

from cogfal.engine.guest_run import Call, Channel, EventQueue, GuestRun
from cogfal.errors import PredictorMismatch, SetupError
from cogfal.guest.capture import Capture
from cogfal.guest.core import Guest
from cogfal.guest.events import CallEvents, Done, Failure, Piece
from cogfal.guest.inheriting import Leash, close_all, restore_signals, watch_forks
from cogfal.guest.interruption import Interruption
from cogfal.guest.thread import AuthorThread
from cogfal.spec import PredictorSpec

Receive: TypeAlias = Callable[[Any], Callable[[], bool]]
"""Takes an event; returns what says whether more should wait, for the loop to keep up."""

Foreign: TypeAlias = Callable[[str, str], None]
"""Takes the source and text of what was written past Python, whoever's it is."""

PAUSE: Final = 0.001
"""Seconds after which whoever waits looks again."""


class DirectChannel(Channel):
    """The author's side in this process, on a thread of its own.

    Args:
        receive: Takes the events, on whichever thread they happen.
        capture: Of this process, opened.
        forget: Lets go, in a fork of the author's, of what is the server's.
    """

    death: str | None = None
    apart = False

    def __init__(
        self, receive: Receive, capture: Capture, forget: Callable[[], None] = lambda: None
    ) -> None:
        self._receive = receive
        self._capture = capture
        self._forget = forget
        self._stop_watching: Callable[[], None] = lambda: None
        self._home = threading.get_ident()
        self._thread = AuthorThread()
        self._leash = Leash()
        self._guest = Guest(self._emit, self._thread, capture, Interruption, self._leash)
        self._over = asyncio.Event()

    @override
    async def open(self) -> None:
        loop = asyncio.get_running_loop()

        def run() -> None:
            self._leash.hold()
            self._thread.run()
            with suppress(RuntimeError):  # the loop is closed: nobody waits any more
                loop.call_soon_threadsafe(self._over.set)

        # A thread that does not end does not keep the process alive.
        self._runs = threading.Thread(target=run, name="cogfal-predictor", daemon=True)
        self._runs.start()
        self._stop_watching = watch_forks(partial(self._forked, loop))
        self._leash.open()

    @override
    def send(self, order: str, *details: Any) -> None:
        getattr(self._guest, order)(*details)

    @override
    def kill(self) -> None:
        """Do nothing: nobody can end a thread."""

    @override
    async def close(self, seconds: float) -> bool:
        self._thread.end()
        try:
            with anyio.move_on_after(seconds):
                await self._over.wait()
        finally:
            self._stop_watching()
            self._leash.let_go()
            self._guest.leave()
        if self._over.is_set():
            self._runs.join()
        return self._over.is_set()

    def _forked(self, loop: asyncio.AbstractEventLoop) -> None:
        """Keep what is the server's from a fork, which would hold it for ever."""
        if self._leash.held:  # who else forks here may count on the handlers
            restore_signals()
        # There is no other way to learn the sockets of a loop: who listens, and who is connected.
        selector = getattr(loop, "_selector", None)
        if selector is not None and selector.get_map() is not None:
            close_all([*selector.get_map()])
            selector.close()  # once: another predictor on this loop would close what is opened then
        self._forget()
        self._capture.forked()

    def _emit(self, event: Any) -> None:
        crowded = self._receive(event)
        # The loop itself never waits: it is who makes room.
        while crowded() and threading.get_ident() != self._home:
            time.sleep(PAUSE)


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
                events = CallEvents(number, queue.put, self._log_limit, {})
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


def _never() -> bool:
    """Say that nobody has to wait."""
    return False


def setup_error(failed: Failure) -> SetupError:
    """Return the error to report for a predictor that cannot be brought up."""
    error = (PredictorMismatch if failed.mismatch else SetupError)(
        failed.text, remedy=failed.remedy
    )
    if failed.fault is not None:
        error.traceback = failed.fault.traceback
        error.__cause__ = failed.fault.error
    return error
