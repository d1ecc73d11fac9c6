"""One prediction: what is asked for, what is known of it, what happens to it, and who watches."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple, Protocol, TypeAlias

from cogfal.cog.metrics import MetricValues
from cogfal.engine.history import History, Watch
from cogfal.errors import CogfalError
from cogfal.spec import JSON

if TYPE_CHECKING:
    from cogfal.files.workspace import Workspace


MOST_BEHIND: Final = 4096
"""Events that a caller may be behind before its generator is held back."""
CATCH_UP_SECONDS: Final = 0.05
"""Seconds that a caller has at most to hear of the beginning before it goes on."""

Source: TypeAlias = Literal["stdout", "stderr"]


class Status(str, Enum):
    """Where a prediction stands, in Cog's words."""

    STARTING = "starting"
    PROCESSING = "processing"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELED = "canceled"

    @property
    def terminal(self) -> bool:
        """Whether nothing will change any more."""
        return self not in (Status.STARTING, Status.PROCESSING)


@dataclass(frozen=True, slots=True)
class Started:
    """It has a slot and is being processed."""


class Output(NamedTuple):
    """An iterator handed over its piece of a number, or the whole output is there (number 0)."""

    chunk: JSON
    number: int


class Log(NamedTuple):
    """Text was printed."""

    source: Source
    data: str


class Metric(NamedTuple):
    """The author recorded a metric; `mode` is replace, incr or append."""

    name: str
    value: JSON
    mode: str


@dataclass(frozen=True, slots=True)
class Completed:
    """It ended, in whatever way; always the last event, and sent after its slot is free."""


class HistoryGone(NamedTuple):
    """Events that were asked for are no longer kept; the watcher's last event."""

    lost: int


Event: TypeAlias = Started | Output | Log | Metric | Completed | HistoryGone


class Phase(NamedTuple):
    """What is in `timings`, from its first beginning to its last end; both times are aware."""

    name: str
    started: datetime
    ended: datetime


class Clock:
    """The time of day as it was at the beginning, and as much more as has passed since.

    The system's own may be set in the meantime; what ends would then end before it began.

    Attributes:
        began: The beginning, aware.
    """

    __slots__ = ("_mark", "began")

    def __init__(self) -> None:
        self.began = datetime.now(timezone.utc)
        self._mark = time.monotonic()

    def now(self) -> datetime:
        """Return the time, aware."""
        return self.at(time.monotonic())

    def at(self, moment: float) -> datetime:
        """Return the time at which `time.monotonic` said so, aware."""
        return self.began + timedelta(seconds=moment - self._mark)


class Prediction:
    """A prediction from its submission to its end.

    Attributes:
        id: The caller's id, or a made-up one.
        api: The way it came in; ids are unique per api.
        input: The inputs by name, validated, for callers who ask for them; None of large ones.
        status: As Cog's.
        created_at: When it was submitted.
        error: Why it failed.
        exception: What `result` raises.
        timings: Seconds per phase: `queue`, `download`, `predict`, `upload`.
        sizes: Bytes of files that were fetched (`download`) and stored (`upload`).
        holders: The watchers that hold it back; for the engine.
    """

    def __init__(
        self, name: str, api: str, *, canceller: Callable[[], None], history: int = 1024
    ) -> None:
        self.id = name
        self.api = api
        self.input: Mapping[str, Any] | None = None
        self.status = Status.STARTING
        self._clock = Clock()
        self.created_at = self._clock.began
        self._started: float | None = None
        self._completed: float | None = None
        self.error: str | None = None
        self.exception: CogfalError | None = None
        self.timings: dict[str, float] = {}
        self._phases: dict[str, tuple[float, float]] = {}
        self.sizes: dict[str, int] = {}
        self._logs: list[str] = []
        self._whole: JSON = None
        self._pieces: list[JSON] | None = None
        self._concatenate = False
        self._outputs = 0
        self._metrics: MetricValues | None = None
        self._canceller: Callable[[], None] | None = canceller
        self._history: History[Event] = History(history, HistoryGone)
        self.holders = self._history.holders
        self._done = asyncio.Event()

    @property
    def started_at(self) -> datetime | None:
        """When it got its slot."""
        return None if self._started is None else self._clock.at(self._started)

    @property
    def completed_at(self) -> datetime | None:
        """When it ended."""
        return None if self._completed is None else self._clock.at(self._completed)

    @property
    def phases(self) -> list[Phase]:
        """The phases so far, in the order of their beginning."""
        at = self._clock.at
        return [Phase(name, at(begun), at(end)) for name, (begun, end) in self._phases.items()]

    @property
    def logs(self) -> str:
        """Everything it printed so far, both streams in order."""
        if len(self._logs) > 1:
            self._logs = ["".join(self._logs)]
        return self._logs[0] if self._logs else ""

    @property
    def metrics(self) -> dict[str, JSON]:
        """What the author recorded so far, and `predict_time` in seconds once it ran; a copy."""
        metrics = {} if self._metrics is None else self._metrics.snapshot()
        if "predict" in self.timings:
            metrics["predict_time"] = self.timings["predict"]
        return metrics

    @property
    def output(self) -> JSON:
        """JSON; for iterators the list of pieces so far, or the text where they are joined."""
        if self._pieces is None:
            return self._whole
        return "".join(map(str, self._pieces)) if self._concatenate else self._pieces

    @property
    def pieces(self) -> JSON:
        """The output as Cog's API has it: of iterators always the list of pieces so far."""
        return self._whole if self._pieces is None else self._pieces

    def cancel(self) -> None:
        """Ask for its end; harmless when repeated and after the end.

        A sync predictor sees `CancelationException`, an async one `asyncio.CancelledError`; the
        prediction is over once its cleanup code has run.
        """
        if self._canceller is not None:
            self._canceller()

    async def wait(self) -> None:
        """Wait for its end; cancelling the waiter does not cancel the prediction."""
        await self._done.wait()

    async def result(self) -> JSON:
        """Wait for its end and return the output.

        Raises:
            PredictorFailed: The author's code raised; DeviceError where the accelerator is broken.
            OutputError: What it returned cannot be delivered.
            FileInputError: A file input cannot be had.
            PredictionCancelled: It was cancelled.
        """
        await self.wait()
        if self.exception is not None:
            raise self.exception
        return self.output

    def events(self, after: int = 0, *, holds: bool = False) -> Watch[Event]:
        """Replay what is kept of its events but the first `after`, then go on until its end.

        Where the watcher `holds`, a generator rests while it is more than `MOST_BEHIND` events
        behind, until the place is closed.
        The watcher's place is taken at once. Ends with a `HistoryGone` where some of the events
        asked for are no longer kept, or the watcher is very far behind.
        """
        return self._history.watch(after, holds=holds)

    async def wait_for_watchers(self) -> None:
        """Wait for watchers that hold it and are too far behind; for the engine."""
        await self._history.wait_for_watchers(MOST_BEHIND)

    async def let_watchers_catch_up(self) -> None:
        """Wait, not for long, until whoever holds it has taken all there is; for the engine."""
        await self._history.wait_for_watchers(0, CATCH_UP_SECONDS)

    def add_time(self, phase: str, seconds: float) -> None:
        """Note that so many seconds up to now were spent on a phase; for the engine."""
        self.timings[phase] = self.timings.get(phase, 0.0) + seconds
        ended = time.monotonic()
        begun, _ = self._phases.get(phase, (ended - seconds, ended))
        self._phases[phase] = begun, ended

    def start(self) -> None:
        """Note that it got its slot; for the engine."""
        self.status = Status.PROCESSING
        self._started = time.monotonic()
        self._history.append(Started())

    def expect_pieces(self, *, concatenate: bool = False) -> None:
        """Note that the output comes in pieces, unless that is known; for the engine."""
        if self._pieces is None:
            self._pieces = []
            self._concatenate = concatenate

    def add_output(self, *chunks: JSON) -> None:
        """Note pieces of the output, or the whole; for the engine."""
        if self._pieces is None:
            (self._whole,) = chunks
        else:
            self._pieces += chunks
        self._history.append(*map(Output, chunks, itertools.count(self._outputs)))
        self._outputs += len(chunks)

    def emit(self, event: Log | Metric) -> None:
        """Note something that happened; for the engine."""
        match event:
            case Log():
                self._logs.append(event.data)
            case Metric():
                if self._metrics is None:
                    self._metrics = MetricValues()
                self._metrics.apply(event.name, event.value, event.mode)
        self._history.append(event)

    def finish(self, status: Status, exception: CogfalError | None = None) -> None:
        """Note its end; for the engine."""
        self._canceller = None  # whoever that is holds the prediction, and nothing else is to
        self.status = status
        self.exception = exception
        self.error = str(exception) if exception is not None else None
        self._completed = time.monotonic()
        # Who is woken finds all of it said.
        self._history.end(Completed())
        self._done.set()


class InputMaterialiser(Protocol):
    """Turns validated values into what `predict` receives."""

    async def materialise(self, values: Mapping[str, Any], workspace: Workspace) -> dict[str, Any]:
        """Replace URLs at file places by files in `workspace`; may be cancelled at any await."""


class OutputDeliverer(Protocol):
    """Turns what `predict` returned or yielded into JSON, where it is large or has files."""

    async def deliver(
        self, value: Any, workspace: Workspace, release: Callable[[], None] | None
    ) -> JSON:
        """Upload the files in `value`; may be cancelled at any await; raises OutputError.

        Where it calls `release` before its end, the author's code goes on from there, and may
        change `value` and overwrite its files.
        """


WeightsFetcher: TypeAlias = Callable[[str, Path], Awaitable[Path]]
"""Download the URL in `COG_WEIGHTS` into a directory and return the file."""


@dataclass(frozen=True, slots=True)
class Submission:
    """A request for a prediction.

    Attributes:
        values: Every input by name, validated.
        deliverer: Makes, in the task of the prediction, what turns its results into JSON; not asked
            for where they are short texts and numbers.
        id: The caller's id; made up where None.
        api: The way it came in; ids are unique per api.
        context: What the author's `current_scope().context` is.
        wait: Whether it may wait for a slot.
    """

    values: Mapping[str, Any]
    deliverer: Callable[[], OutputDeliverer]
    id: str | None = None
    api: str = "fal"
    context: Mapping[str, str] = field(default_factory=dict)
    wait: bool = True
