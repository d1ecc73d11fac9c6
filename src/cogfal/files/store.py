"""Where output files go: the seam, and the store that keeps them inside the answer."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import NamedTuple, Protocol

import anyio.to_thread

from cogfal.files.blocking import SHORT
from cogfal.files.data_urls import to_data_url
from cogfal.files.image_size import ImageSize


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
        write = partial(to_data_url, file.path, file.content_type)
        url = write() if file.size <= SHORT else await anyio.to_thread.run_sync(write)
        return stored(file, url)


def stored(file: LocalFile, url: str) -> StoredFile:
    """Describe `file` as stored at `url`."""
    return StoredFile(url, file.content_type, file.name, file.size, file.pixels)
