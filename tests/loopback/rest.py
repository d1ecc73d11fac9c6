"""fal's REST service: app files by their hash, who the user is, and the CDN's downloads."""

from __future__ import annotations

import hashlib
import json
import re
import threading
import uuid
from collections.abc import Callable
from http.server import ThreadingHTTPServer
from typing import ClassVar

from tests.loopback.answers import Answers
from tests.loopback.records import StoredFile

Handler = Callable[["RestHandler", "re.Match[str]"], None]


class RestServer(ThreadingHTTPServer):
    """Serves on a port from `start` to `stop`; `files` are the app files by hash."""

    daemon_threads = True

    def __init__(self, port: int) -> None:
        super().__init__(("127.0.0.1", port), RestHandler)
        self.files: dict[str, StoredFile] = {}
        self.downloads: dict[str, tuple[str, bytes]] = {}
        self.parts: dict[str, dict[int, bytes]] = {}
        self._thread = threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True)

    @property
    def host(self) -> str:
        """`address:port`."""
        return f"127.0.0.1:{self.server_address[1]}"

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def stop(self) -> None:
        """Stop answering and close the port."""
        self.shutdown()
        self.server_close()
        self._thread.join()


class RestHandler(Answers):
    """Answers one connection."""

    server: RestServer
    routes: ClassVar[list[tuple[str, re.Pattern[str], Handler]]] = []

    def _dispatch(self) -> None:
        for method, pattern, handler in self.routes:
            if method == self.command and (match := pattern.fullmatch(self.path)):
                handler(self, match)
                return
        self.send_no_route()

    do_GET = do_POST = do_PUT = _dispatch  # noqa: N815  # the base class's names


def route(method: str, pattern: str) -> Callable[[Handler], Handler]:
    """Answer `method` on paths that match `pattern` with the decorated function."""

    def register(handler: Handler) -> Handler:
        RestHandler.routes.append((method, re.compile(pattern), handler))
        return handler

    return register


@route("GET", r"/users/current")
def current_user(handler: RestHandler, match: re.Match[str]) -> None:
    """Name the one user."""
    handler.send_json(
        {
            "full_name": "Loopback",
            "nickname": "loopback",
            "user_id": "github|1",
            "is_personal": True,
            "is_locked": False,
        }
    )


@route("POST", r"/files/missing_hashes")
def missing_hashes(handler: RestHandler, match: re.Match[str]) -> None:
    """Tell which of the client's files are not here yet."""
    hashes = json.loads(handler.read_body())["hashes"]
    handler.send_json([h for h in hashes if h not in handler.server.files])


@route("POST", r"/files/app/multipart/(\w+)/initiate")
def initiate(handler: RestHandler, match: re.Match[str]) -> None:
    """Open an upload."""
    handler.read_body()
    upload_id = uuid.uuid4().hex
    handler.server.parts[upload_id] = {}
    handler.send_json({"upload_id": upload_id})


@route("PUT", r"/files/app/multipart/(\w+)/(\w+)/(\d+)")
def put_part(handler: RestHandler, match: re.Match[str]) -> None:
    """Keep one part."""
    number = int(match[3])
    content = only_part(handler.read_body(), handler.headers.get_boundary() or "")
    handler.server.parts[match[2]][number] = content
    handler.send_json({"part_number": number, "etag": hashlib.md5(content).hexdigest()})


@route("POST", r"/files/app/multipart/(\w+)/(\w+)/complete")
def complete(handler: RestHandler, match: re.Match[str]) -> None:
    """Join the parts; refuse content whose hash is not the announced one."""
    mode = json.loads(handler.read_body())["metadata"]["mode"]
    parts = handler.server.parts.pop(match[2])
    content = b"".join(parts[number] for number in sorted(parts))
    if hashlib.sha256(content + mode.encode()).hexdigest() != match[1]:
        handler.send_json({"detail": "the content does not have the announced hash"}, 422)
        return
    handler.server.files[match[1]] = StoredFile(content, int(mode))
    handler.send_json({"etag": match[1]})


@route("GET", r"/cdn/(\w+)/[^/]+")
def download(handler: RestHandler, match: re.Match[str]) -> None:
    """Give an uploaded file back."""
    media_type, content = handler.server.downloads[match[1]]
    handler.send_content(content, media_type)


def only_part(body: bytes, boundary: str) -> bytes:
    """Return the content of a multipart body that holds a single file."""
    start = body.index(b"\r\n\r\n") + 4
    return body[start : body.rindex(b"\r\n--" + boundary.encode())]
