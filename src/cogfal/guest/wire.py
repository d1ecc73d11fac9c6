"""Frames on the socket between the two sides: a header in JSON, and JSON text that passes as bytes.

A frame is the lengths of both (four bytes each, big-endian), the header, the bytes. The header is a
list of messages; a message is a list of plain values, of which the first says what it is. The bytes
belong to the last message of the frame. Nothing is ever unpickled.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from typing import Any

HEAD = struct.Struct("!II")
MOST_OF_HEADER = 64 * 1024 * 1024
"""Bytes that a header may have; the author's side sends far smaller ones."""
MOST_OF_BODY = 1024 * 1024 * 1024
"""Bytes that a result may have as JSON."""


class Garbage(Exception):
    """Report bytes that are no frame."""


def pack(messages: list[Any], body: bytes = b"") -> bytes:
    """Make a frame."""
    header = json.dumps(messages, separators=(",", ":")).encode()
    return HEAD.pack(len(header), len(body)) + header + body


class Unpacker:
    """Takes bytes as they come and gives the messages in them, each with the bytes it came with.

    Args:
        most_of_header: Bytes that the other side's headers may have.
    """

    def __init__(self, most_of_header: int = MOST_OF_HEADER) -> None:
        self._most_of_header = most_of_header
        self._buffer = bytearray()
        self._wanted = HEAD.size

    def feed(self, data: bytes) -> Iterator[tuple[list[Any], bytes]]:
        """Take bytes.

        Raises:
            Garbage: They are no frame.
        """
        self._buffer += data
        while len(self._buffer) >= self._wanted:
            header, body = HEAD.unpack_from(self._buffer)
            if header > self._most_of_header or body > MOST_OF_BODY:
                raise Garbage(f"a frame of {header} and {body} bytes")
            end = HEAD.size + header + body
            self._wanted = end
            if len(self._buffer) < end:
                return
            start = HEAD.size + header
            text, rest = bytes(self._buffer[HEAD.size : start]), bytes(self._buffer[start:end])
            del self._buffer[:end]
            self._wanted = HEAD.size
            yield from _messages(text, rest)


def _messages(header: bytes, body: bytes) -> Iterator[tuple[list[Any], bytes]]:
    try:
        messages = json.loads(header)
    except ValueError as error:  # UnicodeDecodeError is one
        raise Garbage(f"a header that is no JSON: {error}") from error
    if not isinstance(messages, list) or not all(isinstance(m, list) and m for m in messages):
        raise Garbage("a header that is no list of messages")
    for message in messages[:-1]:
        yield message, b""
    if messages:
        yield messages[-1], body
