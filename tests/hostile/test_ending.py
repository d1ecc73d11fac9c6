"""The server is told to end, or is killed, in every phase of a prediction."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import pytest

from tests.file_server import file_server
from tests.hostile.target import Target
from tests.modes import SHARED
from tests.server.receiver import receiver
from tests.waiting import SOON, until

Waiting = list[Future[httpx.Response]]
WORKS = """
    import os, tempfile, time

    from cog import BasePredictor, Input, Path

    class Predictor(BasePredictor):
        def predict(self, phase: str, file: Path = Input(default=None)) -> Path:
            print(f"at {phase} as {os.getpid()}", flush=True)
            while phase == "predict":
                time.sleep(0.01)
            path = Path(tempfile.mkdtemp()) / "out.bin"
            path.write_bytes(b"x")
            return path
"""
STOPS = "termination_grace_period_seconds = 3"
PHASES = ("idle", "queue", "download", "predict", "upload")


@pytest.mark.parametrize("phase", PHASES)
def test_sigterm_ends_the_app_in_any_phase(tmp_path: Path, mode: str, phase: str) -> None:
    """Predictions are cancelled once their time is over, answered, and leave nothing on disk."""
    with _in_phase(tmp_path, phase, mode) as (process, waiting):
        status = process.stop(grace=SOON)
        answers = [each.result(SOON) for each in waiting]

        assert status != -signal.SIGKILL
        assert all(_is_cancelled(each) for each in answers)
        assert [*process.temporary.glob("cogfal-*")] == []


@pytest.mark.parametrize("phase", ["download", "predict"])
def test_the_next_server_removes_what_a_killed_one_left(
    tmp_path: Path, mode: str, phase: str
) -> None:
    """SIGKILL in any phase; the project is served again, and works as before."""
    with _in_phase(tmp_path, phase, mode) as (process, waiting):
        os.kill(process.pid, signal.SIGKILL)
        for each in waiting:
            with pytest.raises(httpx.TransportError):
                each.result(SOON)
        left = _own(process.temporary)

    with Target(tmp_path, WORKS, mode=mode, anew=True) as process:
        served = process.ask({"phase": "run", "file": "data:,x"})

        assert left
        assert not left & _own(process.temporary)
        assert served.status_code == 200
        assert process.is_well()


def test_a_killed_server_leaves_no_worker(tmp_path: Path, mode: str) -> None:
    """The isolated process notices that its parent is gone."""
    with (
        Target(tmp_path, WORKS, "isolate = True", mode=mode, anew=True) as process,
        ThreadPoolExecutor(1) as threads,
    ):
        assert process.url
        waiting = threads.submit(process.ask, {"phase": "predict"})
        worker = int(process.wait_for(r"at predict as (\d+)").group(1))
        os.kill(process.pid, signal.SIGKILL)
        with pytest.raises(httpx.TransportError):
            waiting.result(SOON)

        assert until(lambda: not Path(f"/proc/{worker}/stat").exists() or _is_zombie(worker))


@contextmanager
def _in_phase(folder: Path, phase: str, mode: str) -> Iterator[tuple[Target, Waiting]]:
    """Serve, and have a prediction come to a phase; gives the process and the answers to come."""
    with file_server() as files, receiver() as store, ThreadPoolExecutor(3) as threads:
        settings = (
            STOPS,
            "queue_limit = 1",
            "allow_private_hosts = True",
            f'upload_url = "{store.url}/slow"',
        )
        with Target(folder, WORKS, *settings, mode=mode, anew=True) as process:
            assert process.url
            waiting: Waiting = []
            if phase in ("queue", "predict"):
                inputs = {"phase": "predict", "file": "data:,x"}
                waiting.append(threads.submit(process.predict, inputs))
                process.wait_for("at predict")
            if phase == "queue":
                asking = [threads.submit(process.ask, {"phase": "queue"}) for _ in range(2)]
                refused, queued = wait(asking, SOON, FIRST_COMPLETED)
                assert [each.result().status_code for each in refused] == [429]
                waiting += queued
            if phase == "download":
                inputs = {"phase": "run", "file": files.url("/stall")}
                waiting.append(threads.submit(process.predict, inputs))
                assert until(lambda: "/stall" in files.paths())
            if phase == "upload":
                inputs = {"phase": "run", "file": "data:,x"}
                waiting.append(threads.submit(process.predict, inputs))
                store.wait("/slow/out.bin")
            yield process, waiting
            store.gate.set()


def _is_cancelled(answer: httpx.Response) -> bool:
    """Tell whether either door says so."""
    return answer.status_code == 499 or answer.json()["status"] == "canceled"


def _own(temporary: Path) -> set[Path]:
    """List the server's own directories and files."""
    return {*temporary.glob("cogfal-*/**/*")}


def _is_zombie(pid: int) -> bool:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    return True


HANGS = """
    import ctypes, threading, time

    from cog import BasePredictor, CancelationException, Path

    class Predictor(BasePredictor):
        def predict(self, way: str) -> Path:
            if way == "run":
                path = Path("out.bin")
                path.write_bytes(b"x")
                return path
            print(f"at {way}", flush=True)
            try:
                while True:
                    time.sleep(0.01)
            except CancelationException:
                ctypes.PyDLL(None).pause()

        def teardown(self) -> None:
            print("at teardown", flush=True)
            threading.Event().wait()
"""


def test_a_teardown_that_never_ends_keeps_no_other_step_from_its_turn(
    tmp_path: Path, mode: str
) -> None:
    """What the app kept on disk is gone all the same, and the process ends by itself."""
    with Target(tmp_path, HANGS, STOPS, mode=mode, anew=True) as process:
        assert process.ask({"way": "run"}).status_code == 200
        kept = _own(process.temporary)

        status = process.stop(grace=SOON)

        assert status not in (-signal.SIGKILL, -signal.SIGALRM)
        assert "teardown() did not end in time" in process.output
        assert kept
        assert [*process.temporary.glob("cogfal-*")] == []


def test_the_system_ends_an_app_in_which_nothing_goes_on(tmp_path: Path) -> None:
    """The author's code holds the interpreter; the log tells where."""
    with (
        Target(tmp_path, HANGS, STOPS, mode=SHARED, anew=True) as process,
        ThreadPoolExecutor(1) as threads,
    ):
        assert process.url
        waiting = threads.submit(process.ask, {"way": "wait"})
        process.wait_for("at wait")

        status = process.stop(grace=SOON)

        assert status == -signal.SIGALRM
        assert re.search(r'predict\.py", line \d+ in predict', process.output)
        with pytest.raises(httpx.TransportError):
            waiting.result(SOON)


def test_what_an_app_waits_for_that_has_to_be_ended_is_told(tmp_path: Path) -> None:
    """No thread does anything then: a task of its loop never ends."""
    hangs = """async def teardown(self) -> None:
        from asyncio import Event, create_task, wait
        await wait({create_task(Event().wait())})"""
    with Target(tmp_path, WORKS, STOPS, hangs, mode=SHARED, anew=True) as process:
        assert process.url

        status = process.stop(grace=SOON)

        assert status == -signal.SIGALRM
        assert "\n  Event.wait: File " in process.output


HOLDING: dict[str, bytes] = {
    "nothing": b"",
    "half a head": b"POST / HTTP/1.1\r\nHost: localho",
    "half a body": b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n{",
    "a stream that is not read": (
        b'POST /stream HTTP/1.1\r\nHost: localhost\r\nContent-Length: 16\r\n\r\n{"count": 50000}'
    ),
    "a large answer that is not read": (
        b'POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 16\r\n\r\n{"count": 50000}'
    ),
}
YIELDS = """
    from typing import Iterator

    from cog import BasePredictor, streaming

    class Predictor(BasePredictor):
        @streaming
        def predict(self, count: int) -> Iterator[str]:
            print("yielding", flush=True)
            for _ in range(count):
                yield "x" * 1000
            print("yielded", flush=True)

        def teardown(self) -> None:
            print("at teardown", flush=True)
"""


def test_callers_who_hold_on_do_not_keep_the_app_from_ending(tmp_path: Path, mode: str) -> None:
    """Whatever they have not sent yet, or do not read; nor does who does not answer a webhook."""
    settings = ("max_multiplexing = 2", "allow_private_hosts = True")
    with (
        receiver() as deaf,
        Target(tmp_path, YIELDS, *settings, mode=mode, anew=True) as process,
        ExitStack() as held,
    ):
        held.callback(deaf.gate.set)
        assert process.url
        process.predict({"count": 1}, webhook=f"{deaf.url}/slow/hook")
        deaf.wait("/slow/hook")
        for sent in HOLDING.values():
            caller = held.enter_context(socket.create_connection(("127.0.0.1", process.port)))
            caller.sendall(sent)
        process.wait_for("yielding")

        status = process.stop(grace=SOON)

        assert status not in (-signal.SIGKILL, -signal.SIGALRM)


def test_who_does_not_read_a_stream_that_is_cancelled_is_hung_up_on(
    tmp_path: Path, mode: str
) -> None:
    """Its prediction has had all the time for predictions; the steps behind it have theirs."""
    with Target(tmp_path, YIELDS, STOPS, mode=mode, anew=True) as process:
        assert process.url
        with socket.create_connection(("127.0.0.1", process.port)) as caller:
            caller.sendall(HOLDING["a stream that is not read"])
            process.wait_for("yielding")

            status = process.stop(grace=SOON)

        assert status not in (-signal.SIGKILL, -signal.SIGALRM)
        assert "yielded" not in process.output
        assert "at teardown" in process.output
        assert [*process.temporary.glob("cogfal-*")] == []
