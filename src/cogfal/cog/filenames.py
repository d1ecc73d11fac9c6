"""Name the file that a URL stands for, as `cog.types.get_filename` does."""

from __future__ import annotations

import mimetypes
import pathlib
import urllib.parse

MAX_BYTES = 200
"""Longest name in bytes; file systems take 255, and temporary names add to it."""


def get_filename(url: str) -> str:
    """Return a plain file name for an http, https or data URL."""
    parsed = urllib.parse.urlparse(url)
    if parsed.scheme == "data":
        media_type = parsed.path.partition(",")[0].partition(";")[0]
        return "file" + (mimetypes.guess_extension(media_type or "text/plain") or "")
    name = urllib.parse.unquote_plus(parsed.path.rpartition("/")[2])
    return truncated(name).replace("\0", "_").replace("/", "_")


def truncated(name: str) -> str:
    """Shorten a name to `MAX_BYTES`, keeping its extension and marking the cut with `~`."""
    if len(name.encode()) <= MAX_BYTES:
        return name
    suffix = pathlib.PurePosixPath(name).suffix
    room = max(MAX_BYTES - len(suffix.encode()) - 1, 0)
    stem = name.removesuffix(suffix).encode()[:room].decode(errors="ignore")
    return f"{stem}~{suffix}"
