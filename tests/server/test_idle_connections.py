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
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

from cogfal.server.idle_connections import Outgoing, guard
from cogfal.server.incoming import Incoming, Steps
from tests.processes import free_port

MOST = 5
UPGRADE = (
    b"GET /talk HTTP/1.1\r\nHost: localhost\r\nConnection: upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
)
CLOSE = b"\x88\x80\0\0\0\0"
"""The frame that ends a websocket; for ten seconds the server would wait for it."""


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

    routes = [Route("/slow", slow), Route("/quick", quick)]

    asyncio.run(serving(Starlette(routes=routes), use))

    assert answers == ["quick", "slow"]
    assert set(closed) <= {b""}


def test_who_sends_half_a_request_makes_way() -> None:
    """A body that does not come holds a connection no more than silence does."""
    answers: list[str] = []

    async def swallow(request: Request) -> Response:
        return PlainTextResponse(str(len(await request.body())))

    async def use(port: int) -> None:
        head = b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n"
        held = [await asyncio.open_connection("127.0.0.1", port) for _ in range(2 * MOST)]
        for _, writer in held:
            writer.write(head + b"half")
        first, _ = held[0]
        with suppress(ConnectionResetError):
            assert await first.read() == b""
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
            answers.append((await client.post("/", content=b"whole")).text)
        for _, writer in held:
            writer.close()

    asyncio.run(serving(Starlette(routes=[Route("/", swallow, methods=["POST"])]), use))

    assert answers == ["5"]


def test_websockets_are_not_counted_for_ever() -> None:
    """One that has ended is forgotten, although another protocol has taken it over."""
    held: list[int] = []

    async def talk(websocket: WebSocket) -> None:
        await websocket.accept()
        await websocket.close()

    async def use(port: int) -> None:
        for _ in range(2 * MOST):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(UPGRADE)
            await reader.readuntil(b"\r\n\r\n")
            writer.write(CLOSE)
            await reader.read()
            writer.close()
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            answers = [(await client.get("/")).status_code for _ in range(2)]
            writer.write(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            answers.append(int((await reader.read()).split()[1]))
            writer.close()
        held.extend(answers)

    app = Starlette(routes=[WebSocketRoute("/talk", talk), Route("/", quick)])
    asyncio.run(serving(app, use))

    assert held == [200] * 3


def nothing() -> Incoming:
    """What comes from a caller who says nothing."""
    return Incoming(lambda _: None, lambda: None, Steps())


def test_websockets_that_are_never_answered_make_way() -> None:
    """The library waits for ever where their request is not as it should be."""
    closed: list[bytes] = []
    stray = UPGRADE.replace(b"Upgrade:", b"Content-Length: 5\r\nUpgrade:")

    async def use(port: int) -> None:
        held = [await asyncio.open_connection("127.0.0.1", port) for _ in range(2 * MOST)]
        for _, writer in held:
            writer.write(stray)
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
            assert (await client.get("/")).text == "quick"
        for reader, _ in held[:MOST]:
            with suppress(ConnectionResetError):
                closed.append(await reader.read())
        for _, writer in held:
            writer.close()

    asyncio.run(serving(Starlette(routes=[Route("/", quick)]), use))

    assert set(closed) <= {b""}


class Written(asyncio.Transport):
    """A transport that keeps what it is to send."""

    def __init__(self) -> None:
        super().__init__()
        self.pieces: list[bytes] = []

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Keep it."""
        self.pieces.append(bytes(data))

    def write_eof(self) -> None:
        """Say that nothing follows."""
        self.pieces.append(b"eof")

    def close(self) -> None:
        """Say that it was closed."""
        self.pieces.append(b"closed")

    def is_closing(self) -> bool:
        """Tell whether it was closed."""
        return b"closed" in self.pieces


def test_the_head_of_a_response_leaves_with_what_follows_it() -> None:
    """In one piece; alone where nothing follows in the same turn, and before the end."""
    head = b"HTTP/1.1 200 OK\r\n\r\n"

    async def main() -> list[bytes]:
        written = Written()
        together = Outgoing(written, nothing())
        together.write(head)
        together.write(b"")
        together.write(b"body")
        together.write(b"more")
        together.write(head)
        await asyncio.sleep(0)
        together.write(b"HTTP/ begins this body")
        together.write(b"late")
        together.write(head)
        together.close()
        return written.pieces

    assert asyncio.run(main()) == [
        b"",
        head + b"body",
        b"more",
        head,
        b"HTTP/ begins this body" + b"late",
        head,
        b"closed",
    ]


def test_whatever_follows_the_head_of_a_response_stays_behind_it() -> None:
    """Several pieces and the end of what is sent; nothing is written once it is closed."""
    head = b"HTTP/1.1 200 OK\r\n\r\n"

    async def main() -> list[bytes]:
        written = Written()
        together = Outgoing(written, nothing())
        together.write(head)
        together.writelines([b"bo", b"dy"])
        together.write(head)
        together.write_eof()
        together.write(head)
        written.close()
        await asyncio.sleep(0)
        return written.pieces

    assert asyncio.run(main()) == [head + b"body", head, b"eof", b"closed"]


async def quick(_request: Request) -> Response:
    """Answer at once."""
    return PlainTextResponse("quick")
