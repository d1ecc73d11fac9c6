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
    InvalidInput,
    NotReady,
    PredictionCancelled,
    Problem,
    UnknownPrediction,
)
from cogfal.server.answers import JsonResponse
from cogfal.spec import JSON

ERROR_PAGE = "https://docs.fal.ai/errors/#"
RETRYABLE = "X-Fal-Retryable"
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
        text = detail if isinstance(detail, str) else "; ".join(str(one["msg"]) for one in detail)
        return {"error": text, "detail": detail, "status": self.status}


def failure(error: CogfalError) -> Failure:
    """Describe an error as fal's endpoint answers it."""
    match error:
        case InvalidInput():
            return _invalid_input(error)
        case Busy():
            return _busy(error)
        case NotReady() | DeviceError():
            return Failure(503, _entry(str(error), "internal_server_error"), {RETRYABLE: "true"})
        case PredictionCancelled():
            return Failure(499, str(error))
        case UnknownPrediction():
            return Failure(404, str(error), {"x-fal-billable-units": "0"})
        case _:
            return Failure(500, _entry(str(error), "internal_server_error"), {RETRYABLE: "false"})


def _invalid_input(error: InvalidInput) -> Failure:
    headers = {RETRYABLE: "false", "x-fal-billable-units": "0"}
    return Failure(422, [_problem(problem) for problem in error.problems], headers)


def _busy(error: Busy) -> Failure:
    headers = {
        RETRYABLE: "true",
        "X-Fal-Needs-Retry": "1",
        "Retry-After": BUSY_RETRY_AFTER,
        "x-fal-billable-units": "0",
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
