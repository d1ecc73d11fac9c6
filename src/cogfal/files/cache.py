"""Keep fetched files between requests and runners, checked against server and content.

    <directory>/urls/<sha256 of the URL>.json     what was fetched from there, and its version
    <directory>/objects/<sha256 of the bytes>/<name>

Both are put in place by renaming, so processes that share the directory see whole files only.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Final, NamedTuple

from cogfal.concurrency import to_the_end
from cogfal.files.fetching import NO_VERSION, Fetched, Fetcher, FileVersion, Unchanged
from cogfal.files.limits import FetchBudget, FetchError
from cogfal.files.workspace import Scratch, sweep

_CHUNK = 1024 * 1024
_ABANDONED: Final = 3600.0
"""Seconds without a byte after which a download is nobody's; a living one is given up sooner."""


class CacheEntry(NamedTuple):
    """What was fetched from a URL."""

    name: str
    sha256: str
    size: int
    etag: str | None
    last_modified: str | None

    @property
    def version(self) -> FileVersion:
        """The version that the server named."""
        return FileVersion(self.etag, self.last_modified)


class FileCache:
    """Fetch through a directory: what it holds already is not sent again.

    What a killed process left half-downloaded is removed by the next one. Nothing else is ever
    removed from the directory: how much it may hold is its owner's matter.
    """

    def __init__(self, directory: Path, fetcher: Fetcher) -> None:
        self.directory = directory
        self._fetcher = fetcher
        self._verified: set[tuple[str, int, int]] = set()
        self._swept = False

    async def get(self, url: str, budget: FetchBudget) -> Path:
        """Return the file at `url` as its server has it now, to be read only.

        The server is asked whether the kept file has changed. Its bytes are checked against their
        hash once in this process, and again whenever the file on disk looks different; damage means
        a new download.

        Raises:
            FetchError: It cannot be had.
            TooLarge: It is larger than the budget.
        """
        known = await to_the_end(self._known, url)
        if known is not None and not await to_the_end(self._is_whole, known):
            known = None
        return await self._fetched(url, budget, known)

    async def once(self, url: str, budget: FetchBudget, *, sha256: str | None = None) -> Path:
        """Return the file at `url`, to be read only, and ask nobody once it is here.

        Raises:
            FetchError: It cannot be had, or its bytes are not those of `sha256`.
            TooLarge: It is larger than the budget.
        """
        known = await to_the_end(self._known, url)
        wanted = sha256.lower() if sha256 is not None else None
        if known is not None and wanted in (None, known.sha256):
            return self._object(known)
        return await self._fetched(url, budget, None, wanted)

    async def _fetched(
        self, url: str, budget: FetchBudget, known: CacheEntry | None, sha256: str | None = None
    ) -> Path:
        scratch = await to_the_end(self._incoming)
        version = known.version if known is not None else NO_VERSION
        try:
            fetched = await self._fetcher.fetch(url, scratch.directory, budget, version)
            return await to_the_end(self._adopt, url, fetched, sha256)
        except Unchanged:
            assert known is not None
            return self._object(known)
        finally:
            await to_the_end(scratch.close)

    def _known(self, url: str) -> CacheEntry | None:
        """Return what is kept of `url`, if it is there and has its size."""
        try:
            entry = CacheEntry(**json.loads(self._record(url).read_text(encoding="utf-8")))
            return entry if self._object(entry).stat().st_size == entry.size else None
        except (OSError, ValueError, TypeError):
            return None

    def _is_whole(self, entry: CacheEntry) -> bool:
        try:
            mark = self._mark(entry)
            if mark not in self._verified and sha256_of(self._object(entry)) != entry.sha256:
                return False
        except OSError:
            return False
        self._verified.add(mark)
        return True

    def _adopt(self, url: str, fetched: Fetched, expected: str | None) -> Path:
        """Move a fetched file into the cache and record it."""
        found = fetched.sha256 or sha256_of(fetched.path)
        if expected not in (None, found):
            raise FetchError(f"it has the sha256 {found}, not {expected}")
        entry = CacheEntry(fetched.path.name, found, fetched.size, *fetched.version)
        place = self._object(entry)
        place.parent.mkdir(parents=True, exist_ok=True)
        # The file comes before the record that names it, each by a rename within one file system: a
        # record never leads to a file that is not whole, whatever ends this process in between.
        fetched.path.chmod(0o444)
        record = fetched.path.with_name(f"{entry.sha256}.json")
        record.write_text(json.dumps(entry._asdict()), encoding="utf-8")
        fetched.path.replace(place)
        self._verified.add(self._mark(entry))
        self._record(url).parent.mkdir(parents=True, exist_ok=True)
        record.replace(self._record(url))
        return place

    def _mark(self, entry: CacheEntry) -> tuple[str, int, int]:
        """Return by what a file that is whole is known again without reading it."""
        status = self._object(entry).stat()
        return entry.sha256, status.st_size, status.st_mtime_ns

    def _object(self, entry: CacheEntry) -> Path:
        return self.directory / "objects" / entry.sha256 / entry.name

    def _record(self, url: str) -> Path:
        return self.directory / "urls" / f"{hashlib.sha256(url.encode()).hexdigest()}.json"

    def _incoming(self) -> Scratch:
        """Return a directory on the cache's own file system, for a file that is on its way."""
        parent = self.directory / "incoming"
        parent.mkdir(parents=True, exist_ok=True)
        if not self._swept:
            sweep(parent, unused_for=_ABANDONED)
            self._swept = True
        return Scratch(parent)


def sha256_of(path: Path) -> str:
    """Return the hash of a file's bytes."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()
