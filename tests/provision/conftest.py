"""A server that has weights."""

from __future__ import annotations

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.http_server import running

WEIGHTS = b"weights " * 1000


class Site:
    """A server whose answers are set by path; `asked` are the paths that were asked for."""

    def __init__(self) -> None:
        self.bodies: dict[str, bytes] = {"/w.bin": WEIGHTS}
        self.asked: list[str] = []
        self.cut_short = False
        site = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                site.asked.append(self.path)
                body = site.bodies.get(self.path.partition("?")[0])
                self.send_response(200 if body is not None else 404)
                self.send_header("Content-Length", str(len(body or b"")))
                self.end_headers()
                self.wfile.write((body or b"")[: 100 if site.cut_short else None])

            def log_message(self, *_args: object) -> None:
                """Keep the tests' output clean."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"


@pytest.fixture
def site() -> Iterator[Site]:
    """A running server."""
    site = Site()
    with running(site.server):
        yield site
