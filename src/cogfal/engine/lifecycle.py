"""Bring the predictor up, watch over it, bring it up again after its death, and end it in time."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import AsyncExitStack
from datetime import datetime
from enum import Enum
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeVar

from typing_extensions import TypeVarTuple, Unpack

from cogfal.engine.guest import DirectChannel, Foreign, GuestClient, Receive
from cogfal.engine.guest_python import FindGuestPython, GuestPython, own_python
from cogfal.engine.guest_run import Channel, EventQueue
from cogfal.engine.leftovers import end_orphans
from cogfal.engine.prediction import Clock, Log, Metric, WeightsFetcher
from cogfal.errors import PredictorFailed, SetupError
from cogfal.files.workspace import Workspace
from cogfal.guest.capture import Capture
from cogfal.guest.loading import must_be_fetched, weights_source
from cogfal.settings import EngineSettings
from cogfal.spec import PredictorSpec

Arguments = TypeVarTuple("Arguments")
Result = TypeVar("Result")

HEALTHCHECK_TIMEOUT: Final = 5.0  # seconds, as Cog's
ATTEMPTS: Final = 2  # how often setup is repeated after a death before the predictor is given up


class HealthStatus(str, Enum):
    """Cog's states."""

    STARTING = "STARTING"
    READY = "READY"
    BUSY = "BUSY"
    SETUP_FAILED = "SETUP_FAILED"
    DEFUNCT = "DEFUNCT"
    UNHEALTHY = "UNHEALTHY"


class SetupStatus(str, Enum):
    """How setup stands, in Cog's words."""

    STARTING = "starting"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


class SetupReport(NamedTuple):
    """What is known of the latest setup; times are aware, `logs` is all that it printed."""

    status: SetupStatus
    logs: str
    started_at: datetime
    completed_at: datetime | None = None


class Health(NamedTuple):
    """A snapshot: the state, why it is not well, and the setup (None before its start)."""

    status: HealthStatus
    error: str | None = None
    setup: SetupReport | None = None


class Moment(float, Enum):
    """By when something is done, as a share of what comes after predictions may go on."""

    CANCELLED = 0.0
    """Predictions that still run are cancelled."""
    GIVEN_UP = 0.2
    """The author's code that has not obeyed is waited for no longer."""
    CLEARED = 0.28
    """What predictions upload, or remove, has come to its end."""
    TOLD = 0.36
    """Callers have read their answers, receivers their webhooks, or are hung up on."""
    TORN_DOWN = 0.6
    """The author's `teardown` has run, and its thread or process has ended."""
    CLOSED = 0.7
    """What was kept is given back, and what was promised has arrived."""
    OVER = 0.8
    """The process ends; the system needs the rest to take its memory back."""


class Grace:
    """The time from being told to end until being killed, shared by all steps of the end.

    Each step may last until its moment: what one leaves is the next one's, and what takes too long
    takes nothing from those behind it.

    Args:
        seconds: The whole, from now on.
        running: The share of it for which predictions may go on.
    """

    def __init__(self, seconds: float, running: float = 0.7) -> None:
        self.seconds = seconds
        self._begun = time.monotonic()
        self._running = running

    def left(self, moment: Moment) -> float:
        """Return how many seconds are left until a moment, or 0 where it is over."""
        share = self._running + (1 - self._running) * moment
        return max(0.0, self._begun + share * self.seconds - time.monotonic())

    async def within(
        self,
        moment: Moment,
        step: Callable[[Unpack[Arguments]], Awaitable[Result]],
        *arguments: Unpack[Arguments],
    ) -> Result | None:
        """Await a step until a moment; then it is cancelled, and None returned at once."""
        task = asyncio.ensure_future(step(*arguments))
        try:
            await asyncio.wait({task}, timeout=self.left(moment))
            return task.result() if task.done() else None
        finally:
            task.cancel()


class Lifecycle:
    """The predictor from its setup to its teardown; see `Service` for the arguments.

    Attributes:
        up: Whether it can be called now, so that nobody has to ask `ready`.
        guest: The author's side.
    """

    def __init__(
        self,
        spec: PredictorSpec,
        root: Path,
        settings: EngineSettings,
        capture: Capture,
        *,
        open_workspace: Callable[[], Workspace],
        forget: Callable[[], None],
        fetch_weights: WeightsFetcher | None,
        find_interpreter: FindGuestPython | None = None,
        given: object = None,
    ) -> None:
        self._spec = spec
        self._root = root
        self._settings = settings
        self._capture = capture
        self._open_workspace = open_workspace
        self._forget = forget
        self._fetch_weights = fetch_weights
        self._find_interpreter = find_interpreter
        self._interpreter: GuestPython | None = None
        self._postponed = False
        self._first: asyncio.Task[None] | None = None
        self._given = given
        self._seconds: float | None = None
        self.up = False
        self.guest = GuestClient(self._channel, self._lose)
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
        found = self._find_interpreter and self._find_interpreter()
        self._interpreter = found or (own_python() if self._settings.isolate else None)
        self._clock = Clock()
        self._logs.clear()  # those of an earlier setup, before a death, are in the runner's log
        self._setup = SetupReport(SetupStatus.STARTING, "", self._clock.now())
        queue = self._queue()
        try:
            await self._within_time(self._bring_up(queue))
        except SetupError as error:
            self._failure = str(error)
            queue.note(error.traceback or f"{error}\n")
            self._complete(SetupStatus.FAILED, queue)
            raise
        self._complete(SetupStatus.SUCCEEDED, queue)
        self.up = self._dead is None

    def postpone(self, seconds: float | None) -> None:
        """Have `ready` set it up, when it is first asked."""
        self._seconds = seconds
        self._postponed = True

    async def take_down(self, grace: Grace, *, blocked: bool = False) -> None:
        """Run the author's `teardown`, end the thread or process, and restore the output.

        Nothing can run on a thread that a prediction has `blocked`, nor will it end.
        """
        self._down = True
        for task in (self._reviving, self._first):
            if task is not None:
                task.cancel()
        # From the last line up: `teardown` runs, its thread or process ends, the streams are
        # restored, the weights go. What fails keeps nothing else from its end.
        async with AsyncExitStack() as stack:
            if self._weights is not None:
                stack.callback(self._weights.close)
            if self._setup is not None:
                stack.callback(self._capture.close)
                stack.push_async_callback(self._close, grace, blocked)
                if self._setup.status is SetupStatus.SUCCEEDED and not blocked:
                    stack.push_async_callback(self._tear_down, grace)

    async def _close(self, grace: Grace, blocked: bool) -> None:
        seconds = 0.0 if blocked else grace.left(Moment.TORN_DOWN)
        if not await grace.within(Moment.CLOSED, self.guest.close, seconds):
            self._capture.say("the predictor did not stop; its thread is left behind")

    async def ready(self) -> None:
        """Wait until the predictor can be called; raises PredictorFailed when it never will be."""
        if self._postponed:
            await self._set_up_first()
        if self._reviving is not None:
            await asyncio.shield(self._reviving)
        if self._dead is not None:
            raise PredictorFailed(self._dead)

    async def _set_up_first(self) -> None:
        if self._first is None:
            self._first = asyncio.ensure_future(self.set_up(self._seconds))
        try:
            await asyncio.shield(self._first)
        except SetupError as error:
            raise PredictorFailed(str(error)) from error

    async def check(self) -> str | None:
        """Ask the author's `healthcheck`, once for all who ask at a time."""
        if not self._spec.healthcheck or self._setup is None:
            return None
        if self._checking is None or self._checking.done():
            self._checking = asyncio.ensure_future(self.guest.check(HEALTHCHECK_TIMEOUT))
        return await asyncio.shield(self._checking)

    def state(self) -> tuple[HealthStatus, str | None]:
        """Say how the predictor is, slots and `healthcheck` aside, and why."""
        if self._dead is not None:
            return HealthStatus.DEFUNCT, self._dead
        if self._setup is None or self._setup.status is SetupStatus.STARTING:
            waits = self._postponed  # and whoever asks waits with it
            return HealthStatus.READY if waits else HealthStatus.STARTING, None
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
        self.up = False
        self._dead = reason

    def _channel(
        self, receive: Receive, foreign: Foreign, on_death: Callable[[str], None]
    ) -> Channel:
        if self._interpreter is None:
            return DirectChannel(receive, self._capture, self._forget)
        from cogfal.engine.process import ProcessChannel  # noqa: PLC0415  # not every app needs it

        return ProcessChannel(
            receive,
            foreign,
            on_death,
            interpreter=self._interpreter,
            root=self._root,
            capture=self._capture,
        )

    def _grace(self) -> float | None:
        if self._interpreter is None:
            return None
        settings = self._settings
        return settings.isolate_grace if settings.isolate else settings.stuck_after

    def _lose(self, cause: str) -> None:
        """Bring the predictor up again after its process died."""
        up = self._setup is not None and self._setup.status is SetupStatus.SUCCEEDED
        if up and not self._down and self._reviving is None:
            self.up = False
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

    async def _bring_up(self, queue: EventQueue) -> None:
        await end_orphans()  # a GPU's memory is theirs as long as they live
        details = (self._spec, str(self._root), self._settings.log_limit, self._given)
        form = await self.guest.open(*details, queue=queue, grace=self._grace())
        environ = os.environ if self._interpreter is None else self._interpreter.environ
        source = weights_source(form, str(self._root), environ)
        if source is not None and must_be_fetched(form, source):
            source = await self._downloaded(source)
        await self.guest.setup(source, queue)

    async def _downloaded(self, url: str) -> str:
        if self._fetch_weights is None:
            raise SetupError(f"COG_WEIGHTS is {url}, but nothing here can download it")
        if self._weights is None:
            self._weights = self._open_workspace()
        return str(await self._fetch_weights(url, self._weights.directory))

    async def _tear_down(self, grace: Grace) -> None:
        queue = self._queue()
        try:
            if not await grace.within(Moment.TORN_DOWN, self.guest.teardown, queue):
                self._capture.say("teardown() did not end in time; the app ends without it")
        except SetupError as error:
            self._capture.say(f"teardown() failed: {error}")
        queue.close()

    def _queue(self) -> EventQueue:
        return EventQueue(asyncio.get_running_loop(), self._log)

    def _log(self, event: Log | Metric) -> None:
        if isinstance(event, Log):
            self._logs.append(event.data)

    def _complete(self, status: SetupStatus, queue: EventQueue) -> None:
        queue.close()
        assert self._setup is not None
        self._setup = self._setup._replace(status=status, completed_at=self._clock.now())
