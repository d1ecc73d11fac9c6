"""An HTTP file server for tests that serves well, badly or with malice, on real sockets.

Each path is a behaviour. `requests` lists what was asked for, in order, with its headers.
"""

from __future__ import annotations

import os
import socket
import ssl
import struct
import subprocess
import sys
import threading
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.http_server import QuietServer, running

PNG = (
    b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x02\x00\x00\x00\x03\x08\x02\x00\x00\x00"
    b"6\x88I\xd6\x00\x00\x00\x0eIDATx\x9cc`@\x02\x00\x00\x1b\x00\x01\xa9\x9f\xbb\xb9\x00\x00\x00"
    b"\x00IEND\xaeB`\x82"
)


@dataclass
class FileServer:
    """A running server; `gate` holds back the behaviours that wait, until it is set."""

    port: int
    host: str
    requests: list[tuple[str, Message]] = field(default_factory=list)
    gate: threading.Event = field(default_factory=threading.Event)
    busy: threading.Event = field(default_factory=threading.Event)
    barrier: threading.Barrier | None = None

    def url(self, path: str) -> str:
        """Return the URL of a behaviour."""
        return f"http://{self.host}:{self.port}{path}"

    def paths(self) -> list[str]:
        """Return the paths asked for so far."""
        return [path for path, _ in self.requests]


@contextmanager
def file_server(
    host: str = "127.0.0.1", port: int = 0, *, tls: ssl.SSLContext | None = None
) -> Iterator[FileServer]:
    """Run a server for the length of the block; its threads have ended afterwards."""

    class Handler(_Behaviours):
        server_state: FileServer

    server = QuietServer((host, port), Handler)
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    Handler.server_state = FileServer(server.server_port, host)
    with running(server, Handler.server_state.gate):
        yield Handler.server_state


@contextmanager
def file_server_process() -> Iterator[str]:
    """Run a server in a process of its own and yield its address, `http://host:port`.

    For tests that count what their own process has open.
    """
    program = "from tests.file_server import serve_until_told; serve_until_told()"
    process = subprocess.Popen(
        [sys.executable, "-c", program],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[1],
    )
    with process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.kill()


def serve_until_told() -> None:
    """Serve, having printed the address, until the standard input ends."""
    with file_server() as server:
        sys.stdout.write(server.url("") + "\n")
        sys.stdout.flush()
        sys.stdin.read()


class _Behaviours(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_state: FileServer

    def do_GET(self) -> None:
        self.close_connection = True
        self.server_state.requests.append((self.path, self.headers))
        name = urlsplit(self.path).path.split("/")[1].replace("-", "_")
        behaviour: Callable[[], None] = getattr(self, f"serve_{name}", self.serve_file)
        with suppress(ConnectionError, TimeoutError):
            behaviour()

    def log_message(self, *args: object) -> None:
        """Keep quiet."""

    def query(self, name: str, default: str = "") -> str:
        return parse_qs(urlsplit(self.path).query).get(name, [default])[0]

    def answer(self, body: bytes, status: int = 200, **headers: Any) -> None:
        self.send_response(status)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        for name, value in ({"Content-Length": str(len(body))} | named).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def serve_file(self) -> None:
        """Serve a small picture, with the headers that the query asks for."""
        headers: dict[str, Any] = {}
        if self.query("type"):
            headers["Content_Type"] = self.query("type")
        if self.query("disposition"):
            headers["Content_Disposition"] = self.query("disposition")
        self.answer(PNG, **headers)

    def serve_bytes(self) -> None:
        """Serve as many bytes as asked for, with a true length or (`chunked`) none."""
        size = int(self.query("size"))
        if not self.query("chunked"):
            self.answer(b"x" * size)
            return
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for start in range(0, size, 65536):
            piece = b"x" * min(65536, size - start)
            self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece))
        self.wfile.write(b"0\r\n\r\n")

    def serve_promises_more(self) -> None:
        """Promise more bytes than are sent."""
        self.answer(b"short", Content_Length="1000")

    def serve_promises_less(self) -> None:
        """Send more bytes than were promised."""
        self.answer(b"ab" + b"x" * 1000, Content_Length="2")

    def serve_drip(self) -> None:
        """Send one byte at a time, for ever."""
        self.send_response(200)
        self.end_headers()
        self.server_state.busy.set()
        while not self.server_state.gate.wait(0.02):
            self.wfile.write(b"x")

    def serve_stall(self) -> None:
        """Send a beginning and then nothing."""
        self.send_response(200)
        self.send_header("Content-Length", "1000")
        self.end_headers()
        self.wfile.write(b"x" * 100)
        self.server_state.busy.set()
        self.server_state.gate.wait()

    def serve_silent(self) -> None:
        """Take the request and never answer."""
        self.server_state.busy.set()
        self.server_state.gate.wait()

    def serve_header_drip(self) -> None:
        """Send headers one byte at a time, for ever."""
        self.wfile.write(b"HTTP/1.1 200 OK\r\nX-Long: ")
        while not self.server_state.gate.wait(0.02):
            self.wfile.write(b"x")

    def serve_header_flood(self) -> None:
        """Send headers without end."""
        self.wfile.write(b"HTTP/1.1 200 OK\r\n")
        while not self.server_state.gate.is_set():
            self.wfile.write(b"X-More: " + b"x" * 8192 + b"\r\n")

    def serve_interim_flood(self) -> None:
        """Send interim answers without end, many at once."""
        while not self.server_state.gate.is_set():
            self.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n" * 10_000)

    def serve_crumbs(self) -> None:
        """Serve as many bytes as asked for, each a chunk of its own, all at once."""
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.wfile.write(b"1\r\nx\r\n" * int(self.query("size")) + b"0\r\n\r\n")

    def serve_in_the_clear(self) -> None:
        """Answer beside the encryption of the connection."""
        with socket.socket(fileno=os.dup(self.connection.fileno())) as beside:
            beside.sendall(b"HTTP/1.1 200 OK\r\n\r\n")

    def serve_reset(self) -> None:
        """Reset the connection in the middle of the body."""
        self.send_response(200)
        self.send_header("Content-Length", "1000")
        self.end_headers()
        self.wfile.write(b"x" * 10)
        self.wfile.flush()
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()

    def serve_garbage(self) -> None:
        """Answer something that is no HTTP."""
        self.wfile.write(b"SSH-2.0-OpenSSH_9.6\r\n\r\n")

    def serve_bomb(self) -> None:
        """Serve a few kilobytes of gzip that are many megabytes unpacked."""
        packer = zlib.compressobj(9, zlib.DEFLATED, 31)
        packed = packer.compress(bytes(int(self.query("size")))) + packer.flush()
        self.answer(packed, Content_Encoding="gzip")

    def serve_gzip(self) -> None:
        """Serve a gzipped text, or (`cut`) its first half."""
        packer = zlib.compressobj(9, zlib.DEFLATED, 31)
        packed = packer.compress(b"unpacked " * 1000) + packer.flush()
        self.answer(
            packed[: len(packed) // 2] if self.query("cut") else packed,
            Content_Encoding=self.query("encoding", "gzip"),
        )

    def serve_status(self) -> None:
        """Answer with a status of the client's choice."""
        self.answer(b"no", status=int(self.query("code")))

    def serve_redirect(self) -> None:
        """Redirect to `to`."""
        self.answer(b"", status=int(self.query("code", "302")), Location=self.query("to"))

    def serve_loop(self) -> None:
        """Redirect to itself, one further each time."""
        count = int(self.query("n", "0"))
        self.answer(b"", status=302, Location=f"/loop?n={count + 1}")

    def serve_hops(self) -> None:
        """Redirect `n` times, then serve the picture."""
        left = int(self.query("n"))
        target = f"/hops?n={left - 1}" if left > 1 else "/file/picture.png"
        self.answer(b"", status=302, Location=target)

    def serve_cookie(self) -> None:
        """Set a cookie on the way to `to`, by default to the same address, where it is wanted."""
        if self.headers.get("Cookie") == "seen=yes":
            self.answer(PNG)
        else:
            target = self.query("to", self.path)
            self.answer(b"", status=302, Location=target, Set_Cookie="seen=yes; Path=/")

    def serve_bad_cookies(self) -> None:
        """Redirect to the picture, and set cookies that no client wants, and one that it may."""
        self.send_response(302)
        self.send_header("Location", "/file/picture.png")
        for cookie in (
            "x=\xff",
            "long=" + "x" * 5000,
            "busy=1" + ";a=b" * 1000,
            "old=1; max-age=0",
        ):
            self.send_header("Set-Cookie", cookie)
        self.send_header("Set-Cookie", "late=1; max-age=" + "9" * 4000)
        self.end_headers()

    def serve_nowhere(self) -> None:
        """Redirect without saying where to."""
        self.answer(b"", status=302)

    def serve_together(self) -> None:
        """Answer only once as many clients as the barrier wants are waiting."""
        assert self.server_state.barrier is not None
        self.server_state.barrier.wait(timeout=120)
        self.answer(PNG)

    def serve_versioned(self) -> None:
        """Serve a file with an ETag, and 304 to whoever has it already."""
        etag = f'"{self.query("etag", "one")}"'
        if self.headers.get("If-None-Match") == etag:
            self.answer(b"", status=304, ETag=etag)
        else:
            self.answer(b"weights", ETag=etag)
