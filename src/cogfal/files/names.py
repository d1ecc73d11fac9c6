"""Turn what callers and servers say a file is called into a name that is safe and useful.

A result is one path component: no separator, no control character, not hidden, at most 200 bytes,
and it keeps the stem and suffix it was given as far as that allows. The names that predictors get
hold nothing that a shell, or anybody else who reads them, could take for more than a name.

Which suffix means which content type is the same on every machine: what the operating system has
in mime.types is not asked.
"""

from __future__ import annotations

import mimetypes
import posixpath
import re
import unicodedata
from collections.abc import Mapping
from functools import cache
from pathlib import PurePosixPath
from typing import Final
from urllib import parse

MAX_NAME_BYTES = 200
FALLBACK_NAME = "file"

_SUFFIX = re.compile(r"\.(?=[0-9]*[A-Za-z])[A-Za-z0-9][A-Za-z0-9_+-]{0,23}\Z")
_EXTENDED_NAME = re.compile(
    r"filename\*\s*=\s*\"?(?P<charset>[\w!#$%&+^`{}~-]+)'[^']*'(?P<value>[^\s;\"]+)", re.IGNORECASE
)
_PARAMETER = re.compile(
    r';\s*(?P<key>[\w!#$%&+^`{}~*-]+)\s*=\s*(?:"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<plain>[^;]*))',
    re.DOTALL,
)
_FORBIDDEN = re.compile(r'[/\\:*?"<>|]')
_LONGEST_HEADER = 4096  # characters; a name has 200 bytes in the end
_CHARSETS = frozenset(
    (
        *("utf-8", "utf8", "us-ascii", "iso-8859-1", "iso-8859-15", "latin-1", "koi8-r"),
        *("windows-1250", "windows-1251", "windows-1252", "gbk", "gb2312", "gb18030"),
        *("big5", "shift_jis", "euc-jp", "euc-kr"),
    )
)
"""What a name may be written in; some of Python's codecs take time that grows as its square."""


def name_for(url_path: str, disposition: str | None, content_type: str | None) -> str:
    """Name a downloaded file after its Content-Disposition, else its URL, else its media type.

    `url_path` is the path of the URL, still percent-encoded and without query. A name without a
    suffix gets the media type's.
    """
    last = parse.unquote(posixpath.basename(url_path.rstrip("/")), errors="replace")
    name = input_name(disposition_name(disposition or "") or last)
    if has_suffix(name):
        return name
    return input_name(name + suffix_for(content_type or ""))


def input_name(text: str) -> str:
    """Reduce any text to a name for a predictor: letters and digits of any script, `.`, `_`, `-`.

    It begins with a letter, a digit or `_`, and anything else in it has become `_`.
    """
    name = "".join(each if _is_plain(each) else "_" for each in safe_name(text))
    return name.lstrip(".-") or FALLBACK_NAME


def safe_name(text: str) -> str:
    """Reduce any text to a file name; text that leaves nothing becomes `file`."""
    last = text.replace("\\", "/").rsplit("/", 1)[-1]
    name = unicodedata.normalize("NFC", "".join(filter(str.isprintable, last)))
    name = _FORBIDDEN.sub("_", name).strip(" .")  # of printable white space there is one kind
    return shortened(name) or FALLBACK_NAME


def shortened(name: str, limit: int = MAX_NAME_BYTES) -> str:
    """Cut the stem so that the name has at most `limit` bytes of UTF-8; keep its suffix."""
    if len(name.encode()) <= limit:
        return name
    stem, suffix = split_suffix(name)
    room = limit - len(suffix.encode())
    return stem.encode()[:room].decode(errors="ignore").rstrip(" .") + suffix


def variant(name: str, mark: str) -> str:
    """Return a variant of `name` for the case that it is taken, such as `image-2.png`."""
    stem, suffix = split_suffix(name)
    tail = f"-{mark}{suffix}"
    return shortened(stem, MAX_NAME_BYTES - len(tail.encode())) + tail


def has_suffix(name: str) -> bool:
    """Tell whether `name` ends in something that names a kind of file (`.5` does not)."""
    return split_suffix(name)[1] != ""


def split_suffix(name: str) -> tuple[str, str]:
    """Split a name into stem and suffix; `.tar.gz` and the like stay together."""
    found = _SUFFIX.search(name)
    if found is None or found.start() == 0:
        return name, ""
    stem, suffix = name[: found.start()], found.group()
    if stem.lower().endswith(".tar") and len(stem) > len(".tar"):
        return stem[: -len(".tar")], stem[-len(".tar") :] + suffix
    return stem, suffix


def disposition_name(header: str) -> str:
    """Read the file name from a Content-Disposition header (RFC 6266); "" if it has none.

    `filename*` (RFC 5987) wins over `filename`, whose bytes are tried as UTF-8.
    """
    header = header[:_LONGEST_HEADER]
    extended = _EXTENDED_NAME.search(header)
    if extended:
        decoded = _decoded(parse.unquote_to_bytes(extended["value"]), extended["charset"])
        if decoded:
            return decoded
    plain = _parameter(f";{header}", "filename")
    return _decoded(plain.encode("latin-1", "ignore"), "utf-8") or plain


def _is_plain(character: str) -> bool:
    return character.isalpha() or character.isdecimal() or character in "._-"


def _parameter(text: str, name: str) -> str:
    """Return the first parameter of that name; "" if there is none.

    The standard library's parser of headers fails on some that a server can send.
    """
    for found in _PARAMETER.finditer(text):
        if found["key"].lower() == name:
            if found["quoted"] is None:
                return found["plain"].strip()
            return found["quoted"].replace("\\\\", "\\").replace('\\"', '"')
    return ""


def _decoded(raw: bytes, charset: str) -> str:
    """Decode `raw`; "" if it is not in `charset`, or that charset is none for names."""
    if charset.lower() not in _CHARSETS:
        return ""
    try:
        return raw.decode(charset)
    except UnicodeError:
        return ""


OCTET_STREAM = "application/octet-stream"

_SUFFIXES: Final[Mapping[str, str]] = {
    "application/dash+xml": ".mpd",
    "application/dicom": ".dcm",
    "application/epub+zip": ".epub",
    "application/geo+json": ".geojson",
    "application/gpx+xml": ".gpx",
    "application/gzip": ".gz .tgz",
    "application/java-archive": ".jar",
    "application/json": ".json",
    "application/jsonl": ".jsonl .ndjson",
    "application/ld+json": ".jsonld",
    "application/msword": ".doc .dot",
    "application/pdf": ".pdf",
    "application/rtf": ".rtf",
    "application/sql": ".sql",
    "application/toml": ".toml",
    "application/vnd.android.package-archive": ".apk",
    "application/vnd.apache.arrow.file": ".arrow .feather",
    "application/vnd.apache.parquet": ".parquet",
    "application/vnd.apple.mpegurl": ".m3u8 .m3u",
    "application/vnd.google-earth.kml+xml": ".kml",
    "application/vnd.google-earth.kmz": ".kmz",
    "application/vnd.las": ".las",
    "application/vnd.laszip": ".laz",
    "application/vnd.ms-excel": ".xls",
    "application/vnd.ms-powerpoint": ".ppt",
    "application/vnd.msgpack": ".msgpack",
    "application/vnd.oasis.opendocument.presentation": ".odp",
    "application/vnd.oasis.opendocument.spreadsheet": ".ods",
    "application/vnd.oasis.opendocument.text": ".odt",
    "application/vnd.openxmlformats-officedocument.presentationml.presentation": ".pptx",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": ".xlsx",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": ".docx",
    "application/vnd.rar": ".rar",
    "application/vnd.sqlite3": ".sqlite .sqlite3 .db",
    "application/wasm": ".wasm",
    "application/x-7z-compressed": ".7z",
    "application/x-alembic": ".abc",
    "application/x-blender": ".blend",
    "application/x-bzip2": ".bz2 .tbz2 .tbz",
    "application/x-hdf5": ".h5 .hdf5",
    "application/x-ipynb+json": ".ipynb",
    "application/x-lz4": ".lz4",
    "application/x-matlab-data": ".mat",
    "application/x-subrip": ".srt",
    "application/x-tar": ".tar",
    "application/x-xz": ".xz .txz",
    "application/xml": ".xml .xsd .xsl",
    "application/yaml": ".yaml .yml",
    "application/zip": ".zip .npz .whl",
    "application/zstd": ".zst .tzst",
    "audio/aac": ".aac .adts",
    "audio/ac3": ".ac3",
    "audio/aiff": ".aiff .aif .aifc",
    "audio/amr": ".amr",
    "audio/basic": ".au .snd",
    "audio/flac": ".flac",
    "audio/midi": ".mid .midi .kar",
    "audio/mp4": ".m4a .m4b",
    "audio/mpeg": ".mp3 .mp2",
    "audio/ogg": ".ogg .oga .opus .spx",
    "audio/wav": ".wav",
    "audio/webm": ".weba",
    "audio/x-ape": ".ape",
    "audio/x-caf": ".caf",
    "audio/x-matroska": ".mka",
    "audio/x-ms-wma": ".wma",
    "audio/x-wavpack": ".wv",
    "font/collection": ".ttc",
    "font/otf": ".otf",
    "font/ttf": ".ttf",
    "font/woff": ".woff",
    "font/woff2": ".woff2",
    "image/apng": ".apng",
    "image/avif": ".avif",
    "image/bmp": ".bmp .dib",
    "image/fits": ".fits .fit",
    "image/gif": ".gif",
    "image/heic": ".heic",
    "image/heif": ".heif",
    "image/jp2": ".jp2",
    "image/jpeg": ".jpg .jpeg .jpe .jfif",
    "image/jxl": ".jxl",
    "image/ktx": ".ktx",
    "image/ktx2": ".ktx2",
    "image/png": ".png",
    "image/qoi": ".qoi",
    "image/svg+xml": ".svg",
    "image/tiff": ".tif .tiff",
    "image/vnd.adobe.photoshop": ".psd",
    "image/vnd.microsoft.icon": ".ico .cur",
    "image/vnd.ms-dds": ".dds",
    "image/vnd.radiance": ".hdr .rgbe",
    "image/vnd.zbrush.pcx": ".pcx",
    "image/webp": ".webp",
    "image/x-adobe-dng": ".dng",
    "image/x-canon-cr2": ".cr2",
    "image/x-exr": ".exr",
    "image/x-nikon-nef": ".nef",
    "image/x-portable-floatmap": ".pfm",
    "image/x-sony-arw": ".arw",
    "image/x-tga": ".tga",
    "image/x-xcf": ".xcf",
    "model/3mf": ".3mf",
    "model/e57": ".e57",
    "model/fbx": ".fbx",
    "model/gltf+json": ".gltf",
    "model/gltf-binary": ".glb .vrm",
    "model/iges": ".igs .iges",
    "model/mtl": ".mtl",
    "model/obj": ".obj",
    "model/ply": ".ply",
    "model/step": ".step .stp",
    "model/stl": ".stl",
    "model/vnd.collada+xml": ".dae",
    "model/vnd.pixar.usd": ".usd .usdc",
    "model/vnd.usda": ".usda",
    "model/vnd.usdz+zip": ".usdz",
    "model/x3d+xml": ".x3d",
    "text/calendar": ".ics",
    "text/css": ".css",
    "text/csv": ".csv",
    "text/html": ".html .htm",
    "text/javascript": ".js .mjs .cjs",
    "text/markdown": ".md .markdown",
    "text/plain": ".txt .log .ini .cfg .conf .lrc .bvh .c .cc .cpp .cs .cu .cube .go .h .hpp"
    " .java .jsx .kt .lua .php .pl .properties .rb .rs .swift .tsx",
    "text/tab-separated-values": ".tsv",
    "text/turtle": ".ttl",
    "text/vtt": ".vtt",
    "text/x-bibtex": ".bib",
    "text/x-diff": ".diff .patch",
    "text/x-python": ".py",
    "text/x-rst": ".rst",
    "text/x-ssa": ".ass .ssa",
    "video/3gpp": ".3gp .3gpp",
    "video/3gpp2": ".3g2 .3gpp2",
    "video/h264": ".h264 .264",
    "video/h265": ".h265 .hevc",
    "video/mp2t": ".ts .mts .m2ts",
    "video/mp4": ".mp4",
    "video/mpeg": ".mpg .mpeg .mpe .m1v .m2v .vob",
    "video/ogg": ".ogv",
    "video/quicktime": ".mov .qt",
    "video/webm": ".webm",
    "video/x-flv": ".flv .f4v",
    "video/x-ivf": ".ivf",
    "video/x-m4v": ".m4v",
    "video/x-matroska": ".mkv .mk3d",
    "video/x-ms-asf": ".asf",
    "video/x-ms-wmv": ".wmv",
    "video/x-msvideo": ".avi",
    OCTET_STREAM: ".ckpt .gguf .npy .onnx .pt .pth .safetensors .splat .spz .tflite",
}
"""The suffixes of each kind, the usual one first."""

_OWN_TYPES: Final[Mapping[str, str]] = {
    suffix: kind for kind, suffixes in _SUFFIXES.items() for suffix in suffixes.split()
}

_OTHER_NAMES: Final[Mapping[str, str]] = {
    "application/javascript": "text/javascript",
    "application/vnd.apache.arrow.stream": "application/vnd.apache.arrow.file",
    "application/x-bzip": "application/x-bzip2",
    "application/x-gtar": "application/x-tar",
    "application/x-gzip": "application/gzip",
    "application/x-ndjson": "application/jsonl",
    "application/x-parquet": "application/vnd.apache.parquet",
    "application/x-rar-compressed": "application/vnd.rar",
    "application/x-sqlite3": "application/vnd.sqlite3",
    "application/x-yaml": "application/yaml",
    "application/x-zip-compressed": "application/zip",
    "audio/mid": "audio/midi",
    "audio/mp3": "audio/mpeg",
    "audio/opus": "audio/ogg",
    "audio/vnd.wave": "audio/wav",
    "audio/wave": "audio/wav",
    "audio/x-aiff": "audio/aiff",
    "audio/x-flac": "audio/flac",
    "audio/x-m4a": "audio/mp4",
    "audio/x-midi": "audio/midi",
    "audio/x-wav": "audio/wav",
    "image/jpg": "image/jpeg",
    "image/pjpeg": "image/jpeg",
    "image/x-icon": "image/vnd.microsoft.icon",
    "image/x-ms-bmp": "image/bmp",
    "image/x-png": "image/png",
    "text/x-markdown": "text/markdown",
    "text/xml": "application/xml",
    "text/yaml": "application/yaml",
    "video/avi": "video/x-msvideo",
}
"""What kinds are called elsewhere."""


def type_by_name(name: str) -> str | None:
    """Return the content type that a file name's suffix tells, None if it tells none.

    `.bin` and its like tell none; `.safetensors` and its like do say that a file is plain bytes.
    """
    suffix = PurePosixPath(name).suffix.lower()
    if suffix in _OWN_TYPES:
        return _OWN_TYPES[suffix]
    registered = _registered().types_map[True].get(suffix)
    return None if registered == OCTET_STREAM else registered


def suffix_for(content_type: str) -> str:
    """Return the usual suffix of a content type with its dot, "" for unknown and generic types."""
    kind = content_type.partition(";")[0].strip().lower()
    kind = _OTHER_NAMES.get(kind, kind)
    if kind == OCTET_STREAM:
        return ""
    if kind in _SUFFIXES:
        return _SUFFIXES[kind].partition(" ")[0]
    return _registered().guess_extension(kind) or ""


@cache
def _registered() -> mimetypes.MimeTypes:
    """Return Python's own table, which is slow to make."""
    return mimetypes.MimeTypes()
