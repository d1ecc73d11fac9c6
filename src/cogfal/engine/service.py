"""Own everything that is going on: setup, health, slots, running predictions."""

from __future__ import annotations

import asyncio
import uuid
from collections import deque
from collections.abc import Callable
from collections.abc import Set as AbstractSet
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Final, Literal, NamedTuple, TypeAlias

from cogfal.concurrency import on_daemon_thread
from cogfal.engine.guest_python import FindGuestPython
from cogfal.engine.lifecycle import Grace, Health, HealthStatus, Lifecycle, Moment
from cogfal.engine.prediction import (
    InputMaterialiser,
    Prediction,
    Status,
    Submission,
    WeightsFetcher,
)
from cogfal.engine.prediction_task import PredictionTask, ServiceResources
from cogfal.errors import (
    AlreadyRunning,
    Busy,
    CogfalError,
    DeviceError,
    NotReady,
    UnknownPrediction,
)
from cogfal.files.workspace import Scratch, Workspace
from cogfal.guest.capture import Capture
from cogfal.settings import EngineSettings, ignored_concurrency, operated, slot_count
from cogfal.spec import PredictorSpec

LEAVING_SECONDS: Final = 0.25  # seconds for a cancelled prediction to make room for a request
Key: TypeAlias = tuple[str, str]


class SlotStatistics(NamedTuple):
    """A snapshot: how many slots there are, are taken, and how many requests wait."""

    total: int
    taken: int
    waiting: int


class Service:
    """One predictor, or trainer, and all its predictions.

    All methods belong to one event loop, the server's; nothing exists before `setup`.

    Args:
        spec: The predictor.
        root: The project's directory.
        materialiser: Turns validated values into plain JSON and files; None where the inputs have
            neither files nor secrets.
        settings: See `EngineSettings`; the environment's say is added by `setup`.
        fetch_weights: Downloads the URL in `COG_WEIGHTS`; without it such a URL is an error.
        interpreter: Says, when setup begins, which Python the author's own process has; where
            there is none of them, the author's code runs in this process.
        at_first_use: Whether the predictor is brought up only when a prediction asks for it.
        capture: Shared by the services of one process; its own by default.
        given: The predictor class or function itself, where it is not to be imported; such a
            predictor cannot be isolated.
    """

    def __init__(
        self,
        spec: PredictorSpec,
        root: Path,
        materialiser: InputMaterialiser | None,
        *,
        settings: EngineSettings | None = None,
        fetch_weights: WeightsFetcher | None = None,
        interpreter: FindGuestPython | None = None,
        at_first_use: bool = False,
        capture: Capture | None = None,
        given: object = None,
    ) -> None:
        self.spec = spec
        self.settings = settings or EngineSettings()
        self._capture = capture or Capture()
        self._total = 0
        self._free = 0
        self._line: deque[PredictionTask] = deque()
        self._scratch = Scratch()
        open_workspace = partial(Workspace, self._scratch)
        self._lifecycle = Lifecycle(
            spec,
            root.resolve(),
            self.settings,
            self._capture,
            open_workspace=open_workspace,
            forget=self._scratch.forget,
            fetch_weights=fetch_weights,
            find_interpreter=interpreter,
            given=given,
        )
        self._resources = self._make_resources(materialiser, open_workspace)
        self._running: dict[Key, PredictionTask] = {}
        self._tasks: dict[asyncio.Task[None], PredictionTask] = {}
        self._closed = False
        self._torn_down = False
        self._given_up = False
        self._at_first_use = at_first_use

    def _make_resources(
        self, materialiser: InputMaterialiser | None, open_workspace: Callable[[], Workspace]
    ) -> ServiceResources:
        return ServiceResources(
            lifecycle=self._lifecycle,
            materialiser=materialiser,
            output=self.spec.output,
            open_workspace=open_workspace,
            release=self._release,
            say=self._capture.say,
            max_output_bytes=self.settings.max_output_bytes,
        )

    async def setup(self) -> None:
        """Import the predictor, check it, and run its `setup`, within `COG_SETUP_TIMEOUT`.

        Raises:
            SetupError: It failed or took too long; its traceback is in the setup's logs.
            SettingError: A variable of Cog's has a value that makes no sense.
        """
        self.settings = operated(self.settings)
        self._total = self._free = slot_count(self.settings, self.spec)
        if self._at_first_use:
            self._lifecycle.postpone(self.settings.setup_timeout)
        else:
            await self._lifecycle.set_up(self.settings.setup_timeout)
        wanted = ignored_concurrency(self.settings, self.spec)
        if wanted is not None:
            self._capture.say(
                f"cogfal: {wanted} predictions at once were asked for, but {self.spec.name} is not "
                "async and runs one at a time; write it as `async def`"
            )

    def submit(self, request: Submission) -> Prediction:
        """Accept a prediction, which then runs on its own.

        Raises:
            NotReady: Setup is not over, or failed, or the service is shutting down.
            Busy: No slot is free for a request that may not wait, or too many wait already;
                AlreadyRunning where its id is.
        """
        if self._closed or not self._lifecycle.up:
            self._refuse_unready(request)
        name = request.id or uuid.uuid4().hex
        key = (request.api, name)
        if key in self._running:
            raise AlreadyRunning(f"a prediction with the id {name!r} is already running")
        has_slot = self._free > 0
        if not has_slot:
            self._refuse_crowd(request)
        work = PredictionTask(
            request, name, self._resources, self.settings.history, has_slot=has_slot
        )
        if has_slot:
            self._free -= 1
        else:
            self._line.append(work)
        self._running[key] = work
        task = asyncio.get_running_loop().create_task(work.run())
        self._tasks[task] = work
        task.add_done_callback(self._settle)
        return work.prediction

    async def wait_for_leaving(self) -> None:
        """Wait for a cancelled prediction to end, where no slot is free until one does.

        It does so within milliseconds, unless its author's code does not obey; nobody waits for
        longer than a quarter of a second. Those who wait in line come first.
        """
        if not self._free:
            leaving = {task for task, work in self._tasks.items() if work.cancelled}
            await _wait(leaving, LEAVING_SECONDS, asyncio.FIRST_COMPLETED)

    def find(self, id: str, api: str) -> Prediction:  # noqa: A002  # the word of Cog's API
        """Return a prediction that has not ended; raises UnknownPrediction."""
        work = self._running.get((api, id))
        if work is None:
            raise UnknownPrediction(f"no prediction {id!r} is running")
        return work.prediction

    def ahead(self, prediction: Prediction) -> int:
        """Say how many predictions will have a slot before this one; 0 where it has one."""
        if prediction.status is not Status.STARTING:
            return 0
        waiting = [
            each.prediction
            for each in self._running.values()
            if each.prediction.status is Status.STARTING
        ]
        return waiting.index(prediction) if prediction in waiting else 0

    @property
    def slots(self) -> SlotStatistics:
        """How many slots there are, are taken, and how many predictions wait."""
        return SlotStatistics(self._total, self._total - self._free, len(self._line))

    async def health(self) -> Health:
        """Say how the predictor is; asks the author's `healthcheck`, also during predictions.

        It is not well while a cancelled prediction goes on for longer than `stuck_after`: its slot
        may never be free again.
        """
        status, error = self._state()
        if status in (HealthStatus.READY, HealthStatus.BUSY):
            reason = self._stuck() or await self._lifecycle.check()
            if reason is not None:
                status, error = HealthStatus.UNHEALTHY, reason
        return Health(status, error, self._lifecycle.report())

    async def drain(self, grace: Grace) -> None:
        """Refuse new predictions, and let the others end; see `Moment` for when which is what.

        Calling it again is harmless.
        """
        if self._closed:
            return
        self._closed = True
        await _wait(self._tasks.keys(), grace.left(Moment.CANCELLED))
        for work in list(self._running.values()):
            work.cancel()
        await _wait(self._tasks.keys(), grace.left(Moment.GIVEN_UP))
        for work in list(self._running.values()):
            if work.abandon():
                self._capture.say(f"prediction {work.prediction.id} does not stop; it is given up")
                self._given_up = True
        await _wait(self._tasks.keys(), grace.left(Moment.CLEARED))

    async def shutdown(self, grace: Grace) -> None:
        """Drain, run the author's `teardown`, and give all back.

        Calling it again, or without a setup, is harmless.
        """
        if self._torn_down:
            return
        # Predictions end before the author's `teardown` takes away what they use, and the
        # directory that their files are in goes last.
        self._torn_down = True
        await self.drain(grace)
        blocked = self._given_up and not self.spec.shape.asynchronous
        await self._lifecycle.take_down(grace, blocked=blocked)
        with suppress(OSError):  # what stays goes with the next sweep
            await grace.within(Moment.CLOSED, on_daemon_thread, self._scratch.close)

    def _state(self) -> tuple[HealthStatus, str | None]:
        if self._closed:
            return HealthStatus.DEFUNCT, "the service has been shut down"
        status, reason = self._lifecycle.state()
        if status is HealthStatus.READY and not self._free:
            status = HealthStatus.BUSY
        return status, reason

    def _stuck(self) -> str | None:
        for work in self._running.values():
            seconds = work.seconds_since_cancellation
            if seconds > self.settings.stuck_after:
                return (
                    f"prediction {work.prediction.id} was cancelled {seconds:.0f} "
                    "seconds ago and does not stop"
                )
        return None

    def _refuse_unready(self, request: Submission) -> None:
        if self._lifecycle.reviving and request.wait and not self._closed:
            return  # it waits until the predictor is back
        status, reason = self._state()
        if status not in (HealthStatus.READY, HealthStatus.BUSY):
            raise NotReady(reason or "the predictor is still being set up")

    def _refuse_crowd(self, request: Submission) -> None:
        if not request.wait:
            raise Busy(f"all {self._total} slots are taken")
        if len(self._line) >= self.settings.queue_limit:
            raise Busy(f"{len(self._line)} requests are waiting already; try again later")

    def _release(self, work: PredictionTask, error: CogfalError | None) -> None:
        """Take back the slot of a prediction that ends, or its place in the line.

        Whoever waits for longest gets the slot.
        """
        had_slot, work.has_slot = work.has_slot, False
        if not had_slot:
            with suppress(ValueError):  # it was called, and has given its slot back
                self._line.remove(work)
        elif self._line:
            self._line.popleft().give_slot()
        else:
            self._free += 1
        self._running.pop((work.prediction.api, work.prediction.id), None)
        if isinstance(error, DeviceError) and error.broken:
            self._lifecycle.condemn(f"the accelerator is broken: {error}")

    def _settle(self, task: asyncio.Task[None]) -> None:
        """Forget a task; end its prediction where the task was killed before it began."""
        work = self._tasks.pop(task)
        if not work.prediction.status.terminal:
            work.abort()


async def _wait(
    tasks: AbstractSet[asyncio.Task[None]],
    timeout: float,
    until: Literal["FIRST_COMPLETED", "ALL_COMPLETED"] = asyncio.ALL_COMPLETED,
) -> None:
    if tasks:
        await asyncio.wait(tasks, timeout=timeout, return_when=until)
