"""A log that nobody reads for a while, as an author's code that prints without end may cause."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from tests.hostile.target import Target
from tests.modes import ON_NEWEST, SHARED

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
                subprocess.run(["sh", "-c", "yes | head -c 5000000"], check=True)
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
        for _ in range(1_000):
            assert httpx.get(f"{url}/health", timeout=30).status_code == 200

        process.reading.set()

        assert answer.result().json() == {"output": "printed"}
        process.wait_for('"status": "succeeded"')
