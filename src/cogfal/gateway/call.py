"""One prediction or training: what is known of it, what happens to it, and who follows."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Coroutine, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from enum import Enum
from itertools import islice
from typing import Final, NamedTuple

from cogfal.gateway.callers import Caller
from cogfal.gateway.catalogue import Kind, Version
from cogfal.json_text import slices
from cogfal.spec import JSON

STARTING: Final = "starting"
PROCESSING: Final = "processing"
SUCCEEDED: Final = "succeeded"
FAILED: Final = "failed"
CANCELED: Final = "canceled"
ENDS: Final = frozenset({SUCCEEDED, FAILED, CANCELED})

_MOST_PIECES: Final = 5_000
"""Pieces that are told one by one when they are there at once."""

_MOST_SLICES: Final = 8
"""Slices of JSON, of 64 KiB each, that a stream says of one piece."""

_GREATER: Final = 1024 * 1024
"""Bytes of inputs that are not shown again once they were passed on."""


@dataclass(frozen=True, slots=True)
class State:
    """The state of a prediction in the words of Cog's API; times are texts as in its JSON.

    `size` is how many bytes an answer took that told it, 0 where that is not known.
    """

    status: str = STARTING
    output: JSON = None
    logs: str = ""
    error: str | None = None
    metrics: Mapping[str, JSON] = field(default_factory=dict)
    started_at: str | None = None
    completed_at: str | None = None
    size: int = 0

    @property
    def ended(self) -> bool:
        """Whether nothing will change any more."""
        return self.status in ENDS


def state_of(body: Mapping[str, JSON], size: int = 0) -> State:
    """Read the state that Cog's HTTP API tells, in so many bytes."""
    status = str(body.get("status"))
    error = body.get("error")
    metrics = body.get("metrics")
    return State(
        status=status if status in (*ENDS, PROCESSING) else STARTING,
        output=body.get("output"),
        logs=str(body.get("logs") or ""),
        error=None if error is None else str(error),
        metrics=metrics if isinstance(metrics, dict) else {},
        started_at=_text(body.get("started_at")),
        completed_at=_text(body.get("completed_at")),
        size=size,
    )


def _text(value: JSON) -> str | None:
    return value if isinstance(value, str) else None


def now() -> str:
    """Return the time as JSON has it."""
    return datetime.now(timezone.utc).isoformat()


def failed(error: str) -> State:
    """Return the state of something that failed."""
    return State(FAILED, error=error, completed_at=now())


def canceled() -> State:
    """Return the state of something that was ended by its caller."""
    return State(CANCELED, completed_at=now())


class EventKind(Enum):
    """The kinds of events; the values are their names in a stream."""

    START = "start"
    OUTPUT = "output"
    LOGS = "logs"
    ERROR = "error"
    DONE = "done"


class Event(NamedTuple):
    """One event of a prediction; `number` counts from 1."""

    number: int
    what: EventKind
    data: str


class EventLog:
    """What happened to a call, of which the latest `capacity` bytes are kept for readers.

    A reader keeps only a number: one that is slow holds nothing and nobody up. `count` is the
    number of the last event, `size` what the kept ones take.
    """

    def __init__(self, capacity: int) -> None:
        self.size = 0
        self.count = 0
        self.ended = False
        self._capacity = capacity
        self._events: deque[Event] = deque()
        self._changed = asyncio.Event()

    def add(self, what: EventKind, data: str) -> None:
        """Add an event."""
        self.count += 1
        self._events.append(Event(self.count, what, data))
        self.size += len(data)
        while self.size > self._capacity and len(self._events) > 1:
            self.size -= len(self._events.popleft().data)
        self.ended = self.ended or what is EventKind.DONE
        self._changed.set()
        self._changed = asyncio.Event()

    def after(self, number: int) -> list[Event] | None:
        """Return what happened after event `number`; None where some of it is kept no more."""
        return None if number < self.count - len(self._events) else self.latest(number)

    def latest(self, number: int = 0) -> list[Event]:
        """Return the events after event `number` that are kept."""
        return [each for each in self._events if each.number > number]

    async def more(self, number: int, seconds: float | None = None) -> None:
        """Wait until something has happened after event `number`, or for so many seconds."""
        if self.count <= number and not self.ended:
            with suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._changed.wait(), seconds)


class GatewayCall:
    """A prediction or training.

    Attributes:
        id: What its caller knows it by, once it has begun.
        caller: Who began it.
        base: The address of the gateway, as its caller knows it.
        input: As it was sent; None once it is large and passed on.
        events: What happened to it.
        ticket: What its stream's address carries, and opens nothing else; where it has a stream.
        task: What brings it to its end, once somebody wants to follow it.
        refusal: Why the app did not take it.
        request_id: What fal's queue knows it by, where it is there.
        placed: Set when the app has taken it.
        ended: Set when nothing will change any more.
    """

    def __init__(
        self, kind: Kind, version: Version, caller: Caller, *, base: str, stream: int
    ) -> None:
        self.id = ""
        self.kind = kind
        self.version = version
        self.caller = caller
        self.base = base
        self.created_at = now()
        self.input: JSON = None
        self.events = EventLog(stream)
        self.ticket: str | None = None
        self.task: asyncio.Task[None] | None = None
        self.refusal: Exception | None = None
        self.request_id: str | None = None
        self.placed = asyncio.Event()
        self.ended = asyncio.Event()
        self._state = State()
        self._logs: list[str] = []
        self._pieces: list[JSON] = []
        self._sizes = {"input": 0, "output": 0, "logs": 0}

    @property
    def state(self) -> State:
        """Its state, as far as this gateway knows."""
        if self._state.ended:
            return self._state
        if len(self._logs) > 1:
            self._logs = ["".join(self._logs)]
        output = [*self._pieces] if self._pieces else None
        return replace(self._state, logs="".join(self._logs), output=output)

    @property
    def size(self) -> int:
        """About how many bytes it takes."""
        return sum(self._sizes.values()) + self.events.size + 4096

    def given(self, values: JSON, size: int) -> None:
        """Note the inputs, of which the request had `size` bytes."""
        self.input, self._sizes["input"] = values, size

    def passed_on(self) -> None:
        """Forget inputs that are large, as whoever runs it has them now."""
        if self._sizes["input"] > _GREATER:
            self.given(None, 0)

    def follow(self, work: Coroutine[None, None, None]) -> None:
        """Begin the task that brings this call to its end."""
        self.task = asyncio.ensure_future(work)

    def begin(self) -> None:
        """Note that it is being processed."""
        if self._state.status == STARTING:
            self._state = replace(self._state, status=PROCESSING, started_at=now())
            self.events.add(EventKind.START, "")

    def log(self, text: str) -> None:
        """Note what it printed."""
        self.begin()
        self._logs.append(text)
        self._sizes["logs"] += len(text)
        self.events.add(EventKind.LOGS, text)

    def put(self, piece: JSON) -> None:
        """Note a piece of its output."""
        self.begin()
        self._pieces.append(piece)
        self._tell(piece)

    def progress(self, state: State) -> None:
        """Note a state that somebody who watches it tells."""
        if self._state.ended or state.status == STARTING:
            return
        self.begin()
        logs = "".join(self._logs)
        if len(state.logs) > len(logs) and state.logs.startswith(logs):
            self.log(state.logs[len(logs) :])
        if isinstance(state.output, list):
            self._put_all(state.output[len(self._pieces) :])

    def _put_all(self, pieces: list[JSON]) -> None:
        """Note pieces that were there at one look; a great many are told as one."""
        if len(pieces) <= _MOST_PIECES:
            for piece in pieces:
                self.put(piece)
            return
        self._pieces += pieces
        self._tell("".join(pieces) if all(isinstance(each, str) for each in pieces) else pieces)

    def end(self, state: State) -> None:
        """Note how it ended, and what was not told of it yet; only the first time counts."""
        if self._state.ended:
            return
        if state.status != CANCELED:
            self.progress(replace(state, status=PROCESSING))
        if state.output is not None and not self._pieces:
            self._tell(state.output)
        known = self.state
        # The last state is there before its event: whom that wakes asks for the state.
        self._state = replace(
            state,
            logs=state.logs or known.logs,
            output=known.output if state.output is None else state.output,
            started_at=state.started_at or known.started_at,
            completed_at=state.completed_at or now(),
        )
        self._pieces, self._logs = [], []
        self._sizes["logs"] = len(self._state.logs)
        self._sizes["output"] = max(self._sizes["output"], state.size)
        if self._state.status == FAILED:
            self.events.add(EventKind.ERROR, self._state.error or "the prediction failed")
        reason = {FAILED: "error", CANCELED: "canceled"}.get(self._state.status)
        self.events.add(EventKind.DONE, json.dumps({"reason": reason}) if reason else "{}")
        self.ended.set()

    def _tell(self, piece: JSON) -> None:
        text = piece if isinstance(piece, str) else _shown(piece)
        self._sizes["output"] += len(text)
        self.events.add(EventKind.OUTPUT, text)


def _shown(piece: JSON) -> str:
    """Return what a stream says of a piece that is no text: nothing where it is large."""
    first = [*islice(slices(piece), _MOST_SLICES + 1)]
    return "" if len(first) > _MOST_SLICES else b"".join(first).decode()
