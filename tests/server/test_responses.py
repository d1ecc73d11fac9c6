"""Errors as fal's callers and fal's platform see them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from cogfal.errors import (
    Busy,
    CogfalError,
    DeviceError,
    FalAnswer,
    FileInputError,
    InvalidInput,
    NotReady,
    OutputError,
    PredictionCancelled,
    PredictorFailed,
    Problem,
    UnknownPrediction,
)
from cogfal.server.responses import failure

PROBLEM = Problem(("images", 2), "too large", "file_too_large", {"max_size": 10})


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (InvalidInput([PROBLEM]), 422),
        (FileInputError([PROBLEM]), 422),
        (Busy("100 requests are waiting"), 429),
        (NotReady("still being set up"), 503),
        (DeviceError("CUDA out of memory"), 503),
        (PredictorFailed("no triton kernel for cuda"), 500),
        (OutputError("out.png does not exist"), 500),
        (PredictionCancelled("cancelled"), 499),
        (UnknownPrediction("no prediction 'x' is running"), 404),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, CogfalError) else str(value),
)
def test_each_error_has_its_status(error: CogfalError, status: int) -> None:
    """The status is decided by the kind of error, never by its words."""
    assert failure(error).response().status_code == status


def test_a_problem_is_written_as_fal_documents_it() -> None:
    """Place, message, type, page and context; the value only where it may be shown."""
    response = failure(InvalidInput([PROBLEM])).response()

    assert json.loads(bytes(response.body)) == {
        "detail": [
            {
                "loc": ["body", "images", 2],
                "msg": "too large",
                "type": "file_too_large",
                "url": "https://docs.fal.ai/errors/#file_too_large",
                "ctx": {"max_size": 10},
            }
        ]
    }
    assert response.headers["x-fal-billable-units"] == "0"
    assert response.headers["x-fal-retryable"] == "false"


def test_backpressure_asks_for_another_try() -> None:
    """A full queue is told so that the queue and careful clients come back, and nobody pays."""
    headers = failure(Busy("full")).response().headers

    assert headers["x-fal-needs-retry"] == "1"
    assert headers["retry-after"] == "1"
    assert headers["x-fal-billable-units"] == "0"


ASKED: dict[str, tuple[FalAnswer, int, str, str | None, Any]] = {
    "a field": (
        FalAnswer(422, "no", "content_policy_violation", ("prompt",), None, False, 0),
        422, "false", "0",
        [{
            "loc": ["body", "prompt"], "msg": "no", "type": "content_policy_violation",
            "url": "https://docs.fal.ai/errors/#content_policy_violation",
        }],
    ),
    "worth another try": (FalAnswer(504, "late", retryable=True), 504, "true", None, "late"),
    "with a price": (FalAnswer(422, "no", billable_units=2.5), 422, "false", "2.5", "no"),
    "its own detail": (FalAnswer(404, {"a": 1}), 404, "false", None, {"a": 1}),
    "what would end the runner": (FalAnswer(503, "gone"), 500, "false", None, "gone"),
}  # fmt: skip


@pytest.mark.parametrize(
    ("asked", "status", "retryable", "units", "detail"), ASKED.values(), ids=ASKED
)
def test_exceptions_with_a_meaning_on_fal_keep_it(
    asked: FalAnswer, status: int, retryable: str, units: str | None, detail: Any
) -> None:
    """Status, place, type, whether to try again, and what it costs."""
    error = PredictorFailed("text")
    error.fal = asked

    answered = failure(error)

    assert (answered.status, answered.headers["X-Fal-Retryable"]) == (status, retryable)
    assert answered.headers.get("x-fal-billable-units") == units
    assert answered.detail == detail
