"""A file store at the network's edge that answers after a chosen latency.

It serves files over HTTP (`/image/NAME.png`, and `/bytes/SIZE/NAME.bin` of zeros) and takes uploads
on a Unix socket as fal's node-local uploader does. It is a process of its own:

    python -m benchmarks.store --latency 0.15 --socket PATH
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socketserver import ThreadingMixIn, UnixStreamServer
from typing import ClassVar

from benchmarks.pictures import noise

PIECE = 2**20
IMAGE_BYTES = 100_000


@dataclass(frozen=True, slots=True)
class Store:
    """A running store."""

    port: int
    socket: Path

    def image(self, name: str) -> str:
        """Return the URL of a picture of 100 kB."""
        return f"http://127.0.0.1:{self.port}/image/{name}.png"

    def zeros(self, size: int) -> str:
        """Return the URL of a file of that many bytes."""
        return f"http://127.0.0.1:{self.port}/bytes/{size}/large.bin"

    def variables(self) -> dict[str, str]:
        """Return what makes fal.toolkit upload to this store."""
        return {
            "FAL_USE_LOCAL_UPLOADER": "1",
            "FAL_API_SOCKET": str(self.socket),
            "FAL_KEY": "nobody:nothing",  # named in each upload's headers, and read by nobody
        }


@contextmanager
def store(latency: float) -> Iterator[Store]:
    """Run a store for the length of the block."""
    with tempfile.TemporaryDirectory(prefix="cogfal-bench-") as directory:
        path = Path(directory) / "api.sock"
        options = [f"--latency={latency}", f"--socket={path}"]
        command = [sys.executable, "-m", "benchmarks.store", *options]
        root = Path(__file__).parents[1]
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, stdin=subprocess.PIPE, cwd=root
        ) as process:
            assert process.stdout is not None
            try:
                yield Store(int(process.stdout.readline()), path)
            finally:
                process.kill()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    latency: ClassVar[float]
    image: ClassVar[bytes]

    def do_GET(self) -> None:
        time.sleep(self.latency)
        match self.path.split("/"):
            case ["", "bytes", size, _]:
                self._head(int(size), "application/octet-stream")
                self._zeros(int(size))
            case _:
                self._head(len(self.image), "image/png")
                self.wfile.write(self.image)

    def do_POST(self) -> None:
        left = int(self.headers["Content-Length"])
        buffer = memoryview(bytearray(PIECE))
        while left:
            left -= self.rfile.readinto(buffer[: min(left, PIECE)])
        time.sleep(self.latency)
        url = f"https://store.test/{self.headers['X-Fal-File-Name']}"
        receipt = {"state": "accepted_local", "upload_id": "1", "file_url": url}
        body = json.dumps(receipt).encode()
        self._head(len(body), "application/json", 202)
        self.wfile.write(body)

    def address_string(self) -> str:
        return "somebody"  # a Unix socket's peer has no address

    def log_message(self, *_: object) -> None:
        """Keep quiet."""

    def _head(self, size: int, content_type: str, status: int = 200) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(size))
        self.send_header("Content-Type", content_type)
        self.end_headers()

    def _zeros(self, size: int) -> None:
        with tempfile.TemporaryFile() as sparse:
            sparse.truncate(size)
            self.wfile.flush()
            sent = 0
            while sent < size:
                sent += os.sendfile(self.connection.fileno(), sparse.fileno(), sent, size - sent)


class _Uploader(ThreadingMixIn, UnixStreamServer):
    daemon_threads = True
    request_queue_size = 64


class _Downloads(ThreadingHTTPServer):
    request_queue_size = 64


def main() -> None:
    """Serve until the standard input ends."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--latency", type=float, required=True)
    parser.add_argument("--socket", required=True)
    options = parser.parse_args()
    _Handler.latency, _Handler.image = options.latency, noise(IMAGE_BYTES)
    servers = [_Downloads(("127.0.0.1", 0), _Handler), _Uploader(options.socket, _Handler)]
    for server in servers:
        threading.Thread(target=server.serve_forever, daemon=True).start()
    print(servers[0].server_address[1], flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
