"""Make a file on disk, ready to be stored, of whatever kind of file an output holds."""

from __future__ import annotations

import shutil
import stat
from collections.abc import Callable
from pathlib import Path, PurePath
from typing import Any, BinaryIO, NamedTuple

from cogfal.errors import OutputError
from cogfal.files import LocalFile
from cogfal.files.kinds import suffix_for
from cogfal.files.media import describe_opened, type_by_content
from cogfal.files.names import has_suffix, safe_name
from cogfal.files.workspace import Workspace, create_file
from cogfal.outputs.encoding import FoundFile, is_file_object, is_image
from cogfal.outputs.labels import label, stem
from cogfal.outputs.places import Places

_CHUNK = 1024 * 1024
COPIED = 16 * _CHUNK
"""Bytes up to which a file is copied so that its author may overwrite it."""
_PNG_MODES = frozenset({"1", "L", "LA", "I", "I;16", "P", "RGB", "RGBA"})


class Prepared(NamedTuple):
    """A file ready to be stored, and the author's file object it came from.

    `aside` says that it is a file of our own, which the author's code does not know.
    """

    file: LocalFile
    handle: Any = None
    aside: bool = False


def prepare(found: FoundFile, places: Places, workspace: Workspace) -> Prepared:
    """Describe the file that was found, writing it into `workspace` if it is not on disk yet.

    Raises:
        OutputError: It cannot be read, or lies where no output belongs.
    """
    source = found.source
    if isinstance(source, str | PurePath):
        return Prepared(_described(Path(source), found, places, workspace))
    if not is_image(source) and (named := _path_of(source)) is not None:
        return Prepared(_described(named, found, places, workspace), source)
    file = _described(_saved(found, workspace.directory), found, places, workspace)
    handle = source if is_file_object(source) else None
    return Prepared(file._replace(disposable=True), handle, aside=True)


def put_aside(prepared: Prepared, places: Places, workspace: Workspace, where: str) -> Prepared:
    """Make a file one of our own, in `workspace`, unless that costs much; close its file object.

    A temporary file is moved, which its author cannot tell from its removal; another is copied.
    """
    file, aside, directory = prepared.file, prepared.aside, workspace.directory
    if not aside and file.disposable and _movable(file.path, directory):
        file, aside = file._replace(path=_moved(file, directory)), True
    elif not aside and file.size <= COPIED:
        file, aside = _copied(file, places, workspace, where), True
    if aside and prepared.handle is not None:
        prepared.handle.close()
    return Prepared(file, None if aside else prepared.handle, aside)


def _movable(path: Path, directory: Path) -> bool:
    """Tell whether nobody else has a name for the file, and it lies on the same device."""
    found = path.lstat()
    alone = stat.S_ISREG(found.st_mode) and found.st_nlink == 1
    return alone and found.st_dev == directory.stat().st_dev


def _moved(file: LocalFile, directory: Path) -> Path:
    target, placeholder = create_file(directory, safe_name(file.name))
    placeholder.close()
    return file.path.replace(target)


def _copied(file: LocalFile, places: Places, workspace: Workspace, where: str) -> LocalFile:
    target, copy = create_file(workspace.directory, safe_name(file.name))
    with copy, places.opened(file.path, workspace, where) as original:
        shutil.copyfileobj(original.file, copy, _CHUNK)
    if file.disposable:
        file.path.unlink(missing_ok=True)
    return file._replace(path=target, disposable=True)


def dispose(prepared: Prepared) -> None:
    """Remove a delivered file if it is temporary, and close the author's file object."""
    if prepared.file.disposable:
        prepared.file.path.unlink(missing_ok=True)
    if prepared.handle is not None:
        prepared.handle.close()


def _described(path: Path, found: FoundFile, places: Places, workspace: Workspace) -> LocalFile:
    if "\0" in str(path):
        raise OutputError(f"{label(found.loc)}: {str(path)!r} is no path, it contains a NUL")
    path = places.located(path)
    with places.opened(path, workspace, label(found.loc)) as opened:
        media = describe_opened(opened.file, path.name)
    return LocalFile(
        path,
        path.name,
        media.content_type,
        media.size,
        media.pixels,
        disposable=places.is_temporary(opened.real, workspace.made),
    )


def _path_of(handle: Any) -> Path | None:
    """Return the file on disk that a file object has open, with all that was written to it."""
    name = getattr(handle, "name", None)
    if not isinstance(name, str) or not Path(name).is_file():
        return None
    if not handle.closed and _can(handle, "writable"):
        handle.flush()
    return Path(name)


def _saved(found: FoundFile, directory: Path) -> Path:
    """Write what is no file on disk into a new one."""
    source = found.source
    if isinstance(source, bytes | bytearray | memoryview):
        return _written(found, directory, lambda file: file.write(source))
    if is_image(source):
        return _saved_image(source, found, directory)
    return _spooled(source, found, directory)


def _spooled(handle: Any, found: FoundFile, directory: Path) -> Path:
    """Copy a file object's content, from its beginning where it can go back, into a file."""
    try:
        if _can(handle, "seekable"):
            handle.seek(0)
        return _written(found, directory, lambda file: _copy(handle, file), _given_name(handle))
    except Exception as error:
        raise OutputError(f"{label(found.loc)}: the file object cannot be read: {error}") from error


def _copy(handle: Any, file: BinaryIO) -> None:
    while piece := handle.read(_CHUNK):
        file.write(piece.encode("utf-8") if isinstance(piece, str) else piece)


def _given_name(handle: Any) -> str | None:
    name = getattr(handle, "name", None)
    return safe_name(name) if isinstance(name, str) and name else None


def _can(handle: Any, ability: str) -> bool:
    return hasattr(handle, ability) and bool(getattr(handle, ability)())


def _written(
    found: FoundFile,
    directory: Path,
    write: Callable[[BinaryIO], object],
    name: str | None = None,
) -> Path:
    """Write a new file, called `name` or after its place, with the suffix of what is in it."""
    path, file = create_file(directory, name or safe_name(stem(found.loc)))
    with file:
        write(file)
    if name is not None and has_suffix(name):
        return path
    with path.open("rb") as written:
        suffix = suffix_for(type_by_content(written.read(4096)) or "")
    if not suffix:
        return path
    better, placeholder = create_file(directory, safe_name(path.name + suffix))
    placeholder.close()
    return path.replace(better)


def _saved_image(image: Any, found: FoundFile, directory: Path) -> Path:
    """Save a Pillow image without loss: as PNG, or in its own format if it moves."""
    options: dict[str, Any] = {"format": "PNG", "compress_level": 1}
    if getattr(image, "is_animated", False) and image.format:
        options = {"format": image.format, "save_all": True}
    elif image.mode not in _PNG_MODES:
        image = image.convert("RGB")
    try:
        return _written(found, directory, lambda file: image.save(file, **options))
    except Exception as error:
        raise OutputError(f"{label(found.loc)}: the image cannot be saved: {error}") from error
