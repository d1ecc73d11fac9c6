"""Five seconds of load, and some predictions in a row."""

from __future__ import annotations

import asyncio

import pytest

from tests.load.__main__ import is_bad, load, soak
from tests.load.usage import slope

pytestmark = pytest.mark.timeout(120)


def test_no_answer_is_wrong_or_lost_under_load() -> None:
    """Thirty callers at all doors, some of which cancel or leave."""
    tally, samples, _ = asyncio.run(load(30, 5))

    assert tally.wrong == []
    assert [outcome for outcome in tally.outcomes if is_bad(outcome)] == []
    assert tally.outcomes["/ right"] > 0
    assert samples[-1][1].files <= samples[0][1].files + 30


def test_nothing_grows_with_the_number_of_predictions() -> None:
    """Descriptors, threads and files are as many at the end as at the beginning."""
    tally, samples, _ = asyncio.run(soak(200))

    assert tally.outcomes == {"/ right": 200}
    for held in ("descriptors", "threads", "files"):
        assert getattr(samples[-1][1], held) <= getattr(samples[5][1], held) + 2


def test_a_slope_is_growth_per_prediction() -> None:
    """Two for each, whatever it began with."""
    assert slope([(0, 100.0), (10, 120.0), (20, 140.0)]) == pytest.approx(2.0)
