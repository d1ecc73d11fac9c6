"""fal's uploader on the runner's node: takes an app's files over a Unix socket."""

from __future__ import annotations

import json
import socketserver
import threading
import uuid
from pathlib import Path
from urllib.parse import quote

from tests.loopback.answers import Answers
from tests.loopback.records import Upload
from tests.loopback.rest import RestServer


class UploaderServer(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    """Answers on `socket`; what it accepts can be downloaded from `rest` under its URL."""

    daemon_threads = True

    def __init__(self, socket: Path, rest: RestServer) -> None:
        super().__init__(str(socket), UploadHandler)
        self.rest = rest
        self.uploads: list[Upload] = []
        self.sessions: dict[str, tuple[dict[str, str], bytes]] = {}
        self._thread = threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True)

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def stop(self) -> None:
        """Stop answering and close the socket."""
        self.shutdown()
        self.server_close()
        self._thread.join()

    def url(self, upload_id: str, headers: dict[str, str]) -> str:
        """Return where the upload will be."""
        return f"http://{self.rest.host}/cdn/{upload_id}/{quote(headers['x-fal-file-name'])}"

    def accept(self, upload_id: str, headers: dict[str, str], content: bytes) -> str:
        """Publish the content and return its URL."""
        url = self.url(upload_id, headers)
        media_type = headers.get("content-type", "application/octet-stream")
        self.rest.downloads[upload_id] = (media_type, content)
        self.uploads.append(Upload(headers["x-fal-file-name"], content, headers, url))
        return url


class UploadHandler(Answers):
    """Answers one connection."""

    server: UploaderServer

    def address_string(self) -> str:
        """Return a name for the peer, which has no address on a Unix socket."""
        return "runner"

    def _dispatch(self) -> None:
        match self.command, self.path.strip("/").split("/"):
            case "POST", ["v1", "uploads"]:
                upload_id = uuid.uuid4().hex
                url = self.server.accept(upload_id, self._headers(), self.read_body())
                self._receipt(upload_id, url, "accepted_local", 202)
            case "GET", ["v1", "uploads", _]:
                self.send_json({"state": "completed"})
            case "POST", ["v1", "upload-sessions"]:
                self._open()
            case "PUT", ["v1", "upload-sessions", session, "body"]:
                headers, _ = self.server.sessions[session]
                self.server.sessions[session] = (headers, self.read_body())
                self.send_content(b"", "text/plain", 204)
            case "POST", ["v1", "upload-sessions", session, "finish"]:
                self._finish(session)
            case "DELETE", ["v1", "upload-sessions", session]:
                self.server.sessions.pop(session, None)
                self.send_json({}, 202)
            case _:
                self.send_no_route()

    do_GET = do_POST = do_PUT = do_DELETE = _dispatch  # noqa: N815  # the base class's names

    def _headers(self) -> dict[str, str]:
        return {name.lower(): value for name, value in self.headers.items()}

    def _open(self) -> None:
        session = uuid.uuid4().hex
        headers = self._headers()
        self.read_body()
        self.server.sessions[session] = (headers, b"")
        self._receipt(session, self.server.url(session, headers), "receiving", 201)

    def _finish(self, session: str) -> None:
        headers, content = self.server.sessions.pop(session)
        if json.loads(self.read_body())["size_bytes"] != len(content):
            self.send_json({"detail": "size differs"}, 422)
            return
        url = self.server.accept(session, headers, content)
        self._receipt(session, url, "accepted_local", 202)

    def _receipt(self, upload_id: str, url: str, state: str, status: int) -> None:
        self.send_json({"upload_id": upload_id, "file_url": url, "state": state}, status)
