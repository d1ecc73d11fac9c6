"""Hold the author's code: bring it up, call it, ask for its health, take it down."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextvars import copy_context
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, Protocol, TypeAlias

from typing_extensions import override

from cogfal.cog.exceptions import CancelationException
from cogfal.cog.scope import Scope
from cogfal.engine.capture import Capture
from cogfal.engine.event_queue import EventQueue
from cogfal.engine.execution import Call, Place, start
from cogfal.engine.loading import Predictor, enter_project, load
from cogfal.engine.pieces import Raised, Returned, Run
from cogfal.engine.probe import probe
from cogfal.engine.thread import PredictorThread
from cogfal.engine.weights import WeightsForm
from cogfal.errors import SetupError
from cogfal.spec import PredictorSpec

Loader: TypeAlias = Callable[[PredictorSpec, Path], Predictor]
"""Brings a predictor up on its thread; raises SetupError."""


class Assignment(NamedTuple):
    """One call of the predictor: its inputs, the request's context, where its prints go."""

    values: Mapping[str, Any]
    context: Mapping[str, str]
    feed: EventQueue


class Worker(Protocol):
    """Where the author's code lives: this process, or a child process."""

    async def load(self, feed: EventQueue) -> WeightsForm:
        """Import the predictor; raises SetupError."""

    async def setup(self, weights: str | None, feed: EventQueue) -> None:
        """Run the author's `setup`; raises SetupError."""

    def start(self, assignment: Assignment) -> Run:
        """Prepare a prediction."""

    def finish(self, assignment: Assignment) -> None:
        """Hand over what the prediction printed last; its run is over."""

    async def check(self, timeout: float) -> str | None:
        """Run the author's `healthcheck`; return why the predictor is not well."""

    async def teardown(self, feed: EventQueue) -> None:
        """Run the author's `teardown`, where there is one."""

    async def close(self, timeout: float) -> bool:
        """Give everything back; return whether the author's code had ended within `timeout`."""


class LocalWorker(Worker):
    """The author's code in this process, on a thread of its own."""

    def __init__(
        self, spec: PredictorSpec, root: Path, capture: Capture, load: Loader = load
    ) -> None:
        self._spec = spec
        self._root = root
        self._capture = capture
        self._load = load
        self._thread: PredictorThread | None = None
        self._predictor: Predictor | None = None
        self._leave: Callable[[], None] | None = None
        self._calling: Run | None = None

    @override
    async def load(self, feed: EventQueue) -> WeightsForm:
        self._leave = enter_project(self._spec.path, self._root)
        self._thread = PredictorThread()
        self._thread.start()
        self._predictor = await self._call(partial(self._load, self._spec, self._root), feed)
        return self._predictor.weights

    @override
    async def setup(self, weights: str | None, feed: EventQueue) -> None:
        thread, predictor = self._up
        await self._call(partial(_run_setup, predictor, weights), feed)
        if self._spec.shape.asynchronous:
            thread.begin_looping()

    @override
    def start(self, assignment: Assignment) -> Run:
        thread, predictor = self._up
        feed = assignment.feed
        context = copy_context()
        self._capture.begin(feed, context)
        scope = Scope(assignment.context, feed.metric)
        call = predictor.bind(assignment.values)
        place = Place(thread, context, scope, feed, self._spec.output)
        return start(place, call, predictor.cancellation)

    @override
    def finish(self, assignment: Assignment) -> None:
        self._capture.end(assignment.feed)

    @override
    async def check(self, timeout: float) -> str | None:
        thread, predictor = self._up
        if predictor.healthcheck is None:
            return None
        return await probe(predictor.healthcheck, thread, timeout)

    @override
    async def teardown(self, feed: EventQueue) -> None:
        if self._predictor is not None and self._predictor.teardown is not None:
            await self._call(self._predictor.teardown, feed)

    @override
    async def close(self, timeout: float) -> bool:
        if self._calling is not None:
            self._calling.abandon()
        ended = self._thread is None or await self._thread.stop(timeout)
        if self._leave is not None:
            self._leave()
        self._thread = self._predictor = self._leave = None
        return ended

    @property
    def _up(self) -> tuple[PredictorThread, Predictor]:
        assert self._thread is not None
        assert self._predictor is not None
        return self._thread, self._predictor

    async def _call(self, call: Call, feed: EventQueue) -> Any:
        """Call on the predictor's thread; a SetupError stays one, anything else becomes one."""
        assert self._thread is not None
        context = copy_context()
        self._capture.begin(feed, context)
        place = Place(self._thread, context, Scope(), feed, self._spec.output)
        run = self._calling = start(place, call, CancelationException)
        try:
            piece = await run.next()
        finally:
            self._calling = None
            self._capture.end(feed)
        match piece:
            case Returned(value):
                return value
            case Raised(error):
                raise _setup_error(error)
            case _:
                raise SetupError(f"{self._spec.ref}: setup() is a generator; make it a function")


def _run_setup(predictor: Predictor, weights: str | None) -> Any:
    return predictor.bind_setup(weights)()


def _setup_error(error: BaseException) -> SetupError:
    if isinstance(error, SetupError):
        return error
    raised = SetupError(f"setup failed: {type(error).__name__}: {error}")
    raised.__cause__ = error
    return raised
