"""Say where output files go: fal's stores or none, or a URL that the operator or a caller named."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final, Protocol, runtime_checkable
from urllib.parse import quote

import anyio
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from cogfal.concurrency import to_the_end
from cogfal.errors import NotReady
from cogfal.files.http_requests import parse_url, redirected
from cogfal.files.limits import FetchError
from cogfal.files.progress import write_line
from cogfal.files.store import (
    DataUrlStore,
    LocalFile,
    LocalStore,
    Store,
    StoredFile,
    StoreError,
    open_to_store,
    stored,
)
from cogfal.outputs.delivery import Deliverer, Style
from cogfal.outputs.directories import OutputDirectories
from cogfal.server.requester import Reply, Requester, Unreachable
from cogfal.settings import FileSettings

UPLOAD_SECONDS: Final = 3600.0
"""Within which one file has to be uploaded."""

_CHUNK: Final = 1024 * 1024
_SHOWN: Final = 200  # characters of a wrong `Location`
_PASSING: Final = frozenset({408, 429, 500, 502, 503, 504})
"""What a target answers while it is busy or away."""


class Form(Enum):
    """How the bytes travel."""

    RAW = "raw"
    MULTIPART = "multipart"


class StoreChooser(Protocol):
    """Say where output files go; see `fal_files.choose_store`."""

    def __call__(self, files: Any, *, reserve: bool, local: Callable[[], Store]) -> Store:
        """Return the store that `files` means."""


def choose_without_fal(files: Any, *, reserve: bool, local: Callable[[], Store]) -> Store:  # noqa: ARG001  # StoreChooser's
    """Return the store of an App that needs none of fal's; see `app_class.settle`."""
    if files == "local":
        return local()
    return DataUrlStore() if files == "in_memory" else UndeclaredStore()


@runtime_checkable
class DrainingStore(Protocol):
    """A store that answers with URLs before their bytes are there."""

    async def drain(self) -> None:
        """Wait until they are."""


class AppStores:
    """Where the output files of one app go, once `open` has chosen that.

    Args:
        settings: What the App says of files.
        choose: Makes a store of that.
        directories: Where output files may lie.
        data_urls: Whether Cog's API answers with data URLs.
    """

    def __init__(
        self,
        settings: FileSettings,
        choose: StoreChooser,
        directories: OutputDirectories,
        *,
        data_urls: bool,
    ) -> None:
        self._settings = settings
        self._choose = choose
        self._directories = directories
        self._data_urls = data_urls
        self._local: LocalStore | None = None
        self._store: Store | None = None

    def open(self) -> None:
        """Choose the store, on the machine that serves."""
        reserve = self._settings.reserve_outputs
        self._store = self._choose(self._settings.files, reserve=reserve, local=self._open_local)

    def _open_local(self) -> Store:
        self._local = LocalStore()
        return self._local

    def media(self, request: Request | None) -> Deliverer:
        """Return what makes fal's answer to a request, where there is one, of results.

        Raises:
            NotReady: Nothing is chosen yet.
        """
        return Deliverer(self._at(request), Style.MEDIA, self._directories)

    def urls(self, request: Request, upload: Store | None) -> Deliverer:
        """Return what makes Cog's answer of results, with files in `upload` where that is given.

        Raises:
            NotReady: Nothing is chosen yet.
        """
        store = upload or (DataUrlStore() if self._data_urls else self._at(request))
        return Deliverer(store, Style.URL, self._directories)

    def _at(self, request: Request | None) -> Store:
        if self._local is not None and self._store is self._local:
            return self._local.at(str(request.base_url) if request else "")
        if self._store is None:
            raise NotReady("the predictor is still being set up")
        return self._store

    async def serve(self, request: Request) -> Response:
        """Answer with a file that is kept here."""
        if self._local is None:
            return PlainTextResponse("no such file", 404)
        return await self._local.serve(request)

    async def drain(self) -> None:
        """Let files whose URLs were given out already arrive there."""
        store: object = self._store
        if isinstance(store, DrainingStore):
            await store.drain()

    def close(self) -> None:
        """Remove what is kept here."""
        if self._local is not None:
            self._local.close()


class UndeclaredStore:
    """Answer with data URLs for files of a predictor that declares none."""

    async def put(self, file: LocalFile) -> StoredFile:
        """Return the file as a data URL, and tell the author how to have it stored."""
        write_line(
            f"cogfal: the output {file.name} is a file, but its annotation declares none, so it is "
            "answered as a data URL; annotate it as Path to have it stored"
        )
        return await DataUrlStore().put(file)


@dataclass(frozen=True, slots=True)
class UploadStore:
    """Store files by PUT below `base`; their URL is the answer's `Location`, else the request's.

    Neither a query, which may hold a signature, nor a name and password are shown to callers. While
    the target is busy or away the file is sent again after each of `pauses`, in seconds.
    """

    requester: Requester
    base: str
    form: Form
    prediction_id: str
    pauses: Sequence[float] = (0.5, 2.0)

    async def put(self, file: LocalFile) -> StoredFile:
        """Upload `file`; raise `StoreError` if that fails."""
        url = f"{self.base.rstrip('/')}/{quote(file.name, safe='')}"
        try:
            with anyio.fail_after(UPLOAD_SECONDS):
                reply = await self._sent(url, file)
        except TimeoutError as error:
            raise StoreError(f"the upload took longer than {UPLOAD_SECONDS:g} s") from error
        if not reply.success:
            raise StoreError(f"upload returned status {reply.status}")
        return stored(file, _public(url, reply.location or ""))

    async def _sent(self, url: str, file: LocalFile) -> Reply:
        for pause in self.pauses:
            try:
                reply = await self._send(url, file)
                if reply.status not in _PASSING:
                    return reply
            except Unreachable as error:
                if error.refused:
                    raise StoreError(f"the upload failed: {error}") from error
            await anyio.sleep(pause)
        try:
            return await self._send(url, file)
        except Unreachable as error:
            raise StoreError(f"the upload failed: {error}") from error

    async def _send(self, url: str, file: LocalFile) -> Reply:
        before, after, content_type = _around(file, self.form)
        headers = {
            "Content-Type": content_type,
            "Content-Length": str(len(before) + file.size + len(after)),
            "X-Prediction-Id": self.prediction_id,
        }
        content = _body(before, file, after)
        return await self.requester.send("PUT", url, headers, content, seconds=UPLOAD_SECONDS)


@dataclass(frozen=True, slots=True)
class Uploads:
    """Where the operator lets files of Cog's API go.

    Args:
        callers: Reaches URLs that callers name.
        url: The operator's own upload URL, which may be on a private network.
        prefix_allowed: Whether callers may name one (`output_file_prefix`), which then wins.
    """

    callers: Requester
    url: str | None = None
    prefix_allowed: bool = False

    def store(self, prefix: str | None, prediction_id: str) -> UploadStore | None:
        """Return where the files of one prediction go, or None for the App's own store."""
        if prefix is not None and self.prefix_allowed:
            return UploadStore(self.callers, prefix, Form.MULTIPART, prediction_id)
        if self.url is not None:
            anywhere = Requester(allow_private_hosts=True)
            return UploadStore(anywhere, self.url, Form.RAW, prediction_id)
        return None


def _around(file: LocalFile, form: Form) -> tuple[bytes, bytes, str]:
    """Return what stands before and after the file's bytes, and the content type of it all."""
    if form is Form.RAW:
        return b"", b"", file.content_type
    boundary = secrets.token_hex(16)
    name = file.name.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")
    head = (
        f"--{boundary}\r\n"
        f'Content-Disposition: form-data; name="file"; filename="{name}"\r\n'
        f"Content-Type: {file.content_type}\r\n\r\n"
    )
    tail = f"\r\n--{boundary}--\r\n"
    return head.encode(), tail.encode(), f"multipart/form-data; boundary={boundary}"


async def _body(before: bytes, file: LocalFile, after: bytes) -> AsyncIterator[bytes]:
    yield before
    left = file.size
    with open_to_store(file) as opened:
        # No byte more than was announced: what is appended to the file meanwhile is not its output.
        while left and (chunk := await to_the_end(opened.read, min(left, _CHUNK))):
            left -= len(chunk)
            yield chunk
    if left:
        raise StoreError(f"{file.name} has become smaller while it was uploaded")
    yield after


def _public(url: str, location: str) -> str:
    """Return what callers are shown of the address that a file was uploaded to."""
    try:
        target = redirected(parse_url(url), location) if location else parse_url(url)
    except FetchError as error:
        raise StoreError(
            f"the upload's Location is no http or https URL: {location[:_SHOWN]!r}"
        ) from error
    return str(target.copy_with(userinfo=b"", query=None, fragment=None))
