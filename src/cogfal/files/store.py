"""Where output files go: the seam, how stores come by the bytes, and the store in the answer."""

from __future__ import annotations

import os
import shutil
import stat
from pathlib import Path
from typing import BinaryIO, NamedTuple, Protocol

import anyio.to_thread

from cogfal.files.concurrency import SHORT
from cogfal.files.data_urls import as_data_url
from cogfal.files.image_size import ImageSize
from cogfal.files.limits import StoreError

_CHUNK = 1024 * 1024


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
