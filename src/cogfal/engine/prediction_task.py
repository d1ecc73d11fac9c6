"""Take one prediction from its place in the line to its end."""

from __future__ import annotations

import asyncio
import time
import traceback
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import replace
from itertools import accumulate
from typing import Any, Final, NamedTuple, TypeVar

from cogfal.concurrency import to_the_end
from cogfal.engine.deliveries import Deliveries
from cogfal.engine.guest_run import Call, EventQueue, GuestRun, failure
from cogfal.engine.lifecycle import Lifecycle
from cogfal.engine.prediction import InputMaterialiser, Prediction, Status, Submission
from cogfal.errors import CogfalError, OutputError, PredictionCancelled, PredictorFailed
from cogfal.files.workspace import Workspace
from cogfal.guest.encoding import Encoded
from cogfal.guest.events import RAISED, REFUSED, RETURNED, SEVERAL, YIELDED, Piece
from cogfal.guest.faults import Fault
from cogfal.json_text import JsonText, line_of, written, written_in_turn
from cogfal.spec import JSON, IteratorType, Type

R = TypeVar("R")
SHORT: Final = 4096
"""Bytes of JSON that are delivered sooner than anything else is done meanwhile."""
IGNORED = (
    "[the prediction was cancelled, but the predictor caught the cancellation and went on; raise "
    "it again after cleaning up]\n"
)


class ServiceResources(NamedTuple):
    """What all predictions of a service share.

    `release` takes back what a prediction has of the service, its slot or its place in the line;
    `say` writes to the runner's log.
    """

    lifecycle: Lifecycle
    materialiser: InputMaterialiser | None
    output: Type
    open_workspace: Callable[[], Workspace]
    release: Callable[[PredictionTask, CogfalError | None], None]
    say: Callable[[str], None]
    max_output_bytes: int


class PredictionTask:
    """The way of one prediction through its phases: queue, download, predict, upload.

    At its end the slot is free before anybody hears of it. Cancelling works in every phase: our
    own awaits are cancelled, the author's code is interrupted.

    Attributes:
        has_slot: Whether it has one; for the service.
    """

    def __init__(
        self,
        submission: Submission,
        name: str,
        resources: ServiceResources,
        history: int,
        *,
        has_slot: bool,
    ) -> None:
        self._submission = submission
        self.has_slot = has_slot
        self._slot_given: asyncio.Future[None] | None = None
        self._resources = resources
        self.prediction = Prediction(name, submission.api, canceller=self.cancel, history=history)
        self._queue = EventQueue(asyncio.get_running_loop(), self.prediction.emit)
        if has_slot:
            # Now, for a stream's head and its first event leave in this turn.
            self.prediction.start()
        self._cancelled = False
        self._cancelled_at: float | None = None
        self._interrupt: Callable[[], object] | None = None
        self._run: GuestRun | None = None
        self._bytes = 0

    def give_slot(self) -> None:
        """Hand it the slot that it waits for; for the service."""
        self.has_slot = True
        if self._slot_given is not None and not self._slot_given.done():
            self._slot_given.set_result(None)

    def cancel(self) -> None:
        """Interrupt whatever is going on; once only."""
        if not self._cancelled:
            # Before the interruption: what ends because of it asks whether it was cancelled, and a
            # step that begins meanwhile refuses to.
            self._cancelled = True
            self._cancelled_at = time.monotonic()
            if self._interrupt is not None:
                self._interrupt()

    @property
    def cancelled(self) -> bool:
        """Whether its end was asked for."""
        return self._cancelled

    @property
    def seconds_since_cancellation(self) -> float:
        """For how many seconds it has gone on since it was cancelled."""
        return 0.0 if self._cancelled_at is None else time.monotonic() - self._cancelled_at

    async def run(self) -> None:
        """Go the whole way; the slot is free before anybody can see the end."""
        error: CogfalError | None = PredictorFailed("internal error: the prediction was given up")
        try:
            await self._run_phases()
            error = None
        except asyncio.CancelledError:
            self._cancelled = True
        except CogfalError as known:
            error = known
        except Exception as unknown:
            self._log_traceback("".join(traceback.format_exception(unknown)))
            error = PredictorFailed(f"internal error: {type(unknown).__name__}: {unknown}")
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
        status = Status.SUCCEEDED if error is None else Status.FAILED
        try:
            self._queue.close()
        finally:
            # In this order: whoever sees the end finds the slot free.
            self._resources.release(self, error)
            self.prediction.finish(Status.CANCELED if self._cancelled else status, error)
            # After whoever waits for the end has been woken: writing takes as long as answering.
            loop = asyncio.get_running_loop()
            loop.call_soon(lambda: self._resources.say(_summary(self.prediction)))

    async def _wait_for_slot(self) -> None:
        """Wait until it has a slot."""
        self._slot_given = asyncio.get_running_loop().create_future()
        await self._slot_given

    async def _run_phases(self) -> None:
        if self.has_slot:
            self.prediction.add_time("queue", 0.0)
        else:
            await self._step("queue", self._wait_for_slot())
        if self.prediction.status is Status.STARTING:
            self.prediction.start()
        if self.prediction.holders:
            # A stream's first event leaves before the author's code takes the interpreter.
            await self._step(None, self.prediction.let_watchers_catch_up())
        workspace = self._resources.open_workspace()
        try:
            if not self._resources.lifecycle.up:
                await self._step(None, self._resources.lifecycle.ready())
            await self._predict(await self._inputs(workspace), workspace)
        finally:
            self.prediction.sizes = {"download": workspace.received, "upload": workspace.sent}
            if workspace.used:
                await self._clear(workspace)

    async def _inputs(self, workspace: Workspace) -> Mapping[str, Any]:
        """Return the inputs as plain JSON, with files that are in the workspace."""
        values, materialiser = self._submission.values, self._resources.materialiser
        if materialiser is None:
            self.prediction.add_time("download", 0.0)
            return values
        return await self._step("download", materialiser.materialise(values, workspace))

    async def _clear(self, workspace: Workspace) -> None:
        """Remove what was the prediction's alone; what fails at that fails no answer."""
        try:
            await to_the_end(workspace.close)
        except Exception as error:  # the author's own file objects may raise anything
            what = f"{type(error).__name__}: {error}"
            self._resources.say(f"cogfal: something of a prediction stays: {what}")

    async def _predict(self, values: Mapping[str, Any] | list[bytes], workspace: Workspace) -> None:
        lifecycle, output = self._resources.lifecycle, self._resources.output
        if lifecycle.guest.apart:
            # Nothing here holds them any more once they are written: they may be large.
            values = await self._step(None, written_in_turn(values))
            self._submission = replace(self._submission, values={})
        # Nothing is awaited between this and the call: the predictor may have died meanwhile.
        if not lifecycle.up:
            await self._step(None, lifecycle.ready())
        call = Call(values, self._submission.context, str(workspace.path))
        run = self._run = lifecycle.guest.run(call, self._queue)
        if isinstance(output, IteratorType):
            self.prediction.expect_pieces(concatenate=output.concatenate)
        try:
            first = await self._step("predict", run.next(), run.cancel)
            if first.kind == RETURNED:
                self.prediction.add_output(await self._delivered(first.value, workspace))
            else:
                await self._deliver_all(run, first, workspace)
        finally:
            await self._stop(run)

    async def _delivered(self, encoded: Encoded, workspace: Workspace) -> JSON:
        """Return the whole result as JSON; a short one without files needs no delivery."""
        self._count_bytes(sum(map(len, encoded.parts)))
        if _is_short(encoded):
            self.prediction.add_time("upload", 0.0)
            return JsonText(encoded.parts[0]).value()
        delivered = self._submission.deliverer().deliver(encoded, workspace, None)
        return await self._step("upload", delivered)

    async def _deliver_all(self, run: GuestRun, first: Piece, workspace: Workspace) -> None:
        """Deliver the pieces of an output that comes bit by bit."""
        tell = self.prediction.add_output
        deliveries = Deliveries(self._submission.deliverer, workspace, tell)
        try:
            await self._consume(run, first, deliveries)
        finally:
            # First nobody reads the author's files any more, then the author's code is let go on to
            # its end, and only after both is the directory removed.
            await deliveries.drop()

    async def _consume(self, run: GuestRun, first: Piece, deliveries: Deliveries) -> None:
        following: Piece | None = first
        while True:
            if following is None:
                following = await self._step("predict", run.next(), run.cancel)
            piece, following = following, None
            if piece.kind == SEVERAL:
                self.prediction.expect_pieces()
                passing = self._pass_on(run, deliveries, piece)
                following = await self._step("upload", passing)
                continue
            if piece.kind == YIELDED:
                self.prediction.expect_pieces()
                await self._deliver(run, deliveries, piece.value)
                continue
            await self._step("upload", deliveries.finish())
            if piece.kind == REFUSED:
                raise OutputError(piece.value)
            if piece.kind == RAISED:
                raise self._failed(piece.value)
            self.prediction.expect_pieces()
            return

    async def _deliver(self, run: GuestRun, deliveries: Deliveries, encoded: Encoded) -> None:
        """Deliver a piece at which the author's code rests."""
        self._count_bytes(sum(map(len, encoded.parts)))
        short = _is_short(encoded)
        ahead = short and self._resources.lifecycle.guest.apart
        if ahead:  # another process makes the next while this one delivers and writes
            await self._step(None, self.prediction.wait_for_watchers())
            run.go_on()
        if short:
            passing = deliveries.pass_on([JsonText(encoded.parts[0]).value()])
            await self._step("upload", passing)
        else:
            await self._step("upload", deliveries.begin(encoded))
        if not ahead:  # those who watch come first, while the author's code is silent
            await self._step(None, asyncio.sleep(0))
            await self._step(None, self.prediction.wait_for_watchers())

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
            self._count_bytes(size)
            following = run.next_at_hand()
        return following

    def _fitting(self, values: list[JSON], size: int) -> list[JSON]:
        """Return as many of several pieces, which have so many bytes, as there is room for."""
        room = self._resources.max_output_bytes - self._bytes
        if size <= room:
            return values
        ends = accumulate(len(written(value)) for value in values)
        return [value for value, end in zip(values, ends, strict=True) if end <= room]

    def _count_bytes(self, size: int) -> None:
        """Refuse more output than a prediction may have: all of it is kept for the answer."""
        self._bytes += size
        if self._bytes > self._resources.max_output_bytes:
            raise OutputError(
                f"the output is larger than {self._resources.max_output_bytes} bytes of JSON; "
                "yield or return files, or raise max_output_bytes"
            )

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
            self._resources.lifecycle.guest.forget(run)
            if run.ignored:
                self._queue.note(IGNORED)

    def _failed(self, fault: Fault) -> PredictorFailed:
        """Log an exception of the author's, unless it is the cancellation itself."""
        if not (self._cancelled and fault.cancellation):
            self._log_traceback(fault.traceback)
        return failure(fault)

    def _log_traceback(self, told: str) -> None:
        """Put a traceback into the prediction's log, and as fal does, on one line, the runner's."""
        self._queue.note(told)
        self._resources.say(line_of({"prediction": self.prediction.id, "traceback": told}))

    async def _step(
        self,
        phase: str | None,
        step: Coroutine[Any, Any, R],
        interrupt: Callable[[], object] | None = None,
    ) -> R:
        """Await a step, which a cancellation interrupts, and note how long its phase took.

        `interrupt` is called for that; what is our own is cancelled with the task.
        """
        task = asyncio.current_task()
        assert task is not None
        try:
            if not self._cancelled:
                # Between the two nothing is awaited: a cancellation is either seen or interrupts.
                self._interrupt, begun = interrupt or task.cancel, time.perf_counter()
                try:
                    result = await step
                finally:
                    self._interrupt = None
                    if phase is not None:
                        self.prediction.add_time(phase, time.perf_counter() - begun)
                if not self._cancelled:
                    return result
            raise PredictionCancelled("the prediction was cancelled")
        finally:
            step.close()


def _summary(prediction: Prediction) -> str:
    """Describe an ended prediction as one line of JSON."""
    return line_of(
        {
            "prediction": prediction.id,
            "api": prediction.api,
            "status": prediction.status.value,
            "timings": {name: round(value, 6) for name, value in prediction.timings.items()},
            "bytes": prediction.sizes,
        }
    )


def _is_short(encoded: Encoded) -> bool:
    """Tell a result that is delivered in no time: a number or a short text."""
    text = encoded.parts[0]
    return not encoded.files and len(text) <= SHORT and not text.startswith((b"[", b"{"))
