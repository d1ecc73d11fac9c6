"""Where output files go: the seam, how stores come by the bytes, and the stores of our own.

Of the local store nothing is read but what is listed there: a request's path is looked up, never
turned into a path.
"""

from __future__ import annotations

import os
import secrets
import shutil
import stat
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, NamedTuple, Protocol
from urllib.parse import quote

import anyio.to_thread
from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response

from cogfal.concurrency import SHORT, to_the_end
from cogfal.files.data_urls import as_data_url
from cogfal.files.media import ImageSize
from cogfal.files.names import safe_name
from cogfal.files.workspace import Scratch

_CHUNK = 1024 * 1024


class StoreError(Exception):
    """Report a file that could not be stored; the text says why."""


class LocalFile(NamedTuple):
    """A file ready to be delivered; `disposable` says that it goes once it is delivered."""

    path: Path
    name: str
    content_type: str
    size: int
    pixels: ImageSize | None = None
    disposable: bool = False


class StoredFile(NamedTuple):
    """A file that callers can get at `url`; `size` is in bytes."""

    url: str
    content_type: str | None
    file_name: str | None
    size: int | None
    pixels: ImageSize | None = None


class Store(Protocol):
    """Keep a file and say where it is.

    `put` is called in the context of the request, several calls at a time. When `put` returns the
    bytes are no longer needed at `file.path`.
    """

    async def put(self, file: LocalFile) -> StoredFile:
        """Store `file` as the bytes it is; raise `StoreError` with the reason if it cannot be."""
        ...


class DataUrlStore:
    """Store files as data URLs in the answer itself, as a Cog container does by default."""

    async def put(self, file: LocalFile) -> StoredFile:
        """Return the file as a data URL; it is read into memory."""
        url = (
            _written(file) if file.size <= SHORT else await anyio.to_thread.run_sync(_written, file)
        )
        return stored(file, url)


def stored(file: LocalFile, url: str) -> StoredFile:
    """Describe `file` as stored at `url`."""
    return StoredFile(url, file.content_type, file.name, file.size, file.pixels)


def open_to_store(file: LocalFile) -> BinaryIO:
    """Open a file to read its bytes; raise `StoreError` if it is no regular file any more.

    A pipe in its place is not waited for.
    """
    try:
        opened = os.fdopen(os.open(file.path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK), "rb")
    except OSError as error:
        raise StoreError(f"{file.name} cannot be read: {error.strerror}") from error
    if stat.S_ISREG(os.fstat(opened.fileno()).st_mode):
        return opened
    opened.close()
    raise StoreError(f"{file.name} cannot be read: it is no regular file any more")


def take(file: LocalFile, target: Path) -> None:
    """Put a file's bytes at `target`, where nothing is yet: moved if disposable, else copied.

    They are never shared with a name that somebody else may go on to write to.

    Raises:
        StoreError: It is no regular file any more.
        OSError: There is no room for it.
    """
    if file.disposable and is_movable(file.path, target.parent):
        file.path.rename(target)
        return
    with open_to_store(file) as source, target.open("xb") as copy:
        shutil.copyfileobj(source, copy, _CHUNK)


def is_movable(path: Path, directory: Path) -> bool:
    """Tell whether nobody has another name for the file, and it lies on the directory's device."""
    try:
        found = path.lstat()
    except OSError:
        return False
    alone = stat.S_ISREG(found.st_mode) and found.st_nlink == 1
    return alone and found.st_dev == directory.stat().st_dev


def _written(file: LocalFile) -> str:
    with open_to_store(file) as opened:
        return as_data_url(opened, file.content_type)


ROUTE = "/cogfal/files"
_TOKEN_BYTES = 24
_SAFE_INLINE = ("image/", "video/", "audio/", "text/plain", "application/json", "application/pdf")
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "Cross-Origin-Resource-Policy": "cross-origin",
    "Access-Control-Allow-Origin": "*",
    "Cache-Control": "private, max-age=3600, immutable",
}


class Entry(NamedTuple):
    """One kept file; `kept_at` is on the monotonic clock."""

    path: Path
    name: str
    content_type: str
    size: int
    kept_at: float


class LocalStore:
    """Keep files under unguessable URLs, at most `max_bytes` of them and for at most `max_age`.

    The oldest files make room for new ones. URLs are paths of this app unless `at` says where the
    app is reached. `close` removes everything; it is safe to call twice.

    Args:
        max_bytes: The most that is kept, in bytes; a larger file is refused.
        max_age: Seconds that a file is kept for.
    """

    def __init__(self, *, max_bytes: int = 10 * 1024**3, max_age: float = 24 * 3600.0) -> None:
        self._max_bytes = max_bytes
        self._max_age = max_age
        self._scratch = Scratch()
        self._entries: dict[str, Entry] = {}
        self._kept = 0

    @property
    def directory(self) -> Path:
        """The directory that the files are kept in."""
        return self._scratch.directory

    def at(self, base_url: str) -> AddressedStore:
        """Return this store with URLs below `base_url`, such as `http://localhost:8080/`."""
        return AddressedStore(self, base_url.rstrip("/"))

    async def put(self, file: LocalFile, base_url: str = "") -> StoredFile:
        """Keep `file`; raise `StoreError` if there is no room for it.

        Its URL is relative to the app without a base. Cancelling leaves nothing behind.
        """
        if file.size > self._max_bytes:
            raise StoreError(
                f"{file.name} has {file.size} bytes, the local store keeps {self._max_bytes}"
            )
        token = secrets.token_urlsafe(_TOKEN_BYTES)
        path = self.directory / token
        try:
            await to_the_end(take, file, path)
        except BaseException as error:
            path.unlink(missing_ok=True)
            if isinstance(error, OSError):
                raise StoreError(f"{file.name} cannot be kept: {error.strerror}") from error
            raise
        # Room is made once the file is here: one that fails costs no other its place.
        self._make_room(file.size)
        self._kept += file.size
        self._entries[token] = Entry(
            path, safe_name(file.name), file.content_type, file.size, time.monotonic()
        )
        return stored(file, f"{base_url}{ROUTE}/{token}/{quote(self._entries[token].name)}")

    async def serve(self, request: Request) -> Response:
        """Answer GET and HEAD, with ranges, for a kept file; 404 for anything else."""
        self._forget_old()
        entry = self._entries.get(request.path_params["token"])
        if entry is None or not entry.path.is_file():
            return PlainTextResponse("no such file", 404, headers=_HEADERS)
        inline = entry.content_type.startswith(_SAFE_INLINE) and "svg" not in entry.content_type
        return FileResponse(
            entry.path,
            headers=_HEADERS,
            media_type=entry.content_type,
            filename=entry.name,
            content_disposition_type="inline" if inline else "attachment",
        )

    def close(self) -> None:
        """Remove every kept file."""
        self._entries.clear()
        self._kept = 0
        with suppress(OSError):  # what stays goes with the next sweep
            self._scratch.close()

    def _make_room(self, size: int) -> None:
        """Drop old files, oldest first, until `size` more bytes fit."""
        self._forget_old()
        while self._entries and self._kept + size > self._max_bytes:
            self._drop_oldest()

    def _forget_old(self) -> None:
        horizon = time.monotonic() - self._max_age
        while self._entries and next(iter(self._entries.values())).kept_at < horizon:
            self._drop_oldest()

    def _drop_oldest(self) -> None:
        entry = self._entries.pop(next(iter(self._entries)))
        self._kept -= entry.size
        entry.path.unlink(missing_ok=True)


@dataclass(frozen=True, slots=True)
class AddressedStore:
    """A local store as one request sees it: with the address that the request came to."""

    store: LocalStore
    base_url: str

    async def put(self, file: LocalFile) -> StoredFile:
        """Keep `file`; raise `StoreError` if there is no room for it."""
        return await self.store.put(file, self.base_url)
