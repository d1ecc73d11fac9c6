"""Turn an error into the answer that fal's callers and fal's platform understand.

Shapes and codes follow fal's model error catalogue: `{"detail": [{loc, msg, type, url, ctx?,
input?}]}` with `X-Fal-Retryable`. fal acts on the status: 503 kills the runner and is retried, 500
is neither, 499 is a clean cancellation, 429 leaves the runner alone. An author's message is never
searched for words, so one that happens to name a GPU library changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

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
from cogfal.server.answers import JsonResponse
from cogfal.spec import JSON

ERROR_PAGE = "https://docs.fal.ai/errors/#"
RETRYABLE = "X-Fal-Retryable"
BILLABLE = "x-fal-billable-units"
BUSY_RETRY_AFTER = "1"  # seconds
NOTHING: Final[Mapping[str, JSON]] = MappingProxyType({})


class Failure(NamedTuple):
    """An error as an answer: status, JSON `detail` and headers."""

    status: int
    detail: JSON
    headers: Mapping[str, str] = NOTHING

    def response(self, more: Mapping[str, JSON] = NOTHING) -> JsonResponse:
        """Make the HTTP response; its body holds `more` beside the detail."""
        return JsonResponse({"detail": self.detail, **more}, self.status, self.headers)

    def event(self) -> dict[str, JSON]:
        """Return what the last event of a stream says, once its status has been sent."""
        detail = self.detail
        problems = detail if isinstance(detail, list) else []
        said = [str(one["msg"]) for one in problems if isinstance(one, dict) and "msg" in one]
        text = "; ".join(said) if said else str(detail)
        return {"error": text, "detail": detail, "status": self.status}


def failure(error: CogfalError) -> Failure:  # noqa: PLR0911 - one line per kind
    """Describe an error as fal's endpoint answers it."""
    match error:
        case InvalidInput():
            return _invalid_input(error)
        case Busy():
            return _busy(error)
        case PredictorFailed(fal=FalAnswer() as asked):
            return _meant(asked)
        case NotReady() | DeviceError():
            return Failure(503, _entry(str(error), "internal_server_error"), {RETRYABLE: "true"})
        case PredictionCancelled():
            return Failure(499, str(error))
        case UnknownPrediction():
            return Failure(404, str(error), {BILLABLE: "0"})
        case _:
            return Failure(500, _entry(str(error), "internal_server_error"), {RETRYABLE: "false"})


def _invalid_input(error: InvalidInput) -> Failure:
    headers = {RETRYABLE: "false", BILLABLE: "0"}
    return Failure(422, [_problem(problem) for problem in error.problems], headers)


def _meant(asked: FalAnswer) -> Failure:
    """Answer what the author's exception asks for, but never so that it ends the runner (503)."""
    status = asked.status if asked.status != 503 else 500
    headers = {**(asked.headers or {}), RETRYABLE: "true" if asked.retryable else "false"}
    if asked.billable_units is not None:
        headers[BILLABLE] = f"{asked.billable_units:.12g}"
    if asked.kind is None:
        return Failure(status, asked.detail, headers)
    problem = Problem(tuple(asked.loc), str(asked.detail), asked.kind, asked.context)
    return Failure(status, [_problem(problem)], headers)


def _busy(error: Busy) -> Failure:
    headers = {
        RETRYABLE: "true",
        "X-Fal-Needs-Retry": "1",
        "Retry-After": BUSY_RETRY_AFTER,
        BILLABLE: "0",
    }
    return Failure(429, _entry(str(error), "downstream_service_unavailable"), headers)


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
