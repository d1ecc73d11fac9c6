"""Run tests of the engine in both modes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.engine import stage
from tests.modes import MODES, ON_NEWEST, ON_OLDEST, SHARED, first, interpreter_of

IN_TURN = ("clearing", "deliveries", "prefetch", "service", "vacating")
"""Files whose tests run in one mode each, in turn, and in all where there is time."""


@pytest.fixture(params=MODES)
def mode(request: pytest.FixtureRequest) -> Iterator[str]:
    """Have whatever is served in a test run in one of the modes."""
    stage.interpreters.append(interpreter_of(request.param))
    yield request.param
    stage.interpreters.pop()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Choose the mode of a test by its place in its file."""
    name = metafunc.module.__name__.rpartition(".test_")[2]
    if name in IN_TURN:
        place = metafunc.function.__code__.co_firstlineno
        turn = (SHARED, ON_OLDEST, ON_NEWEST)[place % 3]
        metafunc.fixturenames.append("mode")
        metafunc.parametrize("mode", first(turn), indirect=True)
