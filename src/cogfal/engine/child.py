"""Run as the isolated predictor's process: carry out the orders that come over the socket."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
import threading
from collections.abc import Coroutine
from functools import partial
from typing import Any

from typing_extensions import assert_never

from cogfal.engine import wire
from cogfal.engine.capture import Capture
from cogfal.engine.descriptors import Inherited
from cogfal.engine.event_queue import EventQueue
from cogfal.engine.faults import Fault, fault_of
from cogfal.engine.pieces import Ended, Piece, Raised, Returned, Run, Yielded
from cogfal.engine.prediction import Log, Metric
from cogfal.engine.weights import WeightsForm
from cogfal.engine.worker import Assignment, LocalWorker
from cogfal.errors import PredictorMismatch, SetupError

LAST_MOMENTS = 10.0  # seconds after which the process ends whatever still runs in it


class Child:
    """The predictor's side of the socket."""

    def __init__(self, writer: asyncio.StreamWriter, capture: Capture) -> None:
        self._writer = writer
        self._capture = capture
        self._worker: LocalWorker | None = None
        self._log_limit = 0
        self._calls: dict[int, tuple[Run, Assignment]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def obey(self, order: wire.Order) -> None:
        """Carry out an order, in the background where it takes time."""
        match order:
            case wire.Load() | wire.Setup() | wire.Check() | wire.Teardown():
                self._spawn(self._order(order.number, self._work(order)))
            case wire.Start():
                self._start(order)
            case wire.Next(call):
                self._spawn(self._advance(call))
            case wire.Close(call):
                self._spawn(self._close(call))
            case wire.Cancel(call):
                if call in self._calls:
                    self._calls[call][0].cancel()
            case wire.Finish(call):
                self._retire(call)
            case _:
                assert_never(order)

    @property
    def _up(self) -> LocalWorker:
        assert self._worker is not None
        return self._worker

    def _start(self, order: wire.Start) -> None:
        assignment = Assignment(order.values, order.context, self._feed(order.call))
        self._calls[order.call] = (self._up.start(assignment), assignment)

    async def _work(self, order: wire.Load | wire.Setup | wire.Check | wire.Teardown) -> wire.Done:
        feed = self._feed(0)
        try:
            match order:
                case wire.Load():
                    return wire.Done(order.number, form=await self._load(order, feed))
                case wire.Setup():
                    await self._up.setup(order.weights, feed)
                case wire.Check():
                    return wire.Done(order.number, reason=await self._up.check(order.timeout))
                case wire.Teardown():
                    await self._up.teardown(feed)
                case _:
                    assert_never(order)
        finally:
            feed.close()
        return wire.Done(order.number)

    async def _load(self, order: wire.Load, feed: EventQueue) -> WeightsForm:
        self._log_limit = order.log_limit
        self._worker = LocalWorker(order.spec, order.root, self._capture)
        return await self._worker.load(feed)

    async def _order(self, number: int, work: Coroutine[Any, Any, wire.Done]) -> None:
        try:
            done = await work
        except SetupError as error:
            done = wire.Done(
                number,
                failure=str(error),
                mismatch=isinstance(error, PredictorMismatch),
                fault=fault_of(error.__cause__ or error),
            )
        self._send(done)

    async def _advance(self, call: int) -> None:
        """Send pieces until the author's code rests or has ended."""
        run, _ = self._calls[call]
        while True:
            piece = await run.next()
            if not isinstance(piece, Yielded):
                self._retire(call)
            self._send_piece(call, piece, ignored=run.ignored)
            if not isinstance(piece, Yielded) or piece.rests:
                return

    async def _close(self, call: int) -> None:
        piece: Piece = Ended()
        ignored = False
        if call in self._calls:  # it has not come to its end meanwhile
            run, _ = self._calls[call]
            piece, ignored = await run.close(), run.ignored
            self._retire(call)
        self._send_piece(call, piece, ignored=ignored, closes=True)

    def _retire(self, call: int) -> None:
        if call in self._calls:
            _, assignment = self._calls.pop(call)
            self._up.finish(assignment)
            assignment.feed.close()

    def _send_piece(self, call: int, piece: Piece, *, ignored: bool, closes: bool = False) -> None:
        kind, rests = type(piece).__name__, not isinstance(piece, Yielded) or piece.rests
        try:
            data = wire.freeze(_value(piece))
        except Exception as error:  # pickle raises nearly anything
            text = f"the output cannot leave the isolated process: {type(error).__name__}: {error}"
            kind, data = Raised.__name__, wire.freeze(Fault(text, f"{text}\n"))
        self._send(wire.Arrived(call, kind, data, ignored, rests, closes))

    def _feed(self, call: int) -> EventQueue:
        return EventQueue(asyncio.get_running_loop(), partial(self._tell, call), self._log_limit)

    def _tell(self, call: int, event: Log | Metric) -> None:
        match event:
            case Log(source, text):
                self._send(wire.Printed(call, source, text))
            case Metric(name, value, mode):
                self._send(wire.Recorded(call, name, value, mode))

    def _send(self, report: wire.Report) -> None:
        self._writer.write(wire.pack(report))

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def end(self) -> None:
        """Take the predictor down; the runner is gone or wants the process to end."""
        if self._worker is not None:
            await self._worker.close(LAST_MOMENTS)


def _value(piece: Piece) -> Any:
    match piece:
        case Returned(value) | Yielded(value):
            return value
        case Raised(error):
            return fault_of(error)
        case Ended():
            return None
        case _:
            assert_never(piece)


async def serve(connection: socket.socket, outlets: tuple[int, int]) -> None:
    """Obey until the runner hangs up."""
    reader, writer = await asyncio.open_connection(sock=connection, limit=2**20)
    capture = Capture(Inherited(outlets))
    capture.open()
    child = Child(writer, capture)
    try:
        while True:
            child.obey(await wire.receive(reader))
    except EOFError:
        timer = threading.Timer(LAST_MOMENTS, os._exit, (1,))
        timer.daemon = True
        timer.start()
    await child.end()
    capture.close()


def main() -> None:
    """Serve the socket whose descriptor is the first argument; the others lead to the log."""
    connection, stdout, stderr = map(int, sys.argv[1:])
    asyncio.run(serve(socket.socket(fileno=connection), (stdout, stderr)))


if __name__ == "__main__":
    main()
