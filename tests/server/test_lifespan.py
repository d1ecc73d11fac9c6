"""How an app ends: by which signals, and with every step of it."""

from __future__ import annotations

import gc
import os
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from cogfal.files.workspace import PREFIX
from cogfal.guest.thread import TURN
from cogfal.server.lifespan import favour_loop, heed_signals
from tests.local_run import LocalRun
from tests.project_files import write_project

Serve = Callable[..., LocalRun]

TEARS_DOWN = """
    import os, sys
    from cog import BasePredictor

    class Predictor(BasePredictor):
        def setup(self) -> None:
            print("the author's setup", flush=True)

        def predict(self) -> str:
            return ""

        def teardown(self) -> None:
            print("the author's teardown", flush=True)
            raise RuntimeError("no")
"""


def test_the_loop_is_favoured_until_the_end() -> None:
    """Other threads leave it the interpreter soon, and what was imported is not looked through."""
    favoured, restored = favouring(lambda: None)

    assert favoured[0] == pytest.approx(TURN)
    assert favoured[1] > 1000
    assert restored[0] == pytest.approx(0.5)
    assert restored[1] == 0


def test_what_somebody_else_has_changed_stays() -> None:
    """An interval that was set meanwhile, and what was frozen before."""
    favoured, restored = favouring(lambda: sys.setswitchinterval(0.25), frozen=True)

    assert favoured[0] == pytest.approx(TURN)
    assert restored[0] == pytest.approx(0.25)
    assert restored[1] > 1000  # not as many to the last one: what is frozen may die


def favouring(
    meanwhile: Callable[[], None], *, frozen: bool = False
) -> tuple[tuple[float, int], tuple[float, int]]:
    """Favour the loop and restore: the interval and how much is frozen, then and afterwards."""
    interval, kept = sys.getswitchinterval(), gc.get_freeze_count()
    sys.setswitchinterval(0.5)
    (gc.freeze if frozen else gc.unfreeze)()
    try:
        restore = favour_loop()
        favoured = sys.getswitchinterval(), gc.get_freeze_count()
        meanwhile()
        restore()
        return favoured, (sys.getswitchinterval(), gc.get_freeze_count())
    finally:
        sys.setswitchinterval(interval)
        (gc.freeze if kept else gc.unfreeze)()  # as it was for the tests of this process


@pytest.fixture
def server_handler() -> Iterator[tuple[list[str], Callable[..., None]]]:
    """Have a handler of SIGTERM as a server has, and a list of what heard of a signal."""
    heard: list[str] = []

    def handler(*_: object) -> None:
        heard.append("server")

    before = signal.signal(signal.SIGTERM, handler)
    yield heard, handler
    signal.signal(signal.SIGTERM, before)


def test_the_end_begins_before_any_server_hears_of_it(
    server_handler: tuple[list[str], Callable[..., None]],
) -> None:
    """A server that waits for its own callers first takes nothing from the time of the end."""
    heard, handler = server_handler
    restore = heed_signals(lambda: heard.append("end"))

    signal.raise_signal(signal.SIGTERM)
    restore()

    assert heard == ["end", "server"]
    assert signal.getsignal(signal.SIGTERM) is handler


def test_a_signal_that_somebody_else_has_taken_meanwhile_stays_theirs(
    server_handler: tuple[list[str], Callable[..., None]],
) -> None:
    """As uvicorn puts back what was there before it."""
    restore = heed_signals(lambda: None)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)

    restore()

    assert signal.getsignal(signal.SIGTERM) is signal.SIG_IGN


@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT"])
def test_each_signal_that_ends_the_app_tears_it_down(
    serve: Serve, tmp_path: Path, name: str
) -> None:
    """The author's teardown runs, and a failure of it skips nothing of what follows."""
    project, temporary = write_project(tmp_path, predict_py=TEARS_DOWN), tmp_path / "temporary"
    temporary.mkdir()
    process = serve("app.py::App", cwd=project, anew=True, TMPDIR=str(temporary))
    assert httpx.post(process.url, json={}).status_code == 200
    held = list(temporary.glob(f"{PREFIX}*"))

    os.kill(process.pid, getattr(signal, name))
    process.wait()

    assert "the author's teardown" in process.output
    assert held
    assert not list(temporary.glob(f"{PREFIX}*"))


def test_sigterm_ends_a_download_of_weights(serve: Serve, tmp_path: Path) -> None:
    """The app does not wait for its end, and the author's setup does not run."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}/big.bin"
        text = f"""
            import cogfal

            class App(cogfal.App):
                predictor = "predict.py:Predictor"
                weights = {{"big.bin": "{url}"}}
        """
        project = write_project(tmp_path, predict_py=TEARS_DOWN, app_py=text)
        process = serve("app.py::App", cwd=project, anew=True)
        connection, _ = server.accept()
        with connection:
            connection.recv(1000)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\nabc")

            os.kill(process.pid, signal.SIGTERM)
            status = process.wait()

    assert status != 0
    assert "told to end before setup was over" in process.output
    assert "the author's setup" not in process.output
