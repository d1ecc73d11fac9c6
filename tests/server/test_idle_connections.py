"""Idle connections make way; those that ask stay."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from contextlib import suppress

import httpx
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from cogfal.server.idle_connections import guard
from tests.processes import free_port

MOST = 5


class Server(uvicorn.Server):
    """A server that says when it listens."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to listen."""
        await super().startup(sockets)
        self.ready.set()


async def serving(app: Starlette, use: Callable[[int], Awaitable[None]]) -> None:
    """Serve an app, of whose connections few are held, while `use` runs with its port."""
    guard(asyncio.get_running_loop(), MOST)
    port = free_port()
    server = Server(uvicorn.Config(app, port=port, log_level="error"))
    task = asyncio.ensure_future(server.serve())
    await server.ready.wait()
    try:
        await use(port)
    finally:
        server.should_exit = True
        await task


def test_idle_connections_make_way_for_requests() -> None:
    """Of many that say nothing most are closed, one that waits for its answer is not."""
    asked, go = asyncio.Event(), asyncio.Event()
    answers: list[str] = []
    closed: list[bytes] = []

    async def slow(_request: Request) -> Response:
        asked.set()
        await go.wait()
        return PlainTextResponse("slow")

    async def use(port: int) -> None:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
            waiting = asyncio.ensure_future(client.get("/slow"))
            await asked.wait()
            idle = [await asyncio.open_connection("127.0.0.1", port) for _ in range(4 * MOST)]
            answers.append((await client.get("/quick")).text)
            for reader, _ in idle[: 2 * MOST]:
                with suppress(ConnectionResetError):
                    closed.append(await reader.read())
            go.set()
            answers.append((await waiting).text)
            for _, writer in idle:
                writer.close()

    async def quick(_request: Request) -> Response:
        return PlainTextResponse("quick")

    routes = [Route("/slow", slow), Route("/quick", quick)]

    asyncio.run(serving(Starlette(routes=routes), use))

    assert answers == ["quick", "slow"]
    assert set(closed) <= {b""}
