"""Requests that are hard work: whoever sends them, the event loop stays free for the others."""

from __future__ import annotations

import asyncio
import json
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import httpx
import pytest

from tests.file_server import FileServer
from tests.hostile.heavy import FEW_DESCRIPTORS, HELD, PREDICTOR, REQUESTS
from tests.hostile.target import Target
from tests.modes import SHARED, first
from tests.watchdog import watched


@pytest.fixture(scope="module", params=first(SHARED))
def heavy(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Target]:
    """A predictor whose inputs may be many."""
    folder = tmp_path_factory.mktemp("heavy")
    settings = ("allow_private_hosts = True", f'file_cache = "{folder / "cache"}"')
    with Target(folder, PREDICTOR, *settings, mode=request.param) as process:
        assert process.url
        assert process.long_steps() == []  # none but those of starting
        yield process


@pytest.mark.parametrize("name", REQUESTS)
def test_no_request_holds_up_the_loop(heavy: Target, canary: FileServer, name: str) -> None:
    """It is answered as it should be, briefly where it is wrong, and in short steps."""
    path = ["/", "/predictions"][len(name) % 2]
    body = json.dumps(REQUESTS[name].asked(path, canary.url))
    kind = {"Content-Type": "application/json"}

    answer = httpx.post(heavy.url + path, content=body, headers=kind, timeout=90)

    assert answer.status_code == REQUESTS[name].at(path)
    if answer.status_code == 422:
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

    answer = httpx.post(heavy.url, json={}, headers=raw, timeout=120)

    assert answer.status_code == 200


def test_a_head_of_thousands_of_headers_is_refused(heavy: Target) -> None:
    """Before anything looks through it."""
    headers = {f"x-app-fal-{number}": "x" for number in range(1_000)}

    answer = httpx.post(heavy.url, json={}, headers=headers, timeout=120)

    assert answer.status_code == 431
    assert heavy.long_steps() == []


def test_the_watchdog_barks() -> None:
    """A step that computes for long is found, one that waits is not."""

    async def compute() -> None:
        begun = time.thread_time()
        while time.thread_time() - begun < 0.3:
            pass

    with watched() as found:
        asyncio.run(compute())

    assert len(found) == 1


@pytest.mark.usefixtures("many_descriptors")
def test_held_connections_leave_room_for_health(tmp_path: Path) -> None:
    """More of them than the server may have descriptors, which say nothing, or not all."""
    under = (sys.executable, "-c", FEW_DESCRIPTORS)
    with Target(tmp_path, PREDICTOR, under=under) as process, ExitStack() as opened:
        assert process.url
        for sent in HELD.values():
            for _ in range(1_100):
                held = opened.enter_context(socket.create_connection(("127.0.0.1", process.port)))
                with suppress(ConnectionError):  # it may have made way already
                    held.sendall(sent)

            health = httpx.get(f"{process.url}/health-check", timeout=120)
            answer = process.ask({"pieces": 1})

            assert health.json()["status"] == "READY"
            assert answer.status_code == 200
        assert "Too many open files" not in process.output
