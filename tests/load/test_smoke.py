"""Five seconds of load, and some predictions in a row."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.load.__main__ import ALLOWED, is_bad, load, long, soak
from tests.load.ending import seconds_to_end
from tests.load.usage import Usage, slope, too_much, usage
from tests.waiting import until


@pytest.mark.long
def test_no_answer_is_wrong_or_lost_under_load() -> None:
    """Thirty callers at all doors, some of which cancel or leave."""
    tally, samples, _ = asyncio.run(load(30, 5))

    assert tally.wrong == []
    assert [outcome for outcome in tally.outcomes if is_bad(outcome)] == []
    assert any(outcome.endswith(" right") for outcome in tally.outcomes)
    assert too_much(samples, ALLOWED["load"]) == []


@pytest.mark.long
def test_nothing_grows_with_the_number_of_predictions() -> None:
    """Descriptors, threads and files are as many at the end as at the beginning."""
    tally, samples, _ = asyncio.run(soak(200))

    assert tally.outcomes == {"/ right": 200}
    for held in ("descriptors", "threads", "inodes"):
        assert getattr(samples[-1][1], held) <= getattr(samples[5][1], held) + 2


@pytest.mark.long
def test_a_long_series_of_pieces_arrives_whole_at_every_door() -> None:
    """Ten thousand of them, each the right one."""
    tally, _, _ = asyncio.run(long(10_000))

    assert tally.wrong == []
    assert tally.outcomes == {"/ right": 1, "/stream right": 1, "/predictions right": 1}


def test_usage_is_that_of_a_process_and_its_children(tmp_path: Path) -> None:
    """Of those that have ended nothing counts."""
    program = "import subprocess; subprocess.run(['cat'])"
    with subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE) as process:
        alone = len([*Path(f"/proc/{process.pid}/task").iterdir()])
        assert until(lambda: usage(process.pid, tmp_path).threads > alone)
        held = usage(process.pid, tmp_path)
        process.communicate()
        ended = usage(process.pid, tmp_path)

    assert held.memory > 0
    assert held.descriptors >= 6
    assert ended == Usage(0, 0, 0, 0)


def test_the_end_is_watched_from_outside() -> None:
    """The process is told to end, and has ended when that is told."""
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE) as process:
        assert seconds_to_end(process.pid) > 0
        assert process.poll() == -signal.SIGTERM


def test_what_grows_is_noticed() -> None:
    """One descriptor for every other prediction is too much, a steady number is not."""
    leaking = [(done, Usage(10**8, 20 + done // 2, 5, 3)) for done in range(0, 400, 10)]
    allowed = ALLOWED["soak"]

    assert too_much(leaking, allowed) == ["descriptors"]
    assert too_much([(done, Usage(10**8, 20, 5, 3)) for done in range(40)], allowed) == []


def test_a_slope_is_growth_per_prediction() -> None:
    """Two for each, whatever it began with."""
    assert slope([(0, 100.0), (10, 120.0), (20, 140.0)]) == pytest.approx(2.0)
