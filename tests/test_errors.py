"""The errors that cogfal raises on its own account."""

from __future__ import annotations

import pickle

import pytest

from cogfal.errors import (
    CogfalError,
    ConfigError,
    InvalidInput,
    PredictorMismatch,
    Problem,
    SetupError,
    UnresolvedExpression,
)
from cogfal.spec import Location

ERRORS = [
    ConfigError("no such key", where=Location("cog.yaml", 3), remedy="remove it"),
    UnresolvedExpression("unknown", source="f()", where="predict.py", remedy="write it"),
    SetupError("setup failed"),
    SetupError("no module", remedy="install it"),
    PredictorMismatch("another type"),
    InvalidInput([Problem(("a",), "too large", "less_than_equal")]),
]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_errors_can_be_pickled(error: CogfalError) -> None:
    """Fal sends what fails on a runner to the machine that asked for it."""
    again = pickle.loads(pickle.dumps(error))

    assert type(again) is type(error)
    assert (str(again), vars(again)) == (str(error), vars(error))
