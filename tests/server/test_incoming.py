"""What a caller sends in many short lines is read step by step, and nobody waits for all of it."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.types import Message
from starlette.websockets import WebSocket

from cogfal.server.incoming import LINES, MOST_HEADERS, HeadLimit, Incoming, Steps
from tests.server.test_idle_connections import UPGRADE, serving

HEAD = b"POST / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"


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

    def __init__(self, steps: Steps) -> None:
        self.pieces: list[bytes] = []
        self.turns: list[int] = []
        self.turn = 0
        self.ended = 0
        self.transport = Reading()
        self.incoming = Incoming(self.take, self.end, steps)
        self.incoming.open(self.transport)

    def take(self, data: bytes) -> None:
        """Take a piece."""
        self.pieces.append(data)
        self.turns.append(self.turn)

    def end(self) -> None:
        """Take the end."""
        self.ended += 1

    async def idle(self, turns: int) -> None:
        """Let the loop turn so often."""
        for _ in range(turns):
            self.turn += 1
            await asyncio.sleep(0)


def test_short_lines_are_given_some_at_a_time() -> None:
    """In their order; the socket is not read meanwhile."""
    data = b"1\r\nx\r\n" * 10 * LINES

    async def main() -> Protocol:
        protocol = Protocol(Steps())
        protocol.incoming.take(data)
        protocol.incoming.take(b"after")
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
    protocol = Protocol(Steps())

    protocol.incoming.take(b"x" * 256 * 1024)

    assert list(map(len, protocol.pieces)) == [256 * 1024]


def test_however_many_send_short_lines_there_is_one_step_in_a_turn() -> None:
    """They have their steps one after the other."""

    async def main() -> list[Protocol]:
        steps = Steps()
        protocols = [Protocol(steps) for _ in range(3)]
        for each in protocols:
            each.incoming.take(b"\n" * 2 * LINES)
        for turn in range(6):
            assert sum(len(each.pieces) for each in protocols) == turn
            await asyncio.sleep(0)
        return protocols

    assert [len(each.pieces) for each in asyncio.run(main())] == [2, 2, 2]


def test_a_protocol_that_wants_no_more_is_given_no_more() -> None:
    """Until it does again; then the rest, and the end behind it."""

    async def main() -> Protocol:
        protocol = Protocol(Steps())
        protocol.incoming.take(b"\n" * 3 * LINES)
        await protocol.idle(1)
        protocol.incoming.want(more=False)
        kept_open = protocol.incoming.end()
        await protocol.idle(5)
        assert (len(protocol.pieces), protocol.ended, kept_open) == (1, 0, True)
        protocol.incoming.want(more=True)
        await protocol.idle(5)
        return protocol

    protocol = asyncio.run(main())

    assert (len(protocol.pieces), protocol.ended, protocol.transport.closed) == (3, 1, True)


def test_what_is_left_of_a_lost_connection_is_forgotten() -> None:
    """Nobody is given anything after its end."""

    async def main() -> Protocol:
        protocol = Protocol(Steps())
        protocol.incoming.take(b"\n" * 3 * LINES)
        protocol.incoming.end()
        protocol.incoming.drop()
        await protocol.idle(5)
        return protocol

    protocol = asyncio.run(main())

    assert (protocol.pieces, protocol.ended) == ([], 0)


def test_a_protocol_that_fails_is_hung_up_on() -> None:
    """As the loop does it where it gives the data itself; the others have their turn."""
    failures: list[str] = []

    def fail(_data: bytes) -> None:
        raise ValueError("broken")

    async def main() -> tuple[Reading, Protocol]:
        asyncio.get_running_loop().set_exception_handler(
            lambda _, told: failures.append(str(told["exception"]))
        )
        steps, transport = Steps(), Reading()
        broken, protocol = Incoming(fail, lambda: None, steps), Protocol(steps)
        broken.open(transport)
        for each in (broken, protocol.incoming):
            each.take(b"\n" * 2 * LINES)
        await protocol.idle(5)
        return transport, protocol

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
    app = Starlette(routes=routes, middleware=[Middleware(HeadLimit)])
    asyncio.run(serving(app, use))
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


@pytest.mark.parametrize(("more", "status"), [(0, b"200"), (1, b"431")])
def test_a_head_has_so_many_headers(more: int, status: bytes) -> None:
    """One more, and it is refused."""
    lines = b"".join(b"a-%d: b\r\n" % number for number in range(MOST_HEADERS + more - 3))

    answer = _served(HEAD + b"Content-Length: 0\r\n" + lines + b"\r\n")

    assert answer.split()[1] == status
    assert more == 0 or str(MOST_HEADERS) in json.loads(answer.split(b"\r\n\r\n")[1])["detail"]


def test_a_websocket_of_many_headers_is_refused() -> None:
    """Before it is one."""
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "websocket.connect"}

    async def send(message: Message) -> None:
        sent.append(message)

    headers = [(b"a", b"b")] * (MOST_HEADERS + 1)
    scope = {"type": "websocket", "headers": headers}
    asyncio.run(HeadLimit(Starlette())(scope, receive, send))

    assert [each["type"] for each in sent] == ["websocket.close"]
