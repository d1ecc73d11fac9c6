"""Deliver an output: judge and store its files, several at a time, and say where they are."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

from cogfal.concurrency import SHORT, to_the_end, together
from cogfal.errors import OutputError
from cogfal.files.data_urls import parse_data_url
from cogfal.files.limits import FetchError
from cogfal.files.media import describe_opened, is_quick
from cogfal.files.names import has_suffix, safe_name, suffix_for, type_by_name
from cogfal.files.store import LocalFile, Store, StoredFile, StoreError, is_movable
from cogfal.files.workspace import Workspace, create_file, rename
from cogfal.guest.encoding import Encoded
from cogfal.guest.saving import FileReference, label
from cogfal.json_text import JsonText, read_text, written
from cogfal.outputs.directories import OutputDirectories
from cogfal.spec import JSON, AnyType, FileType, OpaqueType, PathType, Type, holds

COPIED: Final = 16 * 1024 * 1024
"""Bytes up to which a file is copied so that its author may overwrite it."""
_CHUNK: Final = 1024 * 1024
_CONCURRENCY: Final = 16
_PARSED: Final = 64 * 1024
"""Bytes of text up to which a result is read again; a longer one goes out as it is."""


class Preparer:
    """Prepares the files of one prediction.

    Args:
        directories: Where outputs may lie.
        workspace: The prediction's.
    """

    def __init__(self, directories: OutputDirectories, workspace: Workspace) -> None:
        self._directories = directories
        self._workspace = workspace

    def is_at_hand(self, reference: FileReference) -> bool:
        """Tell whether preparing a file takes no time worth a thread."""
        path = Path(reference.path or "")
        quick = not reference.made and is_quick(path.name)
        return quick and self._directories.at_hand(path, self._workspace.made)

    def prepared(self, reference: FileReference, *, aside: bool) -> tuple[LocalFile, bool]:
        """Judge and describe a file; put it `aside` unless that costs much.

        A temporary file is moved, which its author cannot tell from its removal; another is copied.

        Returns:
            The file, and whether the author's code can no longer change it.

        Raises:
            OutputError: It cannot be read, or lies where no output belongs.
        """
        file = self._described(reference)
        if reference.made:
            return _named_by_kind(file)._replace(disposable=True), True
        if not aside:
            return file, False
        if file.disposable and is_movable(file.path, self._workspace.directory):
            return self._moved(file), True
        if file.size <= COPIED:
            return self._copied(file, label(reference.loc)), True
        return file, False

    def dispose(self, file: LocalFile) -> None:
        """Remove a delivered file; where that fails, whoever closes the workspace tries again."""
        try:
            file.path.unlink(missing_ok=True)
        except OSError:
            self._workspace.ends_with(partial(file.path.unlink, missing_ok=True))

    def _described(self, reference: FileReference) -> LocalFile:
        path = self._directories.located(Path(reference.path or ""))
        where = label(reference.loc)
        with self._directories.opened(path, self._workspace, where) as opened:
            media = describe_opened(opened.file, path.name)
        return LocalFile(
            path,
            path.name,
            media.content_type,
            media.size,
            media.pixels,
            disposable=self._directories.is_temporary(opened.real, self._workspace.made),
        )

    def _moved(self, file: LocalFile) -> LocalFile:
        target, placeholder = create_file(self._workspace.directory, safe_name(file.name))
        placeholder.close()
        return file._replace(path=file.path.replace(target))

    def _copied(self, file: LocalFile, where: str) -> LocalFile:
        target, copy = create_file(self._workspace.directory, safe_name(file.name))
        with copy, self._directories.opened(file.path, self._workspace, where) as original:
            shutil.copyfileobj(original.file, copy, _CHUNK)
        if file.disposable:
            file.path.unlink(missing_ok=True)
        return file._replace(path=target, disposable=True)


def _named_by_kind(file: LocalFile) -> LocalFile:
    """Give a file that was made of bytes the suffix of what is in it."""
    suffix = "" if has_suffix(file.name) else suffix_for(file.content_type)
    if not suffix:
        return file
    path = rename(file.path, file.name + suffix)
    return file._replace(path=path, name=path.name)


class Style(Enum):
    """How a file is written in the answer."""

    MEDIA = "media"
    """An object as fal.toolkit's `Image`, `Video`, `Audio` and `File`."""

    URL = "url"
    """A string, as Cog's HTTP API has it."""


class Deliverer:
    """Deliver the outputs of one request.

    Files are stored in the context in which `deliver` is called: in the prediction's task, which
    has that of its request, a store finds the caller's upload preferences.

    Args:
        store: Where files go.
        style: How files are written in the answer.
        directories: Where outputs may lie; shared by all requests.
    """

    def __init__(self, store: Store, style: Style, directories: OutputDirectories) -> None:
        self._store = store
        self._style = style
        self._directories = directories

    async def deliver(
        self, value: Encoded, workspace: Workspace, release: Callable[[], None] | None = None
    ) -> JSON:
        """Return a result as JSON once all its files are stored; temporary ones are then removed.

        The order is kept; a file that occurs twice is stored once. The first failure, and
        cancelling, stop the other uploads, and nothing of the output is handed out. A single file
        is put aside where that costs little, and `release` called before it is stored. A large
        result is `JsonText`.

        Raises:
            OutputError: A file of it cannot be delivered.
        """
        if not value.files:
            return await _read(value.parts)
        delivered = await self._deliver_all(value.files, workspace, release)
        results = [delivered[_identity(file)] for file in value.files]
        if len(results) == 1 and not any(value.parts):
            return results[0]
        texts = [*map(written, results), b""]
        return await _read([*chain.from_iterable(zip(value.parts, texts, strict=True))])

    async def _deliver_all(
        self,
        files: Sequence[FileReference],
        workspace: Workspace,
        release: Callable[[], None] | None,
    ) -> Mapping[str, JSON]:
        firsts: dict[str, FileReference] = {}
        for file in files:
            firsts.setdefault(_identity(file), file)
        preparer = Preparer(self._directories, workspace)
        aside = release if len(firsts) == 1 else None
        work = {
            each: partial(self._deliver_one, file, preparer, workspace, aside)
            for each, file in firsts.items()
        }
        return await together(work, _CONCURRENCY)

    async def _deliver_one(
        self,
        reference: FileReference,
        preparer: Preparer,
        workspace: Workspace,
        release: Callable[[], None] | None,
    ) -> JSON:
        if reference.url is not None:
            return self._written(_elsewhere(reference.url, label(reference.loc)))
        at_hand = release is None and preparer.is_at_hand(reference)
        work = partial(preparer.prepared, reference, aside=release is not None)
        file, aside = work() if at_hand else await to_the_end(work)
        if release is not None and aside:
            release()
        try:
            stored = await self._store.put(file)
        except StoreError as error:
            where = label(reference.loc)
            raise OutputError(f"{where}: {file.name} was not delivered: {error}") from error
        workspace.sent += file.size
        if file.disposable and at_hand and file.size <= SHORT:
            preparer.dispose(file)
        elif file.disposable:
            await to_the_end(preparer.dispose, file)
        return self._written(stored)

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


def may_hold_file(kind: Type) -> bool:
    """Whether a value of this type can be a file, or have one among its parts."""
    return holds(kind, PathType, FileType, AnyType, OpaqueType)


async def _read(parts: Sequence[bytes]) -> JSON:
    """Return a value that is written; a large one as its text, unless it is one text itself."""
    data = b"".join(parts)
    if len(data) <= _PARSED:
        return JsonText(data).value()
    return await read_text(data) if data.startswith(b'"') else JsonText(data)


def _identity(file: FileReference) -> str:
    """Return what two occurrences of the same file have in common."""
    return file.url or file.path or ""


def _elsewhere(url: str, where: str) -> StoredFile:
    """Describe a file that the author's code has already put somewhere."""
    if not url.startswith("data:"):
        name = unquote(urlsplit(url).path.rsplit("/", 1)[-1])
        return StoredFile(url, type_by_name(name), name or None, None)
    try:
        content_type = parse_data_url(url).content_type
    except FetchError as error:
        raise OutputError(f"{where}: {error}") from error
    return StoredFile(url, content_type or "text/plain", None, None)
