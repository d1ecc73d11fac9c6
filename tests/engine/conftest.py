"""Run tests of the engine in both modes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.engine import stage
from tests.modes import MODES, interpreter_of


@pytest.fixture(params=MODES)
def mode(request: pytest.FixtureRequest) -> Iterator[str]:
    """Have whatever is served in a test run in one of the modes."""
    stage.interpreters.append(interpreter_of(request.param))
    yield request.param
    stage.interpreters.pop()
