"""A log that nobody reads for a while, as an author's code that prints without end may cause."""

from __future__ import annotations

import os
import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from tests.hostile.target import Target
from tests.modes import ON_NEWEST, SHARED
from tests.waiting import until

PRINTS = """
    import os, subprocess
    from cog import BasePredictor

    class Predictor(BasePredictor):
        def predict(self, way: str) -> str:
            os.mkdir("begun")
            if way == "python":
                for _ in range(50_000):
                    print("y" * 99)
            elif way == "child":
                subprocess.run(["sh", "-c", f"yes {'y' * 99} | head -c 5000000"], check=True)
            return "printed"
"""


@pytest.mark.parametrize("mode", [SHARED, ON_NEWEST])
@pytest.mark.parametrize("way", ["python", "child"])
def test_an_unread_log_holds_up_nobody(tmp_path: Path, mode: str, way: str) -> None:
    """Health is told meanwhile; whoever prints goes on once somebody reads."""
    with Target(tmp_path, PRINTS, mode=mode) as process, ThreadPoolExecutor() as threads:
        url = process.url
        process.reading.clear()
        answer = threads.submit(process.ask, {"way": way})
        while not (process.project / "begun").exists():
            assert not answer.done(), answer.result().text
        with httpx.Client(timeout=30) as client:
            for _ in range(1_000):
                assert client.get(f"{url}/health").status_code == 200

        process.reading.set()

        assert answer.result().json() == {"output": "printed"}
        process.wait_for('"status": "succeeded"')


HOLDS = """
    import ctypes, os, select, sys, time
    from cog import BasePredictor, CancelationException

    class Predictor(BasePredictor):
        def predict(self) -> str:
            place = f"/proc/self/fd/{sys.stdout._outlet.fileno()}"
            log = os.open(place, os.O_WRONLY | os.O_NONBLOCK)
            while select.select([], [log], [], 0.5)[1]:
                os.write(log, b"y\\n" * 2048)
            os.mkdir("begun")
            try:
                while True:
                    time.sleep(0.01)
            except CancelationException:
                ctypes.PyDLL(None).pause()
"""


def test_an_app_whose_log_nobody_reads_is_ended_by_the_system(tmp_path: Path) -> None:
    """Telling what it waits for waits for nobody."""
    settings = "termination_grace_period_seconds = 3"
    with (
        Target(tmp_path, HOLDS, settings, mode=SHARED, anew=True) as process,
        ThreadPoolExecutor(1) as threads,
    ):
        assert process.url
        process.reading.clear()
        answer = threads.submit(process.ask, {})
        while not (process.project / "begun").exists():
            assert not answer.done(), answer.result().text

        os.kill(process.pid, signal.SIGTERM)
        ways = os.WEXITED | os.WNOWAIT | os.WNOHANG
        ended = until(lambda: os.waitid(os.P_PID, process.pid, ways))
        process.reading.set()

        assert ended
        assert process.wait() == -signal.SIGALRM
