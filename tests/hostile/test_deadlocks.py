"""Predictors that wait for ever, in this process and in one of their own."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from tests.hostile.target import Target
from tests.waiting import SOON, until

WAITS_FOR_EVER = """
    import ctypes, os, threading

    from cog import BasePredictor, Input, Path

    LOCK = threading.Lock()

    class Predictor(BasePredictor):
        def setup(self) -> None:
            print("setting up", flush=True)
            if "LOCKED_SETUP" in os.environ:
                LOCK.acquire()
                LOCK.acquire()

        def predict(self, way: str, file: Path = Input(default=None)) -> str:
            print(f"at {way}", flush=True)
            if way == "lock":
                LOCK.acquire()
                LOCK.acquire()
            if way == "interpreter":
                ctypes.PyDLL(None).pause()
            return way
"""
STOPS = "termination_grace_period_seconds = 3"


def test_one_in_this_process_makes_the_runner_unhealthy(tmp_path: Path) -> None:
    """Once it was cancelled in vain; the server answers meanwhile, and can be ended."""
    settings = (STOPS, "stuck_after = 0.5")
    with Target(tmp_path, WAITS_FOR_EVER, *settings) as process, ThreadPoolExecutor(1) as threads:
        assert process.url
        waiting = threads.submit(process.predict, {"way": "lock", "file": "data:,x"}, id="dead")
        process.wait_for("at lock")
        before = httpx.post(f"{process.url}/health").status_code
        cancelled = httpx.post(f"{process.url}/predictions/dead/cancel").status_code
        health = _once_it_differs(process, 200)
        stopped = process.stop(SOON)
        answer = waiting.result(SOON)

        assert (before, cancelled) == (200, 200)
        assert health.json()["status"] == "UNHEALTHY"
        assert "prediction dead was cancelled" in health.json()["error"]
        assert stopped != -9
        assert answer.json()["status"] == "canceled"
        assert [*process.temporary.iterdir()] == []


@pytest.mark.parametrize("way", ["lock", "interpreter"])
def test_one_in_a_process_of_its_own_is_killed(tmp_path: Path, way: str, mode: str) -> None:
    """Also where it never lets go of the interpreter; the next request is served."""
    settings = (STOPS, "isolate = True", "isolate_grace = 0.2")
    with (
        Target(tmp_path, WAITS_FOR_EVER, *settings, mode=mode) as process,
        ThreadPoolExecutor(1) as threads,
    ):
        assert process.url
        waiting = threads.submit(process.predict, {"way": way, "file": "data:,x"}, id="dead")
        process.wait_for("setting up")
        _once_busy(process)
        meanwhile = httpx.post(f"{process.url}/health").status_code
        httpx.post(f"{process.url}/predictions/dead/cancel").raise_for_status()

        assert waiting.result(SOON).json()["status"] == "canceled"
        assert meanwhile == 200
        assert process.ask({"way": "fine"}).json() == {"output": "fine"}
        assert process.is_well()


@pytest.mark.parametrize("isolate", [False, True])
def test_a_setup_that_never_ends_does_not_keep_the_app_from_ending(
    tmp_path: Path, mode: str, isolate: bool
) -> None:
    """SIGTERM gives it up, and nothing is left on disk."""
    settings = (STOPS, f"isolate = {isolate}")
    with Target(tmp_path, WAITS_FOR_EVER, *settings, mode=mode, LOCKED_SETUP="1") as process:
        process.wait_for("setting up")

        stopped = process.stop(SOON)

        assert stopped != -9
        assert "told to end before setup was over" in process.output
        assert [*process.temporary.iterdir()] == []


def _once_it_differs(process: Target, status: int) -> httpx.Response:
    """Return the answer to fal's health check once it is not what it was."""
    assert until(lambda: httpx.post(f"{process.url}/health").status_code != status)
    return httpx.post(f"{process.url}/health")


def _once_busy(process: Target) -> None:
    """Return once the slot is taken."""
    assert until(lambda: httpx.get(f"{process.url}/health-check").json()["status"] == "BUSY")
