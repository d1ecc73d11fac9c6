"""Read what clients of Cog's HTTP API send, and say in Cog's words how things stand.

A request's envelope is the JSON object around a prediction's inputs. What is said is of a
prediction and its events, of health, the index, and errors.
"""

from __future__ import annotations

import platform
import re
import secrets
from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from enum import Enum
from typing import Any, Final, NamedTuple, NoReturn

import httpx
from starlette.requests import Request

from cogfal.cog.types import Secret
from cogfal.engine.lifecycle import Health, HealthStatus, SetupReport
from cogfal.engine.prediction import (
    Completed,
    Event,
    HistoryGone,
    Log,
    Metric,
    Output,
    Prediction,
    Started,
    Status,
)
from cogfal.errors import InvalidInput, Problem
from cogfal.schema.decoding import decode
from cogfal.server.caller import Body as RequestBody
from cogfal.spec import JSON

COG_VERSION: Final = "0.23.1"
"""The version of Cog whose HTTP API is spoken here."""

AT_CAPACITY: Final = "At capacity - all prediction slots busy"
NOT_READY: Final = (
    "Setup has not finished yet. Wait until it has finished, or GET /health-check for status."
)
NO_STREAMING: Final = (
    "This model does not support streaming responses. "
    "Add @cog.streaming to predict() to enable SSE."
)
NO_TRAINING_STREAM: Final = "Training endpoints do not support streaming responses."
OTHER_ID: Final = "prediction ID must match the ID supplied in the URL"
PREDICT_TIME: Final = "predict_time"
MASK: Final = "**********"
_MODES: Final = {"incr": "increment"}

LONGEST_ID: Final = 256
_ID: Final = re.compile(rf"[A-Za-z0-9._~:=+@-]{{1,{LONGEST_ID}}}")
_BASE_32: Final = 8 * b"abcdefghijklmnopqrstuvwxyz234567"
"""What each byte of a random id becomes."""
ID_RULE: Final = f"an id has 1 to {LONGEST_ID} letters, digits and characters of ._~:=+@-"

Body = dict[str, JSON]


def accepted(prediction_id: str) -> Body:
    """Return the answer to a client that does not wait."""
    return {"id": prediction_id, "status": Status.STARTING.value}


def started(prediction_id: str) -> Body:
    """Return the state of a prediction that has just got its slot."""
    return {"id": prediction_id, "status": Status.PROCESSING.value, "logs": "", "metrics": {}}


def progress(prediction: Prediction) -> Body:
    """Return the state of a prediction under way; Cog answers all iterators with lists."""
    pieces = prediction.pieces
    body = _common(prediction, Status.PROCESSING)
    if pieces not in (None, []):
        body["output"] = pieces
    return body


def ended(prediction: Prediction) -> Body:
    """Return the state of a prediction that has ended."""
    output = prediction.pieces
    body = _common(prediction, prediction.status)
    body["completed_at"] = _time(prediction.completed_at)
    if prediction.status is Status.SUCCEEDED or output:
        body["output"] = output
    if prediction.status is Status.FAILED:
        body["error"] = prediction.error
    return body


def event_of(prediction: Prediction) -> Callable[[Event], tuple[str, Body]]:
    """Return what names an event of `prediction` and says it, as Cog's server-sent events do."""

    def named(event: Event) -> tuple[str, Body]:
        match event:
            case Output(chunk, index):
                return "output", {"chunk": chunk, "index": index}
            case Log(source, data):
                return "log", {"source": source, "data": data}
            case Started():
                return "start", {"id": prediction.id, "status": Status.PROCESSING.value}
            case Metric(name, value, mode):
                return "metric", {"name": name, "value": value, "mode": _MODES.get(mode, mode)}
            case Completed():
                return "completed", ended(prediction)
            case HistoryGone(lost):
                return "error", truncated(lost)

    return named


def truncated(lost: int) -> Body:
    """Return the data of the event that says how many events are no longer known."""
    return {"error": "SSE stream replay truncated; events were dropped", "skipped": lost}


def _common(prediction: Prediction, status: Status) -> Body:
    metrics = prediction.metrics
    if status.terminal:
        metrics.setdefault(PREDICT_TIME, 0.0)
    else:
        metrics.pop(PREDICT_TIME, None)
    return {
        "id": prediction.id,
        "status": status.value,
        "logs": prediction.logs,
        "metrics": metrics,
        "created_at": _time(prediction.created_at),
        "started_at": _time(prediction.started_at),
    }


def _time(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment is not None else None


def shown_inputs(values: Mapping[str, Any], secret: Collection[str]) -> Body:
    """Return inputs as they may be shown; all that the `secret` ones hold is masked."""
    return {
        name: MASK if name in secret and value is not None else shown(value)
        for name, value in values.items()
    }


def shown(value: Any) -> JSON:
    """Return an input as it may be shown: secrets masked, everything else as JSON."""
    match value:
        case Secret():
            return MASK
        case Mapping():
            return {str(name): shown(item) for name, item in value.items()}
        case list() | tuple():
            return [shown(item) for item in value]
        case None | bool() | int() | float() | str():
            return value
        case _:
            return str(value)


def refused(message: str) -> Body:
    """Return the answer where no prediction was started."""
    return {"error": message, "status": Status.FAILED.value}


def invalid_input(error: InvalidInput) -> Body:
    """Return the body of a 422 for inputs that do not fit."""
    return {"detail": [_problem(problem) for problem in error.problems]}


def _problem(problem: Problem) -> Body:
    place = problem.loc or ("__root__",)
    return {"loc": ["body", "input", *place], "msg": problem.message, "type": problem.type}


def detail(loc: tuple[str | int, ...], message: str) -> Body:
    """Return the body for a request that is wrong at `loc`."""
    return {"detail": [{"loc": list(loc), "msg": message, "type": "value_error"}]}


def health_check(health: Health, version: str) -> Body:
    """Return the answer of `GET /health-check`; `version` is that of cogfal."""
    body: Body = {"status": health.status.value}
    if health.setup is not None:
        body["setup"] = _setup(health.setup, health)
    body["version"] = {
        "cogfal": version,
        "cog": COG_VERSION,
        "python": platform.python_version(),
    }
    if health.status is HealthStatus.UNHEALTHY:
        body["user_healthcheck_error"] = health.error
    return body


def _setup(report: SetupReport, health: Health) -> Body:
    body: Body = {
        "status": report.status.value,
        "started_at": _time(report.started_at),
        "logs": report.logs,
    }
    if report.completed_at is not None:
        body["completed_at"] = _time(report.completed_at)
    if health.status is HealthStatus.SETUP_FAILED and health.error not in (None, report.logs):
        body["logs"] = f"{report.logs}{health.error}"
    return body


def index(*, trainings: bool) -> Body:
    """Return the answer of `GET /`."""
    body: Body = {
        "cog_version": COG_VERSION,
        "docs_url": "/docs",
        "openapi_url": "/openapi.json",
        "healthcheck_url": "/health-check",
        "shutdown_url": "/shutdown",
        **_addresses("predictions", "prediction_id"),
    }
    return {**body, **_addresses("trainings", "training_id")} if trainings else body


def _addresses(kind: str, parameter: str) -> Body:
    return {
        f"{kind}_url": f"/{kind}",
        f"{kind}_idempotent_url": f"/{kind}/{{{parameter}}}",
        f"{kind}_cancel_url": f"/{kind}/{{{parameter}}}/cancel",
    }


class WebhookEvent(str, Enum):
    """What a webhook can be about, in Cog's words."""

    START = "start"
    OUTPUT = "output"
    LOGS = "logs"
    COMPLETED = "completed"


ALL_EVENTS: Final = frozenset(WebhookEvent)


class Malformed(Exception):
    """Report a request that is no envelope; `loc` is the place in the request."""

    def __init__(self, status: int, loc: tuple[str | int, ...], message: str) -> None:
        self.status = status
        self.loc = loc
        self.message = message
        super().__init__(message)


class Envelope(NamedTuple):
    """A request for a prediction; `input` is whatever JSON the client sent as its inputs."""

    id: str | None
    input: JSON
    webhook: str | None
    events: frozenset[WebhookEvent]
    context: dict[str, str]
    output_file_prefix: str | None


def is_id(text: str) -> bool:
    """Tell whether `text` can be an id: a name for callers, compared and never part of a path."""
    return _ID.fullmatch(text) is not None


def new_id() -> str:
    """Return a random id in the form that Cog recommends: 26 characters of base 32."""
    return secrets.token_bytes(26).translate(_BASE_32).decode()


async def read_envelope(request: Request, body: RequestBody) -> Envelope:
    """Parse the body of `request`, which is gone then; an empty one is an empty envelope.

    Raises:
        Malformed: It is not JSON (400, 415) or no envelope (422).
    """
    if not body.size and "content-type" not in request.headers:
        return parse_envelope({})
    if not _is_json(request.headers.get("content-type", "application/json")):
        raise Malformed(415, ("header", "content-type"), "Send `Content-Type: application/json`")
    return await body.process(_parsed, body.chunks)


def _parsed(chunks: list[bytes]) -> Envelope:
    try:
        value = decode(chunks)
    except InvalidInput as error:
        message = f"Failed to parse the request body as JSON: {error.problems[0].message}"
        raise Malformed(400, ("body",), message) from error
    return parse_envelope(value)


def parse_envelope(value: JSON) -> Envelope:
    """Turn decoded JSON into an envelope; fields that it does not know are ignored, as in Cog.

    Raises:
        Malformed: A field has the wrong type.
    """
    if not isinstance(value, dict):
        _refuse(("body",), f"Input should be an object, not {_kind(value)}")
    sent = value.get("input")
    return Envelope(
        id=_id(value.get("id")),
        input={} if sent is None else sent,
        webhook=_url(value, "webhook"),
        events=_events(value.get("webhook_events_filter")),
        context=_context(value.get("context")),
        output_file_prefix=_url(value, "output_file_prefix"),
    )


def _is_json(content_type: str) -> bool:
    kind = content_type.partition(";")[0].strip().lower()
    return kind == "application/json" or (
        kind.startswith("application/") and kind.endswith("+json")
    )


def _id(value: JSON) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str):
        _refuse(("body", "id"), f"Input should be a string, not {_kind(value)}")
    if not is_id(value):
        _refuse(("body", "id"), ID_RULE)
    return value


def _url(fields: dict[str, JSON], name: str) -> str | None:
    value = fields.get(name)
    if value is None:
        return None
    if not isinstance(value, str):
        _refuse(("body", name), f"Input should be a string, not {_kind(value)}")
    try:
        url = httpx.URL(value)
    except (httpx.InvalidURL, UnicodeError, ValueError):
        _refuse(("body", name), "Input should be an http or https URL")
    if url.scheme not in ("http", "https") or not url.raw_host or (url.port or 0) > 65535:
        _refuse(("body", name), "Input should be an http or https URL")
    return value


def _events(value: JSON) -> frozenset[WebhookEvent]:
    place = ("body", "webhook_events_filter")
    if value is None:
        return ALL_EVENTS
    if not isinstance(value, list):
        _refuse(place, f"Input should be a list, not {_kind(value)}")
    return frozenset(_event(item, (*place, index)) for index, item in enumerate(value))


def _event(value: JSON, place: tuple[str | int, ...]) -> WebhookEvent:
    try:
        return WebhookEvent(value)
    except ValueError:
        names = ", ".join(event.value for event in WebhookEvent)
        _refuse(place, f"Input should be one of {names}")


def _context(value: JSON) -> dict[str, str]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        _refuse(("body", "context"), f"Input should be an object, not {_kind(value)}")
    for name, item in value.items():
        if not isinstance(item, str):
            _refuse(("body", "context", name), f"Input should be a string, not {_kind(item)}")
    return value


def _refuse(loc: tuple[str | int, ...], message: str) -> NoReturn:
    raise Malformed(422, loc, message)


def _kind(value: JSON) -> str:
    """Name a JSON value's type without showing the value, which may be a secret."""
    match value:
        case None:
            return "null"
        case bool():
            return "a boolean"
        case int() | float():
            return "a number"
        case str():
            return "a string"
        case list():
            return "a list"
        case _:
            return "an object"
