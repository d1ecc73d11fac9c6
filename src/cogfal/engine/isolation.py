"""Keep the author's code in a child process that can be killed."""

from __future__ import annotations

import asyncio
import itertools
import os
import signal
import socket
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

from typing_extensions import assert_never, override

from cogfal.engine import wire
from cogfal.engine.capture import Capture
from cogfal.engine.event_queue import EventQueue
from cogfal.engine.faults import Fault, RemoteFault
from cogfal.engine.pieces import Answer, Ended, Piece, Raised, Returned, Run, Yielded
from cogfal.engine.prediction import Log, Metric
from cogfal.engine.weights import WeightsForm
from cogfal.engine.worker import Assignment, Worker
from cogfal.errors import PredictorMismatch, SetupError
from cogfal.spec import PredictorSpec

MODULE: Final = "cogfal.engine.child"


class IsolatedWorker(Worker):
    """The author's code in a process of its own, which is started again after its death.

    Args:
        spec: The predictor.
        root: The project's directory.
        capture: Where the process's own output goes.
        grace: Seconds between a cancellation and the kill.
        log_limit: How many characters of logs a prediction keeps.
        on_death: Told when the process died though nobody asked it to.
    """

    def __init__(
        self,
        spec: PredictorSpec,
        root: Path,
        capture: Capture,
        *,
        grace: float,
        log_limit: int,
        on_death: Callable[[str], None],
    ) -> None:
        self._spec = spec
        self._root = root
        self._capture = capture
        self._grace = grace
        self._log_limit = log_limit
        self._on_death = on_death
        self._process: _Process | None = None

    @override
    async def load(self, feed: EventQueue) -> WeightsForm:
        await self.close(0.0)
        process = self._process = await _Process.start(self._root, self._capture, self._on_death)
        order = wire.Load(process.number(), self._spec, self._root, self._log_limit)
        return (await self._order(order, feed)).form

    @override
    async def setup(self, weights: str | None, feed: EventQueue) -> None:
        await self._order(wire.Setup(self._up.number(), weights), feed)

    @override
    def start(self, assignment: Assignment) -> Run:
        run = _ProcessRun(self._up, assignment.feed, self._grace)
        self._capture.attend(assignment.feed)
        self._up.send(wire.Start(run.call, assignment.values, assignment.context))
        return run

    @override
    def finish(self, assignment: Assignment) -> None:
        self._capture.end(assignment.feed)

    @override
    async def check(self, timeout: float) -> str | None:
        if self._process is None or self._process.death is not None:
            return "the predictor's process is not running"
        done = self._process.order(wire.Check(self._process.number(), timeout))
        try:
            return (await asyncio.wait_for(done, 2 * timeout)).reason
        except asyncio.TimeoutError:
            return "the predictor's process does not answer"

    @override
    async def teardown(self, feed: EventQueue) -> None:
        if self._process is not None and self._process.death is None:
            await self._order(wire.Teardown(self._process.number()), feed)

    @override
    async def close(self, timeout: float) -> bool:
        process, self._process = self._process, None
        return process is None or await process.end(timeout)

    @property
    def _up(self) -> _Process:
        assert self._process is not None
        return self._process

    async def _order(
        self, order: wire.Load | wire.Setup | wire.Teardown, feed: EventQueue
    ) -> wire.Done:
        process = self._up
        process.feeds[0] = feed
        self._capture.attend(feed)
        try:
            done = await process.order(order)
        finally:
            self._capture.end(feed)
        if done.failure is not None:
            kind = PredictorMismatch if done.mismatch else SetupError
            raise kind(done.failure) from (RemoteFault(done.fault) if done.fault else None)
        return done


class _Process:
    """One life of the child process and the socket to it."""

    def __init__(
        self,
        process: asyncio.subprocess.Process,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        on_death: Callable[[str], None],
    ) -> None:
        self.death: str | None = None
        self.feeds: dict[int, EventQueue] = {}
        self.runs: dict[int, _ProcessRun] = {}
        self._process = process
        self._writer = writer
        self._on_death = on_death
        self._numbers = itertools.count(1)
        self._orders: dict[int, asyncio.Future[wire.Done]] = {}
        self._wanted = True
        self._listening = asyncio.ensure_future(self._listen(reader))

    @classmethod
    async def start(cls, root: Path, capture: Capture, on_death: Callable[[str], None]) -> _Process:
        """Start the process."""
        ours, theirs = socket.socketpair()
        outlets = capture.numbers()
        with theirs:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                MODULE,
                *map(str, (theirs.fileno(), *outlets)),
                stdin=asyncio.subprocess.DEVNULL,
                pass_fds=(theirs.fileno(), *outlets),
                env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
                cwd=root,
                start_new_session=True,
            )
        reader, writer = await asyncio.open_connection(sock=ours)
        return cls(process, reader, writer, on_death)

    def number(self) -> int:
        """Return a number for an order or a call."""
        return next(self._numbers)

    def send(self, message: wire.Order) -> None:
        """Send a message; one to a dead process is lost."""
        if self.death is None:
            self._writer.write(wire.pack(message))

    async def order(self, order: wire.Load | wire.Setup | wire.Check | wire.Teardown) -> wire.Done:
        """Send an order and wait until it is carried out."""
        if self.death is not None:
            return wire.Done(order.number, failure=self.death)
        answer = self._orders[order.number] = asyncio.get_running_loop().create_future()
        self.send(order)
        try:
            done: wire.Done = await answer
        finally:
            del self._orders[order.number]
        return done

    def kill(self) -> None:
        """Kill the process and its own children."""
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)

    async def end(self, timeout: float) -> bool:
        """Hang up, wait for the process to end, and kill what is left."""
        self._wanted = False
        self._writer.close()
        try:
            await asyncio.wait_for(self._process.wait(), timeout)
        except asyncio.TimeoutError:
            return False
        finally:
            self.kill()
            await self._process.wait()
            await self._listening
            with suppress(ConnectionError):
                await self._writer.wait_closed()
        return True

    async def _listen(self, reader: asyncio.StreamReader) -> None:
        with suppress(EOFError):
            while True:
                self._take(await wire.receive(reader))
        self.kill()
        self._die(_cause(await self._process.wait()))

    def _take(self, report: wire.Report) -> None:
        match report:
            case wire.Printed(call, source, text):
                self._relay(call, Log(source, text))
            case wire.Recorded(call, name, value, mode):
                self._relay(call, Metric(name, value, mode))
            case wire.Arrived(call):
                if call in self.runs:
                    self.runs[call].take(report)
            case wire.Done(number):
                if number in self._orders and not self._orders[number].done():
                    self._orders[number].set_result(report)
            case _:
                assert_never(report)

    def _relay(self, call: int, event: Log | Metric) -> None:
        if call in self.feeds:
            self.feeds[call].relay(event)

    def _die(self, cause: str) -> None:
        self.death = cause
        self._writer.close()
        for number, answer in self._orders.items():
            if not answer.done():
                answer.set_result(wire.Done(number, failure=cause))
        for run in list(self.runs.values()):
            run.lose(cause)
        if self._wanted:
            self._on_death(cause)


class _ProcessRun:
    """A call of the author's function in the child process."""

    def __init__(self, process: _Process, feed: EventQueue, grace: float) -> None:
        self.ignored = False
        self.call = process.number()
        self._process = process
        self._grace = grace
        self._answer: Answer | None = None
        self._feed = feed
        self._rests = True
        self._open = False
        self._cancelled = False
        self._killing: asyncio.TimerHandle | None = None
        process.runs[self.call] = self
        process.feeds[self.call] = feed

    async def next(self) -> Piece:
        if self._process.death is not None:
            return _lost(self._process.death)
        if self._rests:
            self._rests = False
            self._process.send(wire.Next(self.call))
        piece = await self._feed.next_piece(self.cancel)
        self._open = isinstance(piece, Yielded)
        self._rests = not isinstance(piece, Yielded) or piece.rests
        return piece

    def cancel(self) -> None:
        if not self._cancelled:
            self._cancelled = True
            self._process.send(wire.Cancel(self.call))
            loop = asyncio.get_running_loop()
            self._killing = loop.call_later(self._grace, self._process.kill)

    async def close(self) -> Piece:
        piece: Piece = Ended()
        if self._open and self._process.death is None:
            self._answer = Answer()
            self._process.send(wire.Close(self.call))
            piece = await self._answer.wait(self.cancel)
        self._forget()
        return piece

    def abandon(self) -> None:
        self._process.kill()

    def take(self, report: wire.Arrived) -> None:
        """Take a piece that the process sent."""
        self.ignored = self.ignored or report.ignored
        self._give(_piece(report), closes=report.closes)

    def lose(self, cause: str) -> None:
        """Take it that the process died."""
        for closes in (False, True):
            self._give(_lost(cause), closes=closes)

    def _give(self, piece: Piece, *, closes: bool) -> None:
        if not closes:
            self._feed.hand_over(piece)
        elif self._answer is not None:
            self._answer.give(piece)

    def _forget(self) -> None:
        if self._killing is not None:
            self._killing.cancel()
        self._process.send(wire.Finish(self.call))
        self._process.runs.pop(self.call, None)
        self._process.feeds.pop(self.call, None)


def _piece(report: wire.Arrived) -> Piece:
    try:
        value = wire.thaw(report.value)
    except Exception as error:  # pickle raises nearly anything
        return _lost(f"the output cannot leave the isolated process: {error}")
    match report.kind:
        case "Returned":
            return Returned(value)
        case "Yielded":
            return Yielded(value, report.rests)
        case "Ended":
            return Ended()
        case _:
            return Raised(RemoteFault(value))


def _lost(cause: str) -> Raised:
    return Raised(RemoteFault(Fault(cause, f"{cause}\n")))


def _cause(status: int) -> str:
    if status >= 0:
        return f"the predictor's process ended with exit code {status}"
    name = signal.Signals(-status).name
    return f"the predictor's process was killed by {name}"
