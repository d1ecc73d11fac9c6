"""Cog's HTTP API as cogfal serves it, where there is nothing to compare it with."""

from __future__ import annotations

import asyncio
import json
import signal
import threading
import tracemalloc
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette

from cogfal.schema.core_types import Dialect
from cogfal.schema.validation import Validator
from cogfal.server.caller import HELD_BODIES, Bodies
from cogfal.server.cog_api import CogApi, ServedModel
from cogfal.server.requester import Requester
from cogfal.server.stores import Uploads
from cogfal.server.webhooks import Webhooks, settings_from
from cogfal.settings import EngineSettings
from tests.engine import stage
from tests.server.asking import ASYNC, EVENTS, predict, wait_for_logs
from tests.server.observing import answer, parsed
from tests.server.projects import PLAIN, TRAINING, output_project, write_project
from tests.server.receiver import Receiver
from tests.server.servers import OurCog
from tests.waiting import SOON

SECRETIVE = """
from cog import Input, Path, Secret


def predict(token: Secret, other: Secret = Input(default=None), count: int = 1) -> str:
    import time
    print("begun", flush=True)
    for _ in range(100 * count):
        time.sleep(0.01)
    return "done"
"""

Start = Callable[..., OurCog]


@pytest.fixture
def serve_ours(tmp_path: Path) -> Iterator[Start]:
    """Serve a project: `serve_ours(text, ref, *arguments)`."""
    with ExitStack() as running:

        def started(text: str, ref: str = "predict.py:predict", *arguments: str) -> OurCog:
            server = OurCog(write_project(text, tmp_path / "project"), ref, *arguments)
            running.enter_context(server)
            server.until_health("READY")
            return server

        yield started


def test_files_are_urls_by_default(serve_ours: Start) -> None:
    """Where the App has a store, the answer names files by URL, and they can be had there."""
    ours = serve_ours(output_project("paths"), "predict.py:predict", "--store", "local")

    output = predict(ours).json()["output"]

    assert [url.rpartition("/")[2] for url in output] == ["cogfal-b.txt", "cogfal-a.jpg"]
    assert httpx.get(output[0]).text == "content of b.txt"


def test_a_prefix_that_is_allowed_takes_the_files(serve_ours: Start, hooks: Receiver) -> None:
    """`output_file_prefix` gets a form per file, and the output names the files there."""
    ours = serve_ours(output_project("path"), "predict.py:predict", "--prefix")

    body = {"output_file_prefix": f"{hooks.url}/ok/up/"}
    answered = ours.client.post("/predictions", json=body).json()

    assert answered["output"] == f"{hooks.url}/ok/up/cogfal-a.txt"
    assert hooks.requests[0].headers["Content-Type"].startswith("multipart/form-data")


def test_an_upload_that_fails_fails_the_prediction(serve_ours: Start, hooks: Receiver) -> None:
    """Nothing is half delivered, and the reason is said."""
    upload = ("--upload-url", f"{hooks.url}/refuse")
    ours = serve_ours(output_project("paths"), "predict.py:predict", *upload)

    answered = predict(ours).json()

    assert answered["status"] == "failed"
    assert "upload returned status 400" in answered["error"]
    assert "output" not in answered


def test_secrets_are_never_shown(serve_ours: Start) -> None:
    """Neither in the state of a prediction, nor in a refusal, nor in the server's log."""
    ours = serve_ours(SECRETIVE)
    body = {"input": {"token": "hunter2", "count": 1}}
    ours.client.put("/predictions/s", json=body, headers=ASYNC)
    wait_for_logs(ours, "/predictions/s")

    attached = ours.client.put("/predictions/s", json=body).text
    refused = ours.client.post("/predictions", json={"input": {"token": ["hunter2"]}}).text

    assert '"token":"**********"' in attached
    assert "hunter2" not in attached + refused + ours.output


TWO_AT_ONCE = """
import asyncio, os

from cog import BasePredictor, concurrent


class Predictor(BasePredictor):
    @concurrent(max=2)
    async def predict(self, gate: str) -> str:
        print("here", flush=True)
        while not os.path.exists(gate):
            await asyncio.sleep(0.001)
        return "done"
"""


def test_a_request_that_was_repeated_can_still_be_cancelled(
    serve_ours: Start, tmp_path: Path
) -> None:
    """By the id that both have, once the first of them has ended."""
    ours = serve_ours(TWO_AT_ONCE, "predict.py:Predictor")
    gate, headers = tmp_path / "gate", {"x-fal-request-id": "same"}

    def begin(name: str, gate: Path) -> Future[httpx.Response]:
        body = {"input": {"gate": str(gate)}}
        begun = threads.submit(ours.client.put, f"/predictions/{name}", json=body, headers=headers)
        wait_for_logs(ours, f"/predictions/{name}")
        return begun

    with ThreadPoolExecutor(2) as threads:
        first, second = begin("first", gate), begin("second", tmp_path / "never")
        gate.touch()
        assert first.result().json()["status"] == "succeeded"

        cancelled = ours.client.post("/predictions/cancel", headers=headers)

        # By its own id in any case: nothing else ends it.
        ours.client.post("/predictions/second/cancel")
        assert cancelled.status_code == 200
        assert second.result().json()["status"] == "canceled"


RESTS = """
import os, time

class Predictor:
    def predict(self, text: str) -> int:
        print("here")
        while not os.path.exists("go"):
            time.sleep(0.001)
        return len(text)
"""


@asynccontextmanager
async def asking(root: Path, bodies: Bodies) -> AsyncIterator[httpx.AsyncClient]:
    """Serve `RESTS`, in a process of its own, inside of this one without a socket."""
    settings = EngineSettings(isolate=True)
    async with stage.serving(root, RESTS, settings) as service:
        requester = Requester(allow_private_hosts=False)
        model = ServedModel(service, Validator(service.spec, Dialect.COG), lambda *_: stage.Plain())
        api = CogApi(
            predictor=model,
            document=dict,
            webhooks=Webhooks(requester, settings_from(), print),
            uploads=Uploads(requester),
            bodies=bodies,
        )
        transport = httpx.ASGITransport(Starlette(routes=api.routes()))
        async with httpx.AsyncClient(transport=transport, base_url="http://here.invalid") as client:
            yield client


async def attached(client: httpx.AsyncClient) -> httpx.Response:
    """Attach to the prediction `a` once it has begun to print."""
    while True:
        answered = await client.put("/predictions/a", json={})
        if answered.json().get("logs"):
            return answered
        await asyncio.sleep(0.001)


def test_large_inputs_are_the_predictors_alone(tmp_path: Path) -> None:
    """While it runs the server has none of them, and cannot show them to whoever attaches."""
    size = 20_000_000
    body = json.dumps({"input": {"text": "x" * size}}).encode()

    async def main() -> tuple[int, httpx.Response, httpx.Response]:
        async with asking(tmp_path, Bodies()) as client:
            tracemalloc.start()
            try:
                waiting = asyncio.ensure_future(client.put("/predictions/a", content=body))
                state = await attached(client)
                held, _ = tracemalloc.get_traced_memory()
            finally:
                tracemalloc.stop()
            (tmp_path / "go").touch()
            return held, state, await waiting

    held, state, ended = stage.run(main)

    assert held < size / 10
    assert state.status_code == 202
    assert "input" not in state.json()
    assert ended.json()["output"] == size


def test_attaching_waits_for_no_large_body(tmp_path: Path) -> None:
    """Neither for those that are decoded, nor where the app ends and decodes no more of them."""

    async def main() -> list[tuple[int, object]]:
        bodies, go_on = Bodies(), threading.Event()
        async with asking(tmp_path, bodies) as client:
            body = {"input": {"text": "abc"}}
            await client.put("/predictions/a", json=body, headers=ASYNC)
            turns = [bodies.in_turn(lambda _: go_on.wait(SOON), None) for _ in range(HELD_BODIES)]
            busy = [asyncio.ensure_future(turn) for turn in turns]
            try:
                await asyncio.sleep(0)
                answers = [await client.put("/predictions/a", json=body)]
                bodies.close()
                answers.append(await client.put("/predictions/a", json=body))
                assert not busy[0].done()
            finally:
                go_on.set()
                await asyncio.gather(*busy, return_exceptions=True)
                (tmp_path / "go").touch()
            return [(each.status_code, each.json().get("input")) for each in answers]

    assert stage.run(main) == [(202, {"text": "abc"})] * 2


def test_a_trainer_has_slots_and_ids_of_its_own(serve_ours: Start) -> None:
    """Predictions and trainings run side by side and cannot cancel one another."""
    slow = TRAINING.replace('print("training")', "[time.sleep(0.05) for _ in range(1200)]")
    ours = serve_ours("import time\n" + slow, "predict.py:predict", "--train", "predict.py:train")
    ours.client.put("/trainings/t", json={"input": {"data": "a"}}, headers=ASYNC)

    meanwhile = predict(ours, text="hello")
    across = ours.client.post("/predictions/t/cancel")
    own = ours.client.post("/trainings/t/cancel")
    index = ours.client.get("/").json()

    assert answer(meanwhile)[1]["output"] == "hello"
    assert (across.status_code, own.status_code) == (404, 200)
    assert index["trainings_cancel_url"] == "/trainings/{training_id}/cancel"


def test_shutdown_ends_the_server_where_the_app_allows_it(serve_ours: Start) -> None:
    """`POST /shutdown` is answered first."""
    ours = serve_ours(output_project("integer"), "predict.py:predict", "--allow-shutdown")

    response = ours.client.post("/shutdown")

    assert answer(response) == (200, {})
    assert ours.wait(120) in (0, -signal.SIGTERM)


def test_times_are_told_in_order(serve_ours: Start) -> None:
    """Created, started and completed, in UTC."""
    ours = serve_ours(output_project("integer"))

    body = predict(ours).json()

    moments = [body["created_at"], body["started_at"], body["completed_at"]]
    assert moments == sorted(moments)
    assert all(moment.endswith("+00:00") for moment in moments)


GATED = """
import os, time
from typing import Iterator

from cog import BaseRunner, streaming


class Runner(BaseRunner):
    @streaming
    def run(self, gate: str = "") -> Iterator[str]:
        yield "before"
        while gate and not os.path.exists(gate):
            time.sleep(0.01)
        for number in range(8):
            print(f"printed {number}")
            yield f"piece {number}"
"""


def test_pieces_arrive_while_the_predictor_works(serve_ours: Start, tmp_path: Path) -> None:
    """An output event is sent when its piece is yielded, not at the end."""
    ours = serve_ours(GATED, "predict.py:Runner")
    gate = tmp_path / "gate"
    body = {"input": {"gate": str(gate)}}

    with ours.client.stream("POST", "/predictions", json=body, headers=EVENTS) as response:
        lines = response.iter_lines()
        assert "event: output" in lines  # the predictor waits behind it
        gate.touch()
        later = list(lines)

    assert later.count("event: output") == 8


def test_many_watchers_see_the_same(serve_ours: Start, tmp_path: Path) -> None:
    """Every client that attaches while it runs gets every event."""
    ours = serve_ours(GATED, "predict.py:Runner")
    gate, attached = tmp_path / "gate", threading.Barrier(6)
    body = {"input": {"gate": str(gate)}}
    ours.client.put("/predictions/many", json=body, headers=ASYNC)

    def watch() -> str:
        url = f"{ours.url}/predictions/many"
        with httpx.stream("PUT", url, json={}, headers=EVENTS, timeout=SOON) as response:
            received = response.iter_text()
            first = next(received)
            attached.wait(SOON)
            return first + "".join(received)

    with ThreadPoolExecutor(5) as threads:
        watching = [threads.submit(watch) for _ in range(5)]
        attached.wait(SOON)
        gate.touch()
        seen = [parsed(each.result()) for each in watching]

    assert all(each == seen[0] for each in seen)
    assert [name for name, _ in seen[0]].count("output") == 9


def test_a_private_webhook_is_refused_but_harms_nothing(serve_ours: Start, hooks: Receiver) -> None:
    """The prediction succeeds; the log says why nobody was told."""
    ours = serve_ours(output_project("integer"), "predict.py:predict", "--public-only")

    body = {"webhook": f"{hooks.url}/ok"}
    answered = ours.client.post("/predictions", json=body).json()
    ours.wait_for("not on the public internet")

    assert answered["output"] == 3
    assert hooks.requests == []


ODD_IDS = {"..%2fx": 404, "a%00b": 422, "x" * 257: 422, "%F0%9F%98%80": 422, "a%0Ab": 422}


def test_ids_that_are_no_names_are_refused(serve_ours: Start) -> None:
    """Separators, control characters, emoji and long texts start nothing."""
    ours = serve_ours(output_project("integer"))

    statuses = {
        name: ours.client.put(f"/predictions/{name}", json={}).status_code for name in ODD_IDS
    }

    assert statuses == ODD_IDS


def test_the_document_is_served(serve_ours: Start) -> None:
    """`GET /openapi.json` has Cog's components."""
    ours = serve_ours(PLAIN, "predict.py:Predictor")

    document = ours.client.get("/openapi.json").json()

    assert document["components"]["schemas"]["Input"]["properties"]["count"]["x-order"] == 1
