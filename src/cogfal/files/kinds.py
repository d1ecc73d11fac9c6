"""The kinds of file by their names: suffix to content type and back.

The table is the same on every machine; what the operating system has in mime.types is not asked.
"""

from __future__ import annotations

import mimetypes
from functools import cache
from pathlib import PurePosixPath
from types import MappingProxyType

OCTET_STREAM = "application/octet-stream"

_OWN_TYPES = MappingProxyType(
    {
        ".aac": "audio/aac",
        ".avif": "image/avif",
        ".ckpt": OCTET_STREAM,
        ".exr": "image/x-exr",
        ".fbx": "model/fbx",
        ".flac": "audio/flac",
        ".glb": "model/gltf-binary",
        ".gltf": "model/gltf+json",
        ".gz": "application/gzip",
        ".heic": "image/heic",
        ".heif": "image/heif",
        ".jpeg": "image/jpeg",
        ".jpg": "image/jpeg",
        ".jsonl": "application/jsonl",
        ".jxl": "image/jxl",
        ".m4a": "audio/mp4",
        ".m4v": "video/x-m4v",
        ".md": "text/markdown",
        ".mkv": "video/x-matroska",
        ".mov": "video/quicktime",
        ".mp3": "audio/mpeg",
        ".mp4": "video/mp4",
        ".npy": OCTET_STREAM,
        ".npz": "application/zip",
        ".obj": "model/obj",
        ".oga": "audio/ogg",
        ".ogg": "audio/ogg",
        ".ogv": "video/ogg",
        ".onnx": OCTET_STREAM,
        ".opus": "audio/ogg",
        ".ply": "model/ply",
        ".pt": OCTET_STREAM,
        ".pth": OCTET_STREAM,
        ".safetensors": OCTET_STREAM,
        ".splat": OCTET_STREAM,
        ".srt": "application/x-subrip",
        ".stl": "model/stl",
        ".svg": "image/svg+xml",
        ".tar": "application/x-tar",
        ".tif": "image/tiff",
        ".tiff": "image/tiff",
        ".usdz": "model/vnd.usdz+zip",
        ".vtt": "text/vtt",
        ".wav": "audio/wav",
        ".weba": "audio/webm",
        ".webm": "video/webm",
        ".webp": "image/webp",
        ".yaml": "application/yaml",
        ".yml": "application/yaml",
        ".zip": "application/zip",
    }
)

_PREFERRED_SUFFIXES = MappingProxyType(
    {
        "application/gzip": ".gz",
        "application/x-gzip": ".gz",
        "application/x-zip-compressed": ".zip",
        "application/yaml": ".yaml",
        "application/zip": ".zip",
        "audio/mp4": ".m4a",
        "audio/mpeg": ".mp3",
        "audio/ogg": ".ogg",
        "audio/vnd.wave": ".wav",
        "audio/wave": ".wav",
        "audio/x-flac": ".flac",
        "audio/x-m4a": ".m4a",
        "audio/x-wav": ".wav",
        "image/jpeg": ".jpg",
        "image/jpg": ".jpg",
        "image/tiff": ".tif",
        "image/x-png": ".png",
        "text/html": ".html",
        "text/plain": ".txt",
        "video/mp4": ".mp4",
        "video/quicktime": ".mov",
    }
)


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
    if kind == OCTET_STREAM:
        return ""
    if kind in _PREFERRED_SUFFIXES:
        return _PREFERRED_SUFFIXES[kind]
    return _own_suffixes().get(kind) or _registered().guess_extension(kind) or ""


@cache
def _registered() -> mimetypes.MimeTypes:
    """Return Python's own table, which is slow to make."""
    return mimetypes.MimeTypes()


@cache
def _own_suffixes() -> dict[str, str]:
    """Return the first suffix of each content type in the table above."""
    return {kind: suffix for suffix, kind in reversed(tuple(_OWN_TYPES.items()))}
