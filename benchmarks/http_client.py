"""A small HTTP/1.1 client whose own cost is low enough to measure servers with.

One `Connection` is one blocking keep-alive connection on loopback. It understands what the measured
servers send: Content-Length or chunked bodies.
"""

from __future__ import annotations

import json
import select
import socket
import time
from dataclasses import dataclass
from typing import Any

LIMIT = 300.0  # seconds that a server may be silent
PIECE = 2**20


@dataclass(frozen=True, slots=True)
class Job:
    """A request to repeat: path, JSON body, further header lines, method."""

    path: str
    body: bytes = b""
    headers: bytes = b""
    method: str = "POST"

    def encoded(self) -> bytes:
        """Return the request's bytes."""
        head = (
            f"{self.method} {self.path} HTTP/1.1\r\nHost: 127.0.0.1\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(self.body)}\r\n"
        )
        return head.encode() + self.headers + b"\r\n" + self.body


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole response; `first` is when its body began, on `time.perf_counter`'s clock."""

    status: int
    body: bytes
    first: float = 0.0

    def json(self) -> Any:
        """Return the body's JSON."""
        return json.loads(self.body)


class Connection:
    """A keep-alive connection to a server on loopback."""

    def __init__(self, port: int) -> None:
        self.port = port
        self._socket: socket.socket | None = None

    def post(self, job: Job) -> Answer:
        """Send a request and return the whole answer."""
        self.send(job)
        return self.receive()

    def send(self, job: Job) -> None:
        """Send a request; its answer is to be received."""
        if self._socket is None:
            self._socket = socket.create_connection(("127.0.0.1", self.port), LIMIT)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket.sendall(job.encoded())

    def receive(self) -> Answer:
        """Return the whole answer to what was sent."""
        begun = b""
        while (end := begun.find(b"\r\n\r\n")) < 0:
            begun += self._piece(2**16)
        head, rest = begun[:end].lower(), begun[end + 4 :]
        first = time.perf_counter() if rest else 0.0
        if not rest:
            rest, first = self._next_piece(head)
        body = (
            self._chunked(rest)
            if b"transfer-encoding: chunked" in head
            else self._sized(head, rest)
        )
        if b"connection: close" in head:
            self.close()
        return Answer(int(head[9:12]), body, first)

    def answered(self) -> bool:
        """Tell whether an answer has begun to arrive."""
        return bool(self._socket and select.select([self._socket], [], [], 0)[0])

    def close(self) -> None:
        """Drop the connection."""
        if self._socket is not None:
            self._socket.close()
        self._socket = None

    def _next_piece(self, head: bytes) -> tuple[bytes, float]:
        empty = content_length(head) == 0
        piece = b"" if empty else self._piece(PIECE)
        return piece, time.perf_counter()

    def _sized(self, head: bytes, rest: bytes) -> bytes:
        pieces, left = [rest], (content_length(head) or 0) - len(rest)
        while left > 0:
            pieces.append(self._piece(PIECE))
            left -= len(pieces[-1])
        return b"".join(pieces)

    def _chunked(self, rest: bytes) -> bytes:
        """Read to the last chunk first and decode then, so that decoding slows no stream down."""
        pieces, tail = [rest], rest[-7:]
        while not tail.endswith(b"\r\n0\r\n\r\n") and tail != b"0\r\n\r\n":
            pieces.append(self._piece(PIECE))
            tail = (tail + pieces[-1])[-7:]
        return _unchunked(b"".join(pieces))

    def _piece(self, size: int) -> bytes:
        assert self._socket is not None
        piece = self._socket.recv(size)
        if not piece:
            self.close()
            raise ConnectionError("the server closed the connection within an answer")
        return piece


def content_length(head: bytes) -> int | None:
    """Return what a response's head, in lower case, says of the body's length."""
    _, found, rest = head.partition(b"content-length:")
    return int(rest.partition(b"\r\n")[0]) if found else None


def _unchunked(body: bytes) -> bytes:
    pieces: list[bytes] = []
    at = 0
    while True:
        end = body.index(b"\r\n", at)
        size = int(body[at:end], 16)
        if not size:
            return b"".join(pieces)
        pieces.append(body[end + 2 : end + 2 + size])
        at = end + 2 + size + 2
