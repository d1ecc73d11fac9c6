"""What a file is, by its name and its first bytes; Pillow is the oracle for images."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from cogfal.files.media import ImageSize, Media, describe, image_size, type_by_content, type_of
from cogfal.files.names import _SUFFIXES, OCTET_STREAM, suffix_for, type_by_name


@pytest.mark.parametrize(
    ("name", "content_type"),
    [
        ("a.PNG", "image/png"),
        ("a.jpg", "image/jpeg"),
        ("a.webp", "image/webp"),
        ("a.avif", "image/avif"),
        ("a.mp4", "video/mp4"),
        ("a.webm", "video/webm"),
        ("a.mov", "video/quicktime"),
        ("a.wav", "audio/wav"),
        ("a.mp3", "audio/mpeg"),
        ("a.m4a", "audio/mp4"),
        ("a.flac", "audio/flac"),
        ("a.glb", "model/gltf-binary"),
        ("a.zip", "application/zip"),
        ("a.tar.gz", "application/gzip"),
        ("a.json", "application/json"),
        ("a.txt", "text/plain"),
        ("a.csv", "text/csv"),
        ("a.safetensors", "application/octet-stream"),
        ("a.tgz", "application/gzip"),
        ("a.tar.bz2", "application/x-bzip2"),
        ("a.tar.xz", "application/x-xz"),
        ("a.7z", "application/x-7z-compressed"),
        ("a.toml", "application/toml"),
        ("a.mid", "audio/midi"),
        ("a.parquet", "application/vnd.apache.parquet"),
        ("a.hdr", "image/vnd.radiance"),
        ("a.hdf5", "application/x-hdf5"),
        ("a.docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
        ("a.ass", "text/x-ssa"),
        ("a.bin", None),
        ("a.unknown", None),
        ("noext", None),
        (".png", None),
    ],
)
def test_type_by_name(name: str, content_type: str | None) -> None:
    """A known suffix tells the type, in any case."""
    assert type_by_name(name) == content_type


@pytest.mark.parametrize(
    ("head", "content_type"),
    [
        (b"\x89PNG\r\n\x1a\n", "image/png"),
        (b"RIFF\0\0\0\0WEBPVP8 ", "image/webp"),
        (b"RIFF\0\0\0\0WAVEfmt ", "audio/wav"),
        (b"RIFF\0\0\0\0AVI LIST", "video/x-msvideo"),
        (b"\0\0\0\x20ftypisom", "video/mp4"),
        (b"\0\0\0\x20ftypqt  ", "video/quicktime"),
        (b"\0\0\0\x20ftypM4A ", "audio/mp4"),
        (b"\0\0\0\x20ftypavif", "image/avif"),
        (b"\x1aE\xdf\xa3....webm", "video/webm"),
        (b"\x1aE\xdf\xa3....matroska", "video/x-matroska"),
        (b"ID3\x04", "audio/mpeg"),
        (b"\xff\xfb\x90d", "audio/mpeg"),
        (b"OggS\0", "audio/ogg"),
        (b"fLaC\0", "audio/flac"),
        (b"glTF\2\0\0\0", "model/gltf-binary"),
        (b"PK\3\4", "application/zip"),
        (b"%PDF-1.7", "application/pdf"),
        (b"\0" * 257 + b"ustar", "application/x-tar"),
        (b"BZh91AY&SY", "application/x-bzip2"),
        (b"BZh is no archive", "text/plain"),
        (b"MThd\0\0\0\6", "audio/midi"),
        (b"PAR1\x15", "application/vnd.apache.parquet"),
        (b"#?RADIANCE\n", "image/vnd.radiance"),
        (b"FORM\0\0\0\0AIFF", "audio/aiff"),
        (b"\x47\x40" + b"\0" * 186 + b"\x47", "video/mp2t"),
        (b"<!DOCTYPE html><html>", "text/html"),
        (b'<?xml version="1.0"?><svg xmlns=', "image/svg+xml"),
        ("häßlich\n".encode(), "text/plain"),
        (b"plain \xc3", "text/plain"),
        (b"\xfb\xff\xbf", None),
        (b"\0\1\2\3", None),
        (b"", None),
    ],
)
def test_type_by_content(head: bytes, content_type: str | None) -> None:
    """Signatures tell the type; text is recognised, even cut inside a character."""
    assert type_by_content(head) == content_type


@pytest.mark.parametrize(
    ("name", "head", "content_type"),
    [
        ("a.png", b"\xff\xd8\xff", "image/png"),
        ("result", b"\xff\xd8\xff", "image/jpeg"),
        ("a.bin", b"\xff\xd8\xff", "image/jpeg"),
        ("a.bin", b"\0\1", "application/octet-stream"),
        ("a.pt", b"PK\3\4", "application/octet-stream"),
    ],
)
def test_name_comes_before_content(name: str, head: bytes, content_type: str) -> None:
    """Content is asked only where the name says nothing."""
    assert type_of(name, head) == content_type


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.mp4", "a.mp3", "a.wav", "a.zip", "a.txt"])
def test_suffix_and_type_belong_together(name: str) -> None:
    """A type's suffix has that type."""
    content_type = type_by_name(name)
    assert content_type is not None

    assert suffix_for(content_type) == name[1:]
    assert suffix_for(f"{content_type.upper()}; charset=x") == name[1:]


@pytest.mark.parametrize(
    ("kind", "mode", "options"),
    [
        ("PNG", "RGB", {}),
        ("JPEG", "RGB", {}),
        ("JPEG", "RGB", {"progressive": True}),
        ("JPEG", "RGB", {"exif": b"Exif\0\0MM\0*\0\0\0\x08\0\0", "comment": b"c" * 9000}),
        ("JPEG", "CMYK", {}),
        ("GIF", "P", {}),
        ("BMP", "RGB", {}),
        ("WEBP", "RGB", {}),
        ("WEBP", "RGBA", {"lossless": True}),
        ("WEBP", "RGB", {"exif": b"Exif\0\0MM\0*\0\0\0\x08\0\0"}),
        ("TIFF", "RGB", {}),
        ("ICO", "RGBA", {"sizes": [(37, 21)]}),
    ],
)
def test_image_size_is_pillows(kind: str, mode: str, options: dict[str, object]) -> None:
    """Every common format's header is understood, whatever else is in it."""
    buffer = io.BytesIO()
    Image.new(mode, (37, 21)).save(buffer, kind, **options)
    buffer.seek(0)

    assert image_size(buffer, buffer.getvalue()[:4096]) == ImageSize(37, 21)


OLD_BMP = b"BM" + bytes(12) + b"\x0c\0\0\0" + b"\x25\0\x15\0" + b"\x01\0\x18\0"


@pytest.mark.parametrize(
    ("head", "size"),
    [
        (OLD_BMP + bytes(40), ImageSize(37, 21)),
        (b"RIFF\0\0\0\0AVI LIST" + bytes(40), None),
        (b"RIFF\0\0\0\0WEBPVP9 " + bytes(40), None),
    ],
    ids=["bitmap of OS/2", "film", "unknown WebP"],
)
def test_a_rarer_head_is_understood_or_none(head: bytes, size: ImageSize | None) -> None:
    """What Pillow does not write: a short header, and what only begins like a picture."""
    assert image_size(io.BytesIO(head), head) == size


def test_large_picture_is_no_bomb(tmp_path: Path) -> None:
    """The header of a picture beyond Pillow's limit is still read."""
    png = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + (60_000).to_bytes(4, "big") * 2 + b"\x08\x02\0\0\0"
    path = tmp_path / "large.png"
    path.write_bytes(png)

    assert describe(path) == Media("image/png", len(png), ImageSize(60_000, 60_000))


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
@pytest.mark.parametrize(
    "signature",
    [b"\x89PNG\r\n\x1a\n", b"GIF89a", b"\xff\xd8\xff", b"BM", b"RIFF\0\0\0\0WEBPVP8X", b"II*\0"],
)
@settings(deadline=None)
@given(rest=st.binary(max_size=60))
def test_damaged_picture_has_no_size_or_some(signature: bytes, rest: bytes) -> None:
    """No header makes more trouble than being unreadable."""
    data = signature + rest

    size = image_size(io.BytesIO(data), data)

    assert size is None or isinstance(size.width, int)


def test_only_images_are_measured(tmp_path: Path) -> None:
    """A text has a type and a size in bytes."""
    path = tmp_path / "a.txt"
    path.write_text("hello")

    assert describe(path) == Media("text/plain", 5)


def test_kinds_lead_to_suffixes_and_back() -> None:
    """Each kind's usual suffix says that kind."""
    for kind, suffixes in _SUFFIXES.items():
        usual = suffixes.split()[0]
        assert type_by_name(f"a{usual}") == kind
        assert suffix_for(kind) == ("" if kind == OCTET_STREAM else usual)


@pytest.mark.parametrize(
    ("name", "head", "filling"),
    [
        ("a.jpg", b"\xff\xd8", b"\xff\xe0\x00\x02"),
        ("b.jpg", b"\xff\xd8", b"\xff"),
        ("a.ppm", b"P6\n#", b"x"),
        ("a.xpm", b'/* XPM */ "1 1 9999999 1",\n', b'"aaaaaaaa",\n'),
        ("a.ico", b"\0\0\1\0\xff\xff", b"\1" * 16),
        ("a.avif", b"\0\0\0\x20ftypavif", b"\0\0\0\x08free"),
        ("a.tiff", b"II*\0\x08\0\0\0\xff\xff", b"\1" * 12),
        ("a.tga", b"", b"\0"),
    ],
)
@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
def test_little_of_a_picture_is_looked_at(name: str, head: bytes, filling: bytes) -> None:
    """A header that goes on and on is a picture without a size."""
    file = Counted(head + filling * (20_000_000 // len(filling)))

    found = image_size(file, file.getvalue()[:4096])

    assert found is None
    assert file.taken <= 2**20 + 4096
    assert file.steps <= 50_000


class Counted(io.BytesIO):
    """A file that counts what is read of it."""

    taken = 0
    steps = 0

    def read(self, size: int | None = -1) -> bytes:
        """Read, and count."""
        return self._count(super().read(size))

    def readline(self, size: int | None = -1) -> bytes:
        """Read a line, and count."""
        return self._count(super().readline(size))

    def _count(self, data: bytes) -> bytes:
        self.taken += len(data)
        self.steps += 1
        return data


def test_size_of_an_avif_is_read_from_its_boxes() -> None:
    """The largest of its pictures counts, turned as it is shown."""
    small = b"ispe\0\0\0\0" + bytes([0, 0, 0, 8, 0, 0, 0, 8])
    large = b"ispe\0\0\0\0" + bytes([0, 0, 0, 64, 0, 0, 0, 48])
    data = b"\0\0\0\x20ftypavif" + b"\0" * 40 + small + large + b"irot\1" + b"\0" * 9

    assert image_size(io.BytesIO(data), data) == ImageSize(48, 64)
