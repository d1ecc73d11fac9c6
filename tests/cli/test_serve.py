"""`cogfal serve`, and `cogfal predict --url` against what it serves."""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from tests.cli.conftest import Cogfal, environment
from tests.cli.serving import serve_command, served
from tests.processes import Process, free_port

APP = """
import cogfal

class Greets(cogfal.App):
    predictor = "predict.py:Greets"

class Makes(cogfal.App):
    predictor = "predict.py:Makes"

class Streams(cogfal.App):
    predictor = "predict.py:Streams"

class Many(cogfal.App):
    predictor = "predict.py:Many"

class Copies(cogfal.App):
    predictor = "predict.py:Copies"
"""


def test_a_project_is_served_from_cog_yaml(project: Path, tmp_path: Path) -> None:
    """Without an app.py; the playground is there only if asked for."""
    with served(project, tmp_path) as url:
        answer = httpx.post(url, json={"name": "Ada"})
        page = httpx.get(f"{url}/playground")

    assert answer.json() == {"output": "Hello, Ada!"}
    assert page.status_code == 404


def test_variables_of_the_command_line_win(project: Path, tmp_path: Path) -> None:
    """`-e` replaces what cog.yaml says."""
    with served(project, tmp_path, "-e", "MARK=?") as url:
        answer = httpx.post(url, json={"name": "Ada"})

    assert answer.json() == {"output": "Hello, Ada?"}


def test_the_playground_is_served_when_asked_for(project: Path, tmp_path: Path) -> None:
    """Its page and the app's document come from one place."""
    with served(project, tmp_path, "--playground") as url:
        page = httpx.get(f"{url}/playground")

    assert page.status_code == 200
    assert "<title>Playground</title>" in page.text


def test_fals_list_of_packages_does_not_come_first(project: Path, tmp_path: Path) -> None:
    """The first line is cogfal's or the model's own."""
    with Process(serve_command(), cwd=project, env=environment(tmp_path)) as process:
        process.wait_for("serving at")

        assert "Python packages installed" not in process.output


def test_the_app_is_not_reachable_from_elsewhere(project: Path, tmp_path: Path) -> None:
    """Only the loopback address is bound."""
    with served(project, tmp_path) as url, pytest.raises(httpx.ConnectError):
        httpx.get(url.replace("127.0.0.1", "127.0.0.2"))


@dataclass(frozen=True)
class Call:
    """A call, and what it brings: text on stdout, and files with their text."""

    app: str
    arguments: tuple[str, ...] = ()
    out: str = ""
    files: tuple[tuple[str, str], ...] = ()


NUMBERED = (("output.0.txt", "0"), ("output.1.txt", "1"))
CALLS = {
    "text": Call("Greets", ("-i", "name=Ada"), out="Hello, Ada!\n"),
    "joined": Call("Streams", out="ab\n"),
    "files": Call("Makes", ("-i", "count=2"), files=NUMBERED),
    "streamed-files": Call("Many", files=NUMBERED),
    "input": Call("Copies", ("-i", "source=@in.txt", "-o", "copy"), files=(("copy.txt", "hi"),)),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_an_app_that_runs_can_be_called(
    cogfal: Cogfal, project: Path, tmp_path: Path, call: Call
) -> None:
    """The output is the same as in this process."""
    (project / "app.py").write_text(APP)
    (project / "in.txt").write_text("hi")

    with served(project, tmp_path, f"app.py::{call.app}") as url:
        ended = cogfal("predict", "--url", url, *call.arguments)

    assert (ended.status, ended.out) == (0, call.out), ended.err
    assert [(name, (project / name).read_text()) for name, _ in call.files] == list(call.files)


def test_a_refusal_names_the_input(cogfal: Cogfal, project: Path, tmp_path: Path) -> None:
    """The app's problems are told in the words of the app."""
    with served(project, tmp_path) as url:
        ended = cogfal("predict", "--url", url)

    assert ended.status == 1
    assert "error: name: Field required" in ended.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param(["nope.py"], "nope.py: there is no such file", id="no-file"),
        pytest.param(["app.py::Nope"], "app.py: there is no App called Nope", id="no-class"),
        pytest.param(["app.py"], "name one as app.py::NAME", id="several"),
    ],
)
def test_what_cannot_be_served_is_told(
    cogfal: Cogfal, project: Path, arguments: list[str], message: str
) -> None:
    """The message names the file and what is in it."""
    (project / "app.py").write_text(APP)

    ended = cogfal("serve", *arguments)

    assert ended.status == 1
    assert message in ended.err


FAILS = """\
from cog import BasePredictor

class Fails(BasePredictor):
    def setup(self):
        raise ValueError("no luck")

    def predict(self) -> str: ...
"""
SETUP_FAILED = """\
    raise ValueError("no luck")
ValueError: no luck
error: setup failed: ValueError: no luck
  remedy: correct the line that the traceback above ends with, or give it what it needs
"""


@pytest.mark.parametrize("command", ["serve", "predict"])
def test_a_setup_that_fails_is_told(cogfal: Cogfal, project: Path, command: str) -> None:
    """The traceback shows the author's code alone; what to do is the last line."""
    (project / "cog.yaml").write_text('predict: "fails.py:Fails"')
    (project / "fails.py").write_text(FAILS)

    ended = cogfal(command)

    assert ended.status == 1
    assert ended.err.count("  File ") == 1
    assert f'  File "{project}/fails.py", line 5, in setup\n{SETUP_FAILED}' in ended.err


def test_an_app_whose_own_setup_fails_is_told(cogfal: Cogfal, project: Path) -> None:
    """What an App adds to it is told in the same way."""
    (project / "app.py").write_text(f"""{APP}
    async def setup(self):
        raise ValueError("no luck")
""")

    ended = cogfal("serve", "app.py::Copies")

    assert ended.status == 1
    assert ended.err.endswith(SETUP_FAILED.replace("setup failed", "the App cannot be set up"))


SLOW = """
import time

class Slow:
    def setup(self):
        print("setting up", flush=True)
        time.sleep(3600)

    def predict(self) -> str:
        return ""
"""


@pytest.mark.parametrize("way", [signal.SIGINT, signal.SIGTERM])
def test_an_interruption_ends_setup(project: Path, tmp_path: Path, way: signal.Signals) -> None:
    """Ctrl-C and its like do not wait for a setup that may take minutes."""
    (project / "cog.yaml").write_text('predict: "slow.py:Slow"')
    (project / "slow.py").write_text(SLOW)
    with Process(serve_command(), cwd=project, env=environment(tmp_path)) as process:
        process.wait_for("setting up")

        os.kill(process.pid, way)

        assert process.wait() == (130 if way is signal.SIGINT else -way)
        assert "Traceback" not in process.output


def test_an_app_answers_while_it_is_set_up(project: Path, tmp_path: Path) -> None:
    """Its health is STARTING, and what asks for a prediction is told to come back."""
    (project / "cog.yaml").write_text('predict: "slow.py:Slow"')
    (project / "slow.py").write_text(SLOW)
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with Process(serve_command(port), cwd=project, env=environment(tmp_path)) as process:
        process.wait_for("setting up")

        health = httpx.get(f"{url}/health-check").json()
        statuses = [
            httpx.post(url, json={}).status_code,
            httpx.post(f"{url}/predictions", json={"input": {}}).status_code,
        ]

    assert health["status"] == "STARTING"
    assert statuses == [503, 503]


def test_nobody_at_the_url_is_told(cogfal: Cogfal) -> None:
    """The URL is in the message."""
    url = f"http://127.0.0.1:{free_port()}"

    ended = cogfal("predict", "--url", url, "-i", "name=Ada")

    assert ended.status == 1
    assert f"{url} cannot be reached" in ended.err


def test_a_port_that_is_none_is_a_usage_error(cogfal: Cogfal) -> None:
    """It is refused before anything is read."""
    ended = cogfal("serve", "--port", "99999")

    assert ended.status == 2
    assert "'99999' is no port" in ended.err
