"""A Hugging Face Hub on the loopback interface, with one repository."""

from __future__ import annotations

import hashlib
import json
import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler

from tests.http_server import QuietServer, running

COMMIT = "c" * 40


@dataclass
class Cut:
    """Where the first answer with a file stops: there it is cut off, once `gate` is open."""

    name: str
    length: int
    gate: threading.Event
    reached: threading.Event = field(default_factory=threading.Event)


@contextmanager
def hub(files: Mapping[str, bytes], cut: Cut | None = None) -> Iterator[tuple[str, list[str]]]:
    """Serve a model repository `me/model`; yields the endpoint and the paths of files asked for.

    What is asked for from some byte on is told with it, `model.bin from 300`.
    """
    asked: list[str] = []

    class Handler(_Handler):
        """That of this hub."""

    Handler.files, Handler.asked, Handler.cut = files, asked, cut
    with QuietServer(("127.0.0.1", 0), Handler) as server, running(server):
        yield f"http://127.0.0.1:{server.server_address[1]}", asked


class _Handler(BaseHTTPRequestHandler):
    files: Mapping[str, bytes]
    asked: list[str]
    cut: Cut | None

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def do_GET(self) -> None:
        self._answer(body=True)

    def _answer(self, *, body: bool) -> None:
        path = self.path.partition("?")[0]
        if path.startswith("/api/models/me/model"):
            told = json.dumps(_tree(self.files) if "/tree/" in path else _repository(self.files))
            self._send(told.encode(), {"Content-Type": "application/json"})
            return
        name = path.partition(f"/me/model/resolve/{COMMIT}/")[2]
        content = self.files.get(name)
        if content is None:
            self.send_error(404)
            return
        etag = f'"{hashlib.sha256(content).hexdigest()}"'
        headers = {"ETag": etag, "X-Repo-Commit": COMMIT, "Accept-Ranges": "bytes"}
        start = int(re.sub(r"bytes=(\d+)-$", r"\1", self.headers.get("Range", "0")))
        if start:
            headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
        first = name not in self.asked
        if body:
            self.asked.append(f"{name} from {start}" if start else name)
        rest = content[start:]
        if body and first and self.cut is not None and name == self.cut.name:
            self._send(rest[: self.cut.length], headers, rest)
            self.wfile.flush()
            self.cut.reached.set()
            self.cut.gate.wait()
            return
        self._send(rest if body else b"", headers, rest)

    def _send(self, body: bytes, headers: Mapping[str, str], whole: bytes | None = None) -> None:
        self.send_response(206 if "Content-Range" in headers else 200)
        for key, value in headers.items():
            self.send_header(key, value)
        self.send_header("Content-Length", str(len(body if whole is None else whole)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_arguments: object) -> None:
        """Say nothing."""


def _repository(files: Mapping[str, bytes]) -> dict[str, object]:
    siblings = [{"rfilename": name} for name in files]
    return {"id": "me/model", "sha": COMMIT, "siblings": siblings, "private": False}


def _tree(files: Mapping[str, bytes]) -> list[dict[str, object]]:
    return [
        {"type": "file", "path": name, "size": len(content), "oid": COMMIT}
        for name, content in files.items()
    ]
