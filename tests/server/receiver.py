"""Receive webhooks and uploads on a real socket, well or badly.

The first part of a path is a behaviour: `/ok`, `/fail-N` (503 to the first N), `/refuse` (400),
`/slow` (answers only once the gate is open), `/moved` (redirects), `/located` (sends `Location`),
`/at/URL` (sends that one), `/cut` (hangs up in the middle of the body), `/unread` (takes no body
before the gate is open).
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import unquote

from tests.http_server import QuietServer, running
from tests.processes import GRACE


@dataclass(frozen=True)
class Received:
    """One request."""

    method: str
    path: str
    headers: Message
    body: bytes

    @property
    def json(self) -> Any:
        """The body, decoded."""
        return json.loads(self.body)


@dataclass
class Receiver:
    """A running receiver; `requests` lists what came, in order; `gate` opens the slow path."""

    url: str
    requests: list[Received] = field(default_factory=list)
    gate: threading.Event = field(default_factory=threading.Event)
    changed: threading.Condition = field(default_factory=threading.Condition)

    def add(self, request: Received) -> int:
        """Note a request and return how many came to its path so far."""
        with self.changed:
            self.requests.append(request)
            self.changed.notify_all()
            return sum(each.path == request.path for each in self.requests)

    def at(self, path: str) -> list[Received]:
        """Return what came to `path` so far."""
        return [each for each in self.requests if each.path == path]

    def wait(self, path: str, count: int = 1, timeout: float = GRACE) -> list[Received]:
        """Return the requests to `path` once there are `count` of them."""
        with self.changed:
            if not self.changed.wait_for(lambda: len(self.at(path)) >= count, timeout):
                raise TimeoutError(f"{self.at(path)} after {timeout:g} s at {path}")
            return self.at(path)

    def wait_for_end(self, path: str, timeout: float = GRACE) -> list[Received]:
        """Return the webhooks at `path` once a prediction's last state is among them."""

        def over() -> bool:
            return any(_ended(each) for each in self.at(path))

        with self.changed:
            if not self.changed.wait_for(over, timeout):
                raise TimeoutError(f"{self.at(path)} after {timeout:g} s at {path}")
            return self.at(path)


def _ended(request: Received) -> bool:
    return request.json["status"] in ("succeeded", "failed", "canceled")


@contextmanager
def receiver() -> Iterator[Receiver]:
    """Run a receiver for the length of the block."""

    class Handler(_Handler):
        state: Receiver

    server = QuietServer(("127.0.0.1", 0), Handler)
    Handler.state = Receiver(f"http://127.0.0.1:{server.server_port}")
    with running(server, Handler.state.gate):
        yield Handler.state


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    state: Receiver

    def do_POST(self) -> None:
        self._take()

    def do_PUT(self) -> None:
        self._take()

    def log_message(self, *args: object) -> None:
        """Keep quiet."""

    def _take(self) -> None:
        self.close_connection = True
        behaviour = self.path.split("/")[1]
        if behaviour == "unread":
            self.state.gate.wait()
        length = int(self.headers["Content-Length"])
        body = self.rfile.read(length // 2 if behaviour == "cut" else length)
        count = self.state.add(Received(self.command, self.path, self.headers, body))
        if behaviour == "cut":
            return
        if behaviour == "slow":
            self.state.gate.wait()
        with suppress(ConnectionError):
            self._answer(behaviour, count)

    def _answer(self, behaviour: str, count: int) -> None:
        self.send_response(_status(behaviour, count))
        if behaviour == "located":
            self.send_header("Location", f"{self.state.url}/found?signature=secret")
        if behaviour == "at":
            self.send_header("Location", unquote(self.path.split("/")[2]))
        if behaviour == "moved":
            self.send_header("Location", f"{self.state.url}/ok/elsewhere")
        self.send_header("Content-Length", "0")
        self.end_headers()


def _status(behaviour: str, count: int) -> int:
    name, _, number = behaviour.partition("-")
    if name == "fail" and count <= int(number):
        return 503
    return {"refuse": 400, "moved": 307}.get(name, 200)
