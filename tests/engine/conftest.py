"""Run tests of the engine in both modes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.engine import stage
from tests.modes import MODES, ON_NEWEST, ON_OLDEST, SHARED, first, interpreter_of

IN_MODES = {
    "clearing": [SHARED],
    "deliveries": [SHARED, ON_OLDEST],
    "quick_generators": [SHARED, ON_NEWEST],
    "service": [SHARED],
    "vacating": [SHARED, ON_OLDEST],
}
"""Files whose tests run in some of the modes, and in all where there is time."""


@pytest.fixture(params=MODES)
def mode(request: pytest.FixtureRequest) -> Iterator[str]:
    """Have whatever is served in a test run in one of the modes."""
    stage.interpreters.append(interpreter_of(request.param))
    yield request.param
    stage.interpreters.pop()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Choose the modes of a test by its file."""
    name = metafunc.module.__name__.rpartition(".test_")[2]
    if name in IN_MODES:
        metafunc.fixturenames.append("mode")
        metafunc.parametrize("mode", first(*IN_MODES[name]), indirect=True)
