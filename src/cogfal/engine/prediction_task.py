"""Take one prediction from its place in the line to its end."""

from __future__ import annotations

import asyncio
import time
import traceback
from collections.abc import Callable, Coroutine
from dataclasses import replace
from itertools import accumulate
from typing import Any, Final, NamedTuple, TypeVar

from cogfal.concurrency import to_the_end
from cogfal.engine.deliveries import Deliveries
from cogfal.engine.event_queue import EventQueue
from cogfal.engine.guest import Call, GuestClient, GuestRun, failure
from cogfal.engine.prediction import InputMaterialiser, Prediction, Status, Submission
from cogfal.engine.slots import Ticket
from cogfal.errors import CogfalError, OutputError, PredictionCancelled, PredictorFailed
from cogfal.files.workspace import Workspace
from cogfal.guest.encoding import Encoded
from cogfal.guest.events import RAISED, REFUSED, RETURNED, SEVERAL, YIELDED, Piece
from cogfal.guest.faults import Fault
from cogfal.json_text import line_of, written, written_in_turn
from cogfal.spec import JSON, IteratorType, Type

R = TypeVar("R")
SHORT: Final = 4096
"""Bytes of JSON that are delivered sooner than anything else is done meanwhile."""
IGNORED = (
    "[the prediction was cancelled, but the predictor caught the cancellation and went on; raise "
    "it again after cleaning up]\n"
)


class Surroundings(NamedTuple):
    """What all predictions of a service share.

    `ready` waits until the predictor can be called; `end` is told of every end; `say` writes to
    the runner's log.
    """

    guest: GuestClient
    materialiser: InputMaterialiser
    output: Type
    open_workspace: Callable[[], Workspace]
    ready: Callable[[], Coroutine[Any, Any, None]]
    end: Callable[[Prediction, CogfalError | None], None]
    say: Callable[[str], None]
    max_output_bytes: int


class PredictionTask:
    """The way of one prediction through waiting, download, predict and upload.

    Cancelling works in every phase: our own awaits are cancelled, the author's code is interrupted.
    """

    def __init__(
        self, submission: Submission, ticket: Ticket, around: Surroundings, prediction: Prediction
    ) -> None:
        self._submission = submission
        self._ticket = ticket
        self._around = around
        self.prediction = prediction
        self._queue = EventQueue(asyncio.get_running_loop(), prediction.emit)
        if ticket.held:
            prediction.start()  # now, for a stream's head and its first event leave in this turn
        self._cancelled = False
        self._cancelled_at: float | None = None
        self.interrupt: Callable[[], object] | None = None
        self._run: GuestRun | None = None
        self._bytes = 0

    def cancel(self) -> None:
        """Interrupt whatever is going on; once only."""
        if not self._cancelled:
            # Before the interruption: what ends because of it asks whether it was cancelled, and a
            # step that begins meanwhile refuses to.
            self._cancelled = True
            self._cancelled_at = time.monotonic()
            if self.interrupt is not None:
                self.interrupt()

    @property
    def cancelled(self) -> bool:
        """Whether its end was asked for."""
        return self._cancelled

    @property
    def disobedient(self) -> float:
        """For how many seconds it has gone on since it was cancelled."""
        return 0.0 if self._cancelled_at is None else time.monotonic() - self._cancelled_at

    async def run(self) -> None:
        """Go the whole way; the slot is free before anybody can see the end."""
        error: CogfalError | None = PredictorFailed("internal error: the prediction was given up")
        try:
            error = await self._attempt()
        finally:  # whatever was raised, the slot is given back
            if self._cancelled:
                error = PredictionCancelled("the prediction was cancelled")
            self._finish(error)

    def abort(self) -> None:
        """End it although `run` never began."""
        self._cancelled = True
        self._finish(PredictionCancelled("the prediction was cancelled"))

    def abandon(self) -> bool:
        """Stop waiting for author's code that does not obey; return whether there is some."""
        return self._run is not None and self._run.abandon()

    def _finish(self, error: CogfalError | None) -> None:
        try:
            self._queue.close()
        finally:
            # In this order: whoever sees the end finds the slot free.
            self._ticket.give_back()
            self.prediction.finish(self._status(error), error)
            self._around.end(self.prediction, error)

    def _status(self, error: CogfalError | None) -> Status:
        if self._cancelled:
            return Status.CANCELED
        return Status.SUCCEEDED if error is None else Status.FAILED

    async def _attempt(self) -> CogfalError | None:
        try:
            await self._through()
        except asyncio.CancelledError:
            self._cancelled = True
        except CogfalError as error:
            return error
        except Exception as error:
            self._tell("".join(traceback.format_exception(error)))
            return PredictorFailed(f"internal error: {type(error).__name__}: {error}")
        return None

    async def _through(self) -> None:
        await self._own("queue", self._ticket.turn())
        if self.prediction.status is Status.STARTING:
            self.prediction.start()
        if self.prediction.held:
            # A stream's first event leaves before the author's code takes the interpreter.
            await self._own(None, self.prediction.heard())
        workspace = self._around.open_workspace()
        try:
            await self._own(None, self._around.ready())
            made = self._around.materialiser.materialise(self._submission.values, workspace)
            await self._predict(await self._own("download", made), workspace)
        finally:
            self.prediction.sizes = {"download": workspace.received, "upload": workspace.sent}
            await self._clear(workspace)

    async def _clear(self, workspace: Workspace) -> None:
        """Remove what was the prediction's alone; what fails at that fails no answer."""
        if workspace.used:
            try:
                await to_the_end(workspace.close)
            except Exception as error:  # the author's own file objects may raise anything
                what = f"{type(error).__name__}: {error}"
                self._around.say(f"cogfal: something of a prediction stays: {what}")

    async def _predict(self, values: JSON, workspace: Workspace) -> None:
        if self._around.guest.apart:
            values = await self._own(None, written_in_turn(values))
            self._submission = replace(self._submission, values={})  # they may be large
        # Nothing is awaited between this and the call: the predictor may have died meanwhile.
        await self._own(None, self._around.ready())
        call = Call(values, self._submission.context, str(workspace.path))
        run = self._run = self._around.guest.run(call, self._queue)
        deliverer, tell = self._submission.deliverer, self.prediction.add_output
        deliveries = Deliveries(deliverer, workspace, tell)
        try:
            await self._consume(run, deliveries)
        finally:
            # First nobody reads the author's files any more, then the author's code is let go on to
            # its end, and only after both is the directory removed.
            await deliveries.drop()
            await self._stop(run)

    async def _consume(self, run: GuestRun, deliveries: Deliveries) -> None:
        kind = self._around.output
        if isinstance(kind, IteratorType):
            self.prediction.expect_pieces(concatenate=kind.concatenate)
        following: Piece | None = None
        while True:
            piece = following or await self._next(run)
            following = None
            if piece.kind == RETURNED:
                self._measure(sum(map(len, piece.value.parts)))
                await self._own("upload", deliveries.at_once(piece.value))
                return
            if piece.kind == SEVERAL:
                self.prediction.expect_pieces()
                passing = self._pass_on(run, deliveries, piece)
                following = await self._own("upload", passing)
                continue
            if piece.kind == YIELDED:
                self.prediction.expect_pieces()
                await self._deliver(run, deliveries, piece.value)
                continue
            await self._own("upload", deliveries.finish())
            if piece.kind == REFUSED:
                raise OutputError(piece.value)
            if piece.kind == RAISED:
                raise self._failed(piece.value)
            self.prediction.expect_pieces()
            return

    async def _deliver(self, run: GuestRun, deliveries: Deliveries, encoded: Encoded) -> None:
        """Deliver a piece at which the author's code rests."""
        self._measure(sum(map(len, encoded.parts)))
        short = _is_short(encoded)
        ahead = short and self._around.guest.apart
        if ahead:  # another process makes the next while this one delivers and writes
            await self._own(None, self.prediction.room())
            run.go_on()
        deliver = deliveries.at_once if short and deliveries.none else deliveries.begin
        await self._own("upload", deliver(encoded))
        if not ahead:  # those who watch come first, while the author's code is silent
            await self._own(None, asyncio.sleep(0))
            await self._own(None, self.prediction.room())

    async def _pass_on(self, run: GuestRun, deliveries: Deliveries, piece: Piece) -> Piece | None:
        """Pass on pieces that came together, and at once those that have come behind them.

        Returns the one behind them, where that was taken too. They are as many as the author's code
        may be ahead, so nobody on the loop waits for long.
        """
        following: Piece | None = piece
        while following is not None and following.kind == SEVERAL:
            values = self._queue.together(following)
            size = len(written(values)) - len(values) - 1
            await deliveries.pass_on(self._fitting(values, size))
            self._measure(size)
            following = run.next_at_hand()
        return following

    def _fitting(self, values: list[JSON], size: int) -> list[JSON]:
        """Return as many of several pieces, which have so many bytes, as there is room for."""
        room = self._around.max_output_bytes - self._bytes
        if size <= room:
            return values
        ends = accumulate(len(written(value)) for value in values)
        return [value for value, end in zip(values, ends, strict=True) if end <= room]

    def _measure(self, size: int) -> None:
        """Refuse more output than a prediction may have: all of it is kept for the answer."""
        self._bytes += size
        if self._bytes > self._around.max_output_bytes:
            raise OutputError(
                f"the output is larger than {self._around.max_output_bytes} bytes of JSON; "
                "yield or return files, or raise max_output_bytes"
            )

    async def _next(self, run: GuestRun) -> Piece:
        with _Phase(self, "predict", run.cancel):
            return await run.next()

    async def _stop(self, run: GuestRun) -> None:
        """End the author's code, wherever it rests."""
        try:
            if self._cancelled:
                run.cancel()
            piece = await run.close()
            if piece is not None and piece.kind == RAISED:
                self._failed(piece.value)
        finally:
            self._run = None
            self._around.guest.forget(run)
            if run.ignored:
                self._queue.note(IGNORED)

    def _failed(self, fault: Fault) -> PredictorFailed:
        """Log an exception of the author's, unless it is the cancellation itself."""
        if not (self._cancelled and fault.cancellation):
            self._tell(fault.traceback)
        return failure(fault)

    def _tell(self, told: str) -> None:
        """Put a traceback into the prediction's log, and as fal does, on one line, the runner's."""
        self._queue.note(told)
        self._around.say(line_of({"prediction": self.prediction.id, "traceback": told}))

    async def _own(self, phase: str | None, step: Coroutine[Any, Any, R]) -> R:
        """Await something of our own, which a cancellation interrupts."""
        task = asyncio.current_task()
        assert task is not None
        try:
            with _Phase(self, phase, task.cancel):
                return await step
        finally:
            step.close()

    def refuse_cancelled(self) -> None:
        """Raise PredictionCancelled once it was cancelled."""
        if self._cancelled:
            raise PredictionCancelled("the prediction was cancelled")


def _is_short(encoded: Encoded) -> bool:
    """Tell a result that is delivered in no time: a number or a short text."""
    text = encoded.parts[0]
    return not encoded.files and len(text) <= SHORT and not text.startswith((b"[", b"{"))


class _Phase:
    """A stretch of a task's way: how to interrupt it, and how long it takes."""

    __slots__ = ("_begun", "_interrupt", "_name", "_task")

    def __init__(
        self, task: PredictionTask, name: str | None, interrupt: Callable[[], object]
    ) -> None:
        self._task = task
        self._name = name
        self._interrupt = interrupt
        self._begun = 0.0

    def __enter__(self) -> None:
        self._task.refuse_cancelled()
        self._task.interrupt = self._interrupt
        self._begun = time.perf_counter()

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._task.interrupt = None
        if self._name is not None:
            self._task.prediction.spend(self._name, time.perf_counter() - self._begun)
        if kind is None:
            self._task.refuse_cancelled()
