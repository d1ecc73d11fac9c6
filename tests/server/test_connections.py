"""Idle connections make way, many lines come step by step, and heads leave with what follows."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import httpx
import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

from cogfal.server.connections import LINES, Connection, Connections, Outgoing, guard
from tests.processes import free_port

MOST = 5
UPGRADE = (
    b"GET /talk HTTP/1.1\r\nHost: localhost\r\nConnection: upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
)
HEAD = b"POST / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
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


@pytest.mark.parametrize(
    ("added", "status"),
    [
        (b"Content-Length: 5\r\n", 400),
        (b"X: y\r\n" * 300, 431),
        (b"Sec-WebSocket-Key: AAAA\r\n", 400),
    ],
    ids=["a body", "too many headers", "two keys"],
)
def test_what_will_never_be_a_websocket_is_answered(added: bytes, status: int) -> None:
    """Once, also where the library refuses it before uvicorn asks."""
    answers: list[bytes] = []

    async def use(port: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(UPGRADE.replace(b"Upgrade:", added + b"Upgrade:"))
        answers.append(await reader.read())
        writer.close()

    asyncio.run(serving(Starlette(routes=[WebSocketRoute("/talk", talk)]), use))

    assert answers[0].startswith(b"HTTP/1.1 %d " % status)
    assert answers[0].count(b"HTTP/1.1 ") == 1


def test_websockets_that_are_never_answered_make_way() -> None:
    """Their app says nothing, neither yes nor no."""
    closed: list[bytes] = []

    async def say_nothing(websocket: WebSocket) -> None:
        while (await websocket.receive())["type"] != "websocket.disconnect":
            pass

    async def use(port: int) -> None:
        held = [await asyncio.open_connection("127.0.0.1", port) for _ in range(2 * MOST)]
        for _, writer in held:
            writer.write(UPGRADE)
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
            assert (await client.get("/")).text == "quick"
        for reader, _ in held[:MOST]:
            with suppress(ConnectionResetError):
                closed.append(await reader.read())
        for _, writer in held:
            writer.close()

    routes: list[Any] = [WebSocketRoute("/talk", say_nothing), Route("/", quick)]
    asyncio.run(serving(Starlette(routes=routes), use))

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


def outgoing(written: Written) -> Outgoing:
    """Return what is given to the protocol of a connection."""
    return Outgoing(written, Connection(None, Connections(MOST)))


def test_the_head_of_a_response_leaves_with_what_follows_it() -> None:
    """In one piece; alone where nothing follows in the same turn, and before the end."""
    head = b"HTTP/1.1 200 OK\r\n\r\n"

    async def main() -> list[bytes]:
        written = Written()
        together = outgoing(written)
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
        together = outgoing(written)
        together.write(head)
        together.writelines([b"bo", b"dy"])
        together.write(head)
        together.write_eof()
        together.write(head)
        written.close()
        await asyncio.sleep(0)
        return written.pieces

    assert asyncio.run(main()) == [head + b"body", head, b"eof", b"closed"]


class Reading(asyncio.Transport):
    """A transport that notes whether it is read."""

    def __init__(self) -> None:
        super().__init__()
        self.reading = True
        self.closed = False

    def pause_reading(self) -> None:
        """Read no further."""
        self.reading = False

    def resume_reading(self) -> None:
        """Read on."""
        self.reading = True

    def close(self) -> None:
        """Note it."""
        self.closed = True

    def abort(self) -> None:
        """Close at once."""
        self.close()


class Protocol:
    """Takes what it is given; `turns` says after how many turns of the loop each piece came."""

    def __init__(self, held: Connections) -> None:
        self.pieces: list[bytes] = []
        self.turns: list[int] = []
        self.turn = 0
        self.ended = 0
        self.lost = 0
        self.transport = Reading()
        self.connection = Connection(self, held)
        self.connection.connection_made(self.transport)

    def connection_made(self, _transport: object) -> None:
        """Do nothing with it."""

    def data_received(self, data: bytes) -> None:
        """Take a piece."""
        self.pieces.append(data)
        self.turns.append(self.turn)

    def eof_received(self) -> None:
        """Take the end."""
        self.ended += 1

    def connection_lost(self, _error: object) -> None:
        """Note it."""
        self.lost += 1

    async def idle(self, turns: int) -> None:
        """Let the loop turn so often."""
        for _ in range(turns):
            self.turn += 1
            await asyncio.sleep(0)


class Broken(Protocol):
    """A protocol that fails at whatever it is given."""

    def data_received(self, _data: bytes) -> None:
        """Fail."""
        raise ValueError("broken")


def test_short_lines_are_given_some_at_a_time() -> None:
    """In their order; the socket is not read meanwhile."""
    data = b"1\r\nx\r\n" * 10 * LINES

    async def main() -> Protocol:
        protocol = Protocol(Connections(MOST))
        protocol.connection.data_received(data)
        protocol.connection.data_received(b"after")
        assert not protocol.transport.reading
        await protocol.idle(40)
        return protocol

    protocol = asyncio.run(main())

    assert b"".join(protocol.pieces) == data + b"after"
    assert max(piece.count(b"\n") for piece in protocol.pieces) == LINES
    assert len(set(protocol.turns)) == len(protocol.pieces)
    assert protocol.transport.reading


def test_what_has_few_lines_is_given_at_once() -> None:
    """A file in a body, for instance."""

    async def main() -> Protocol:
        protocol = Protocol(Connections(MOST))
        protocol.connection.data_received(b"x" * 256 * 1024)
        return protocol

    protocol = asyncio.run(main())

    assert list(map(len, protocol.pieces)) == [256 * 1024]


def test_however_many_send_short_lines_there_is_one_step_in_a_turn() -> None:
    """They have their steps one after the other."""

    async def main() -> list[Protocol]:
        held = Connections(MOST)
        protocols = [Protocol(held) for _ in range(3)]
        for each in protocols:
            each.connection.data_received(b"\n" * 2 * LINES)
        for turn in range(6):
            assert sum(len(each.pieces) for each in protocols) == turn
            await asyncio.sleep(0)
        return protocols

    assert [len(each.pieces) for each in asyncio.run(main())] == [2, 2, 2]


def test_a_protocol_that_wants_no_more_is_given_no_more() -> None:
    """Until it does again; then the rest, and the end behind it."""

    async def main() -> Protocol:
        protocol = Protocol(Connections(MOST))
        protocol.connection.data_received(b"\n" * 3 * LINES)
        await protocol.idle(1)
        protocol.connection.read_on(wanted=False)
        kept_open = protocol.connection.eof_received()
        await protocol.idle(5)
        assert (len(protocol.pieces), protocol.ended, kept_open) == (1, 0, True)
        protocol.connection.read_on(wanted=True)
        await protocol.idle(5)
        return protocol

    protocol = asyncio.run(main())

    assert (len(protocol.pieces), protocol.ended, protocol.transport.closed) == (3, 1, True)


def test_what_is_left_of_a_lost_connection_is_forgotten() -> None:
    """Nobody is given anything after its end."""

    async def main() -> Protocol:
        protocol = Protocol(Connections(MOST))
        protocol.connection.data_received(b"\n" * 3 * LINES)
        protocol.connection.eof_received()
        protocol.connection.connection_lost(None)
        await protocol.idle(5)
        return protocol

    protocol = asyncio.run(main())

    assert (protocol.pieces, protocol.ended, protocol.lost) == ([], 0, 1)


def test_a_protocol_that_fails_is_hung_up_on() -> None:
    """As the loop does it where it gives the data itself; the others have their turn."""
    failures: list[str] = []

    async def main() -> tuple[Reading, Protocol]:
        asyncio.get_running_loop().set_exception_handler(
            lambda _, told: failures.append(str(told["exception"]))
        )
        held = Connections(MOST)
        broken, protocol = Broken(held), Protocol(held)
        for each in (broken, protocol):
            each.connection.data_received(b"\n" * 2 * LINES)
        await protocol.idle(5)
        return broken.transport, protocol

    transport, protocol = asyncio.run(main())

    assert transport.closed
    assert failures == ["broken"]
    assert len(protocol.pieces) == 2


async def count(request: Request) -> Response:
    """Answer with the number of bytes of a body."""
    return PlainTextResponse(str(len(await request.body())))


async def talk(websocket: WebSocket) -> None:
    """Hang up."""
    await websocket.accept()
    await websocket.close()


def _served(data: bytes) -> bytes:
    """Return what a server answers to bytes that come all at once."""
    answers: list[bytes] = []

    async def use(port: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(data)
        answers.append(await reader.read())
        writer.close()

    routes: list[Any] = [Route("/", count, methods=["POST"]), WebSocketRoute("/talk", talk)]
    asyncio.run(serving(Starlette(routes=routes), use))
    return answers[0]


@pytest.mark.parametrize("length", [1_000, 100_000])
def test_a_body_of_tiny_chunks_arrives_whole(length: int) -> None:
    """However short they are."""
    answer = _served(CHUNKED + b"1\r\nx\r\n" * length + b"0\r\n\r\n")

    assert answer.endswith(str(length).encode())


def test_requests_that_come_together_are_answered_one_after_the_other() -> None:
    """Each has many lines."""
    chunks = b"1\r\nx\r\n" * 500 + b"0\r\n\r\n"
    first = CHUNKED.replace(b"Connection: close\r\n", b"")

    answer = _served((first + chunks) * 3 + CHUNKED + chunks)

    assert answer.count(b"HTTP/1.1 200") == 4
    assert answer.count(b"500") == 4


def test_what_comes_behind_the_request_for_a_websocket_harms_nobody() -> None:
    """Its caller was to wait for the answer first."""
    answer = _served(UPGRADE + b"\n" * 60_000)

    assert b"101 Switching Protocols" in answer


async def quick(_request: Request) -> Response:
    """Answer at once."""
    return PlainTextResponse("quick")
