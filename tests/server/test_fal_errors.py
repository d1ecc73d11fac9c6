"""Errors as fal's callers and fal's platform see them."""

from __future__ import annotations

import json

import pytest

from cogfal.errors import (
    Busy,
    CogfalError,
    DeviceError,
    FileInputError,
    InvalidInput,
    NotReady,
    OutputError,
    PredictionCancelled,
    PredictorFailed,
    Problem,
    UnknownPrediction,
)
from cogfal.server.fal_errors import failure

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
