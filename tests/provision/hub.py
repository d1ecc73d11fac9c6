"""A Hugging Face Hub on the loopback interface, with one repository."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler

from tests.http_server import QuietServer, running

COMMIT = "c" * 40


@contextmanager
def hub(files: Mapping[str, bytes]) -> Iterator[tuple[str, list[str]]]:
    """Serve a model repository `me/model`; yields the endpoint and the paths of files asked for."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self._answer(body=False)

        def do_GET(self) -> None:
            self._answer(body=True)

        def _answer(self, *, body: bool) -> None:
            path = self.path.partition("?")[0]
            if path.startswith("/api/models/me/model"):
                told = json.dumps(_tree(files) if "/tree/" in path else _repository(files))
                self._send(told.encode(), {"Content-Type": "application/json"})
                return
            name = path.partition(f"/me/model/resolve/{COMMIT}/")[2]
            content = files.get(name)
            if content is None:
                self.send_error(404)
                return
            if body:
                asked.append(name)
            etag = f'"{hashlib.sha256(content).hexdigest()}"'
            self._send(content if body else b"", {"ETag": etag, "X-Repo-Commit": COMMIT}, content)

        def _send(
            self, body: bytes, headers: Mapping[str, str], whole: bytes | None = None
        ) -> None:
            self.send_response(200)
            for key, value in headers.items():
                self.send_header(key, value)
            self.send_header("Content-Length", str(len(body if whole is None else whole)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_arguments: object) -> None:
            """Say nothing."""

    with QuietServer(("127.0.0.1", 0), Handler) as server, running(server):
        yield f"http://127.0.0.1:{server.server_address[1]}", asked


def _repository(files: Mapping[str, bytes]) -> dict[str, object]:
    siblings = [{"rfilename": name} for name in files]
    return {"id": "me/model", "sha": COMMIT, "siblings": siblings, "private": False}


def _tree(files: Mapping[str, bytes]) -> list[dict[str, object]]:
    return [
        {"type": "file", "path": name, "size": len(content), "oid": COMMIT}
        for name, content in files.items()
    ]
