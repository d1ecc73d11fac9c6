"""Keep fetched files between requests and runners, checked against server and content.

    <folder>/urls/<sha256 of the URL>.json     what was fetched from there, and its version
    <folder>/objects/<sha256 of the bytes>/<name>

Both are put in place by renaming, so processes that share the folder see whole files only.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import anyio.to_thread

from cogfal.files.fetching import Fetched, Fetcher, Validators
from cogfal.files.limits import Budget

_CHUNK = 1024 * 1024


class CacheEntry(NamedTuple):
    """What was fetched from a URL."""

    name: str
    sha256: str
    size: int
    etag: str | None
    last_modified: str | None

    @property
    def validators(self) -> Validators:
        """The version that the server named."""
        return Validators(self.etag, self.last_modified)

    @property
    def can_be_checked(self) -> bool:
        """Whether the server can be asked if the file has changed."""
        return bool(self.etag or self.last_modified)


class FileCache:
    """Fetch through a folder: a file whose server says it is unchanged is not sent again.

    The bytes are checked against their hash once in this process, and again whenever the file on
    disk looks different; damage means a new download. Nothing is ever removed from the folder: how
    much it may hold is its owner's matter.
    """

    def __init__(self, folder: Path, fetcher: Fetcher) -> None:
        self.folder = folder
        self._fetcher = fetcher
        self._verified: set[tuple[str, int, int]] = set()

    async def get(self, url: str, budget: Budget) -> Path:
        """Return the file at `url`, to be read only; raise `FetchError` or `TooLarge`."""
        known = await anyio.to_thread.run_sync(self._known, url)
        with self._incoming() as directory:
            fetched = await self._fetched(url, directory, budget, known)
            if fetched is None:
                assert known is not None
                return self._object(known)
            return await anyio.to_thread.run_sync(self._adopt, url, fetched)

    async def _fetched(
        self, url: str, directory: Path, budget: Budget, known: CacheEntry | None
    ) -> Fetched | None:
        if known is None or not known.can_be_checked:
            return await self._fetcher.fetch(url, directory, budget)
        return await self._fetcher.fetch_if_changed(url, directory, budget, known.validators)

    def _known(self, url: str) -> CacheEntry | None:
        """Return what is kept of `url`, if it is whole."""
        try:
            entry = CacheEntry(**json.loads(self._record(url).read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return None
        return entry if self._is_whole(entry) else None

    def _is_whole(self, entry: CacheEntry) -> bool:
        path = self._object(entry)
        try:
            status = path.stat()
        except OSError:
            return False
        mark = (entry.sha256, status.st_size, status.st_mtime_ns)
        if status.st_size != entry.size:
            return False
        if mark not in self._verified and _sha256(path) != entry.sha256:
            return False
        self._verified.add(mark)
        return True

    def _adopt(self, url: str, fetched: Fetched) -> Path:
        """Move a fetched file into the cache and record it."""
        entry = CacheEntry(
            fetched.path.name,
            _sha256(fetched.path),
            fetched.size,
            fetched.validators.etag,
            fetched.validators.last_modified,
        )
        place = self._object(entry)
        place.parent.mkdir(parents=True, exist_ok=True)
        fetched.path.chmod(0o444)
        fetched.path.replace(place)
        status = place.stat()
        self._verified.add((entry.sha256, status.st_size, status.st_mtime_ns))
        _write_whole(self._record(url), json.dumps(entry._asdict()))
        return place

    def _object(self, entry: CacheEntry) -> Path:
        return self.folder / "objects" / entry.sha256 / entry.name

    def _record(self, url: str) -> Path:
        return self.folder / "urls" / f"{hashlib.sha256(url.encode()).hexdigest()}.json"

    @contextmanager
    def _incoming(self) -> Iterator[Path]:
        """Provide a directory on the cache's own file system, for a file that is on its way."""
        parent = self.folder / "incoming"
        parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=parent) as directory:
            yield Path(directory)


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def _write_whole(path: Path, text: str) -> None:
    """Write a small file so that readers see all of it or what was there before."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", dir=path.parent, delete=False) as file:
        file.write(text)
    Path(file.name).replace(path)
