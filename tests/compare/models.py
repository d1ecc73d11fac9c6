"""Servers of models that answer as they are told, well or badly."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any, TypeAlias

from tests.http_server import QuietServer, running

Reply: TypeAlias = "tuple[int, Mapping[str, str], bytes]"


def reply(value: Any, status: int = 200, **headers: str) -> Reply:
    """Return a reply of JSON."""
    return status, {"Content-Type": "application/json", **headers}, json.dumps(value).encode()


@dataclass
class Asked:
    """What a server was asked."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body, read as JSON."""
        return json.loads(self.body)


@dataclass
class Model:
    """A running server: `url` is where, `asked` what it got so far."""

    url: str = ""
    asked: list[Asked] = field(default_factory=list)


@contextmanager
def model(answer: Callable[[Asked], Reply]) -> Iterator[Model]:
    """Serve a model; `answer` is called for every request."""
    told = Model()

    class Handler(BaseHTTPRequestHandler):
        def handle_any(self) -> None:
            size = int(self.headers.get("Content-Length", "0"))
            asked = Asked(self.command, self.path, dict(self.headers), self.rfile.read(size))
            told.asked.append(asked)
            status, headers, body = answer(asked)
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = do_PUT = handle_any  # noqa: N815  # the base class's names

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            """Say nothing."""

    server = QuietServer(("127.0.0.1", 0), Handler)
    told.url = f"http://127.0.0.1:{server.server_address[1]}"
    with running(server):
        yield told


def answering(document: dict[str, Any], prediction: Callable[[Asked], Reply]) -> Any:
    """Return what answers `/openapi.json` with a document and everything else with `prediction`."""

    def answer(asked: Asked) -> Reply:
        return reply(document) if asked.path == "/openapi.json" else prediction(asked)

    return answer
