"""A short search with every target, from a place that no other run has begun at."""

from __future__ import annotations

import pytest

from tests.fuzz.campaign import run
from tests.fuzz.requests import run_requests
from tests.fuzz.targets import TARGETS

CASES = 1000


@pytest.mark.parametrize("name", TARGETS)
def test_nothing_breaks_a_reader(name: str) -> None:
    """Each text is accepted, or refused with the error that the reader promises."""
    outcome = run(TARGETS[name], CASES, seed=0)

    assert [(each.text, each.reason) for each in outcome.findings] == []
    assert outcome.cases == CASES
    assert outcome.accepted > 0


@pytest.mark.parametrize("name", TARGETS)
def test_every_seed_is_read(name: str) -> None:
    """The corpus itself breaks nothing, and most of it is accepted."""
    target = TARGETS[name]

    accepted = [target.read(seed) for seed in target.seeds()]

    assert sum(accepted) >= len(accepted) / 2


def test_no_request_breaks_the_app() -> None:
    """Every route, byte by byte: no server error, no secret, nothing in the log, all well."""
    outcome = run_requests(CASES, seed=0)

    assert [(each.text, each.reason) for each in outcome.findings] == []
    assert outcome.cases == CASES
    assert outcome.accepted > 0


@pytest.mark.parametrize("bound", ["min_length=-1", "max_length=2**64", "ge=10**400", "le=1e999"])
def test_bounds_that_no_validator_knows_are_refused(bound: str) -> None:
    """Found by long searches: each is an error where the text is read, not later."""
    assert not TARGETS["predictors"].read(_in_class(bound))


def _in_class(bound: str) -> str:
    """Return a predictor with such an input."""
    kind = "str" if "length" in bound else "float"
    return (
        "from cog import BasePredictor, Input\n\n\nclass Predictor(BasePredictor):\n"
        f"    def predict(self, x: {kind} = Input({bound})) -> str: ...\n"
    )
