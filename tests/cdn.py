"""fal's CDN, as far as fal.toolkit speaks to it: uploads in one piece and in parts, over TLS."""

from __future__ import annotations

import json
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

from tests.http_server import running


@dataclass
class Cdn:
    """A running CDN; `refusals` are statuses to answer to the next uploads of bytes."""

    host: str
    initiated: list[tuple[Message, dict[str, str]]] = field(default_factory=list)
    whole: list[bytes] = field(default_factory=list)
    parts: dict[int, bytes] = field(default_factory=dict)
    completed: list[list[int]] = field(default_factory=list)
    refusals: list[int] = field(default_factory=list)


@contextmanager
def cdn(tls: ssl.SSLContext) -> Iterator[Cdn]:
    """Run a CDN for the length of the block."""

    class Handler(_Handler):
        cdn: Cdn

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.socket = tls.wrap_socket(server.socket, server_side=True)
    Handler.cdn = Cdn(f"localhost:{server.server_port}")
    with running(server):
        yield Handler.cdn


class _Handler(BaseHTTPRequestHandler):
    cdn: Cdn

    def do_POST(self) -> None:
        body = json.loads(self.body())
        base = f"https://{self.cdn.host}"
        match urlsplit(self.path).path.split("/")[1:]:
            case ["storage", "upload", way]:
                self.cdn.initiated.append((self.headers, body))
                place = "/whole" if way == "initiate" else "/parts?sig=hush"
                name = body["file_name"]
                self.answer(200, {"file_url": f"{base}/f/{name}", "upload_url": base + place})
            case ["parts", "complete"]:
                self.cdn.completed.append(sorted(part["partNumber"] for part in body["parts"]))
                self.answer(200, {})

    def do_PUT(self) -> None:
        body = self.body()
        if self.cdn.refusals:
            self.answer(self.cdn.refusals.pop(0), {})
            return
        match urlsplit(self.path).path.split("/")[1:]:
            case ["whole"]:
                self.cdn.whole.append(body)
            case ["parts", number]:
                self.cdn.parts[int(number)] = body
        self.answer(200, {})

    def body(self) -> bytes:
        return self.rfile.read(int(self.headers["Content-Length"]))

    def answer(self, status: int, body: dict[str, Any]) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("ETag", '"etag"')
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *args: object) -> None:
        """Keep quiet."""
