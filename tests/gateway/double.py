"""fal's queue, direct calls and CDN on one loopback port with TLS, after fal's documentation.

Statuses, answers and error types are as fal documents them; the real queue was not asked. Each look
at a request brings it one step further through what its input's `do` says.
"""

from __future__ import annotations

import asyncio
import base64
import json
import uuid
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Route

from tests.client.cloud import REFUSAL, Cloud

KEYS = ("Key alice:secret-key", "Key bob:secret-key", "Key gateway:secret-key")
SCHEMA = {
    "openapi": "3.0.2",
    "paths": {"/predictions": {}},
    "components": {
        "schemas": {
            "Input": {"type": "object", "properties": {"text": {"type": "string"}}},
            "Output": {
                "type": "array",
                "items": {"type": "string"},
                "x-cog-array-type": "iterator",
                "x-cog-array-display": "concatenate",
            },
        }
    },
}
WORDS = ["one ", "two\nlines ", "three"]
QUEUED = {"status": "IN_QUEUE", "queue_position": 3}
STEPS: dict[str, list[str]] = {
    "wait": ["IN_QUEUE"],
    "hold": ["IN_PROGRESS"],
    "retry": ["IN_QUEUE", "IN_PROGRESS", "IN_QUEUE", "IN_PROGRESS", "COMPLETED"],
}
"""What a request goes through, a step for each look; the last one stays."""

NOT_TAKEN: dict[str, Callable[[], Response]] = {
    "penniless": lambda: JSONResponse({"detail": "Exhausted balance"}, 402),
    "unfit": lambda: JSONResponse(REFUSAL, 422),
    "broken": lambda: JSONResponse({"detail": "out of order"}, 500),
    "hasty": lambda: JSONResponse({"detail": "Too many requests"}, 429),
    "closed": lambda: Response("<center>nginx</center>", 503),
    "unread": lambda: Response("queued"),
    "nameless": lambda: JSONResponse(
        dict.fromkeys(("request_id", "response_url", "status_url", "cancel_url"), "")
    ),
}
"""How fal answers instead of putting a request on the queue."""

RESULTS: dict[str, Callable[[], Response]] = {
    "refuse": lambda: JSONResponse(REFUSAL, 422),
    "crash": lambda: JSONResponse({"detail": "it crashed"}, 500),
    "garble": lambda: Response("no JSON"),
    "list": lambda: JSONResponse(["one"]),
    "overload": lambda: JSONResponse({}, 503),
    "vanish": lambda: JSONResponse({"detail": "Request not found"}, 404),
}
"""What comes of a request, where it is no prediction in Cog's form."""

INGRESS = "<html><center><h1>Unavailable</h1></center><hr><center>nginx</center></html>"
TROUBLE: dict[str, Callable[[], Response]] = {
    "limit": lambda: JSONResponse({"detail": "Too many requests"}, 429),
    "lose": lambda: Response(INGRESS, 503),
    "mute": lambda: Response(INGRESS, 502),
}
"""How fal, or what stands before it, answers once to who asks where a request stands."""


@dataclass
class Asked:
    """A request on the queue."""

    app: str
    path: str
    key: str
    input: dict[str, Any]
    looks: int = 0
    troubled: set[str] = field(default_factory=set)
    cancelled: bool = False
    released: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def do(self) -> str:
        """What it is to go through."""
        return str(self.input.get("do", "echo"))

    def trouble(self, place: str) -> Response | None:
        """Return what is answered in its place at the first look at its status, or its result."""
        do, _, where = self.do.partition("-")
        if do not in TROUBLE or where != place or place in self.troubled:
            return None
        self.troubled.add(place)
        return TROUBLE[do]()

    @property
    def status(self) -> str:
        """Where it stands."""
        if self.cancelled or self.released.is_set():
            return "COMPLETED"
        steps = STEPS.get(self.do, ["IN_QUEUE", "IN_PROGRESS", "COMPLETED"])
        return steps[min(max(self.looks - 1, 0), len(steps) - 1)]


class FalCloud(Cloud):
    """fal, with what it was asked; `strays` are requests to addresses that only answers name.

    `direct` lists the apps that were called without the queue, `base` is where it is served.
    """

    def __init__(self) -> None:
        super().__init__()
        self.asked: dict[str, Asked] = {}
        self.strays: list[str] = []
        self.direct: list[str] = []
        self.base = ""
        one = "/{owner}/{name}/requests/{id}"
        self.app = Starlette(
            routes=[
                Route("/storage/auth/token", self.token, methods=["POST"]),
                Route("/files/upload", self.upload, methods=["POST"]),
                Route("/files/{name}", self.file),
                Route("/stray/{path:path}", self.stray, methods=["GET", "POST", "PUT"]),
                Route("/me/moved/predictions", self.moved, methods=["POST"]),
                Route("/{owner}/{name}/openapi.json", self.document),
                Route(one, self.result),
                Route(f"{one}/status", self.status),
                Route(f"{one}/cancel", self.cancel, methods=["PUT"]),
                Route("/{owner}/{name}/stream", self.stream, methods=["POST"]),
                Route("/{owner}/{name}/{path}", self.submit, methods=["POST"]),
            ]
        )

    async def token(self, request: Request) -> Response:
        """Hand out a token for uploads, whose address is not fal's."""
        assert request.headers["authorization"] in KEYS
        expiry = "2099-01-01T00:00:00+00:00"
        base = f"{request.base_url}stray"
        return JSONResponse(
            {"token": "t", "token_type": "Bearer", "base_url": base, "expires_at": expiry}
        )

    async def file(self, request: Request) -> Response:
        """Answer with a kept file; Replicate's client shows its token, and nobody a key."""
        assert not request.headers.get("authorization", "").startswith("Key")
        return Response(self.uploads[request.path_params["name"]])

    async def stray(self, request: Request) -> Response:
        """Note somebody who followed an address that an answer named."""
        self.strays.append(request.url.path)
        return JSONResponse({})

    async def moved(self, request: Request) -> Response:
        """Redirect."""
        return RedirectResponse(f"{request.base_url}stray/moved", 307)

    async def submit(self, request: Request) -> Response:
        """Queue a call, or begin a stream of events."""
        key = request.headers.get("authorization", "")
        if key not in KEYS:
            return JSONResponse({"detail": "Invalid key"}, 401)
        app = "{owner}/{name}".format(**request.path_params)
        if app == "me/absent":
            return JSONResponse({"detail": "Application not found"}, 404)
        values = (await request.json())["input"]
        if "event-stream" in request.headers.get("accept", ""):
            return self._events(app, values)
        if refused := NOT_TAKEN.get(values.get("do", "")):
            return refused()
        self.base = str(request.base_url)
        name = str(uuid.uuid4())
        self.asked[name] = Asked(app, request.path_params["path"], key, values)
        url = f"{request.base_url}stray/{name}"
        return JSONResponse(
            {
                "request_id": name,
                "response_url": url,
                "status_url": f"{url}/status",
                "cancel_url": f"{url}/cancel",
                "queue_position": 3,
            }
        )

    def _find(self, request: Request) -> Asked | None:
        asked = self.asked.get(request.path_params["id"])
        right = asked is not None and asked.key == request.headers.get("authorization")
        return asked if right else None

    async def status(self, request: Request) -> Response:
        """Say where a request stands, one step further than at the look before."""
        asked = self._find(request)
        if asked is None:
            return JSONResponse({"detail": "Request not found"}, 404)
        if asked.do == "revoke":
            return JSONResponse({"detail": "Key was revoked"}, 403)
        if trouble := asked.trouble("status"):
            return trouble
        asked.looks += 1
        logs = [{"message": f"working on {asked.do}", "level": "STDOUT"}]
        match asked.status:
            case "IN_QUEUE":
                return JSONResponse({**QUEUED, "logs": None})
            case "IN_PROGRESS":
                return JSONResponse({"status": "IN_PROGRESS", "logs": logs})
            case _:
                body = {"status": "COMPLETED", "logs": logs, "metrics": {"inference_time": 0.5}}
                if asked.cancelled:
                    body |= {"error": "cancelled", "error_type": "client_cancelled"}
                elif asked.do == "crash":
                    body |= {"error": "it crashed", "error_type": "runner_server_error"}
                return JSONResponse(body)

    async def result(self, request: Request) -> Response:
        """Answer with what the app answered: a whole prediction, as its Cog door gives it."""
        asked = self._find(request)
        if asked is None:
            return JSONResponse({"detail": "Request not found"}, 404)
        if asked.cancelled:
            gone = {"detail": "Request was cancelled", "error_type": "client_cancelled"}
            return JSONResponse(gone, 499)
        if other := asked.trouble("result"):
            return other
        if made := RESULTS.get(asked.do):
            return made()
        if asked.do == "fail":
            return JSONResponse(prediction("failed", asked, error="it broke"))
        output = self._made(asked, str(request.base_url))
        return JSONResponse(prediction("succeeded", asked, output=output))

    def _made(self, asked: Asked, base: str) -> Any:
        if asked.path == "trainings":
            return 2 * asked.input["steps"]
        match asked.do:
            case "paint":
                self.uploads["made.png"] = b"picture"
                return f"{base}files/made.png"
            case "paint-two":
                self.uploads["made.png"] = b"picture"
                return [f"{base}files/made.png", f"{base}files/made.png"]
            case "read":
                return self._read(asked.input["file"])
            case "words":
                return WORDS
            case _:
                return asked.input.get("text", "nothing")

    def _read(self, url: str) -> str:
        if url.startswith("data:"):
            return base64.b64decode(url.partition(",")[2]).decode()
        return self.uploads[url.rsplit("/", 1)[-1]].decode()

    async def cancel(self, request: Request) -> Response:
        """Cancel a request, unless it is over."""
        asked = self._find(request)
        if asked is None:
            return JSONResponse({"status": "NOT_FOUND"}, 404)
        if asked.do == "finish":  # between the look before and this
            asked.released.set()
        if asked.status == "COMPLETED":
            return JSONResponse({"status": "ALREADY_COMPLETED"}, 400)
        asked.cancelled = True
        return JSONResponse({"status": "CANCELLATION_REQUESTED"}, 202)

    async def document(self, request: Request) -> Response:
        """Describe the app, to whoever has a key."""
        if request.headers.get("authorization") not in KEYS:
            return JSONResponse({"detail": "Invalid key"}, 401)
        return JSONResponse(SCHEMA)

    def _events(self, app: str, values: dict[str, Any]) -> Response:
        self.direct.append(app)
        if app != "me/streams":
            return JSONResponse({"error": "no events"}, 406)
        return StreamingResponse(_cogs_events(values), media_type="text/event-stream")

    async def stream(self, request: Request) -> Response:
        """Answer piece by piece, as fal's stream of an iterator; others have none."""
        if request.path_params["name"] != "pieces":
            return JSONResponse({"detail": "Path /stream not found"}, 404)
        match (await request.json()).get("do"):
            case "refuse":
                return JSONResponse(REFUSAL, 422)
            case "full":
                return JSONResponse({"detail": "no place"}, 503)
            case "fail":
                events = _several(_data({"output": "a", "index": 0}), _data({"error": "it broke"}))
            case "spoil":
                return JSONResponse({"detail": "it broke"}, 500)
            case "garble":
                events = _several(_data({"output": "a", "index": 0}), b"data: {output}\n\n")
            case _:
                events = _pieces()
        return StreamingResponse(events, media_type="text/event-stream")


def prediction(status: str, asked: Asked, **more: Any) -> dict[str, Any]:
    """Return the state of something that has ended, in Cog's form."""
    return {
        "id": "whatever",
        "status": status,
        "logs": f"working on {asked.do}\n",
        "metrics": {"predict_time": 0.5},
        "created_at": "2026-01-01T00:00:00+00:00",
        "started_at": "2026-01-01T00:00:01+00:00",
        "completed_at": "2026-01-01T00:00:02+00:00",
        **more,
    }


async def _cogs_events(values: dict[str, Any]) -> AsyncIterator[bytes]:
    yield _event("start", {"id": "x", "status": "processing"})
    yield _event("log", {"source": "stdout", "data": "working\n"})
    match values.get("do"):
        case "hold":
            await asyncio.Event().wait()
        case "error":
            yield _event("error", {"error": "it broke"})
            return
    pieces = WORDS
    for index, chunk in enumerate(pieces):
        yield _event("output", {"chunk": chunk, "index": index})
    asked = Asked("", "", "", values)
    if values.get("do") == "fail":
        ended = prediction("failed", asked, output=pieces, error="it broke")
    else:
        ended = prediction("succeeded", asked, output=pieces)
    yield _event("completed", {**ended, "logs": "working\n"})


async def _pieces() -> AsyncIterator[bytes]:
    media = {"url": "https://cdn.invalid/1.png", "content_type": "image/png", "file_size": 3}
    yield _data({"log": "not of interest"})
    yield _data({"output": "a", "index": 0})
    yield _data({"output": media, "index": 1})
    yield _data({"output": ["a", media], "completed": True})


async def _several(*events: bytes) -> AsyncIterator[bytes]:
    for event in events:
        yield event


def _event(name: str, value: dict[str, Any]) -> bytes:
    return f"event: {name}\n".encode() + _data(value)


def _data(value: dict[str, Any]) -> bytes:
    return b"data: " + json.dumps(value).encode() + b"\n\n"
