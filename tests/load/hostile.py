"""Callers who mean no good, among those who do: none of them may be noticed by the others."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from random import Random
from typing import Any, Final

import httpx

from tests.load.callers import Tally

MEGA: Final = 1_000_000
SLOWEST_HEALTH: Final = 1.0
"""Seconds within which health has to be told, whatever is asked meanwhile."""

BODIES: dict[str, Callable[[], Any]] = {
    "wrong values": lambda: {"text": ["x"] * 100_000},
    "unknown inputs": lambda: {f"key {number}": number for number in range(50_000)},
    "a long text": lambda: {"text": "x" * 5 * MEGA, "pieces": 0},
    "brackets in a text": lambda: {"text": "[{" * MEGA, "pieces": 0},
    "many lists": lambda: {"text": "x", "pieces": 0, "more": [[]] * 200_000},
    "a port that there is not": lambda: {"text": "x", "file": "http://model.example:99999/a"},
    "a large file": lambda: {"text": "x", "pieces": 0, "file": "data:,%41" + "x" * 5 * MEGA},
    "an address inside": lambda: {"text": "x", "file": "http://127.0.0.1:1/a"},
}
RAW: dict[str, bytes] = {
    "deep": b"[" * 500_000,
    "no JSON": b'{"text": "' + b"\\" * MEGA,
    "numbers without end": b'{"pieces": ' + b"9" * MEGA + b"}",
}


async def hostile(client: httpx.AsyncClient, random: Random, tally: Tally) -> None:
    """Do one of the things that nobody should do."""
    ways = [_heavy, _heavy, _raw, _unfinished, _silent, _deaf, _unheard]
    await random.choice(ways)(client, random, tally)


async def watch_health(client: httpx.AsyncClient, tally: Tally) -> None:
    """Ask for health again and again, and note how long the slowest answer took."""
    while True:
        begun = time.monotonic()
        answer = await client.get("/health-check")
        spent = time.monotonic() - begun
        tally.slowest_health = max(tally.slowest_health, spent)
        tally.count(f"/health-check {answer.status_code}")
        await asyncio.sleep(0.1)


async def _heavy(client: httpx.AsyncClient, random: Random, tally: Tally) -> None:
    name = random.choice(list(BODIES))
    path = random.choice(["/", "/stream", "/predictions"])
    inputs = BODIES[name]()
    body = json.dumps({"input": inputs} if path == "/predictions" else inputs)
    headers = {"content-type": "application/json", "traceparent": "00-not-a-trace"}
    answer = await client.post(path, content=body, headers=headers)
    tally.count(f"hostile {name} {answer.status_code}")


async def _raw(client: httpx.AsyncClient, random: Random, tally: Tally) -> None:
    name = random.choice(list(RAW))
    answer = await client.post("/", content=RAW[name])
    tally.count(f"hostile {name} {answer.status_code}")


async def _unfinished(client: httpx.AsyncClient, random: Random, tally: Tally) -> None:
    """Announce much, send some, and leave."""
    head = b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 50000000\r\n\r\n{"
    await _hold(client, head + b" " * MEGA, random)
    tally.count("hostile unfinished")


async def _silent(client: httpx.AsyncClient, random: Random, tally: Tally) -> None:
    """Open connections and say nothing."""
    await asyncio.gather(*(_hold(client, b"", random) for _ in range(20)))
    tally.count("hostile silent")


async def _deaf(client: httpx.AsyncClient, random: Random, tally: Tally) -> None:
    """Ask for a stream of many pieces, read nothing, and leave."""
    body = json.dumps({"text": "x" * 1_000, "pieces": 10_000}).encode()
    head = f"POST /stream HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n\r\n"
    await _hold(client, head.encode() + body, random)
    tally.count("hostile deaf")


async def _unheard(client: httpx.AsyncClient, random: Random, tally: Tally) -> None:
    """Name a receiver of webhooks that nobody can reach."""
    envelope = {"input": {"text": "x" * 10_000}, "webhook": "http://receiver.invalid/"}
    headers = {"prefer": "respond-async"}
    answer = await client.post("/predictions", json=envelope, headers=headers)
    tally.count(f"hostile unheard {answer.status_code}")


async def _hold(client: httpx.AsyncClient, sent: bytes, random: Random) -> None:
    _, writer = await asyncio.open_connection(client.base_url.host, client.base_url.port)
    try:
        writer.write(sent)
        await writer.drain()
        await asyncio.sleep(random.random())
    finally:
        writer.close()
