"""What a project's packages bring changes nothing: httptools and uvloop, beside the server."""

from __future__ import annotations

import os
import resource
import socket
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path

import httpx
import pytest

from tests.hostile.heavy import FEW_DESCRIPTORS, HELD
from tests.local_run import LocalRun
from tests.processes import Process, free_port
from tests.project_files import write_project
from tests.virtualenvs import environment

PREDICT = """
    from cog import BasePredictor

    class Predictor(BasePredictor):
        def predict(self, text: str) -> str:
            return text
"""
APP = """
    import asyncio

    import cogfal
    import fal
    import httptools
    import uvloop

    uvloop.install()

    class App(cogfal.App):
        predictor = "predict.py:Predictor"

        @fal.endpoint("/loop")
        async def loop(self) -> str:
            return type(asyncio.get_running_loop()).__module__
"""
BROUGHT = ["httptools", "uvloop"]
CHUNKED = b"POST /predictions HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
ENDLESS = {
    "path": b"GET /",
    "header": b"GET / HTTP/1.1\r\nHost: localhost\r\nX: ",
    "header's name": b"GET / HTTP/1.1\r\nHost: localhost\r\n",
    "trailer": CHUNKED + b"2\r\n{}\r\n0\r\nX: ",
    "chunk's size": CHUNKED + b"2;",
}
SENT = 100_000_000 * b"a"
KEPT = 20_000_000
"""Bytes by which the server may grow meanwhile."""


class FalRun(LocalRun):
    """`fal run --local` of an app whose environment has both packages, on a loop of uvloop's."""

    def __init__(self, folder: Path, under: Sequence[str] = ()) -> None:
        project = write_project(folder / "project", app_py=APP, predict_py=PREDICT)
        python = environment(BROUGHT)
        super().__init__("app.py::App", cwd=project, home=folder, python=python, under=under)


class CogfalServe(Process):
    """`cogfal serve` of the same."""

    def __init__(self, folder: Path) -> None:
        project = write_project(folder / "project", app_py=APP, predict_py=PREDICT)
        self.port = free_port()
        command = environment(BROUGHT).parent / "cogfal"
        super().__init__(
            [command, "serve", "app.py::App", "--port", str(self.port)],
            cwd=project,
            env={**os.environ, "HOME": str(folder), "NO_COLOR": "1"},
        )

    @property
    def url(self) -> str:
        """The app's URL, once the app answers there."""
        self.wait_for("serving at")
        return f"http://127.0.0.1:{self.port}"


@pytest.fixture(scope="module", params=[FalRun, CogfalServe])
def brought(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[FalRun | CogfalServe]:
    """The app, served in one of two ways, on the loop that it has asked for."""
    with request.param(tmp_path_factory.mktemp("brought")) as process:
        assert httpx.post(f"{process.url}/loop", timeout=120).json() == "uvloop"
        yield process


def resident_bytes(process: Process) -> int:
    """Return how much memory a process holds."""
    pages = Path(f"/proc/{process.pid}/statm").read_text().split()[1]
    return int(pages) * resource.getpagesize()


@pytest.mark.parametrize("name", ENDLESS)
def test_a_head_without_an_end_is_refused(brought: FalRun | CogfalServe, name: str) -> None:
    """The connection is closed, and the server keeps next to nothing of it."""
    before = resident_bytes(brought)

    connection = socket.create_connection(("127.0.0.1", brought.port), timeout=120)
    with connection, pytest.raises(ConnectionError):
        connection.sendall(ENDLESS[name] + SENT)

    assert resident_bytes(brought) - before < KEPT
    assert httpx.get(f"{brought.url}/health-check", timeout=120).json()["status"] == "READY"


def test_an_answer_is_sent_at_once(brought: FalRun | CogfalServe) -> None:
    """Its head leaves with what follows it."""
    request = b"GET /health-check HTTP/1.1\r\nHost: localhost\r\n\r\n"

    with socket.create_connection(("127.0.0.1", brought.port), timeout=120) as connection:
        connection.sendall(request)
        first = connection.recv(2**16)

    head, _, body = first.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 ")
    assert b"READY" in body


@pytest.mark.usefixtures("many_descriptors")
def test_held_connections_make_way(tmp_path: Path) -> None:
    """More of them than the server may have descriptors, which say nothing, or not all."""
    under = (sys.executable, "-c", FEW_DESCRIPTORS)
    with FalRun(tmp_path, under) as process, ExitStack() as opened:
        url = process.url
        for sent in HELD.values():
            for _ in range(1_100):
                held = opened.enter_context(socket.create_connection(("127.0.0.1", process.port)))
                with suppress(ConnectionError):  # it may have made way already
                    held.sendall(sent)

        answer = httpx.post(url, json={"text": "x"}, timeout=120)

        assert answer.json() == {"output": "x"}
    assert "Too many open files" not in process.output
