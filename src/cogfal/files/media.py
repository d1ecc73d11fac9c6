"""Tell what a file is: its content type by name, then by content, and an image's size.

Of an image the header is read and no pixel decoded. The formats that models write most are read
here, so that a large picture is never taken for a decompression bomb; Pillow's header readers
answer for the rest. Either looks at a bounded part of the file, in a bounded number of steps: a
file may be a caller's own that is merely given back.
"""

from __future__ import annotations

import os
import re
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

from cogfal.files.names import OCTET_STREAM, type_by_name

_HEAD = 4096
_SIGNATURES = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"II*\x00", "image/tiff"),
    (b"MM\x00*", "image/tiff"),
    (b"\x76\x2f\x31\x01", "image/x-exr"),
    (b"\xff\x0a", "image/jxl"),
    (b"\x00\x00\x00\x0cJXL \r\n\x87\n", "image/jxl"),
    (b"ID3", "audio/mpeg"),
    (b"OggS", "audio/ogg"),
    (b"fLaC", "audio/flac"),
    (b"glTF", "model/gltf-binary"),
    (b"Kaydara FBX Binary", "model/fbx"),
    (b"ply\n", "model/ply"),
    (b"%PDF-", "application/pdf"),
    (b"PK\x03\x04", "application/zip"),
    (b"PK\x05\x06", "application/zip"),
    (b"\x1f\x8b\x08", "application/gzip"),
    (b"7z\xbc\xaf\x27\x1c", "application/x-7z-compressed"),
    (b"\xfd7zXZ\x00", "application/x-xz"),
    (b"\x28\xb5\x2f\xfd", "application/zstd"),
    (b"Rar!\x1a\x07", "application/vnd.rar"),
    (b"\x89HDF\r\n\x1a\n", "application/x-hdf5"),
    (b"SQLite format 3\x00", "application/vnd.sqlite3"),
    (b"PAR1", "application/vnd.apache.parquet"),
    (b"ARROW1", "application/vnd.apache.arrow.file"),
    (b"{\\rtf", "application/rtf"),
    (b"\x00asm", "application/wasm"),
    (b"MThd", "audio/midi"),
    (b"#!AMR", "audio/amr"),
    (b"caff\x00", "audio/x-caf"),
    (b"8BPS", "image/vnd.adobe.photoshop"),
    (b"#?RADIANCE", "image/vnd.radiance"),
    (b"#?RGBE", "image/vnd.radiance"),
    (b"DDS |", "image/vnd.ms-dds"),
    (b"qoif", "image/qoi"),
    (b"\x00\x00\x00\x0cjP  \r\n\x87\n", "image/jp2"),
    (b"\x00\x00\x01\x00", "image/vnd.microsoft.icon"),
    (b"wOFF", "font/woff"),
    (b"wOF2", "font/woff2"),
    (b"OTTO\x00", "font/otf"),
    (b"\x00\x01\x00\x00\x00", "font/ttf"),
    (b"FLV\x01", "video/x-flv"),
    (b"\x00\x00\x01\xba", "video/mpeg"),
    (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "video/x-ms-asf"),
)
_RIFF = {b"WEBP": "image/webp", b"WAVE": "audio/wav", b"AVI ": "video/x-msvideo"}
_BRANDS = {
    b"avif": "image/avif",
    b"avis": "image/avif",
    b"heic": "image/heic",
    b"heix": "image/heic",
    b"mif1": "image/heif",
    b"M4A ": "audio/mp4",
    b"M4V ": "video/x-m4v",
    b"qt  ": "video/quicktime",
}
_MARKS = (
    (b"BM", 6, bytes(4), "image/bmp"),
    (b"BZh", 4, b"1AY&SY", "application/x-bzip2"),
    (b"FORM", 8, b"AIFF", "audio/aiff"),
    (b"\x47\x40", 188, b"\x47", "video/mp2t"),
    (b"", 128, b"DICM", "application/dicom"),
    (b"", 257, b"ustar", "application/x-tar"),
)
"""Beginnings that alone say too little, and what stands where in such a file."""
_AUDIO_SYNC = {
    b"\xff\xfb": "audio/mpeg",
    b"\xff\xfa": "audio/mpeg",
    b"\xff\xf3": "audio/mpeg",
    b"\xff\xf2": "audio/mpeg",
    b"\xff\xf1": "audio/aac",
    b"\xff\xf9": "audio/aac",
}
_QUICK = frozenset({"image/bmp", "image/gif", "image/jpeg", "image/png", "image/webp"})
"""Pictures whose size is read here, in a few steps; Pillow has to be imported for others."""
_NOT_TEXT = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f]")


class Media(NamedTuple):
    """What is known of a file: content type, bytes, and width and height where it is an image."""

    content_type: str
    size: int
    pixels: ImageSize | None = None


def describe(path: Path) -> Media:
    """Describe the file at `path`; little of it is read, no pixel is decoded."""
    with path.open("rb") as file:
        return describe_opened(file, path.name)


def describe_opened(file: BinaryIO, name: str) -> Media:
    """Describe an opened file called `name`; the position in it is changed."""
    head = file.read(_HEAD)
    content_type = type_of(name, head)
    pixels = image_size(file, head) if content_type.startswith("image/") else None
    return Media(content_type, os.fstat(file.fileno()).st_size, pixels)


def is_quick(name: str) -> bool:
    """Tell whether a look into a file of this name takes no time worth a thread."""
    kind = type_by_name(name)
    return kind is not None and (kind in _QUICK or not kind.startswith("image/"))


def type_of(name: str, head: bytes) -> str:
    """Return the content type of a file by its name, else by its first bytes."""
    return type_by_name(name) or type_by_content(head) or OCTET_STREAM


def type_by_content(head: bytes) -> str | None:
    """Return the content type that a file's first bytes show, None if they show none."""
    for signature, content_type in _SIGNATURES:
        if head.startswith(signature):
            return content_type
    return _container_type(head) or _text_type(head)


def _container_type(head: bytes) -> str | None:
    """Recognise the formats whose signature does not stand alone at the start."""
    if head[:4] == b"RIFF":
        return _RIFF.get(head[8:12])
    if head[4:8] == b"ftyp":
        return _BRANDS.get(head[8:12], "video/mp4")
    if head[:4] == b"\x1aE\xdf\xa3":
        return "video/webm" if b"webm" in head[:64] else "video/x-matroska"
    for beginning, place, mark, content_type in _MARKS:
        if head.startswith(beginning) and head.startswith(mark, place):
            return content_type
    return _AUDIO_SYNC.get(head[:2])


def _text_type(head: bytes) -> str | None:
    """Recognise text, and the common languages in it, by its beginning."""
    if not head or _NOT_TEXT.search(head):
        return None
    try:
        text = head.decode("utf-8", "strict")
    except UnicodeDecodeError as error:
        if error.start == 0 or error.reason != "unexpected end of data":
            return None
        text = head[: error.start].decode("utf-8")
    return _language(text.lstrip("\ufeff \t\r\n").lower())


def _language(start: str) -> str:
    if start.startswith(("<!doctype html", "<html")):
        return "text/html"
    if start.startswith("<svg") or (start.startswith("<?xml") and "<svg" in start):
        return "image/svg+xml"
    return "text/plain"


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
