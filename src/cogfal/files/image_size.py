"""Read an image's width and height from its header; no pixel is decoded.

The formats that models write most are read here, so that a large picture is never taken for a
decompression bomb; Pillow's header readers answer for the rest. Either looks at a bounded part of
the file, in a bounded number of steps: a file may be a caller's own that is merely given back.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from typing import BinaryIO, NamedTuple

_MOST_SEGMENTS = 1000
_HEIF_HEAD = 64 * 1024  # bytes
_MOST_BYTES = 1024 * 1024
_MOST_STEPS = 20_000
_JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_JPEG_BARE = frozenset({0x01, *range(0xD0, 0xD9)})


class ImageSize(NamedTuple):
    """Width and height in pixels."""

    width: int
    height: int


def image_size(file: BinaryIO, head: bytes) -> ImageSize | None:
    """Return the size of the image in `file`, whose first bytes are `head`; None if not readable.

    The position in `file` is changed.
    """
    for signature, reader in _READERS:
        if head.startswith(signature):
            try:
                return reader(file, head)
            except (struct.error, IndexError):
                return None
    return _heif(file) if head[4:8] == b"ftyp" else _by_pillow(file)


def _png(_: BinaryIO, head: bytes) -> ImageSize | None:
    return ImageSize(*struct.unpack_from(">II", head, 16)) if head[12:16] == b"IHDR" else None


def _gif(_: BinaryIO, head: bytes) -> ImageSize:
    return ImageSize(*struct.unpack_from("<HH", head, 6))


def _bmp(_: BinaryIO, head: bytes) -> ImageSize:
    if struct.unpack_from("<I", head, 14)[0] == 12:
        return ImageSize(*struct.unpack_from("<HH", head, 18))
    width, height = struct.unpack_from("<ii", head, 18)
    return ImageSize(width, abs(height))


def _riff(_: BinaryIO, head: bytes) -> ImageSize | None:
    if head[8:12] != b"WEBP":
        return None
    match head[12:16]:
        case b"VP8 ":
            width, height = struct.unpack_from("<HH", head, 26)
            return ImageSize(width & 0x3FFF, height & 0x3FFF)
        case b"VP8L":
            (bits,) = struct.unpack_from("<I", head, 21)
            return ImageSize((bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1)
        case b"VP8X":
            width = int.from_bytes(head[24:27], "little") + 1
            return ImageSize(width, int.from_bytes(head[27:30], "little") + 1)
        case _:
            return None


def _jpeg(file: BinaryIO, _: bytes) -> ImageSize | None:
    """Walk a JPEG's segments to its frame header."""
    file.seek(2)
    for _segment in range(_MOST_SEGMENTS):
        if file.read(1) != b"\xff":
            return None
        marker = _after_fill_bytes(file)
        if marker in _JPEG_BARE:
            continue
        (length,) = struct.unpack(">H", file.read(2))
        if marker in _JPEG_FRAMES:
            _, height, width = struct.unpack(">BHH", file.read(5))
            return ImageSize(width, height)
        if length < 2:
            return None
        file.seek(length - 2, 1)
    return None


def _after_fill_bytes(file: BinaryIO) -> int:
    for _ in range(_MOST_SEGMENTS):
        marker = file.read(1)
        if marker != b"\xff":
            return marker[0]
    raise IndexError("nothing but fill bytes")


def _heif(file: BinaryIO) -> ImageSize | None:
    """Find the largest picture that an AVIF or HEIC file says it holds, turned as it is shown."""
    file.seek(0)
    head = file.read(_HEIF_HEAD)
    sizes = [
        ImageSize(*struct.unpack_from(">II", head, at + 4))
        for at in _after(b"ispe", head)
        if at + 12 <= len(head)
    ]
    if not sizes:
        return None
    width, height = max(sizes, key=lambda size: size.width * size.height)
    quarters = [head[at] & 3 for at in _after(b"irot", head) if at < len(head)]
    return ImageSize(height, width) if quarters and quarters[0] % 2 else ImageSize(width, height)


def _after(mark: bytes, head: bytes) -> Iterator[int]:
    """Find the places right after the first occurrences of a mark."""
    at = head.find(mark)
    for _ in range(_MOST_SEGMENTS):
        if at < 0:
            return
        yield at + len(mark)
        at = head.find(mark, at + len(mark))


def _by_pillow(file: BinaryIO) -> ImageSize | None:
    from PIL import Image, UnidentifiedImageError  # noqa: PLC0415  # rarely needed, slow to import

    file.seek(0)
    try:
        with Image.open(_Glance(file)) as image:  # type: ignore[arg-type]  # what Pillow uses
            return ImageSize(*image.size)
    except (UnidentifiedImageError, Image.DecompressionBombError, OSError, ValueError, SyntaxError):
        return None


class _Glance:
    """A file of which little is read, in few steps: some headers are walks through all of it."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._bytes_left = _MOST_BYTES
        self._steps_left = _MOST_STEPS

    def read(self, size: int = -1) -> bytes:
        """Read at most what may still be read."""
        return self._counted(self._file.read(self._bounded(size)))

    def readline(self, size: int = -1) -> bytes:
        """Read a line, or what may still be read of it."""
        return self._counted(self._file.readline(self._bounded(size)))

    def seek(self, offset: int, whence: int = 0) -> int:
        """Go elsewhere in the file."""
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        """Return the place in the file."""
        return self._file.tell()

    def close(self) -> None:
        """Leave the file open; it is somebody else's."""

    def _bounded(self, size: int) -> int:
        if not self._bytes_left or not self._steps_left:
            raise OSError("the picture's header is too long")
        return self._bytes_left if size < 0 else min(size, self._bytes_left)

    def _counted(self, data: bytes) -> bytes:
        self._bytes_left -= len(data)
        self._steps_left -= 1
        return data


_READERS: tuple[tuple[bytes, Callable[[BinaryIO, bytes], ImageSize | None]], ...] = (
    (b"\x89PNG\r\n\x1a\n", _png),
    (b"GIF87a", _gif),
    (b"GIF89a", _gif),
    (b"\xff\xd8\xff", _jpeg),
    (b"BM", _bmp),
    (b"RIFF", _riff),
)
