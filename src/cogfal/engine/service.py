"""Own everything that is going on: setup, health, slots, running predictions."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Callable, Coroutine
from collections.abc import Set as AbstractSet
from dataclasses import replace
from datetime import datetime, timezone
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

from cogfal.engine.capture import Capture
from cogfal.engine.course import Course, Submission, Surroundings
from cogfal.engine.faults import Fault, author_traceback, fault_of
from cogfal.engine.feed import Feed
from cogfal.engine.health import Health, HealthStatus, SetupReport, SetupStatus
from cogfal.engine.ports import Materialiser, WeightsFetcher
from cogfal.engine.prediction import Log, Metric, Prediction
from cogfal.engine.settings import EngineSettings, history_capacity, setup_timeout, slot_count
from cogfal.engine.slots import Slots
from cogfal.engine.weights import WeightsForm, is_remote, weights_source
from cogfal.engine.worker import LocalWorker, Worker
from cogfal.errors import Busy, CogfalError, DeviceError, NotReady, SetupError, UnknownPrediction
from cogfal.files.workspace import Workspace
from cogfal.spec import PredictorSpec

__all__ = ["EngineSettings", "Health", "HealthStatus", "Service", "Submission"]

HEALTHCHECK_TIMEOUT = 5.0  # seconds, as Cog's
CLEANUP_TIME = 5.0  # seconds for cancelled predictions, and for teardown, when shutting down
Key: TypeAlias = tuple[str, str]


class Service:
    """One predictor, or trainer, and all its predictions.

    All methods belong to one event loop, the server's; nothing exists before `setup`.

    Args:
        spec: The predictor.
        root: The project's directory.
        materialiser: Turns validated values into what `predict` receives.
        settings: See `EngineSettings`.
        fetch_weights: Downloads the URL in `COG_WEIGHTS`; without it such a URL is an error.
        on_fatal: Told once when the runner should be replaced: the predictor's process is gone
            for good, or the accelerator is broken.
        capture: Shared by the services of one process; its own by default.
    """

    def __init__(
        self,
        spec: PredictorSpec,
        root: Path,
        materialiser: Materialiser,
        *,
        settings: EngineSettings | None = None,
        fetch_weights: WeightsFetcher | None = None,
        on_fatal: Callable[[str], None] | None = None,
        capture: Capture | None = None,
    ) -> None:
        self.spec = spec
        self.settings = settings or EngineSettings()
        self._fetch_weights = fetch_weights
        self._on_fatal = on_fatal
        self._capture = capture or Capture()
        self._slots = Slots(slot_count(self.settings, spec))
        self._history = history_capacity(self.settings)
        self._setup_timeout = setup_timeout(self.settings)
        self._worker: Worker = LocalWorker(spec, root.resolve(), self._capture)
        self._around = Surroundings(
            worker=self._worker,
            materialiser=materialiser,
            output=spec.output,
            open_workspace=partial(Workspace, self.settings.workspace_parent),
            ready=self._ready,
            end=self._end,
            log_limit=self.settings.log_limit,
        )
        self._root = root.resolve()
        self._running: dict[Key, Course] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._setup: SetupReport | None = None
        self._setup_logs: list[str] = []
        self._fatal: str | None = None
        self._setup_error: str | None = None
        self._weights: Workspace | None = None
        self._opened = False
        self._closed = False
        self._check: asyncio.Task[str | None] | None = None

    async def setup(self) -> None:
        """Import the predictor, check it, and run its `setup`, within `COG_SETUP_TIMEOUT`.

        Raises:
            SetupError: It failed or took too long; its traceback is in the setup's logs.
        """
        self._capture.open()
        self._opened = True
        self._setup = SetupReport(SetupStatus.STARTING, "", _now())
        feed = Feed(asyncio.get_running_loop(), self._setup_log, self.settings.log_limit)
        try:
            await self._within_time(self._bring_up(feed))
        except SetupError as error:
            feed.note(_setup_traceback(error))
            self._complete_setup(SetupStatus.FAILED, feed, str(error))
            raise
        self._complete_setup(SetupStatus.SUCCEEDED, feed)

    def submit(self, request: Submission) -> Prediction:
        """Accept a prediction, which then runs on its own.

        Raises:
            NotReady: Setup is not over, or failed, or the service is shutting down.
            Busy: Its id is running, no slot is free for a request that may not wait, or too many
                wait already.
        """
        status, reason = self._state()
        if status not in (HealthStatus.READY, HealthStatus.BUSY):
            raise NotReady(reason or "the predictor is still being set up")
        key = (request.door, request.id or uuid.uuid4().hex)
        self._refuse_crowd(key, request)
        prediction = Prediction(
            key[1], key[0], canceller=partial(self._cancel, key), history=self._history
        )
        course = Course(request, self._slots.enter(), self._around, prediction)
        self._running[key] = course
        task = asyncio.get_running_loop().create_task(course.run())
        self._tasks.add(task)
        task.add_done_callback(partial(self._settle, course))
        return prediction

    def find(self, id: str, door: str) -> Prediction:  # noqa: A002  # the word of Cog's API
        """Return a prediction that has not ended; raises UnknownPrediction."""
        course = self._running.get((door, id))
        if course is None:
            raise UnknownPrediction(f"no prediction {id!r} is running")
        return course.prediction

    async def health(self) -> Health:
        """Say how the predictor is; asks the author's `healthcheck`, also during predictions."""
        status, error = self._state()
        if status in (HealthStatus.READY, HealthStatus.BUSY):
            reason = await self._checked()
            if reason is not None:
                status, error = HealthStatus.UNHEALTHY, reason
        return Health(status, error, self._setup_report())

    async def shutdown(self, grace: float) -> None:
        """Refuse new predictions, let the others end within `grace` seconds, and give all back.

        What still runs then is cancelled; the author's `teardown` runs last. Calling it again, or
        without a setup, is harmless.
        """
        if self._closed:
            return
        self._closed = True
        await self._wind_up(grace)
        if self._opened:
            await self._take_down()
            self._capture.close()
        if self._weights is not None:
            self._weights.close()

    async def _wind_up(self, grace: float) -> None:
        await _wait(self._tasks, grace)
        for course in list(self._running.values()):
            course.cancel()
        await _wait(self._tasks, CLEANUP_TIME)
        for course in list(self._running.values()):
            self._capture.say(f"prediction {course.prediction.id} does not stop; it is given up")
            course.abandon()
        await _wait(self._tasks, CLEANUP_TIME)

    async def _take_down(self) -> None:
        feed = Feed(asyncio.get_running_loop(), self._setup_log, self.settings.log_limit)
        teardown = asyncio.ensure_future(self._worker.teardown(feed))
        await asyncio.wait({teardown}, timeout=CLEANUP_TIME)
        if not teardown.done():
            self._capture.say(f"teardown() took more than {CLEANUP_TIME:g} seconds")
        elif error := teardown.exception():
            self._capture.say(f"teardown() failed: {error}")
        await self._worker.close(CLEANUP_TIME)

    async def _within_time(self, bring_up: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(bring_up)
        try:
            await asyncio.wait({task}, timeout=self._setup_timeout)
            if not task.done():
                raise SetupError(
                    f"setup took more than {self._setup_timeout:g} seconds; raise "
                    "COG_SETUP_TIMEOUT if it needs longer"
                )
            task.result()
        finally:
            task.cancel()

    async def _bring_up(self, feed: Feed) -> None:
        form = await self._worker.load(feed)
        source = weights_source(form, self._root)
        if source is not None and is_remote(source) and form is not WeightsForm.TEXT:
            source = await self._downloaded(source)
        await self._worker.setup(source, feed)

    async def _downloaded(self, url: str) -> str:
        if self._fetch_weights is None:
            raise SetupError(f"COG_WEIGHTS is {url}, but nothing here can download it")
        self._weights = Workspace(self.settings.workspace_parent)
        return str(await self._fetch_weights(url, self._weights.directory))

    def _setup_log(self, event: Log | Metric) -> None:
        if isinstance(event, Log):
            self._setup_logs.append(event.data)

    def _complete_setup(self, status: SetupStatus, feed: Feed, error: str | None = None) -> None:
        feed.close()
        assert self._setup is not None
        self._setup = replace(self._setup, status=status, completed_at=_now())
        self._setup_error = error

    def _setup_report(self) -> SetupReport | None:
        return self._setup and replace(self._setup, logs="".join(self._setup_logs))

    def _state(self) -> tuple[HealthStatus, str | None]:
        if self._closed:
            return HealthStatus.DEFUNCT, "the service has been shut down"
        if self._fatal is not None:
            return HealthStatus.DEFUNCT, self._fatal
        if self._setup is None or self._setup.status is SetupStatus.STARTING:
            return HealthStatus.STARTING, None
        if self._setup.status is SetupStatus.FAILED:
            return HealthStatus.SETUP_FAILED, self._setup_error
        return (HealthStatus.READY if self._slots.free else HealthStatus.BUSY), None

    async def _checked(self) -> str | None:
        if not self.spec.healthcheck:
            return None
        if self._check is None or self._check.done():
            self._check = asyncio.ensure_future(self._worker.check(HEALTHCHECK_TIMEOUT))
        return await asyncio.shield(self._check)

    async def _ready(self) -> None:
        """Wait until the predictor can be called."""

    def _refuse_crowd(self, key: Key, request: Submission) -> None:
        if key in self._running:
            raise Busy(f"a prediction with the id {key[1]!r} is already running")
        if self._slots.free:
            return
        statistics = self._slots.statistics
        if not request.wait:
            raise Busy(f"all {statistics.total} slots are taken")
        if statistics.waiting >= self.settings.queue_limit:
            raise Busy(f"{statistics.waiting} requests are waiting already; try again later")

    def _cancel(self, key: Key) -> None:
        course = self._running.get(key)
        if course is not None:
            course.cancel()

    def _settle(self, course: Course, task: asyncio.Task[None]) -> None:
        """Forget a task; end its prediction where the task was killed before it began."""
        self._tasks.discard(task)
        if not course.prediction.status.terminal:
            course.abort()

    def _end(self, prediction: Prediction, error: CogfalError | None) -> None:
        """Note the end of a prediction, whose slot is free already."""
        self._running.pop((prediction.door, prediction.id), None)
        self._capture.say(_summary(prediction))
        if isinstance(error, DeviceError) and error.__cause__ is not None:
            self._notice_device(str(error), fault_of(error.__cause__))

    def _notice_device(self, text: str, fault: Fault) -> None:
        if fault.broken:
            self._fatal = f"the accelerator is broken: {text}"
        if self._on_fatal is not None:
            self._on_fatal(text)


async def _wait(tasks: AbstractSet[asyncio.Task[None]], timeout: float) -> None:
    if tasks:
        await asyncio.wait(tasks, timeout=timeout)


def _summary(prediction: Prediction) -> str:
    """Describe an ended prediction as one line of JSON."""
    return json.dumps(
        {
            "prediction": prediction.id,
            "door": prediction.door,
            "status": prediction.status.value,
            "timings": {name: round(value, 6) for name, value in prediction.timings.items()},
        }
    )


def _setup_traceback(error: SetupError) -> str:
    return author_traceback(error.__cause__ or error)


def _now() -> datetime:
    return datetime.now(timezone.utc)
