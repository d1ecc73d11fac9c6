"""HTTP servers that tests run in their own process."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import ThreadingHTTPServer
from socketserver import BaseServer
from typing import Any


class QuietServer(ThreadingHTTPServer):
    """One that waits for its threads when it ends, and lets clients hang up as they like."""

    daemon_threads = False
    block_on_close = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing."""


@contextmanager
def running(server: BaseServer, gate: threading.Event | None = None) -> Iterator[None]:
    """Serve for the length of the block, which a `gate` that handlers wait for is opened to end."""
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield
    finally:
        if gate is not None:
            gate.set()
        server.shutdown()
        thread.join()
        server.server_close()
