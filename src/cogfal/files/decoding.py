"""Undo a response's content encoding piece by piece, never producing more than was asked for."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import Protocol

from cogfal.files.faults import FetchError

_PIECE = 256 * 1024
_GZIP = 16 + zlib.MAX_WBITS


class Decoder(Protocol):
    """Turn received bytes into the file's bytes."""

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield what `data` decodes to, in pieces of at most 256 KiB."""
        ...

    def finish(self) -> None:
        """Raise `FetchError` unless the encoded data has come to its end."""
        ...


def decoder_for(encoding: str) -> Decoder:
    """Return the decoder for a Content-Encoding header; raise `FetchError` for an unknown one."""
    match encoding.strip().lower():
        case "" | "identity":
            return IdentityDecoder()
        case "gzip" | "x-gzip":
            return DeflateDecoder(_GZIP)
        case "deflate":
            return DeflateDecoder(zlib.MAX_WBITS)
        case other:
            raise FetchError(f"the server encoded the file as {other[:40]!r} without being asked")


class IdentityDecoder:
    """Pass bytes through."""

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield `data`."""
        yield data

    def finish(self) -> None:
        """Accept any end."""


class DeflateDecoder:
    """Inflate gzip or zlib data, including gzip files of several members."""

    def __init__(self, window: int) -> None:
        self._window = window
        self._inflater = zlib.decompressobj(window)
        self._started = False

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield inflated pieces; raise `FetchError` when the data is damaged."""
        while data:
            if self._inflater.eof:
                self._inflater = zlib.decompressobj(self._window)
            self._started = True
            try:
                piece = self._inflater.decompress(data, _PIECE)
            except zlib.error as error:
                raise FetchError("the compressed file is damaged") from error
            if piece:
                yield piece
            data = self._inflater.unconsumed_tail or self._inflater.unused_data
            if not data and len(piece) == _PIECE:
                yield from self._pending()

    def finish(self) -> None:
        """Raise `FetchError` if the compressed data stops early."""
        if self._started and not self._inflater.eof:
            raise FetchError("the compressed file ends early")

    def _pending(self) -> Iterator[bytes]:
        """Yield what the inflater still holds although all its input is consumed."""
        while not self._inflater.eof and (piece := self._inflater.decompress(b"", _PIECE)):
            yield piece
