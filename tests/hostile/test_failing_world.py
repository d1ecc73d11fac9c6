"""The machine, the network and the processes around an app fail; each failure has its outcome."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.hostile.target import TAKES_EVERYTHING, Target
from tests.modes import SHARED, first
from tests.server.receiver import receiver
from tests.waiting import SOON, until

WAITS = """
    import os, time
    from typing import Iterator

    from cog import BasePredictor, Input, Path

    class Predictor(BasePredictor):
        def predict(self, phase: str, file: Path = Input(default=None)) -> Iterator[str]:
            print(f"at {phase} as {os.getpid()}", flush=True)
            yield "first"
            while phase == "wait":
                time.sleep(0.01)
            yield "second"
"""
WRITES = """
    import tempfile

    from cog import BasePredictor, Path

    class Predictor(BasePredictor):
        def predict(self, size: int = 10) -> Path:
            path = Path(tempfile.mkdtemp()) / "out.bin"
            path.write_bytes(b"x" * size)
            return path
"""
DROP = """
import ctypes, os, sys
for capability in (1, 2):  # to write, and to read, whatever the rights of a file say
    ctypes.CDLL(None).prctl(24, capability, 0, 0, 0)  # PR_CAPBSET_DROP
os.execv(sys.argv[1], sys.argv[1:])
"""
LIMIT = """
import os, resource, sys
resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))
os.execv(sys.argv[1], sys.argv[1:])
"""
UNPRIVILEGED = (sys.executable, "-c", DROP)
"""Runs a command that may write no more than the rights of files say, even as root."""

SMALL_FILES = (sys.executable, "-c", LIMIT)
"""Runs a command that may write no file of over a megabyte."""


@pytest.fixture(scope="module", params=first(SHARED))
def isolated(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Target]:
    """A predictor in a process of its own."""
    settings = ("isolate = True", "isolate_grace = 0.5")
    folder = tmp_path_factory.mktemp("isolated")
    with Target(folder, WAITS, *settings, mode=request.param) as process:
        assert process.url
        yield process


def test_a_killed_worker_fails_its_prediction_and_comes_back(isolated: Target) -> None:
    """SIGKILL in the middle: that caller is told which signal, the next one is served."""
    with ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(isolated.ask, {"phase": "wait"})
        worker = int(isolated.wait_for(r"at wait as (\d+)").group(1))
        os.kill(worker, signal.SIGKILL)
        failed = waiting.result(SOON)

    assert worker != isolated.pid
    assert failed.status_code == 500
    assert "SIGKILL" in failed.text
    assert isolated.ask({"phase": "run"}).json() == {"output": ["first", "second"]}
    assert isolated.is_well()


@pytest.mark.parametrize("path", ["/", "/stream", "/predictions"])
def test_callers_that_leave_free_the_slot(streaming: Target, path: str) -> None:
    """Twenty of them, each at another moment; the next caller finds an app that is ready."""
    inputs: dict[str, Any] = {"count": 1000, "pause": 0.01}
    body = {"input": inputs} if path == "/predictions" else inputs

    for moment in range(20):
        patience = 0.005 + moment * 0.01
        with (
            contextlib.suppress(httpx.TimeoutException),
            httpx.stream("POST", streaming.url + path, json=body, timeout=patience) as answer,
        ):
            for _, _ in zip(range(moment), answer.iter_lines(), strict=False):
                pass

    assert until(streaming.is_well)
    assert streaming.ask({"count": 1}).json() == {"output": ["x 0"]}


def test_an_unwritable_temporary_directory_is_an_error_of_one_request(
    tmp_path: Path, mode: str
) -> None:
    """It says what cannot be written, and the app lives on until it can be."""
    with Target(tmp_path, TAKES_EVERYTHING, under=UNPRIVILEGED, mode=mode) as process:
        assert process.url
        process.temporary.chmod(0o500)
        failed = process.ask({"image": "data:,x"})
        without = process.ask({"text": "x"})
        process.temporary.chmod(0o700)
        mended = process.ask({"image": "data:,x"})

    assert failed.status_code == 500
    assert "Permission denied" in failed.text
    assert [without.status_code, mended.status_code] == [200, 200]


def test_a_temporary_directory_that_is_gone_is_an_error_of_one_request(
    tmp_path: Path, mode: str
) -> None:
    """It is 500 with the reason, not a crash; once there is one again, requests are served."""
    with Target(tmp_path, TAKES_EVERYTHING, mode=mode) as process:
        assert process.ask({"image": "data:,x"}).status_code == 200
        moved = process.temporary.rename(tmp_path / "moved")
        failed = [process.ask({"image": "data:,x"}), process.predict({"image": "data:,x"})]
        moved.rename(process.temporary)
        mended = process.ask({"image": "data:,x"})

    assert [failed[0].status_code, failed[1].json()["status"]] == [500, "failed"]
    assert "No such file or directory" in failed[0].text
    assert mended.status_code == 200


def test_a_full_disk_is_an_error_of_one_request(full: Target) -> None:
    """What does not fit fails, with the system's reason; what fits is served afterwards."""
    large = "data:application/octet-stream;base64," + "A" * 4_000_000

    failed = [full.ask({"image": large}), full.predict({"image": large})]
    served = full.ask({"image": "data:,x"})

    assert failed[0].status_code == 500
    assert failed[1].json()["status"] == "failed"
    assert "No space left on device" in failed[0].text
    assert served.status_code == 200
    assert full.is_well()


@pytest.fixture
def full(tmp_path: Path, mode: str) -> Iterator[Target]:
    """An app whose temporary directory is a disk of one megabyte."""
    disk = tmp_path / "app" / "tmp"
    disk.mkdir(parents=True)
    if os.system(f"mount -t tmpfs -o size=1m tmpfs {disk} 2>/dev/null"):
        pytest.skip("no disk can be mounted here")
    try:
        with Target(tmp_path / "app", TAKES_EVERYTHING, mode=mode) as process:
            assert process.url
            yield process
    finally:
        os.system(f"umount -l {disk}")


def test_a_file_beyond_the_systems_limit_is_an_error_of_one_request(
    tmp_path: Path, mode: str
) -> None:
    """The same where the system bounds files, which needs no disk of its own."""
    large = "data:application/octet-stream;base64," + "A" * 4_000_000
    with Target(tmp_path, TAKES_EVERYTHING, under=SMALL_FILES, mode=mode) as process:
        failed = process.ask({"image": large})
        served = process.ask({"image": "data:,x"})

        assert failed.status_code == 500
        assert "File too large" in failed.text
        assert served.status_code == 200
        assert process.is_well()


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("/refuse", "400"),
        ("/fail-1000", "503"),
        ("/moved", "307"),
        ("/cut", ""),
        ("closed", ""),
    ],
)
def test_a_store_that_fails_fails_the_prediction(
    tmp_path: Path, mode: str, path: str, reason: str
) -> None:
    """Nothing is half delivered, and the next prediction is served."""
    with receiver() as store:
        url = "http://127.0.0.1:1/x" if path == "closed" else store.url + path
        with Target(tmp_path, WRITES, f'upload_url = "{url}"', mode=mode) as process:
            failed = process.predict({"size": 10_000_000}).json()
            served = process.ask({})

    assert failed["status"] == "failed"
    assert "output" not in failed
    assert "upload" in failed["error"]
    assert reason in failed["error"]
    assert served.status_code == 200


def test_a_slow_store_can_be_cancelled(tmp_path: Path, mode: str) -> None:
    """The upload is given up, and the slot is free again."""
    with (
        receiver() as store,
        Target(tmp_path, WRITES, f'upload_url = "{store.url}/slow"', mode=mode) as process,
        ThreadPoolExecutor(1) as threads,
    ):
        assert process.url
        waiting = threads.submit(process.predict, {}, id="slow")
        store.wait("/slow/out.bin")
        httpx.post(f"{process.url}/predictions/slow/cancel").raise_for_status()
        cancelled = waiting.result(SOON).json()

        assert cancelled["status"] == "canceled"
        assert until(process.is_well)


@pytest.mark.parametrize("host", ["nowhere.invalid", "a" * 70 + ".example", "xn--((.example"])
def test_a_name_that_does_not_resolve_is_the_callers_error(target: Target, host: str) -> None:
    """It names the input, at no cost."""
    answer = target.ask({"image": f"http://{host}/x.png"})

    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"] == ["body", "image"]
    assert target.is_well()
