"""fal's queue, direct calls and CDN on one loopback port with TLS, for the client's tests.

The one app paints, streams, fails or refuses, as its input's `do` says, and echoes what it got.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

REFUSAL = {"detail": [{"loc": ["body", "steps"], "msg": "Input should be at least 1", "type": "x"}]}


class Cloud:
    """The cloud, with what it was asked and what was uploaded to it."""

    def __init__(self) -> None:
        self.calls: list[dict[str, Any]] = []
        self.uploads: dict[str, bytes] = {}
        self.cancelled: list[str] = []
        self.own_document: dict[str, Any] = {}
        self.keys: set[str] = set()
        self.app = Starlette(
            routes=[
                Route("/storage/auth/token", self.token, methods=["POST"]),
                Route("/files/upload", self.upload, methods=["POST"]),
                Route("/files/{name}", self.file),
                Route("/me/app/requests/{id:int}", self.result),
                Route("/me/app/requests/{id:int}/status", self.status),
                Route("/me/app/requests/{id:int}/cancel", self.cancel, methods=["PUT"]),
                Route("/me/app/stream", self.stream, methods=["POST"]),
                Route("/me/writer/openapi.json", self.document),
                Route("/me/app/openapi.json", self.described),
                Route("/me/writer/stream", self.stream, methods=["POST"]),
                Route("/me/app", self.submit, methods=["POST"]),
                Route("/me/app/{path:path}", self.submit, methods=["POST"]),
            ]
        )

    async def token(self, request: Request) -> Response:
        """Hand out a token for uploads."""
        expiry = "2099-01-01T00:00:00+00:00"
        base = str(request.base_url)
        return JSONResponse(
            {"token": "t", "token_type": "Bearer", "base_url": base, "expires_at": expiry}
        )

    async def upload(self, request: Request) -> Response:
        """Keep a file."""
        name = request.headers["x-fal-file-name"]
        self.uploads[name] = await request.body()
        return JSONResponse({"access_url": f"{request.base_url}files/{name}"})

    async def file(self, request: Request) -> Response:
        """Answer with a kept file, to whoever shows no key."""
        assert "authorization" not in request.headers
        return Response(self.uploads[request.path_params["name"]])

    async def submit(self, request: Request) -> Response:
        """Queue a call."""
        self.keys.add(request.headers["authorization"])
        self.calls.append(await request.json())
        url = f"{request.base_url}me/app/requests/{len(self.calls) - 1}"
        return JSONResponse(
            {
                "request_id": str(len(self.calls) - 1),
                "response_url": url,
                "status_url": f"{url}/status",
                "cancel_url": f"{url}/cancel",
                "path": request.path_params.get("path"),
            }
        )

    async def status(self, request: Request) -> Response:
        """Say that a call has ended, unless it waits or works for ever."""
        match self.calls[request.path_params["id"]].get("do"):
            case "wait":
                return JSONResponse({"status": "IN_QUEUE", "queue_position": 0})
            case "work":
                return JSONResponse({"status": "IN_PROGRESS", "logs": []})
        failed = self.calls[request.path_params["id"]].get("do") == "fail"
        body: dict[str, Any] = {"status": "COMPLETED", "logs": [{"message": "painting"}]}
        return JSONResponse({**body, **({"error": "it broke"} if failed else {})})

    async def result(self, request: Request) -> Response:
        """Answer with the result of a call."""
        call = self.calls[request.path_params["id"]]
        match call.get("do"):
            case "refuse":
                return JSONResponse(REFUSAL, 422)
            case "fail":
                return JSONResponse({"detail": "it broke"}, 500)
            case "paint":
                self.uploads["made.png"] = b"picture"
                media = {"url": f"{request.base_url}files/made.png", "content_type": "image/png"}
                return JSONResponse({"output": [{**media, "width": 4, "file_name": "made.png"}]})
            case "inline":
                media = {"url": "data:text/plain;base64,aGk=", "content_type": "text/plain"}
                return JSONResponse({"output": media})
            case "fields":
                return JSONResponse({"text": "hi", "mask": {"url": "u", "content_type": None}})
            case _:
                return JSONResponse({"output": call, "timings": {"predict": 1.0}})

    async def document(self, request: Request) -> Response:
        """Describe an app that streams the pieces of one text."""
        assert request.headers["authorization"].startswith("Key ")
        output = {"type": "array", "x-cog-array-display": "concatenate"}
        return JSONResponse(
            {"paths": {"/stream": {}}, "components": {"schemas": {"Output": output}}}
        )

    async def described(self, request: Request) -> Response:
        """Describe the one app, in the words that a test gave."""
        return JSONResponse(self.own_document)

    async def cancel(self, request: Request) -> Response:
        """Note a cancellation."""
        self.cancelled.append(str(request.path_params["id"]))
        return JSONResponse({"status": "CANCELLATION_REQUESTED"}, 202)

    async def stream(self, request: Request) -> Response:
        """Answer piece by piece."""
        call = await request.json()
        if call.get("do") == "refuse":
            return JSONResponse(REFUSAL, 422)
        return StreamingResponse(_pieces(call.get("do")), media_type="text/event-stream")


async def _pieces(do: str | None) -> AsyncIterator[bytes]:
    yield b": heartbeat\n\n"
    yield _event({"output": "a ", "index": 0})
    if do == "fail":
        yield _event({"error": "it broke", "detail": "it broke", "status": 500})
        return
    yield _event({"output": "picture", "index": 1})
    yield _event({"output": "a picture", "completed": True})


def _event(value: dict[str, Any]) -> bytes:
    return b"data: " + json.dumps(value).encode() + b"\n\n"
