"""Files that callers upload to name them in inputs: on fal's CDN, or kept by the gateway itself."""

from __future__ import annotations

import asyncio
import json
import re
import secrets
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO, Final

import anyio.to_thread
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.types import Message, Receive

from cogfal.concurrency import to_the_end
from cogfal.files.data_urls import to_data_url
from cogfal.files.names import OCTET_STREAM, safe_name
from cogfal.files.workspace import Scratch
from cogfal.gateway.callers import Caller
from cogfal.gateway.fal_queue import FalQueue
from cogfal.gateway.memory import Limits
from cogfal.gateway.replicate_messages import Refusal, invalid, not_found
from cogfal.nested import map_leaves
from cogfal.spec import JSON

MOST_METADATA: Final = 64 * 1024
MOST_FILES: Final = 10_000
UPLOADS: Final = 4
"""Files on their way to fal's CDN at once."""

_CHUNK: Final = 1024 * 1024
_OVERHEAD: Final = 256 * 1024
_TYPE: Final = re.compile(r"[\w.+-]{1,64}/[\w.+-]{1,64}", re.ASCII)
_PRINTABLE: Final = re.compile(r"[^\x20-\x7e]")


@dataclass(frozen=True, slots=True)
class KeptFile:
    """A file that a caller uploaded; `url` gives its bytes, `path` is where the gateway has it."""

    id: str
    caller: str
    name: str
    content_type: str
    size: int
    digest: str
    metadata: JSON
    created_at: datetime
    expires_at: datetime
    url: str = ""
    path: Path | None = None
    signature: str = field(default="", repr=False)

    def body(self) -> dict[str, JSON]:
        """Return what Replicate's API tells of a file; nothing of it is null."""
        return {
            "id": self.id,
            "name": self.name,
            "content_type": self.content_type,
            "size": self.size,
            "etag": self.digest,
            "checksums": {"sha256": self.digest},
            "metadata": self.metadata,
            "created_at": self.created_at.isoformat(),
            "expires_at": self.expires_at.isoformat(),
            "urls": {"get": self.url},
        }


class UploadedFiles:
    """The files of all callers, on fal's CDN; without a queue they stay here until they expire."""

    def __init__(self, limits: Limits, queue: FalQueue | None) -> None:
        self._limits = limits
        self._queue = queue
        self._scratch = Scratch()
        self._kept: dict[str, KeptFile] = {}
        self._by_url: dict[str, KeptFile] = {}
        self._taken = 0
        self._uploading = asyncio.Semaphore(UPLOADS)

    def close(self) -> None:
        """Remove what is kept here."""
        self._scratch.close()

    async def create(self, request: Request, caller: Caller, base: str) -> dict[str, JSON]:
        """Keep the file of a request; raise Refusal."""
        self._expire()
        form = await _form(request, self._limits.file)
        try:
            content, most, now = form.get("content"), self._limits.file, datetime.now(timezone.utc)
            if not isinstance(content, UploadFile):
                raise invalid("content: send the file in this field of the form")
            if (content.size or 0) > most:
                raise Refusal(413, "Too large", f"A file has {most} bytes at most.")
            given = (content.content_type or "").partition(";")[0].strip()
            kept = KeptFile(
                id=secrets.token_hex(16),
                caller=caller.name,
                name=safe_name(content.filename or ""),
                content_type=given if _TYPE.fullmatch(given) else OCTET_STREAM,
                size=content.size or 0,
                digest=await anyio.to_thread.run_sync(_digest, content.file),
                metadata=await _metadata(form.get("metadata")),
                created_at=now,
                expires_at=now + timedelta(seconds=self._limits.file_seconds),
            )
            if self._queue is not None and caller.key is not None:
                kept = await self._on_cdn(kept, content.file, caller.key, self._queue)
            else:
                kept = await self._here(kept, content.file, base)
        finally:
            await form.close()
        self._kept[kept.id] = kept
        self._by_url[kept.url] = kept
        return kept.body()

    def get(self, name: str, caller: Caller) -> dict[str, JSON]:
        """Return what is known of a file; raise Refusal."""
        return self._own(name, caller).body()

    def of(self, caller: Caller) -> list[JSON]:
        """Return a caller's files, newest first."""
        self._expire()
        own = [kept for kept in reversed(self._kept.values()) if kept.caller == caller.name]
        return [kept.body() for kept in own[:100]]

    def delete(self, name: str, caller: Caller) -> None:
        """Forget a file; raise Refusal. What is on fal's CDN stays there until it expires."""
        self._forget(self._own(name, caller))

    def download(self, name: str, signature: str) -> KeptFile:
        """Return the file that an address leads to; raise Refusal."""
        self._expire()
        kept = self._kept.get(name)
        right = kept is not None and secrets.compare_digest(kept.signature, signature)
        if kept is None or not right or kept.path is None:
            raise not_found("There is no such file.")
        return kept

    async def resolved(self, value: JSON, caller: Caller) -> JSON:
        """Return inputs with data URLs in place of the addresses of files that are kept here.

        An app that is addressed directly rightly fetches nothing from private addresses.
        """
        if not any(kept.caller == caller.name for kept in self._kept.values()):
            return value

        def written(leaf: JSON) -> JSON:
            kept = self._by_url.get(leaf) if isinstance(leaf, str) else None
            if kept is None or kept.path is None or kept.caller != caller.name:
                return leaf
            return to_data_url(kept.path, kept.content_type)

        return await anyio.to_thread.run_sync(map_leaves, value, written)

    async def _on_cdn(self, kept: KeptFile, file: BinaryIO, key: str, queue: FalQueue) -> KeptFile:
        name, seconds = _PRINTABLE.sub("_", kept.name), self._limits.file_seconds
        async with self._uploading:  # each holds its file in memory
            data = await anyio.to_thread.run_sync(file.read)
            return replace(
                kept, url=await queue.upload(key, data, kept.content_type, name, seconds)
            )

    async def _here(self, kept: KeptFile, file: BinaryIO, base: str) -> KeptFile:
        if self._taken + kept.size > self._limits.files or len(self._kept) >= MOST_FILES:
            raise Refusal(
                507, "No room", "The gateway has no room for more files. Delete some, or wait."
            )
        # Counted before anything is awaited: files that come at once share what room there is.
        self._taken += kept.size
        path, signature = self._scratch.directory / kept.id, secrets.token_urlsafe(32)
        try:
            await to_the_end(_copy, file, path)
        except BaseException:
            self._taken -= kept.size
            path.unlink(missing_ok=True)
            raise
        url = f"{base}v1/files/{kept.id}/download?signature={signature}"
        return replace(kept, url=url, path=path, signature=signature)

    def _own(self, name: str, caller: Caller) -> KeptFile:
        self._expire()
        kept = self._kept.get(name)
        if kept is None or kept.caller != caller.name:
            raise not_found("There is no such file, or this gateway did not take it.")
        return kept

    def _expire(self) -> None:
        now = datetime.now(timezone.utc)
        for kept in [each for each in self._kept.values() if each.expires_at <= now]:
            self._forget(kept)

    def _forget(self, kept: KeptFile) -> None:
        del self._kept[kept.id]
        self._by_url.pop(kept.url, None)
        if kept.path is not None:
            self._taken -= kept.size
            kept.path.unlink(missing_ok=True)


async def _form(request: Request, most: int) -> FormData:
    if not request.headers.get("content-type", "").startswith("multipart/form-data"):
        raise Refusal(415, "Unsupported", "Send a form: `-F content=@file`.")
    limited = Request(request.scope, _limited(request.receive, most + _OVERHEAD))
    try:
        return await limited.form(max_files=2, max_fields=8, max_part_size=MOST_METADATA)
    except HTTPException as error:
        raise invalid(error.detail) from error
    except ClientDisconnect as error:
        raise Refusal(499, "Gone", "The caller left.") from error


def _limited(receive: Receive, most: int) -> Receive:
    """Raise Refusal once a request has sent more than `most` bytes."""
    size = 0

    async def limited() -> Message:
        nonlocal size
        message = await receive()
        size += len(message.get("body", b""))
        if size > most:
            raise Refusal(413, "Too large", f"A file has {most - _OVERHEAD} bytes at most.")
        return message

    return limited


async def _metadata(given: UploadFile | str | None) -> Mapping[str, JSON]:
    if isinstance(given, UploadFile):
        if (given.size or 0) > MOST_METADATA:
            raise invalid(f"metadata: it has {MOST_METADATA} bytes at most")
        given = (await given.read()).decode("utf-8", "replace")
    try:
        value = json.loads(given or "{}")
    except (ValueError, RecursionError) as error:
        raise invalid("metadata: it is not JSON") from error
    if not isinstance(value, dict):
        raise invalid("metadata: it has to be an object")
    return value


def _digest(file: BinaryIO) -> str:
    digest = sha256()
    file.seek(0)
    while chunk := file.read(_CHUNK):
        digest.update(chunk)
    file.seek(0)
    return digest.hexdigest()


def _copy(source: BinaryIO, path: Path) -> None:
    with path.open("xb") as target:
        shutil.copyfileobj(source, target, _CHUNK)
