"""fal's node-local uploader, as far as fal.toolkit speaks to it: HTTP on a Unix socket."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler
from io import BufferedIOBase
from pathlib import Path
from socketserver import ThreadingMixIn, UnixStreamServer
from typing import Any

from tests.http_server import running


@dataclass
class Upload:
    """One upload: its headers and, once they are there, its bytes."""

    headers: Message
    content: bytes | None = None


@dataclass
class Uploader:
    """A running uploader; `status` is what it answers to uploads in one piece."""

    socket: Path
    uploads: list[Upload] = field(default_factory=list)
    status: int = 202
    finished: threading.Event = field(default_factory=threading.Event)
    gate: threading.Event = field(default_factory=threading.Event)


class _Server(ThreadingMixIn, UnixStreamServer):
    daemon_threads = False
    block_on_close = True


@contextmanager
def uploader(directory: Path) -> Iterator[Uploader]:
    """Run an uploader for the length of the block."""
    state = Uploader(directory / "api.sock")
    state.gate.set()

    class Handler(_Handler):
        uploader = state

    server = _Server(str(state.socket), Handler)
    with running(server, state.gate):
        yield state


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    uploader: Uploader

    def do_POST(self) -> None:
        content = read_body(self.rfile, self.headers)
        match self.path.removeprefix("/v1/").split("/"):
            case ["uploads"]:
                self.accept(content)
            case ["upload-sessions"]:
                self.answer(201, self.receipt(Upload(self.headers), "receiving"))
            case ["upload-sessions", number, "finish"]:
                self.answer(202, self.receipt(self.uploader.uploads[int(number)], "accepted_local"))
                self.uploader.finished.set()

    def do_PUT(self) -> None:
        number = int(self.path.split("/")[3])
        self.uploader.gate.wait(120)
        self.uploader.uploads[number].content = read_body(self.rfile, self.headers)
        self.answer(204, None)

    def do_DELETE(self) -> None:
        self.answer(202, {})

    def log_message(self, *args: object) -> None:
        """Keep quiet."""

    def accept(self, content: bytes) -> None:
        if self.uploader.status != 202:
            self.answer(self.uploader.status, {})
            return
        self.answer(202, self.receipt(Upload(self.headers, content), "accepted_local"))

    def receipt(self, upload: Upload, state: str) -> dict[str, str]:
        if upload not in self.uploader.uploads:
            self.uploader.uploads.append(upload)
        number = self.uploader.uploads.index(upload)
        url = f"https://cdn.test/{number}/{upload.headers['X-Fal-File-Name']}"
        return {"state": state, "upload_id": str(number), "file_url": url}

    def answer(self, status: int, body: dict[str, Any] | None) -> None:
        data = b"" if body is None else json.dumps(body).encode()
        self.send_response(status)
        if body is not None:
            self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


def read_body(stream: BufferedIOBase, headers: Message) -> bytes:
    """Read a request's body, whether its length was declared or not."""
    if headers.get("Transfer-Encoding") != "chunked":
        return stream.read(int(headers.get("Content-Length", "0")))
    content = b""
    while size := int(stream.readline(), 16):
        content += stream.read(size)
        stream.readline()
    stream.readline()
    return content
