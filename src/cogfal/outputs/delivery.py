"""Deliver an output: encode it, store its files several at a time, say where they are."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable, Coroutine, Sequence
from enum import Enum
from functools import partial
from pathlib import Path, PurePath
from typing import Any, TypeVar
from urllib.parse import unquote, urlsplit

import anyio.to_thread

from cogfal.errors import OutputError
from cogfal.files import FetchError, Store, StoredFile, StoreError, Workspace
from cogfal.files.concurrency import SHORT, together
from cogfal.files.data_urls import parse_data_url
from cogfal.files.kinds import type_by_name
from cogfal.outputs.encoding import Encoder, FoundFile, filled
from cogfal.outputs.labels import label
from cogfal.outputs.places import Places
from cogfal.outputs.preparing import Prepared, dispose, prepare, put_aside
from cogfal.spec import JSON, Type

Result = TypeVar("Result")

_CONCURRENCY = 16
_CHEAP = (str, int, float, PurePath)
_URL_SCHEMES = ("http://", "https://", "data:")


class Style(Enum):
    """How a file is written in the answer."""

    MEDIA = "media"
    """An object as fal.toolkit's `Image`, `Video`, `Audio` and `File`."""

    URL = "url"
    """A string, as Cog's HTTP API has it."""


class Deliverer:
    """Deliver the outputs of one request.

    Make it while the request is being handled: files are stored in the context it is made in, so
    that a store finds the caller's upload preferences whichever task or thread runs the prediction.

    Args:
        kind: The predictor's declared output; of an iterator, each piece is delivered by itself.
        store: Where files go.
        style: How files are written in the answer.
        places: Where outputs may lie; shared by all requests.
    """

    def __init__(self, kind: Type, store: Store, style: Style, places: Places) -> None:
        self._kind = kind
        self._store = store
        self._style = style
        self._places = places
        self._context = contextvars.copy_context()

    async def deliver(
        self, value: Any, workspace: Workspace, release: Callable[[], None] | None = None
    ) -> JSON:
        """Return `value` as JSON once all its files are stored; temporary ones are then removed.

        A large one that is the only file of a value goes with the workspace, unless there is
        `release`: one way to a thread removes both. The order is kept; a file that occurs twice is
        stored once. The first failure, and cancelling, stop the other uploads, and nothing of the
        output is handed out. A single file is put aside where that costs little, and `release`
        called before it is stored.

        Raises:
            OutputError: The value has no JSON form, or a file of it cannot be delivered.
        """
        encoder = Encoder()
        if value is None or isinstance(value, _CHEAP):
            encoded = encoder.encode(value, self._kind)
        else:
            encoded = await anyio.to_thread.run_sync(encoder.encode, value, self._kind)
        if not encoder.files:
            return encoded
        return filled(encoded, await self._deliver_all(encoder.files, workspace, release))

    async def _deliver_all(
        self,
        files: Sequence[FoundFile],
        workspace: Workspace,
        release: Callable[[], None] | None,
    ) -> dict[FoundFile, JSON]:
        firsts: dict[object, FoundFile] = {}
        for file in files:
            firsts.setdefault(_identity(file), file)
        aside = release if len(firsts) == 1 else None
        work = {
            each: partial(self._deliver_one, file, workspace, alone=len(firsts) == 1, release=aside)
            for each, file in firsts.items()
        }
        delivered = await together(work, _CONCURRENCY)
        return {file: delivered[_identity(file)] for file in files}

    async def _deliver_one(
        self,
        file: FoundFile,
        workspace: Workspace,
        *,
        alone: bool,
        release: Callable[[], None] | None,
    ) -> JSON:
        if isinstance(file.source, str | PurePath) and str(file.source).startswith(_URL_SCHEMES):
            return self._written(_elsewhere(file))
        only = alone and release is None
        work = partial(self._prepared, file, workspace, aside=release is not None)
        at_hand = only and self._is_at_hand(file, workspace)
        prepared = work() if at_hand else await anyio.to_thread.run_sync(work)
        if release is not None and prepared.aside:
            release()
        try:
            stored = await self._in_request(self._store.put(prepared.file))
        except StoreError as error:
            raise OutputError(
                f"{label(file.loc)}: {prepared.file.name} was not delivered: {error}"
            ) from error
        workspace.sent += prepared.file.size
        if prepared.file.disposable or prepared.handle is not None:
            if at_hand and prepared.file.size <= SHORT:
                _dispose_at_once(prepared, workspace)
            elif only:
                workspace.ends_with(partial(dispose, prepared))
            else:
                await anyio.to_thread.run_sync(dispose, prepared)
        return self._written(stored)

    def _prepared(self, file: FoundFile, workspace: Workspace, *, aside: bool) -> Prepared:
        prepared = prepare(file, self._places, workspace)
        if not aside:
            return prepared
        return put_aside(prepared, self._places, workspace, label(file.loc))

    def _is_at_hand(self, file: FoundFile, workspace: Workspace) -> bool:
        if not isinstance(file.source, str | PurePath):
            return False
        return self._places.at_hand(Path(file.source), workspace.made)

    async def _in_request(self, work: Coroutine[Any, Any, Result]) -> Result:
        """Run `work` in the request's context; cancelling cancels it."""
        task: asyncio.Future[Result] = self._context.run(asyncio.ensure_future, work)
        return await task

    def _written(self, stored: StoredFile) -> JSON:
        if self._style is Style.URL:
            return stored.url
        media: dict[str, JSON] = {
            "url": stored.url,
            "content_type": stored.content_type,
            "file_name": stored.file_name,
            "file_size": stored.size,
        }
        if (stored.content_type or "").startswith("image/"):
            media["width"] = stored.pixels.width if stored.pixels else None
            media["height"] = stored.pixels.height if stored.pixels else None
        return media


def _dispose_at_once(prepared: Prepared, workspace: Workspace) -> None:
    """Remove a small file, or where that fails, leave it to those who close the workspace."""
    try:
        dispose(prepared)
    except OSError:
        workspace.ends_with(partial(dispose, prepared))


def _identity(file: FoundFile) -> object:
    """Return what two occurrences of the same file have in common."""
    if isinstance(file.source, str | PurePath):
        return str(file.source)
    return id(file.source)


def _elsewhere(file: FoundFile) -> StoredFile:
    """Describe a file that the author's code has already put somewhere."""
    url = str(file.source)
    if not url.startswith("data:"):
        name = unquote(urlsplit(url).path.rsplit("/", 1)[-1])
        return StoredFile(url, type_by_name(name), name or None, None)
    try:
        content_type = parse_data_url(url).content_type
    except FetchError as error:
        raise OutputError(f"{label(file.loc)}: {error}") from error
    return StoredFile(url, content_type or "text/plain", None, None)
