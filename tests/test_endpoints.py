"""What an App class adds to cogfal's endpoints, and what would hide one of them."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import msgpack
import pytest
from fal.app import AppClient
from websockets.sync.client import connect

from cogfal.errors import SettingError
from tests.local_run import LocalRun
from tests.project_files import write_project
from tests.test_app import ECHO, TOKENS, app_file, app_of

HEADER = "class App(cogfal.App):"


Serve = Callable[..., LocalRun]


def project_of(folder: Path, body: str, predictor: str = ECHO) -> Path:
    """Write an App that has `body` beside its predictor."""
    imports = "import fal\nimport fastapi\nfrom fastapi import WebSocket\n"
    text = imports + app_file(f'predictor = "predict.py:Predictor"\n{body}', HEADER)
    return write_project(folder, predict_py=predictor, app_py=text)


def build(folder: Path, body: str) -> Any:
    """Make that App."""
    return app_of(project_of(folder, body))


@pytest.mark.parametrize("name", ["stream", "train", "cancel", "predict"])
def test_an_endpoint_of_a_taken_name_is_refused(tmp_path: Path, name: str) -> None:
    """It would silently remove cogfal's own; the error says which names are taken."""
    body = f'@fal.endpoint("/mine")\ndef {name}(self) -> dict:\n    return {{}}'

    with pytest.raises(SettingError, match=rf"app\.py:\d+: {name} .*taken are .*train") as raised:
        build(tmp_path, body)

    assert "cancel_stream" in str(raised.value)


@pytest.mark.parametrize("path", ["/", "/cancel", "/train", "/predictions", "/health-check"])
def test_an_endpoint_of_a_taken_path_is_refused(tmp_path: Path, path: str) -> None:
    """Only one of the two would answer."""
    body = f'@fal.endpoint("{path}")\ndef mine(self) -> dict:\n    return {{}}'

    with pytest.raises(SettingError, match=rf"mine has the path {path}, which cogfal serves"):
        build(tmp_path, body)


@pytest.mark.parametrize("line", ["project = 'x'", "serving = None", "source = 3"])
def test_an_attribute_of_a_taken_name_is_refused(tmp_path: Path, line: str) -> None:
    """The class would work no more."""
    with pytest.raises(SettingError, match="an attribute would take its place"):
        build(tmp_path, line)


def test_a_second_health_check_says_what_to_override(tmp_path: Path) -> None:
    """Fal takes one, and cogfal has it."""
    body = (
        '@fal.endpoint("/alive", health_check=fal.HealthCheck())\n'
        "def alive(self) -> dict:\n    return {}"
    )

    with pytest.raises(SettingError, match=r"alive is a second health check.*name it check_health"):
        build(tmp_path, body)


def test_the_health_check_can_be_overridden(serve: Serve, tmp_path: Path) -> None:
    """It stays fal's health check whether its path is written again or not."""
    body = (
        "async def check_health(self):\n"
        "    answer = await super().check_health()\n"
        '    answer.headers["x-mine"] = "yes"\n'
        "    return answer"
    )

    app = build(tmp_path, body)
    answer = httpx.post(serve("app.py::App", cwd=tmp_path).url + "/health")

    assert app.host_kwargs["health_check_config"].path == "/health"
    assert (answer.status_code, answer.headers["x-mine"]) == (200, "yes")


def test_further_endpoints_are_in_the_order_of_paths(tmp_path: Path) -> None:
    """Fal's pages show what stands there."""
    body = '@fal.endpoint("/about")\ndef about(self) -> dict:\n    return {}'

    order = build(tmp_path, body).build_metadata()["openapi"]["x-fal-order-paths"]

    assert order[0] == "/"
    assert "/about" in order


def test_an_endpoint_of_ones_own_runs_the_predictor(serve: Serve, tmp_path: Path) -> None:
    """It gets what `/` answers."""
    body = (
        '@fal.endpoint("/twice")\n'
        "async def twice(self, text: str = fastapi.Body()) -> dict:\n"
        '    once = await self.run_predictor({"text": text})\n'
        '    return await self.run_predictor({"text": once["output"] * 2})'
    )

    url = serve("app.py::App", cwd=project_of(tmp_path, body)).url
    answer = httpx.post(f"{url}/twice", json="ab")

    assert answer.json() == {"output": "abab"}


def test_an_endpoint_of_ones_own_hands_its_request_on(serve: Serve, tmp_path: Path) -> None:
    """Each of cogfal's own answers as under its own path."""
    body = (
        'trainer = "predict.py:train"\n'
        '@fal.endpoint("/forward/{name}")\n'
        "async def forward(self, request: fastapi.Request, name: str):\n"
        "    return await getattr(self, name)(request)"
    )
    training = f"{textwrap.dedent(TOKENS)}\ndef train(text: str) -> str:\n    return text[::-1]\n"
    url = serve("app.py::App", cwd=project_of(tmp_path, body, training)).url
    text = {"text": "ab c"}

    told = {
        name: httpx.post(f"{url}/forward/{name}", json=text)
        for name in ("predict", "stream", "train", "cancel", "cancel_stream", "cancel_training")
    }

    assert told["predict"].json() == httpx.post(url, json=text).json()
    assert told["stream"].text == httpx.post(f"{url}/stream", json=text).text
    assert told["train"].json() == {"output": "c ba"}
    assert [told[name].status_code for name in told if "cancel" in name] == [404, 404, 404]


def test_websocket_and_realtime_endpoints_share_the_predictor(serve: Serve, tmp_path: Path) -> None:
    """Messages are answered one by one, beside the endpoints for requests."""
    body = (
        '@fal.endpoint("/talk", is_websocket=True)\n'
        "async def talk(self, websocket: WebSocket) -> None:\n"
        "    await websocket.accept()\n"
        "    async for text in websocket.iter_text():\n"
        '        await websocket.send_json(await self.run_predictor({"text": text}))\n\n'
        '@fal.realtime("/realtime")\n'
        "async def realtime(self, request: dict) -> dict:\n"
        "    return await self.run_predictor(request)"
    )
    url = serve("app.py::App", cwd=project_of(tmp_path, body)).url

    with connect(url.replace("http", "ws") + "/talk") as talk:
        talk.send("hello")
        spoken = json.loads(talk.recv())
    with connect(url.replace("http", "ws") + "/realtime") as channel:
        channel.send(msgpack.packb({"text": "hi"}))
        played = msgpack.unpackb(channel.recv())
    document = httpx.get(f"{url}/openapi.json").json()

    assert spoken == {"output": "hello"}
    assert played["output"] == "hi"
    assert "x-fal-protocol" in document["paths"]["/realtime"]


def test_fals_own_client_of_apps_gets_the_answer(serve: Serve, tmp_path: Path) -> None:
    """`AppClient` calls an endpoint by its name and returns what it answers."""
    app = app_of(write_project(tmp_path, predict_py=ECHO))
    client = AppClient(app, serve("app.py::App", cwd=tmp_path).url)

    answer = client.predict({"text": "hi"})  # type: ignore[attr-defined]  # made at run time

    assert answer == {"output": "hi"}


@pytest.mark.parametrize("spelling", ["def", "async def"])
def test_setup_may_be_overridden_in_either_spelling(
    serve: Serve, tmp_path: Path, spelling: str
) -> None:
    """`super().setup()` has brought the predictor up when it returns."""
    call = "await super()" if spelling == "async def" else "super()"
    body = f'{spelling} setup(self):\n    {call}.setup()\n    print("the app\'s")'
    source = ECHO + '\n        def setup(self) -> None:\n            print("the author\'s")\n'

    process = serve("app.py::App", cwd=project_of(tmp_path, body, source))
    answer = httpx.post(process.url, json={"text": "hi"})

    assert answer.json() == {"output": "hi"}
    said = [line for line in process.output.splitlines() if line.startswith("the ")]
    assert said == ["the author's", "the app's"]


def test_a_setup_that_fails_fails_in_an_override_too(serve: Serve, tmp_path: Path) -> None:
    """The author of the App sees the exception where the call stands."""
    body = (
        "def setup(self):\n"
        "    try:\n"
        "        super().setup()\n"
        "    except Exception as error:\n"
        "        raise RuntimeError('seen in the app') from error"
    )
    source = ECHO + "\n        def setup(self) -> None:\n            raise ValueError('no')\n"

    process = serve("app.py::App", cwd=project_of(tmp_path, body, source))
    status = process.wait()

    assert status != 0
    assert "seen in the app" in process.output


@pytest.mark.parametrize(
    "body",
    [
        'def teardown(self):\n    print("the app\'s")',
        'async def teardown(self):\n    print("the app\'s")',
        'def teardown(self):\n    print("the app\'s")\n    super().teardown()',
        'async def teardown(self):\n    print("the app\'s")\n    await super().teardown()',
        'def teardown(self):\n    print("the app\'s")\n    raise RuntimeError("no")',
    ],
    ids=["alone", "alone, async", "calling", "calling, async", "raising"],
)
def test_the_authors_teardown_runs_after_the_apps(serve: Serve, tmp_path: Path, body: str) -> None:
    """Once, whether the App's own calls it, forgets to, or raises."""
    source = ECHO + '\n        def teardown(self) -> None:\n            print("the author\'s")\n'
    process = serve("app.py::App", cwd=project_of(tmp_path, body, source))
    assert httpx.post(process.url, json={"text": "a"}).status_code == 200

    process.stop()

    said = [line for line in process.output.splitlines() if line.startswith("the ")]
    assert said == ["the app's", "the author's"]
