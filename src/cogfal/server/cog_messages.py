"""Say in Cog's words how things stand: a prediction and its events, health, the index, errors."""

from __future__ import annotations

import platform
from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from typing import Any, Final

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
