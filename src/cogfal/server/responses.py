"""Answer with JSON, in slices where it is large, with server-sent events, or with fal's errors.

An error's shapes and codes follow fal's model error catalogue: `{"detail": [{loc, msg, type, url,
ctx?, input?}]}` with `X-Fal-Retryable`. fal acts on the status: 503 kills the runner and is
retried, 500 is neither, 499 is a clean cancellation, 429 leaves the runner alone. An author's
message is never searched for words, so one that happens to name a GPU library changes nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from types import MappingProxyType
from typing import Final, NamedTuple, TypeAlias

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from cogfal.engine.history import Watch
from cogfal.engine.prediction import Event, Prediction
from cogfal.errors import (
    Busy,
    CogfalError,
    DeviceError,
    FalAnswer,
    InvalidInput,
    NotReady,
    PredictionCancelled,
    PredictorFailed,
    Problem,
    UnknownPrediction,
)
from cogfal.json_text import at_once, gathered, in_turn, slices
from cogfal.server.caller import wait_for_disconnect
from cogfal.spec import JSON

ERROR_PAGE = "https://docs.fal.ai/errors/#"
RETRYABLE = "X-Fal-Retryable"
BILLABLE = "x-fal-billable-units"
BUSY_RETRY_AFTER = "1"  # seconds
NOTHING: Final[Mapping[str, JSON]] = MappingProxyType({})
NO_HEADERS: Final[Mapping[str, str]] = MappingProxyType({})
BILLABLE_UNITS: Final = "billable_units"
"""The metric by which an author says how many units a prediction costs."""

HEARTBEAT: Final = 15.0
"""Seconds of silence after which a stream shows that it lives, as Cog's."""

SILENCE: Final = b": keep-alive\n\n"
_HEADERS: Final = (
    (b"cache-control", b"no-cache"),
    (b"x-accel-buffering", b"no"),
    (b"content-type", b"text/event-stream; charset=utf-8"),
)
EventData: TypeAlias = tuple[str | None, JSON]
"""What is sent of an event: its name, where it has one, and its data."""


def pieces_to(send: Send) -> Callable[[bytes], Awaitable[None]]:
    """Return what sends a piece of a body, of which there is more."""
    return lambda piece: send({"type": "http.response.body", "body": piece, "more_body": True})


class JsonResponse(Response):
    """A JSON body, which may be or hold `JsonText`; others have their turn while it is written."""

    media_type = "application/json"

    def __init__(
        self, value: JSON, status: int = 200, headers: Mapping[str, str] = NO_HEADERS
    ) -> None:
        content = at_once(value)
        self._rest: Iterator[bytes] | None = None
        if content is None:
            several = slices(value)
            content, second = next(several), next(several, None)
            self._rest = None if second is None else chain([content, second], several)
        super().__init__(content, status, headers)
        if self._rest is not None:
            del self.headers["content-length"]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it, at once or slice by slice."""
        if self._rest is None:
            await super().__call__(scope, receive, send)
            return
        start = {"type": "http.response.start", "status": self.status_code}
        await send({**start, "headers": self.raw_headers})
        await in_turn(self._rest, pieces_to(send))
        await send({"type": "http.response.body", "body": b"", "more_body": False})
        if self.background is not None:
            await self.background()


class EventStream(Response):
    """A response that sends what is said of each event, as soon as it happens.

    Args:
        watch: The events.
        describe: Returns what is sent of an event; nothing for None.
        abandon: Called, where the response ends, unless all events were sent: the caller has left,
            or the server ends.
        first: Events that were taken from `watch` already.
        heartbeat: Seconds of silence after which a comment is sent.
    """

    def __init__(
        self,
        watch: Watch[Event],
        describe: Callable[[Event], EventData | None],
        abandon: Callable[[], None],
        *,
        first: Sequence[Event] = (),
        heartbeat: float = HEARTBEAT,
    ) -> None:
        self.status_code = 200
        self.raw_headers = [*_HEADERS]
        self.background = None
        self._watch = watch
        self._describe = describe
        self._abandon = abandon
        self._first = first
        self._heartbeat = heartbeat

    async def __call__(self, _scope: Scope, receive: Receive, send: Send) -> None:
        """Send until the events end or the caller has left, whichever is first.

        The server lets a message to a caller who has left go nowhere, also one that has waited.
        """
        gone: asyncio.Future[None] | None = None
        complete = False
        try:
            await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
            # What has happened already goes along with the head, before anything else is begun.
            if events := self._first or self._watch.take():
                await self._write(events, send)
            gone = asyncio.ensure_future(wait_for_disconnect(receive))
            gone.add_done_callback(lambda _: self._watch.close())
            while not (self._watch.ended or gone.done()):
                await self._watch.wait(self._heartbeat)
                if not gone.done():
                    await self._write(self._watch.take(), send)
            complete = not gone.done()
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            # Here, and in no generator: nobody but the garbage collector ends one that was left.
            if gone is not None:
                gone.cancel()
            self._watch.close()
            if not complete:
                self._abandon()

    async def _write(self, events: Sequence[Event], send: Send) -> None:
        await in_turn(self._frames(events), pieces_to(send))

    def _frames(self, events: Sequence[Event]) -> Iterator[bytes]:
        if not events:
            yield SILENCE
        sent = filter(None, map(self._describe, events))
        yield from gathered(chain.from_iterable(map(_frame, sent)))


def _frame(event: EventData) -> Iterable[bytes]:
    name, data = event
    head = b"data: " if name is None else f"event: {name}\ndata: ".encode()
    short = at_once(data)
    if short is not None:  # nearly always, so for tokens this is most of the work
        return (b"%b%b\n\n" % (head, short),)
    return chain((head,), slices(data), (b"\n\n",))


class ErrorAnswer(NamedTuple):
    """An error as an answer: status, JSON `detail` and headers."""

    status: int
    detail: JSON
    headers: Mapping[str, str] = NO_HEADERS

    def response(
        self, more: Mapping[str, JSON] = NOTHING, headers: Mapping[str, str] = NO_HEADERS
    ) -> JsonResponse:
        """Make the HTTP response; its body holds `more` beside the detail, its own headers win."""
        told = {name.lower(): value for name, value in [*headers.items(), *self.headers.items()]}
        return JsonResponse({"detail": self.detail, **more}, self.status, told)

    def event(self) -> dict[str, JSON]:
        """Return what the last event of a stream says, once its status has been sent."""
        detail = self.detail
        problems = detail if isinstance(detail, list) else []
        said = [str(one["msg"]) for one in problems if isinstance(one, dict) and "msg" in one]
        text = "; ".join(said) if said else str(detail)
        return {"error": text, "detail": detail, "status": self.status}


def billed(prediction: Prediction) -> dict[str, str]:
    """Return the header that says what a prediction costs: what its error says, or its metric."""
    error = prediction.exception
    asked = error.fal.billable_units if isinstance(error, PredictorFailed) and error.fal else None
    units = prediction.metrics.get(BILLABLE_UNITS) if asked is None else asked
    told = isinstance(units, int | float) and not isinstance(units, bool) and units >= 0
    return {BILLABLE: f"{units:.12g}"} if told else {}


def failure(error: CogfalError) -> ErrorAnswer:  # noqa: PLR0911 - one line per kind
    """Describe an error as fal's endpoint answers it."""
    match error:
        case InvalidInput():
            return _invalid_input(error)
        case Busy():
            return _busy(error)
        case PredictorFailed(fal=FalAnswer() as asked):
            return _meant(asked)
        case NotReady() | DeviceError():
            return ErrorAnswer(
                503, _entry(str(error), "internal_server_error"), {RETRYABLE: "true"}
            )
        case PredictionCancelled():
            return ErrorAnswer(499, str(error))
        case UnknownPrediction():
            return ErrorAnswer(404, str(error), {BILLABLE: "0"})
        case _:
            return ErrorAnswer(
                500, _entry(str(error), "internal_server_error"), {RETRYABLE: "false"}
            )


def _invalid_input(error: InvalidInput) -> ErrorAnswer:
    headers = {RETRYABLE: "false", BILLABLE: "0"}
    return ErrorAnswer(422, [_problem(problem) for problem in error.problems], headers)


def _meant(asked: FalAnswer) -> ErrorAnswer:
    """Answer what the author's exception asks for, but never so that it ends the runner (503)."""
    status = asked.status if asked.status != 503 else 500
    headers = {**(asked.headers or {}), RETRYABLE: "true" if asked.retryable else "false"}
    if asked.billable_units is not None:
        headers[BILLABLE] = f"{asked.billable_units:.12g}"
    if asked.kind is None:
        return ErrorAnswer(status, asked.detail, headers)
    problem = Problem(tuple(asked.loc), str(asked.detail), asked.kind, asked.context)
    return ErrorAnswer(status, [_problem(problem)], headers)


def _busy(error: Busy) -> ErrorAnswer:
    headers = {
        RETRYABLE: "true",
        "X-Fal-Needs-Retry": "1",
        "Retry-After": BUSY_RETRY_AFTER,
        BILLABLE: "0",
    }
    return ErrorAnswer(429, _entry(str(error), "downstream_service_unavailable"), headers)


def _problem(problem: Problem) -> dict[str, JSON]:
    entry: dict[str, JSON] = {
        "loc": ["body", *problem.loc],
        "msg": problem.message,
        "type": problem.type,
        "url": ERROR_PAGE + problem.type,
    }
    if problem.context is not None:
        entry["ctx"] = problem.context
    if problem.value is not None:
        entry["input"] = problem.value
    return entry


def _entry(message: str, kind: str) -> list[dict[str, JSON]]:
    message = message.encode("utf-8", "replace").decode()  # an author's may be no Unicode
    return [{"loc": ["body"], "msg": message, "type": kind, "url": ERROR_PAGE + kind}]
