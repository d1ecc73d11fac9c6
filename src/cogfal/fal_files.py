"""Store output files through fal.toolkit: fal's CDN, the caller's bucket, or any repository of it.

This module travels to the runner by value, so it names things from fal, never the module itself,
and keeps no state of its own. Downloads do not come from fal: fal.toolkit's SSRF-safe client cannot
be cancelled, bounds single reads but no whole, and reports no progress, so `files.fetching` follows
its address rules on connections of its own.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio.to_thread
from fal.auth import key_credentials
from fal.auth.local import load_token
from fal.toolkit.file.file import File, PendingFile
from fal.toolkit.file.types import FileRepository

from cogfal.concurrency import to_the_end
from cogfal.errors import SettingError
from cogfal.files.progress import write_line
from cogfal.files.store import (
    DataUrlStore,
    LocalFile,
    Store,
    StoredFile,
    StoreError,
    open_to_store,
    stored,
    take,
)
from cogfal.files.workspace import Scratch

_CDN = "fal_v3"
_NAMED = {"fal": _CDN, "fal_v3": _CDN, "gcp_storage": "gcp_storage", "r2": "r2"}
_MIB = 1024 * 1024
_IN_PARTS = {
    "multipart_threshold": 16 * _MIB,
    "multipart_chunk_size": 8 * _MIB,
    "multipart_max_concurrency": 4,
}
_QUERY = re.compile(r"(https?://[^\s?#]+)[?#]\S+")


def choose_store(files: Any, *, reserve: bool, local: Callable[[], Store]) -> Store:
    """Return the store that an App's `files` setting means.

    Args:
        files: `"fal"`, `"local"`, `"in_memory"`, another of fal.toolkit's repository names, a
            `FileRepository`, or None for fal's CDN where credentials are found, else `"local"`.
        reserve: Whether URLs are answered before the bytes are up.
        local: Makes the local store, where that is chosen.

    Raises:
        SettingError: `files` is none of them.
    """
    if files is None:
        files = "fal" if has_credentials() else "local"
    if files == "local":
        return local()
    if files == "in_memory":
        return DataUrlStore()
    if isinstance(files, str) and files in _NAMED:
        return FalStore(_NAMED[files], reserve=reserve)
    if hasattr(files, "save_file"):
        return FalStore(files, reserve=reserve)
    raise SettingError(
        f"files is {files!r}",
        remedy='write "fal", "local", "in_memory", or a fal.toolkit FileRepository',
    )


def has_credentials() -> bool:
    """Tell whether fal finds a key, in the environment or its config, or a login."""
    if key_credentials() is not None:
        return True
    try:
        return load_token()[0] is not None
    except OSError:  # fal makes its directory where there is none, and cannot
        return False


class FalStore:
    """Upload through a repository of fal.toolkit, with its retries and fallback.

    The caller's lifecycle preference, upload policy and CDN token are read by fal.toolkit from the
    request in whose context `put` is called. Large files go up in parts, so that little of them is
    in memory. Cancelling returns at once; fal.toolkit's own upload cannot be stopped and runs out.
    """

    def __init__(self, repository: str | FileRepository = _CDN, *, reserve: bool = False) -> None:
        self._repository: Any = repository
        self._reserve = reserve
        self._sending: set[asyncio.Task[None]] = set()

    async def put(self, file: LocalFile) -> StoredFile:
        """Upload `file`; raise `StoreError` with the reason, without signed parts of URLs."""
        if self._reserve:
            return await self._put_later(file)
        url = await anyio.to_thread.run_sync(self._upload, file, abandon_on_cancel=True)
        return stored(file, url)

    async def drain(self) -> None:
        """Wait until every reserved URL has got its bytes, or has failed to."""
        while self._sending:
            await asyncio.wait(self._sending)

    def _upload(self, file: LocalFile) -> str:
        options: dict[str, Any] = {"fallback_repository": None}
        if self._repository == _CDN:
            options = {"save_kwargs": dict(_IN_PARTS), "fallback_save_kwargs": dict(_IN_PARTS)}
        open_to_store(file).close()  # fal.toolkit would wait for a pipe
        try:
            return File.from_path(
                file.path, file.content_type, repository=self._repository, **options
            ).url
        except Exception as error:
            raise StoreError(reason(error)) from error

    async def _put_later(self, file: LocalFile) -> StoredFile:
        held = Scratch()
        try:
            # Held first: what a reserved URL promises must be there, whatever the author removes.
            path = await to_the_end(hold, file, held)
            pending = await anyio.to_thread.run_sync(self._reserved, file)
        except BaseException:
            held.close()
            raise
        task = asyncio.ensure_future(send(pending, path, held))
        self._sending.add(task)
        task.add_done_callback(self._sending.discard)
        return stored(file, pending.url)

    def _reserved(self, file: LocalFile) -> PendingFile:
        try:
            return File.reserve(file.content_type, file.name, repository=self._repository)
        except NotImplementedError as error:
            raise StoreError(f"{error}; set reserve_outputs = False") from error
        except Exception as error:
            raise StoreError(reason(error)) from error


async def send(pending: PendingFile, path: Path, held: Scratch) -> None:
    """Send the bytes of a reserved URL; a failure can only be logged, the URL is out."""
    try:
        await anyio.to_thread.run_sync(pending.complete, path)
    except Exception as error:
        write_line(f"The file {path.name} did not reach its reserved URL: {reason(error)}")
    finally:
        held.close()


def hold(file: LocalFile, held: Scratch) -> Path:
    """Keep a file's bytes under its name in a directory of their own; the author's may go."""
    path = held.directory / file.name
    try:
        take(file, path)
    except OSError as error:
        raise StoreError(f"{file.name} cannot be kept: {error.strerror}") from error
    return path


def reason(error: Exception) -> str:
    """Say why an upload failed, leaving out what could sign a request."""
    text = str(getattr(error, "message", None) or error) or type(error).__name__
    return _QUERY.sub(r"\1", text)
