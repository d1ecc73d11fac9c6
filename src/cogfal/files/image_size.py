"""Read an image's width and height from its header; no pixel is decoded.

The formats that models write most are read here, so that a large picture is never taken for a
decompression bomb; Pillow's header readers answer for the rest.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import BinaryIO, NamedTuple

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
    return _by_pillow(file)


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
    while file.read(1) == b"\xff":
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
    marker = file.read(1)
    while marker == b"\xff":
        marker = file.read(1)
    return marker[0]


def _by_pillow(file: BinaryIO) -> ImageSize | None:
    from PIL import Image, UnidentifiedImageError  # noqa: PLC0415  # rarely needed, slow to import

    file.seek(0)
    try:
        with Image.open(file) as image:
            return ImageSize(*image.size)
    except (UnidentifiedImageError, Image.DecompressionBombError, OSError, ValueError, SyntaxError):
        return None


_READERS: tuple[tuple[bytes, Callable[[BinaryIO, bytes], ImageSize | None]], ...] = (
    (b"\x89PNG\r\n\x1a\n", _png),
    (b"GIF87a", _gif),
    (b"GIF89a", _gif),
    (b"\xff\xd8\xff", _jpeg),
    (b"BM", _bmp),
    (b"RIFF", _riff),
)
