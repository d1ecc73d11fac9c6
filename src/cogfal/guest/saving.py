"""Refer to the files in a result: those on disk by their path, others written to disk first."""

from __future__ import annotations

import io
import os
import re
import select
import stat
import sys
from functools import partial
from itertools import count
from pathlib import PurePath
from typing import IO, TYPE_CHECKING, Any, NamedTuple

from cogfal.spec import FileType, PathType, Type

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Loc = tuple[str | int, ...]
    Job = Callable[[], None]

URL_SCHEMES = ("http://", "https://", "data:")

_BYTES = (bytes, bytearray, memoryview)
_CHUNK = 1024 * 1024
_PNG_MODES = frozenset({"1", "L", "LA", "I", "I;16", "P", "RGB", "RGBA"})
_LONGEST = 100
_LONGEST_PATH = 4096
"""Bytes of a path, as Linux has it; each component of a longer one would be looked up."""
_WAIT = 20
"""Milliseconds for which a pipe is waited for in one go: nothing interrupts it meanwhile."""


class Unfit(Exception):
    """Say what in a result has no form outside of the author's process, and at which place."""


class FileReference(NamedTuple):
    """A file in a result, at `loc`: an absolute `path` on this machine, or a `url` elsewhere.

    `made` says that it was written for this result alone, into the prediction's directory, so that
    it may be moved. Its name has a suffix where one was known.
    """

    loc: Loc
    path: str | None = None
    url: str | None = None
    made: bool = False


class Saver:
    """Refers to the files of one result.

    Args:
        workspace: The prediction's directory; made where a file is written.
        keep: Called with each file object whose file has to stay.
        do: Called with what copies a file object, which may have no end; raises `Unfit`.
    """

    def __init__(
        self, workspace: str, keep: Callable[[Any], object], do: Callable[[Job], object]
    ) -> None:
        self._workspace = workspace
        self._keep = keep
        self._do = do

    def reference(self, source: Any, loc: Loc) -> FileReference:
        """Refer to a path, a URL, a file object, bytes or an image; raises `Unfit`."""
        if isinstance(source, (str, PurePath)):
            text = str(source)
            if text.startswith(URL_SCHEMES):
                return FileReference(loc, url=text)
            return FileReference(loc, path=_absolute(text, loc))
        if is_image(source):
            return self._made(loc, *self._image(source, loc))
        if isinstance(source, _BYTES):
            return self._made(loc, stem(loc), lambda file: file.write(source))
        named = _name_of(source)
        if named is not None and os.path.isfile(named):
            if not source.closed and _can(source, "writable"):
                source.flush()
            self._keep(source)
            return FileReference(loc, path=_absolute(named, loc))
        return self._spooled(source, named, loc)

    def _spooled(self, source: Any, named: str | None, loc: Loc) -> FileReference:
        """Have a file object's content copied, and it closed."""
        file = self._create(named or stem(loc))

        def copy() -> None:
            try:
                with file:
                    _copy(source, file)
            except Exception as error:
                raise Unfit(f"{label(loc)}: the file object cannot be read: {error}") from error

        self._do(copy)
        return FileReference(loc, path=os.path.abspath(file.name), made=True)

    def _image(self, image: Any, loc: Loc) -> tuple[str, Callable[[IO[bytes]], object]]:
        """Save a Pillow image without loss: as PNG, or in its own format if it moves."""
        options: dict[str, Any] = {"format": "PNG", "compress_level": 1}
        if getattr(image, "is_animated", False) and image.format:
            options = {"format": image.format, "save_all": True}
        elif image.mode not in _PNG_MODES:
            image = image.convert("RGB")

        def save(file: IO[bytes]) -> None:
            try:
                image.save(file, **options)
            except Exception as error:
                raise Unfit(f"{label(loc)}: the image cannot be saved: {error}") from error

        return f"{stem(loc)}.{options['format'].lower()}", save

    def _made(self, loc: Loc, name: str, write: Callable[[IO[bytes]], object]) -> FileReference:
        with self._create(name) as file:
            write(file)
        return FileReference(loc, path=os.path.abspath(file.name), made=True)

    def _create(self, name: str) -> IO[bytes]:
        os.makedirs(self._workspace, mode=0o700, exist_ok=True)
        return _created(self._workspace, name)


def label(loc: Loc) -> str:
    """Write a place in a result as Python would, such as `output.images[2]`."""
    parts = (f"[{part}]" if isinstance(part, int) else f".{part}" for part in loc)
    return "output" + "".join(parts)


def stem(loc: Loc) -> str:
    """Call a nameless file after its place: `output`, `2` in a list as in Cog, or `images.2`."""
    return ".".join(str(part) for part in loc) or "output"


def is_file(value: Any, kind: Type) -> bool:
    """Tell whether `value` is to be delivered as a file; text and bytes only where declared."""
    if isinstance(value, (str, *_BYTES)):
        return isinstance(kind, (PathType, FileType))
    return isinstance(value, (PurePath, io.IOBase)) or is_file_object(value) or is_image(value)


def is_file_object(value: Any) -> bool:
    """Tell whether `value` reads and closes as files do (temporary files are no `IOBase`)."""
    return callable(getattr(value, "read", None)) and callable(getattr(value, "close", None))


def is_image(value: Any) -> bool:
    """Tell whether `value` is a Pillow image; Pillow is not imported to find out."""
    pillow = sys.modules.get("PIL.Image")
    return pillow is not None and isinstance(value, pillow.Image)


def _absolute(path: str, loc: Loc) -> str:
    if "\0" in path:
        raise Unfit(f"{label(loc)}: {path[:_LONGEST]!r} is no path, it contains a NUL")
    if len(path.encode("utf-8", "replace")) > _LONGEST_PATH:
        raise Unfit(f"{label(loc)}: a path of {len(path)} characters is longer than any file's")
    return path if os.path.isabs(path) else os.path.join(os.getcwd(), path)


def _name_of(handle: Any) -> str | None:
    """Return what a file object is called; the number of a descriptor is no name."""
    name = getattr(handle, "name", None)
    return name if isinstance(name, str) and name and "\0" not in name else None


def _can(handle: Any, ability: str) -> bool:
    return hasattr(handle, ability) and bool(getattr(handle, ability)())


def _copy(handle: Any, file: IO[bytes]) -> None:
    """Copy a file object, from its beginning where it can go back, and close it."""
    try:
        if _can(handle, "seekable"):
            handle.seek(0)
        for piece in _pieces(handle):
            file.write(piece)
    finally:
        handle.close()


def _pieces(handle: Any) -> Iterator[bytes]:
    read = handle.read
    if _is_pipe(handle):
        read = partial(_read_of_pipe, handle)
    elif isinstance(handle, io.TextIOWrapper) and _is_pipe(handle.buffer):
        # It begins with what it has decoded before, and calls one of these for more.
        handle.buffer.read = handle.buffer.read1 = partial(_read_of_pipe, handle.buffer)
    while True:
        piece = read(_CHUNK)
        if not piece:
            return
        yield piece.encode("utf-8") if isinstance(piece, str) else piece


def _is_pipe(handle: Any) -> bool:
    if not isinstance(handle, (io.BufferedReader, io.RawIOBase)):
        return False
    try:
        mode = os.fstat(handle.fileno()).st_mode
    except OSError:  # it has no descriptor
        return False
    return stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)


def _read_of_pipe(handle: Any, size: int) -> bytes:
    """Read what has come; whoever writes may never go on, and a cancellation has to land."""
    coming = select.poll()
    coming.register(handle, select.POLLIN)
    while not coming.poll(_WAIT):
        pass
    read = io.BufferedReader.read1 if isinstance(handle, io.BufferedReader) else io.RawIOBase.read
    return read(handle, size)


def _cut(text: str) -> str:
    """Return so many bytes of a name at most: a file system counts those, not characters."""
    return text.encode("utf-8", "replace")[:_LONGEST].decode("utf-8", "ignore")


def _created(directory: str, name: str) -> IO[bytes]:
    """Create a new file called `name`, or nearly so, directly in `directory`."""
    plain = re.sub(r"[^\w. -]", "_", os.path.basename(name)).strip(". ") or "output"
    base, suffix = map(_cut, os.path.splitext(plain))
    for number in count(1):
        counted = base if number == 1 else f"{base}-{number}"
        try:
            return open(os.path.join(directory, counted + suffix), "xb")
        except FileExistsError:
            continue
    raise AssertionError("numbers never end")
