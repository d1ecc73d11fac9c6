"""Answer HTTP requests with JSON or bytes, over any kind of socket."""

from __future__ import annotations

import json
from http.server import BaseHTTPRequestHandler
from typing import Any


class Answers(BaseHTTPRequestHandler):
    """The part of a handler that knows bodies and answers but no routes."""

    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # its name
        """Say nothing; the tests' output is the client's."""

    def read_body(self) -> bytes:
        """Return the request's body, sent whole or in chunks."""
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        chunks = []
        while size := int(self.rfile.readline().strip(), 16):
            chunks.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(chunks)

    def send_json(self, value: Any, status: int = 200) -> None:
        """Answer with JSON."""
        self.send_content(json.dumps(value).encode(), "application/json", status)

    def send_content(self, content: bytes, media_type: str, status: int = 200) -> None:
        """Answer with bytes."""
        self.send_response(status)
        self.send_header("Content-Type", media_type)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def send_no_route(self) -> None:
        """Answer 404."""
        self.send_json({"detail": f"no route for {self.command} {self.path}"}, 404)
