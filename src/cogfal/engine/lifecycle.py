"""Bring the predictor up, watch over it, bring it up again after its death, and take it down."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from functools import partial
from pathlib import Path
from typing import Any, Final

from cogfal.engine.capture import Capture
from cogfal.engine.event_queue import EventQueue
from cogfal.engine.faults import fault_of
from cogfal.engine.health import HealthStatus, SetupReport, SetupStatus
from cogfal.engine.loading import Predictor, adopt
from cogfal.engine.prediction import Clock, Log, Metric
from cogfal.engine.submission import WeightsFetcher
from cogfal.engine.weights import WeightsForm, is_remote, weights_source
from cogfal.engine.worker import LocalWorker, Worker
from cogfal.errors import PredictorFailed, SetupError
from cogfal.files.workspace import Workspace
from cogfal.settings import EngineSettings
from cogfal.spec import PredictorSpec

HEALTHCHECK_TIMEOUT: Final = 5.0  # seconds, as Cog's
CLEANUP_TIME: Final = 5.0  # seconds for teardown, and for the author's thread to end
ATTEMPTS: Final = 2  # how often setup is repeated after a death before the predictor is given up


class Lifecycle:
    """The predictor from its setup to its teardown; see `Service` for the arguments."""

    def __init__(
        self,
        spec: PredictorSpec,
        root: Path,
        settings: EngineSettings,
        capture: Capture,
        *,
        open_workspace: Callable[[], Workspace],
        fetch_weights: WeightsFetcher | None,
        on_fatal: Callable[[str], None] | None,
        given: object = None,
    ) -> None:
        self._spec = spec
        self._root = root
        self._settings = settings
        self._capture = capture
        self._open_workspace = open_workspace
        self._fetch_weights = fetch_weights
        self._on_fatal = on_fatal
        self._given = given
        self._seconds: float | None = None
        self.worker = self._new_worker()
        self._clock = Clock()
        self._setup: SetupReport | None = None
        self._logs: list[str] = []
        self._failure: str | None = None
        self._dead: str | None = None
        self._weights: Workspace | None = None
        self._down = False
        self._reviving: asyncio.Task[None] | None = None
        self._checking: asyncio.Task[str | None] | None = None

    async def set_up(self, seconds: float | None) -> None:
        """Import the predictor, check it, and run its `setup`, in time; raises SetupError."""
        self._seconds = seconds
        if self._setup is None:
            self._capture.open()
        self._clock = Clock()
        self._setup = SetupReport(SetupStatus.STARTING, "", self._clock.now())
        feed = self._feed()
        try:
            await self._within_time(self._bring_up(feed))
        except SetupError as error:
            self._failure = str(error)
            feed.note(fault_of(error.__cause__ or error).traceback)
            self._complete(SetupStatus.FAILED, feed)
            raise
        self._complete(SetupStatus.SUCCEEDED, feed)

    async def take_down(self, *, blocked: bool = False) -> None:
        """Run the author's `teardown`, end the thread or process, and restore the output.

        Nothing can run on a thread that a prediction has `blocked`, nor will it end.
        """
        self._down = True
        if self._reviving is not None:
            self._reviving.cancel()
        if self._setup is not None:
            if self._setup.status is SetupStatus.SUCCEEDED and not blocked:
                await self._tear_down()
            if not await self.worker.close(0.0 if blocked else CLEANUP_TIME):
                self._capture.say("the predictor did not stop; its thread is left behind")
            self._capture.close()
        if self._weights is not None:
            self._weights.close()

    async def ready(self) -> None:
        """Wait until the predictor can be called; raises PredictorFailed when it never will be."""
        if self._reviving is not None:
            await asyncio.shield(self._reviving)
        if self._dead is not None:
            raise PredictorFailed(self._dead)

    async def check(self) -> str | None:
        """Ask the author's `healthcheck`, once for all who ask at a time."""
        if not self._spec.healthcheck:
            return None
        if self._checking is None or self._checking.done():
            self._checking = asyncio.ensure_future(self.worker.check(HEALTHCHECK_TIMEOUT))
        return await asyncio.shield(self._checking)

    def state(self) -> tuple[HealthStatus, str | None]:
        """Say how the predictor is, slots and `healthcheck` aside, and why."""
        if self._dead is not None:
            return HealthStatus.DEFUNCT, self._dead
        if self._setup is None or self._setup.status is SetupStatus.STARTING:
            return HealthStatus.STARTING, None
        if self._setup.status is SetupStatus.FAILED:
            return HealthStatus.SETUP_FAILED, self._failure
        return HealthStatus.READY, None

    @property
    def reviving(self) -> bool:
        """Whether the predictor died and is being brought up again."""
        return self._reviving is not None

    def report(self) -> SetupReport | None:
        """Say what is known of the latest setup."""
        return self._setup and self._setup._replace(logs="".join(self._logs))

    def condemn(self, reason: str) -> None:
        """Declare the predictor dead for good."""
        self._dead = reason

    def alarm(self, reason: str) -> None:
        """Ask for the runner to be replaced."""
        if self._on_fatal is not None:
            self._on_fatal(reason)

    def _new_worker(self) -> Worker:
        if self._given is not None:
            adopted = partial(_adopt_given, self._given)
            return LocalWorker(self._spec, self._root, self._capture, adopted)
        if not self._settings.isolate:
            return LocalWorker(self._spec, self._root, self._capture)
        from cogfal.engine.isolation import IsolatedWorker  # noqa: PLC0415  # few apps isolate

        return IsolatedWorker(
            self._spec,
            self._root,
            self._capture,
            grace=self._settings.isolate_grace,
            log_limit=self._settings.log_limit,
            on_death=self._lose,
        )

    def _lose(self, cause: str) -> None:
        """Bring the predictor up again after its process died."""
        up = self._setup is not None and self._setup.status is SetupStatus.SUCCEEDED
        if up and not self._down and self._reviving is None:
            self._capture.say(f"{cause}; setting it up again")
            self._reviving = asyncio.ensure_future(self._revive(cause))

    async def _revive(self, cause: str) -> None:
        try:
            for _ in range(ATTEMPTS):
                failure = await self._set_up_again()
                if failure is None:
                    return
                cause = f"{cause}; setting it up again failed: {failure}"
            self.condemn(cause)
            self.alarm(cause)
        finally:
            self._reviving = None

    async def _set_up_again(self) -> SetupError | None:
        try:
            await self.set_up(self._seconds)
        except SetupError as error:
            return error
        return None

    async def _within_time(self, bring_up: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(bring_up)
        try:
            await asyncio.wait({task}, timeout=self._seconds)
            if not task.done():
                raise SetupError(
                    f"setup took more than {self._seconds:g} seconds; raise COG_SETUP_TIMEOUT "
                    "if it needs longer"
                )
            task.result()
        finally:
            task.cancel()

    async def _bring_up(self, feed: EventQueue) -> None:
        form = await self.worker.load(feed)
        source = weights_source(form, self._root)
        if source is not None and is_remote(source) and form is not WeightsForm.TEXT:
            source = await self._downloaded(source)
        await self.worker.setup(source, feed)

    async def _downloaded(self, url: str) -> str:
        if self._fetch_weights is None:
            raise SetupError(f"COG_WEIGHTS is {url}, but nothing here can download it")
        if self._weights is None:
            self._weights = self._open_workspace()
        return str(await self._fetch_weights(url, self._weights.directory))

    async def _tear_down(self) -> None:
        feed = self._feed()
        teardown = asyncio.ensure_future(self.worker.teardown(feed))
        await asyncio.wait({teardown}, timeout=CLEANUP_TIME)
        if not teardown.done():
            self._capture.say(f"teardown() took more than {CLEANUP_TIME:g} seconds")
            teardown.cancel()
        elif error := teardown.exception():
            self._capture.say(f"teardown() failed: {error}")
        feed.close()

    def _feed(self) -> EventQueue:
        return EventQueue(asyncio.get_running_loop(), self._log, self._settings.log_limit)

    def _log(self, event: Log | Metric) -> None:
        if isinstance(event, Log):
            self._logs.append(event.data)

    def _complete(self, status: SetupStatus, feed: EventQueue) -> None:
        feed.close()
        assert self._setup is not None
        self._setup = self._setup._replace(status=status, completed_at=self._clock.now())


def _adopt_given(given: object, spec: PredictorSpec, _root: Path) -> Predictor:
    return adopt(spec, given)
