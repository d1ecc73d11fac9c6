"""A small app that speaks fal's doors and has an input of every kind, for the playground's tests.

It paints a picture of the asked size, counts words on its stream, refuses what a validator would
refuse, and waits to be cancelled when asked to.
"""

from __future__ import annotations

import asyncio
import base64
import io
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from PIL import Image
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from cogfal import playground

OPENAPI = json.loads((Path(__file__).parent / "sample_openapi.json").read_text())


class Sample:
    """The app with what it was asked: `bodies` in order, and `running` by request id."""

    def __init__(self) -> None:
        self.bodies: list[dict[str, Any]] = []
        self.running: dict[str, asyncio.Event] = {}
        self.app = Starlette(
            routes=[
                Route("/openapi.json", self.openapi),
                Route("/", self.paint, methods=["POST"]),
                Route("/caption", self.caption, methods=["POST"]),
                Route("/caption/stream", self.stream, methods=["POST"]),
                Route("/cancel", self.cancel, methods=["POST"]),
                Route("/health-check", self.health),
                *playground.routes([], Path(), self.watch),
            ]
        )

    async def openapi(self, request: Request) -> Response:
        """Answer with the document that the page makes its forms of."""
        return JSONResponse(OPENAPI)

    async def health(self, request: Request) -> Response:
        """Say how setup went, as Cog's API does."""
        setup = {
            "status": "succeeded",
            "started_at": "2030-01-01T12:00:00+00:00",
            "completed_at": "2030-01-01T12:00:02.500000+00:00",
            "logs": "loading weights\n",
        }
        version = {"cogfal": "1.2.3", "python": "3.12.0"}
        return JSONResponse({"status": "READY", "setup": setup, "version": version})

    def watch(self, run: str, start: int) -> None:
        """Know nothing of a run before it has ended."""

    async def paint(self, request: Request) -> Response:
        """Paint a picture, or refuse, fail or wait as the prompt says."""
        body = await request.json()
        self.bodies.append(body)
        match body.get("prompt"):
            case "refused":
                return _refusal(["body", "prompt"], "String should match pattern")
            case "broken":
                return JSONResponse(
                    {
                        "detail": [{"loc": ["body"], "msg": "the model fell over", "type": "x"}],
                        "logs": "loading\n",
                    },
                    500,
                )
            case "wait":
                return await self._wait(request.headers["x-fal-request-id"])
            case _:
                return JSONResponse(_painting(body))

    async def cancel(self, request: Request) -> Response:
        """End the wait of the request with the same id."""
        self.running[request.headers["x-fal-request-id"]].set()
        return JSONResponse({"status": "cancelled"})

    async def caption(self, request: Request) -> Response:
        """Answer with the whole text."""
        return JSONResponse({"output": "a small red square"})

    async def stream(self, request: Request) -> Response:
        """Answer word by word."""
        self.bodies.append(await request.json())
        return StreamingResponse(_words("a small red square"), media_type="text/event-stream")

    async def _wait(self, request_id: str) -> Response:
        self.running[request_id] = asyncio.Event()
        await self.running[request_id].wait()
        return JSONResponse({"detail": "cancelled"}, 499)


def _refusal(loc: list[str], message: str) -> Response:
    return JSONResponse(
        {"detail": [{"loc": loc, "msg": message, "type": "string_pattern_mismatch"}]}, 422
    )


def _painting(body: dict[str, Any]) -> dict[str, Any]:
    size = body.get("width", 256)
    media = [_picture(size, colour) for colour in ("#5241d0", "#e07a5f", "#3d9970")]
    return {
        "images": media[: body.get("num_outputs", 1)],
        "seed": body.get("seed", 7),
        "timings": {"download": 0.012, "predict": 1.25, "upload": 0.204},
        "logs": "painting\ndone\n",
    }


def _picture(size: int, colour: str) -> dict[str, Any]:
    buffer = io.BytesIO()
    base = Image.linear_gradient("L").resize((size, size))
    Image.composite(Image.new("RGB", base.size, colour), Image.new("RGB", base.size), base).save(
        buffer, "PNG"
    )
    data = buffer.getvalue()
    return {
        "url": "data:image/png;base64," + base64.b64encode(data).decode(),
        "content_type": "image/png",
        "file_name": "output.png",
        "file_size": len(data),
        "width": size,
        "height": size,
    }


async def _words(text: str) -> AsyncIterator[bytes]:
    yield b": heartbeat\n\n"
    yield _event({"log": {"source": "stdout", "data": "looking\n"}})
    for index, word in enumerate(text.split()):
        yield _event({"output": word + " ", "index": index})
    yield _event({"output": text, "completed": True})


def _event(value: dict[str, Any]) -> bytes:
    return b"data: " + json.dumps(value).encode() + b"\n\n"
