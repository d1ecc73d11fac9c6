"""Requests that are meant to hurt, and readers that are slow."""

from __future__ import annotations

import asyncio
import json
import socket
import ssl
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
import trustme
from starlette.requests import Request
from starlette.types import Message

from cogfal.concurrency import TURNS
from cogfal.gateway import Limits, application
from cogfal.gateway.call import GatewayCall
from cogfal.gateway.callers import Caller, by_fal_key
from cogfal.gateway.catalogue import FalApp, Kind, Version
from cogfal.gateway.cog_client import CogAnswer, CogClient
from cogfal.gateway.fal_queue import FalQueue
from cogfal.server.caller import Bodies
from cogfal.spec import JSON
from tests.gateway.inside import NOWHERE, asked
from tests.http_server import QuietServer, running
from tests.waiting import until
from tests.watchdog import watched

LONG = "x" * 10_000
NAMES = ["%2e%2e", "..%2f..%2fetc", "a%2fb", "%00", LONG, "me%0d%0ax", "%ff", "*"]
PATHS = ["predictions/{}", "trainings/{}", "files/{}", "files/{}/download", "streams/{}"]
MODELS = ["models/{}/model", "models/me/{}", "models/me/model/versions/{}", "deployments/me/{}"]


@pytest.mark.parametrize("name", NAMES, ids=range(len(NAMES)))
def test_strange_ids_and_names_are_not_found(name: str) -> None:
    """With dots, slashes, control characters or 10 kB, wherever an address has a name."""

    async def ask(client: httpx.AsyncClient) -> set[int]:
        found = [await client.get(f"/v1/{path.format(name)}") for path in [*PATHS, *MODELS]]
        found += [await client.post(f"/v1/predictions/{name}/cancel")]
        found += [await client.post(f"/v1/models/{name}/x/predictions", json={"input": {}})]
        found += [await client.delete(f"/v1/files/{name}")]
        return {answer.status_code for answer in found}

    assert asked(ask) <= {404, 405}


BODIES: list[tuple[bytes, int]] = [
    (b"", 400),
    (b"{", 400),
    (b"[]", 422),
    (b"null", 422),
    (b'"text"', 422),
    (b"{}", 422),
    (b'{"input": []}', 422),
    (b'{"input": {}, "version": 7}', 422),
    (b'{"input": {}, "version": "x", "webhook": {}}', 422),
    (b'{"input": {}, "version": "x", "webhook_events_filter": ["never"]}', 422),
    (b'{"input": {}, "version": "%s"}' % LONG.encode(), 422),
    (b'{"input": {}, "version": "../../me/model"}', 422),
    (b'{"input": {}, "input": {}}', 400),
    (b'{"input": {"a": NaN}}', 400),
    (b"[" * 100_000, 400),
    (b'{"input": {"a": "\xff"}}', 400),
    (b'{"input": {"a": "\\ud800"}}', 400),
]


@pytest.mark.parametrize(("body", "status"), BODIES, ids=range(len(BODIES)))
def test_bodies_that_do_not_fit_are_refused(body: bytes, status: int) -> None:
    """In the form of all refusals."""

    async def ask(client: httpx.AsyncClient) -> httpx.Response:
        return await client.post("/v1/predictions", content=body)

    answer = asked(ask)

    assert answer.status_code == status, answer.text
    assert answer.json()["status"] == status
    assert len(answer.text) < 20_000


def test_bodies_are_as_large_as_allowed_and_no_larger() -> None:
    """A request's and a file's."""
    limits = Limits(body=1000, file=1000)

    async def ask(client: httpx.AsyncClient) -> list[int]:
        whole = {"input": {"a": "x" * 2000}}
        large = await client.post("/v1/models/me/model/predictions", json=whole)
        file = await client.post("/v1/files", files={"content": b"x" * 1001})
        huge = await client.post("/v1/files", files={"content": b"x" * 400_000})
        fits = await client.post("/v1/files", files={"content": b"x" * 1000})
        return [each.status_code for each in (large, file, huge, fits)]

    assert asked(ask, application(NOWHERE, limits=limits)) == [413, 413, 413, 201]


def test_what_was_sent_is_given_back_whatever_became_of_it() -> None:
    """A gateway that holds four large bodies takes any number of them after one another."""
    limits = Limits(body=200_000)

    async def ask(client: httpx.AsyncClient) -> list[int]:
        values = {"input": {"a": "x" * 190_000}}
        path = "/v1/models/me/model/predictions"
        sent = [await client.post(path, json=values) for _ in range(5)]
        sent += [await client.post("/v1/models/me/other/predictions", json=values)]
        sent += [await client.post(path, content=b"x" * 190_000) for _ in range(2)]
        sent += [await client.post(path, json=values)]
        return [each.status_code for each in sent]

    found = asked(ask, application(NOWHERE, limits=limits))

    assert found == [*[201] * 5, 404, 400, 400, 201]


def test_nothing_large_is_decoded_any_more_when_the_gateway_ends() -> None:
    """Whoever sent it is told to come again."""
    gateway = application(NOWHERE)

    async def ask(client: httpx.AsyncClient) -> httpx.Response:
        path, body = "/v1/models/me/model/predictions", {"input": {"a": "x" * 1_000_000}}
        with TURNS.one():  # so that it waits for its turn
            sending = asyncio.ensure_future(client.post(path, json=body))
            assert await asyncio.to_thread(until, lambda: TURNS.waiting)
            await gateway.aclose()
        return await sending

    answer = asked(ask, gateway)

    assert (answer.status_code, answer.json()["detail"]) == (503, "the app is ending")


FORMS: list[tuple[dict[str, Any], int]] = [
    ({"json": {}}, 415),
    ({"files": {"other": b"x"}}, 422),
    ({"data": {"content": "text"}, "files": {"metadata": b"{}"}}, 422),
    ({"files": {"content": b"x", "metadata": b"{"}}, 422),
    ({"files": {"content": b"x", "metadata": b"[]"}}, 422),
    ({"files": {"content": b"x", "metadata": b"[" * 50_000}}, 422),
    ({"files": {"content": b"x", "metadata": b"{}" + b" " * 70_000}}, 422),
    ({"files": [("content", b"x")] * 3}, 422),
    ({"content": b"--x", "headers": {"Content-Type": "multipart/form-data"}}, 422),
]


@pytest.mark.parametrize(("form", "status"), FORMS, ids=range(len(FORMS)))
def test_forms_that_hold_no_file_are_refused(form: dict[str, Any], status: int) -> None:
    """And nothing is kept of them."""

    async def ask(client: httpx.AsyncClient) -> tuple[int, Any]:
        answer = await client.post("/v1/files", **form)
        return answer.status_code, (await client.get("/v1/files")).json()["results"]

    assert asked(ask) == (status, [])


def test_a_file_becomes_neither_a_path_nor_a_page() -> None:
    """Its name is made safe, and its bytes are an attachment that nobody interprets."""
    name = '../../etc/"passwd\r\nX-Evil: 1.html'

    async def ask(client: httpx.AsyncClient) -> tuple[Any, httpx.Response, int]:
        files = {"content": (name, b"<script>", "text/html")}
        kept = (await client.post("/v1/files", files=files)).json()
        page = await client.get(kept["urls"]["get"])
        unsigned = await client.get(kept["urls"]["get"].partition("?")[0])
        return kept, page, unsigned.status_code

    kept, page, unsigned = asked(ask)

    assert "/" not in kept["name"]
    assert page.content == b"<script>"
    assert page.headers["content-disposition"].startswith("attachment")
    assert page.headers["x-content-type-options"] == "nosniff"
    assert "x-evil" not in page.headers
    assert unsigned == 404


def test_files_take_no_more_room_than_there_is() -> None:
    """And a deleted one gives its room back."""
    limits = Limits(file=1000, files=1500)

    async def ask(client: httpx.AsyncClient) -> list[int]:
        sent = {"content": b"x" * 1000}
        first = await client.post("/v1/files", files=sent)
        second = await client.post("/v1/files", files=sent)
        await client.delete(f"/v1/files/{first.json()['id']}")
        third = await client.post("/v1/files", files=sent)
        return [each.status_code for each in (first, second, third)]

    assert asked(ask, application(NOWHERE, limits=limits)) == [201, 507, 201]


def test_the_file_of_somebody_else_is_no_input() -> None:
    """Knowing its address does not help: to another caller's app it stays an address."""

    async def ask(client: httpx.AsyncClient) -> list[Any]:
        kept = (
            await client.post(
                "/v1/files", files={"content": b"mine"}, headers={"Authorization": "Bearer alice"}
            )
        ).json()
        callers = [
            await by_fal_key(needed=False)(Request({"type": "http", "headers": [header]}))
            for header in ((b"authorization", b"Bearer alice"), (b"authorization", b"Bearer bob"))
        ]
        files = app._gateway.files
        value = {"deep": [kept["urls"]["get"], "text"]}
        return [kept["urls"]["get"], *[await files.resolved(value, who) for who in callers if who]]

    app = application(NOWHERE)

    url, own, other = asked(ask, app)

    assert own == {"deep": ["data:application/octet-stream;base64,bWluZQ==", "text"]}
    assert other == {"deep": [url, "text"]}


def test_a_reader_who_does_not_read_holds_nobody_up() -> None:
    """A stream that nobody reads on takes nothing from the call or from other readers."""

    async def ask(client: httpx.AsyncClient) -> str:
        body: dict[str, Any] = {"input": {}}
        begun = (await client.post("/v1/models/me/model/predictions", json=body)).json()
        path = begun["urls"]["stream"].removeprefix("http://gateway.invalid")
        stuck = asyncio.ensure_future(_never_reads(app, path))
        stream = await client.get(path)
        stuck.cancel()
        return stream.text

    app = application(NOWHERE)

    text = asked(ask, app)

    assert "event: error\n" in text
    assert text.endswith('data: {"reason": "error"}\n\n')


async def _never_reads(app: Any, path: str) -> None:
    async def receive() -> Message:
        await asyncio.Event().wait()
        raise AssertionError

    async def send(message: Message) -> None:
        await asyncio.Event().wait()

    scope = {
        "type": "http",
        "method": "GET",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": [],
        "http_version": "1.1",
        "scheme": "http",
        "server": ("gateway.invalid", 80),
        "root_path": "",
    }
    await app(scope, receive, send)


class _ManyNumbers(BaseHTTPRequestHandler):
    """An app that answers each prediction with a list of half a million numbers."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        streamed = self.headers["Accept"] == "text/event-stream"
        body = json.dumps({"status": "succeeded", "output": [7] * 500_000}).encode()
        self.send_response(406 if streamed else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        """Keep quiet."""


def test_a_large_answer_holds_nobody_up() -> None:
    """It is decoded on a thread, told as one event, and written in slices."""

    async def ask(client: httpx.AsyncClient) -> JSON:
        path = "/v1/models/me/model/predictions"
        given = {"input": {"values": [7] * 500_000}}
        begun = (await client.post(path, json=given)).json()
        stream = await client.get(begun["urls"]["stream"].removeprefix(str(client.base_url)))
        assert stream.text.endswith("event: done\nid: 3\ndata: {}\n\n")
        return (await client.get(f"/v1/predictions/{begun['id']}")).json()["output"]

    server = QuietServer(("127.0.0.1", 0), _ManyNumbers)
    with running(server):
        app = application({"me/model": f"http://127.0.0.1:{server.server_port}"})
        with watched() as long_steps:
            output = asked(ask, app)

    assert output == [7] * 500_000
    assert long_steps == []


class _NumbersOnTheQueue(_ManyNumbers):
    """A queue on which every call has ended, with a list of half a million numbers."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self._answer({"request_id": "1"})

    def do_GET(self) -> None:
        over = {"status": "COMPLETED", "logs": None}
        ended = {"status": "succeeded", "output": [7] * 500_000}
        self._answer(over if "/status" in self.path else ended)

    def _answer(self, value: JSON) -> None:
        body = json.dumps(value).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class _QueueHere(FalApp):
    """An app whose queue is on this machine."""

    @property
    def queue_url(self) -> str:
        return self.name


def test_large_values_on_the_queue_hold_nobody_up() -> None:
    """Inputs on their way there and the result on its way back are coded in steps."""

    async def run(url: str) -> JSON:
        client = CogClient(2**30, Bodies(2**30))
        version = Version("me/model", "1", _QueueHere(url))
        caller = Caller("alice", "key", b"alice", shared=False)
        call = GatewayCall(Kind.PREDICTION, version, caller, base="", stream=0)
        queue = FalQueue(client)
        await queue.put(call, {"values": [7] * 500_000})
        state = await queue.look(call)
        await client.aclose()
        return state.output

    server = QuietServer(("127.0.0.1", 0), _NumbersOnTheQueue)
    with running(server), watched() as long_steps:
        output = asyncio.run(run(f"http://127.0.0.1:{server.server_port}"))

    assert output == [7] * 500_000
    assert long_steps == []


def test_a_connection_that_breaks_before_anything_is_sent_is_made_again(tmp_path: Path) -> None:
    """An address whose machine is replaced answers the next one."""
    authority, trusted = trustme.CA(), tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(trusted)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)

    def serve(listener: socket.socket) -> None:
        listener.accept()[0].close()
        with context.wrap_socket(listener.accept()[0], server_side=True) as connection:
            assert b"POST /predictions" in connection.recv(65536)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")

    async def ask(url: str) -> CogAnswer:
        client = CogClient(1000, Bodies(1000))
        try:
            return await client.send("POST", url)
        finally:
            await client.aclose()

    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        ThreadPoolExecutor(1) as beside,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setenv("SSL_CERT_FILE", str(trusted))
        served = beside.submit(serve, listener)
        try:
            answer = asyncio.run(ask(f"https://localhost:{listener.getsockname()[1]}/predictions"))
        finally:
            listener.shutdown(socket.SHUT_RDWR)  # which ends a wait that nobody comes for
        served.result()

    assert (answer.status, answer.body) == (200, {})


class _SaysAnything(BaseHTTPRequestHandler):
    """An app that answers a prediction with the text of its input, as a stream or not."""

    def do_POST(self) -> None:
        sent = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        wants, text = self.headers["Accept"] == "text/event-stream", sent["input"]["text"]
        refused = wants and not text.startswith("data:")
        self.send_response(406 if refused else 200)
        self.send_header("Content-Type", "text/event-stream" if wants else "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *args: object) -> None:
        """Keep quiet."""


DEEP: Final = f'{{"output": {"[" * 200}{"]" * 200}}}'


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("<html>", "Invalid JSON: Expecting value"),
        ('{"output": NaN}', "Invalid JSON: NaN"),
        ('{"output": {"a": 1, "a": 2}}', "'a' is given twice"),
        (DEEP, "nested"),
        ("[]", "what the app answered is no JSON object"),
        (f"data: {DEEP}\n\n", "nested"),
    ],
)
def test_an_answer_that_cannot_be_read_says_why(text: str, reason: str) -> None:
    """And not that the app has answered with status 200."""

    async def ask(client: httpx.AsyncClient) -> str:
        given = {"input": {"text": text}}
        wait = {"Prefer": "wait"}
        path = "/v1/models/me/model/predictions"
        return str((await client.post(path, json=given, headers=wait)).json()["error"])

    server = QuietServer(("127.0.0.1", 0), _SaysAnything)
    with running(server):
        error = asked(ask, application({"me/model": f"http://127.0.0.1:{server.server_port}"}))

    assert reason in error


def test_too_many_predictions_are_refused_while_others_wait() -> None:
    """With the bound, and when to try again; what is remembered stays within its bound."""
    limits = Limits(waiting=0)

    async def ask(client: httpx.AsyncClient) -> httpx.Response:
        path = "/v1/models/me/model/predictions"
        return await client.post(path, json={"input": {}})

    answer = asked(ask, application(NOWHERE, limits=limits))

    assert (answer.status_code, answer.headers["retry-after"]) == (429, "5")
    assert json.loads(answer.text)["title"] == "Too many predictions"


@pytest.mark.parametrize("host", ["x:abc", "user:secret@x", "a/b", "x" * 300])
def test_a_host_that_is_none_is_not_repeated(host: str) -> None:
    """Addresses in answers are made of it only where it can be one, and nothing breaks."""

    async def ask(client: httpx.AsyncClient) -> httpx.Response:
        body: dict[str, Any] = {"input": {}}
        path = "/v1/models/me/model/predictions"
        return await client.post(path, json=body, headers={"Host": host})

    answer = asked(ask)

    assert answer.status_code == 201
    assert answer.json()["urls"]["get"].startswith(("http://x:abc/v1/", "http://localhost/v1/"))


@pytest.mark.parametrize("path", ["hardware", "collections", "models/x", "nothing"])
def test_what_is_not_here_says_why(path: str) -> None:
    """Hardware, billing, collections and search are fal's."""

    async def ask(client: httpx.AsyncClient) -> httpx.Response:
        return await client.get(f"/v1/{path}")

    answer = asked(ask)

    assert answer.status_code == 404
    assert "Hardware, billing, collections and search" in answer.json()["detail"]
