"""Requests that are hard work: whoever sends them, the event loop stays free for the others."""

from __future__ import annotations

import asyncio
import base64
import json
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import httpx
import pytest

from tests.hostile.target import Target
from tests.watchdog import watched

HEAVY = """
    from cog import BasePredictor, Input, Path

    class Predictor(BasePredictor):
        def predict(
            self,
            text: str = "",
            numbers: list[int] = Input(default=[]),
            rows: list[list[int]] = Input(default=[]),
            data: dict = Input(default={}),
            image: Path = Input(default=None),
            careful: list[str] = Input(default=[], regex="^(?=a)(a+)+$"),
            big: int = 0,
        ) -> list[float]:
            return [0.1 + index for index in range(big)]
"""
MEGA = 1_000_000
QUOTED = '["' + "[{" * 100 + '"]'
REQUESTS: dict[str, tuple[int, Callable[[], Any]]] = {
    "many wrong numbers": (422, lambda: {"numbers": ["x"] * 100_000}),
    "wrong numbers in lists of lists": (422, lambda: {"rows": [["x"] * 1_000] * 100}),
    "many right numbers": (200, lambda: {"numbers": [1] * 300_000}),
    "many small lists": (200, lambda: {"rows": [[1, 2]] * 50_000}),
    "many keys": (200, lambda: {"data": {f"key {n}": n for n in range(100_000)}}),
    "many unknown inputs": (200, lambda: {f"key {n}": n for n in range(100_000)}),
    "hard patterns": (422, lambda: {"careful": ["a" * 40 + "!"] * 20}),
    "easy patterns": (200, lambda: {"careful": ["aaa"] * 200}),
    "a long text": (200, lambda: {"text": "x" * 30 * MEGA}),
    "brackets in a long text": (200, lambda: {"text": "[" * 1_000 + "x" * 30 * MEGA}),
    "a long text and many lists": (200, lambda: {"text": "x" * 30 * MEGA, "rows": [[]] * 200}),
    "a text of escapes": (200, lambda: {"text": "\n\u2028" * 3 * MEGA}),
    "a large file in the body": (
        200,
        lambda: {"image": "data:text/plain;base64," + base64.b64encode(b"x" * 20 * MEGA).decode()},
    ),
    "a port that there is not": (422, lambda: {"image": "http://model.example:99999/a.png"}),
    "a large answer": (200, lambda: {"big": 500_000}),
}


@pytest.fixture(scope="module")
def heavy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    """A predictor whose inputs may be many."""
    with Target(tmp_path_factory.mktemp("heavy"), HEAVY) as process:
        assert process.url
        assert process.long_steps() == []  # none but those of starting
        yield process


@pytest.mark.parametrize("name", REQUESTS)
def test_no_request_holds_up_the_loop(heavy: Target, name: str) -> None:
    """It is answered as it should be, briefly where it is wrong, and in short steps."""
    status, inputs = REQUESTS[name]
    path = ["/", "/predictions"][len(name) % 2]
    body = json.dumps(inputs() if path == "/" else {"input": inputs()})
    kind = {"Content-Type": "application/json"}

    answer = httpx.post(heavy.url + path, content=body, headers=kind, timeout=90)

    assert answer.status_code == status
    if status == 422:
        assert len(answer.content) < 20_000
    assert heavy.long_steps() == []


def test_wrong_values_are_counted(heavy: Target) -> None:
    """The first ten are named, and the last entry says how many there are."""
    answer = heavy.ask({"numbers": [1, *["x"] * 5_000]})

    *named, last = answer.json()["detail"]
    assert [problem["loc"] for problem in named] == [["body", "numbers", n] for n in range(1, 11)]
    assert (last["type"], last["ctx"]) == ("too_many_problems", {"count": 5_000})


def test_a_trace_that_is_no_ascii_loses_nothing(heavy: Target) -> None:
    """The request is answered as if it had none."""
    headers = {"traceparent": "00-é"}.items()
    raw = [(name.encode(), value.encode("latin-1")) for name, value in headers]

    answer = httpx.post(heavy.url, json={}, headers=raw, timeout=30)

    assert answer.status_code == 200


def test_the_watchdog_barks() -> None:
    """A step that computes for long is found, one that waits is not."""

    async def compute() -> None:
        begun = time.thread_time()
        while time.thread_time() - begun < 0.3:
            pass

    with watched() as found:
        asyncio.run(compute())

    assert len(found) == 1


def test_idle_connections_leave_room_for_health(heavy: Target) -> None:
    """Many connections that say nothing keep nobody from being answered."""
    with ExitStack() as opened:
        for _ in range(300):
            opened.enter_context(socket.create_connection(("127.0.0.1", heavy.port)))

        health = httpx.get(f"{heavy.url}/health-check", timeout=30)

    assert health.json()["status"] == "READY"
