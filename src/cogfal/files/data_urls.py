"""Read and write data URLs (RFC 2397), in steps that hold nobody up."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple
from urllib import parse

from pydantic_core import SchemaValidator, core_schema

from cogfal.files.limits import FetchError, TooLarge
from cogfal.files.media import describe, type_by_content
from cogfal.files.names import FALLBACK_NAME, has_suffix, input_name, suffix_for

_LONGEST_HEADER = 16 * 1024  # characters before the comma
_PARAMETER = re.compile(r';((?:[^;"]|"[^"]*")*)')
_IN_CODECS = re.compile(r";\s*codecs=[^;]*\Z", re.IGNORECASE)
_BASE64_MARK = ";base64,"
_NAME_PARAMETERS = ("name", "filename")
_CHUNK = 3 * 256 * 1024
_STEP = 4 * 64 * 1024  # characters decoded in one step: a fraction of a millisecond
_MOST_PADDING = 64
_URL_SAFE = bytes.maketrans(b"-_", b"+/")
_BASE64 = SchemaValidator(
    core_schema.bytes_schema(), core_schema.CoreConfig(val_json_bytes="base64")
)


class DataUrl(NamedTuple):
    """A data URL taken apart; its data begin at `start` in `text` and are as they came."""

    content_type: str
    name: str | None
    base64: bool
    text: str
    start: int

    def pieces(self, max_size: int) -> Iterator[bytes]:
        """Yield the bytes in pieces of at most 256 KiB.

        Raises:
            FetchError: They are damaged.
            TooLarge: There are more than `max_size`, or there surely would be.
        """
        if len(self.text) - self.start > 3 * max_size + 1024:
            raise TooLarge(max_size)
        size = 0
        decoded = _from_base64 if self.base64 else _unquoted
        for piece in decoded(self.text, self.start):
            size += len(piece)
            if size > max_size:
                raise TooLarge(max_size)
            yield piece

    def file_name(self, head: bytes) -> str:
        """Name the file after the URL's own name, its media type, or what `head` looks like."""
        name = input_name(self.name or FALLBACK_NAME)
        if has_suffix(name):
            return name
        seen = suffix_for(type_by_content(head[:4096]) or "")
        return input_name(name + (suffix_for(self.content_type) or seen))


def parse_data_url(url: str) -> DataUrl:
    """Take a data URL apart; raise `FetchError` if it has no comma where one belongs."""
    comma = _comma(url[:_LONGEST_HEADER])
    if comma < 0:
        raise FetchError("the data URL has no comma between its media type and its data")
    kind, semicolon, rest = url[len("data:") : comma].partition(";")
    parameters = [each.strip() for each in _PARAMETER.findall(semicolon + rest)]
    return DataUrl(
        content_type=kind.strip().lower(),
        name=_name_among(parameters),
        base64=bool(parameters) and parameters[-1].lower() == "base64",
        text=url,
        start=comma + 1,
    )


def _comma(head: str) -> int:
    """Return where the comma before the data is, -1 if nowhere.

    Recorders of browsers write commas into the media type: `video/webm;codecs=vp8,opus;base64,`.
    """
    comma = head.find(",")
    quoted = head.count('"', 0, max(comma, 0)) % 2 == 1
    if comma < 0 or not (quoted or _IN_CODECS.search(head, 0, comma)):
        return comma
    mark = head.lower().find(_BASE64_MARK, comma)
    if mark >= 0:
        return mark + len(_BASE64_MARK) - 1
    return head.find(",", head.find('"', comma)) if quoted and '"' in head[comma:] else comma


def to_data_url(path: Path, content_type: str | None = None) -> str:
    """Write the file at `path` as a base64 data URL; the text is held in memory, once.

    Its type is found by its name and content where none is given.
    """
    with path.open("rb") as file:
        return as_data_url(file, content_type or describe(path).content_type)


def as_data_url(file: BinaryIO, content_type: str) -> str:
    """Write what is left to read of a file as a base64 data URL."""
    parts = [f"data:{content_type};base64,"]
    while chunk := file.read(_CHUNK):
        parts.append(base64.b64encode(chunk).decode("ascii"))
    return "".join(parts)


def _name_among(parameters: list[str]) -> str | None:
    for parameter in parameters:
        key, _, value = parameter.partition("=")
        if key.lower() in _NAME_PARAMETERS and value:
            return parse.unquote(value.strip('"'), errors="replace")
    return None


def _from_base64(text: str, start: int) -> Iterator[bytes]:
    """Decode base64: as nearly everybody writes it, or from where that ends, leniently."""
    for at in range(start, len(text), _STEP):
        piece = _strictly(text[at : at + _STEP])
        last = at + _STEP >= len(text)
        if piece is None or (not last and text[at + _STEP - 1] == "="):
            yield from _leniently(_unquoted(text, at))
            return
        yield piece


def _strictly(payload: str) -> bytes | None:
    """Decode base64 in one pass; None if it is written otherwise.

    Pydantic's decoder takes a quarter of the standard library's time.
    """
    try:
        data: bytes = _BASE64.validate_strings(payload)  # type: ignore[arg-type]  # text it may be
    except ValueError:
        return None
    return data


def _leniently(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Decode standard or URL-safe base64, with or without padding and line breaks."""
    held = b""
    for piece in pieces:
        held += b"".join(piece.split()).translate(_URL_SAFE)
        whole = len(held.rstrip(b"=")) // 4 * 4
        if len(held) - whole > _MOST_PADDING:
            raise FetchError("the data URL is not valid base64")
        yield _decoded(held[:whole])
        held = held[whole:]
    rest = held.rstrip(b"=")
    yield _decoded(rest + b"=" * (-len(rest) % 4))


def _decoded(data: bytes) -> bytes:
    try:
        return base64.b64decode(data, validate=True)
    except binascii.Error as error:
        raise FetchError("the data URL is not valid base64") from error


def _unquoted(text: str, start: int) -> Iterator[bytes]:
    """Undo percent escapes, step by step; no step ends within one."""
    while start < len(text):
        end = start + _STEP
        escape = text.rfind("%", max(start, end - 2), end)
        end = end if escape < 0 else escape + 3
        try:
            yield parse.unquote_to_bytes(text[start:end])
        except UnicodeEncodeError as error:
            raise FetchError("the data URL is not valid text") from error
        start = end
