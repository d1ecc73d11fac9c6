"""Make an output's file ready to be stored: judged, described, put aside where that is asked."""

from __future__ import annotations

import shutil
from functools import partial
from pathlib import Path
from typing import Final, NamedTuple

from cogfal.files import LocalFile, Workspace
from cogfal.files.kinds import suffix_for
from cogfal.files.media import describe_opened, is_quick
from cogfal.files.names import has_suffix, safe_name
from cogfal.files.store import is_movable
from cogfal.files.workspace import create_file, rename
from cogfal.guest.encoding import FileReference
from cogfal.guest.saving import label
from cogfal.outputs.directories import OutputDirectories

COPIED: Final = 16 * 1024 * 1024
"""Bytes up to which a file is copied so that its author may overwrite it."""
_CHUNK: Final = 1024 * 1024


class Prepared(NamedTuple):
    """A file ready to be stored; `aside` says that it is one that the author's code has not."""

    file: LocalFile
    aside: bool = False


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

    def prepared(self, reference: FileReference, *, aside: bool) -> Prepared:
        """Judge and describe a file; put it `aside` unless that costs much.

        A temporary file is moved, which its author cannot tell from its removal; another is copied.

        Raises:
            OutputError: It cannot be read, or lies where no output belongs.
        """
        file = self._described(reference)
        if reference.made:
            return Prepared(_named_by_kind(file)._replace(disposable=True), aside=True)
        if not aside:
            return Prepared(file)
        if file.disposable and is_movable(file.path, self._workspace.directory):
            return Prepared(self._moved(file), aside=True)
        if file.size <= COPIED:
            return Prepared(self._copied(file, label(reference.loc)), aside=True)
        return Prepared(file)

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
