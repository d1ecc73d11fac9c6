"""Callers who mean no good, among those who do: none of them may be noticed by the others."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from random import Random
from typing import Any, Final

import httpx

from tests.file_server import file_server_process
from tests.hostile.heavy import LARGEST, MEGA, REQUESTS, Heavy
from tests.load.callers import Tally

HEAVY: Final[Mapping[str, Heavy]] = {**REQUESTS, **LARGEST}
DOORS: Final = ("/", "/stream", "/predictions")
BUSY: Final = (409, 429)
"""Statuses of what is refused for the others' sake, at Cog's door and at both."""

RAW: Final[Mapping[str, bytes]] = {
    "deep": b"[" * 500_000,
    "no JSON": b'{"text": "' + b"\\" * MEGA,
    "numbers without end": b'{"pieces": ' + b"9" * MEGA + b"}",
    "half a pair": b'{"text": "\\ud800"}',
    "twice the same": b'{"text": "a", "text": "b"}',
    "many keys": b"{" + b",".join(b'"%d":0' % n for n in range(200_000)) + b"}",
}
ODD_TRACE: Final = [(b"traceparent", "00-é".encode("latin-1"))]


@dataclass(frozen=True)
class Meanness:
    """Whom the hostile name in their requests: a server of files, and one that takes nothing."""

    files: str
    receiver: str

    def address(self, path: str) -> str:
        """Return the URL of a file."""
        return self.files + path

    async def act(self, client: httpx.AsyncClient, random: Random, tally: Tally) -> None:
        """Do one of the things that nobody should do."""
        ways = [
            *[self._heavy] * 4,
            _raw,
            _unfinished,
            _silent,
            _deaf,
            _many_deaf,
            self._unheard,
            self._misled,
        ]
        await random.choice(ways)(client, random, tally)

    async def _heavy(self, client: httpx.AsyncClient, random: Random, tally: Tally) -> None:
        name, path = random.choice(list(HEAVY)), random.choice(DOORS)
        headers = [(b"content-type", b"application/json"), *ODD_TRACE]
        answer = await client.post(path, content=self._body(name, path), headers=headers)
        wrong = not tally.ending and answer.status_code not in (HEAVY[name].at(path), *BUSY)
        tally.count(f"hostile {name} {answer.status_code}{' WRONG' if wrong else ''}")

    @cache  # noqa: B019  # there is one of it, and making the bodies takes longer than sending them
    def _body(self, name: str, path: str) -> bytes:
        return json.dumps(HEAVY[name].asked(path, self.address)).encode()

    async def _unheard(self, client: httpx.AsyncClient, random: Random, tally: Tally) -> None:
        """Name a receiver of webhooks that takes none, or that nobody can reach."""
        receiver = random.choice([self.receiver, "http://receiver.invalid/"])
        envelope = {"input": {"text": "x" * MEGA, "pieces": 100}, "webhook": receiver}
        headers = {"prefer": "respond-async"}
        answer = await client.post("/predictions", json=envelope, headers=headers)
        tally.count(f"hostile unheard {answer.status_code}")

    async def _misled(self, client: httpx.AsyncClient, random: Random, tally: Tally) -> None:
        """Have a file uploaded to where the answer says that it is nowhere."""
        inputs = {"file": "data:,x", "echo": True}
        envelope = {"input": inputs, "output_file_prefix": f"{self.receiver}misled/"}
        answer = await client.post("/predictions", json=envelope)
        tally.count(f"hostile misled {answer.status_code}")


@contextmanager
def meanness(receiver: str) -> Iterator[Meanness]:
    """Serve files, in a process of their own, for the length of the block."""
    with file_server_process() as files:
        yield Meanness(files, receiver)


async def take_nothing() -> tuple[asyncio.Server, str]:
    """Receive webhooks and uploads badly: with 503, or, misled, with a Location that is none."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0] or 0)
        await reader.readexactly(length)
        misled = head.startswith((b"PUT /misled", b"POST /misled"))
        status = b"200 OK\r\nLocation: http://[" if misled else b"503 Busy"
        writer.write(b"HTTP/1.1 " + status + b"\r\nContent-Length: 0\r\n\r\n")
        writer.close()

    async def served(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await answer(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            writer.close()

    server = await asyncio.start_server(served, "127.0.0.1", 0)
    port: int = server.sockets[0].getsockname()[1]
    return server, f"http://127.0.0.1:{port}/"


async def _raw(client: httpx.AsyncClient, random: Random, tally: Tally) -> None:
    name = random.choice(list(RAW))
    answer = await client.post(random.choice(DOORS), content=RAW[name])
    tally.count(f"hostile {name} {answer.status_code}")


async def _unfinished(client: httpx.AsyncClient, random: Random, tally: Tally) -> None:
    """Announce much, send some, and leave; several times at once."""
    head = b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 60000000\r\n\r\n{"
    await asyncio.gather(*(_hold(client, head + b" " * MEGA, random) for _ in range(10)))
    tally.count("hostile unfinished")


async def _silent(client: httpx.AsyncClient, random: Random, tally: Tally) -> None:
    """Open connections and say nothing, or half a word."""
    said = random.choice([b"", b"POST / HTTP/1.1\r\nHo"])
    await asyncio.gather(*(_hold(client, said, random) for _ in range(40)))
    tally.count("hostile silent")


async def _deaf(client: httpx.AsyncClient, random: Random, tally: Tally) -> None:
    """Ask for a stream of many pieces, read nothing, and leave."""
    await _hold(client, _request("POST", "/stream", _ENDLESS), random)
    tally.count("hostile deaf")


async def _many_deaf(client: httpx.AsyncClient, random: Random, tally: Tally) -> None:
    """Attach to a prediction of many pieces, read nothing, and leave."""
    path = f"/predictions/deaf-{random.getrandbits(64):x}"
    started = await client.put(
        path, json={"input": {**_ENDLESS, "pause": 0.001}}, headers={"prefer": "respond-async"}
    )
    if started.status_code == 202:
        attach = _request("PUT", path, {}, "Accept: text/event-stream\r\n")
        await asyncio.gather(*(_hold(client, attach, random) for _ in range(50)))
        await client.post(f"{path}/cancel")
    tally.count(f"hostile many deaf {started.status_code}")


_ENDLESS: Final = {"text": "x" * 1_000, "pieces": 10_000}


def _request(method: str, path: str, body: Any, headers: str = "") -> bytes:
    content = json.dumps(body).encode()
    head = f"{method} {path} HTTP/1.1\r\nHost: localhost\r\n{headers}Content-Length: {len(content)}"
    return head.encode() + b"\r\n\r\n" + content


async def _hold(client: httpx.AsyncClient, sent: bytes, random: Random) -> None:
    _, writer = await asyncio.open_connection(client.base_url.host, client.base_url.port)
    try:
        writer.write(sent)
        await writer.drain()
        await asyncio.sleep(random.random())
    finally:
        writer.close()
