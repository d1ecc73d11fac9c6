"""The clock of the machine is set, back and forth, while an app is at work."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.file_server import FileServer, file_server
from tests.hostile.target import Target
from tests.waiting import SOON

WAITS = """
    import os, pathlib, tempfile, time

    from cog import BasePredictor, Input, Path

    class Predictor(BasePredictor):
        def predict(self, until: str = "", file: Path = Input(default=None)) -> Path:
            print(f"the year is {time.gmtime(time.time()).tm_year}", flush=True)
            while until and not os.path.exists(until):
                time.sleep(0.01)
            path = Path(tempfile.mkdtemp()) / "out.txt"
            path.write_bytes(b"" if file is None else file.read_bytes())
            return path
"""
SHIFTED = """
import datetime, os, time

real_time, real_time_ns = time.time, time.time_ns


def shift():
    try:
        with open(os.environ["CLOCK_SHIFT"]) as file:
            return int(file.read() or 0)
    except FileNotFoundError:
        return 0


class Shifted(datetime.datetime):
    @classmethod
    def now(cls, tz=None):
        return cls.fromtimestamp(time.time(), tz)

    @classmethod
    def utcnow(cls):
        return cls.utcfromtimestamp(time.time())


time.time = lambda: real_time() + shift()
time.time_ns = lambda: real_time_ns() + shift() * 10**9
datetime.datetime = Shifted
"""
YEARS = 365 * 24 * 3600
STREAM = "network_stream"


class Shiftable:
    """An app whose process takes the time from a clock that can be set."""

    def __init__(self, process: Target, shift: Path, files: FileServer) -> None:
        self.process = process
        self.files = files
        self._shift = shift

    def set(self, seconds: int) -> None:
        """Set the clock to so many seconds off the right time, in one step."""
        other = self._shift.with_suffix(".new")
        other.write_text(str(seconds))
        other.rename(self._shift)


@pytest.fixture
def shiftable(tmp_path: Path) -> Iterator[Shiftable]:
    """One that keeps downloads, on the right time."""
    (tmp_path / "clock").mkdir()
    (tmp_path / "clock" / "sitecustomize.py").write_text(SHIFTED)
    shift = tmp_path / "shift"
    settings = ("allow_private_hosts = True", f'file_cache = "{tmp_path}/cache"')
    folder = str(tmp_path / "clock")
    with (
        file_server() as files,
        Target(tmp_path, WAITS, *settings, PYTHONPATH=folder, CLOCK_SHIFT=str(shift)) as process,
    ):
        assert process.url
        yield Shiftable(process, shift, files)


@pytest.mark.parametrize("years", [10, -10])
def test_a_clock_that_is_set_changes_no_duration(
    shiftable: Shiftable, tmp_path: Path, years: int
) -> None:
    """Predictions, downloads, kept files and connections go on as if nothing had happened."""
    process, go = shiftable.process, tmp_path / "go"
    picture = shiftable.files.url("/versioned/x.bin")
    with ThreadPoolExecutor(1) as threads, httpx.Client(base_url=process.url) as client:
        before = client.post("/", json={"file": picture})
        inputs = {"file": shiftable.files.url("/drip"), "until": str(go)}
        waiting = threads.submit(process.predict, inputs)
        assert shiftable.files.busy.wait(SOON)
        shiftable.set(years * YEARS)
        shiftable.files.gate.set()
        process.wait_until(lambda: _printed(process, 2), SOON)
        kept = client.get(before.json()["output"]["url"])
        shiftable.set(-years * YEARS)
        go.touch()
        predicted = waiting.result(SOON).json()
        again = process.ask({"file": picture})
    process.wait_until(lambda: _printed(process, 3), SOON)

    assert kept.content == b"weights"
    assert kept.extensions[STREAM] is before.extensions[STREAM]
    assert predicted["status"] == "succeeded"
    assert 0 < predicted["metrics"]["predict_time"] < SOON
    times = [predicted[name] for name in ("created_at", "started_at", "completed_at")]
    assert times == sorted(times)
    assert times[0][:4] == times[2][:4]
    assert again.status_code == 200
    assert len({*filter(_is_year, process.lines)}) == 3
    assert process.is_well()


def _is_year(line: str) -> bool:
    return line.startswith("the year is")


def _printed(process: Target, count: int) -> Any:
    return len([*filter(_is_year, process.lines)]) >= count or None
