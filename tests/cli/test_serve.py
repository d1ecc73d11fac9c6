"""`cogfal serve`, also while somebody edits the project."""

from __future__ import annotations

import os
import re
import signal
import socket
from pathlib import Path

import httpx
import pytest

from cogfal.cli.serve import Watched
from tests.cli.conftest import Cogfal, environment
from tests.cli.serving import APPS, serve_command, served
from tests.processes import Process, free_port


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


def test_the_present_environment_serves_when_asked_for(project: Path, tmp_path: Path) -> None:
    """`--here` makes nothing of what cog.yaml names."""
    (project / "cog.yaml").write_text(
        "build: {python_packages: [no-such-package==1]}\npredict: predict.py:Streams\n"
    )

    with served(project, tmp_path, "--here") as url:
        answer = httpx.post(url, json={})

    assert answer.json() == {"output": "ab"}


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
    (project / "app.py").write_text(APPS)

    ended = cogfal("serve", *arguments)

    assert ended.status == 1
    assert message in ended.err


def test_a_place_where_nobody_can_listen_is_told(cogfal: Cogfal) -> None:
    """The address is in the message, with the system's reason."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        ended = cogfal("serve", "--port", str(port))

    assert ended.status == 1
    assert f"cannot listen on 127.0.0.1:{port}: Address already in use" in ended.err


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
    (project / "app.py").write_text(f"""{APPS}
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


def test_a_port_that_is_none_is_a_usage_error(cogfal: Cogfal) -> None:
    """It is refused before anything is read."""
    ended = cogfal("serve", "--port", "99999")

    assert ended.status == 2
    assert "'99999' is no port" in ended.err


ADDRESS = r"serving at (http://127.0.0.1:\d+)"


def test_an_edit_is_served_at_the_same_address(project: Path, tmp_path: Path) -> None:
    """A mistake ends the server, and its correction brings it back."""
    predict = project / "predict.py"
    text = predict.read_text()

    with Process(serve_command(0, "--reload"), cwd=project, env=environment(tmp_path)) as process:
        url = process.wait_for(ADDRESS)[1]
        before = httpx.post(url, json={"name": "Ada"}).json()
        predict.write_text(text.replace("import os", "import os, nothing_there"))
        process.wait_for("it starts again when a file changes")
        predict.write_text(text.replace("Hello", "Good day"))
        process.wait_until(lambda: _second(process, url), 300)
        after = httpx.post(url, json={"name": "Ada"}).json()
        status = process.stop()

    assert before == {"output": "Hello, Ada!"}
    assert after == {"output": "Good day, Ada!"}
    assert "predict.py changed" in process.output
    assert status == 143


def _second(process: Process, url: str) -> re.Match[str] | None:
    found = [m for line in process.lines if (m := re.search(ADDRESS, line)) and m[1] == url]
    return found[1] if len(found) > 1 else None


def test_only_code_and_settings_are_watched(tmp_path: Path) -> None:
    """What a model writes beside its code is no change; nor is what lies in hidden folders."""
    (tmp_path / "predict.py").write_text("1")
    watched = Watched(tmp_path)
    for name in ("output.png", "output.txt", ".hidden.py", ".git/a.py", "__pycache__/a.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("1")

    assert watched.change() is None

    (tmp_path / "sub").mkdir()
    (tmp_path / "sub/helper.py").write_text("1")
    assert watched.change() == "sub/helper.py"
    (tmp_path / "predict.py").unlink()
    assert watched.change() == "predict.py"
    assert watched.change() is None
