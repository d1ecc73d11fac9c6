"""Ask both servers the same questions."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import httpx

from tests.server.observing import answer, by_kind, events
from tests.server.servers import Server

JSON_TYPE = {"content-type": "application/json"}
ASYNC = {"prefer": "respond-async"}
EVENTS = {"accept": "text/event-stream"}
Question: TypeAlias = Callable[[Server], Any]


@dataclass
class Pair:
    """Both servers, on copies of the same project."""

    theirs: Server
    ours: Server

    def ask(self, question: Question) -> tuple[Any, Any]:
        """Return both answers to the same question."""
        self.theirs.until_health("READY", "UNHEALTHY", "SETUP_FAILED", "STARTING")
        return question(self.theirs), question(self.ours)


Start: TypeAlias = Callable[..., Pair]


def predict(server: Server, headers: dict[str, str] | None = None, **given: Any) -> httpx.Response:
    """Ask for a prediction with the given inputs."""
    return server.client.post("/predictions", json={"input": given}, headers=headers)


def post(body: Any, **headers: str) -> Question:
    """Return a question: what is answered to this body?"""
    return lambda server: answer(server.client.post("/predictions", json=body, headers=headers))


def send(content: bytes, **headers: str) -> Question:
    """Return a question: which status does this content get?"""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda server: (
        server.client.post("/predictions", content=content, headers=named).status_code
    )


def wait_for_logs(server: Server, url: str) -> None:
    """Wait until the prediction has begun to print."""
    while not server.client.put(url, json={}).json().get("logs"):
        time.sleep(0.02)


def follow(body: dict[str, Any], method: str = "POST", path: str = "/predictions") -> Question:
    """Return a question: which events does this request give, by their kind?"""

    def question(server: Server) -> Any:
        response = server.client.request(method, path, json=body, headers=EVENTS)
        assert response.headers["content-type"].startswith("text/event-stream")
        assert response.headers["cache-control"] == "no-cache"
        return by_kind(events(response))

    return question


def leave(server: Server, method: str, path: str, body: dict[str, Any]) -> None:
    """Open a stream and hang up after the first bytes."""
    with server.client.stream(method, path, json=body, headers=EVENTS) as response:
        next(response.iter_raw())
