"""Receive the body of a response into a file: decoded, counted, at a pace, written on a thread."""

from __future__ import annotations

import asyncio
import time
import zlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, BinaryIO, Final, NamedTuple, Protocol

import anyio
from typing_extensions import Self

from cogfal.files.concurrency import to_the_end
from cogfal.files.limits import FetchError, FileLimits, Meter
from cogfal.files.progress import Reporter

if TYPE_CHECKING:
    from cogfal.files.connections import Answer

_PIECE = 256 * 1024
_SLICE = 16 * 1024  # bytes; some milliseconds where every twenty of them are a member
_GZIP = 16 + zlib.MAX_WBITS
WRITE_SIZE: Final = 1024 * 1024  # bytes; as many are held while they are written, and as many more


class Digest(Protocol):
    """A hash that takes the bytes of a file as they arrive."""

    def update(self, data: bytes | bytearray, /) -> None:
        """Take more bytes."""


class ResponseBody(NamedTuple):
    """A response's body on its way into a file."""

    response: Answer
    decoder: Decoder
    meter: Meter
    progress: Reporter
    digest: Digest | None = None

    async def write_to(self, file: BinaryIO, limits: FileLimits) -> None:
        """Write the decoded body; raise at the first limit passed, however it was announced."""
        pace = Pace(limits)
        async with Writer(file, self.digest) as writer:
            async for received in self.response.aiter_stream():
                pace.add(len(received))
                for piece in self.decoder.feed(received):
                    self.meter.add(len(piece))
                    await writer.add(piece)
                    if not piece:  # much was read for nothing: others have their turn
                        await asyncio.sleep(0)
                self.progress.report(self.meter.count)
            self.decoder.finish()


class Pace:
    """Notice a body that keeps arriving, but too slowly to be worth waiting for."""

    def __init__(self, limits: FileLimits) -> None:
        self._window = limits.stall_seconds
        self._least = limits.stall_seconds * limits.min_bytes_per_second
        self._start = time.monotonic()
        self._count = 0

    def add(self, count: int) -> None:
        """Count received bytes; raise `FetchError` at the end of a window with too few of them."""
        self._count += count
        now = time.monotonic()
        if now - self._start < self._window:
            return
        if self._count < self._least:
            raise FetchError(f"the server sent only {self._count} bytes in {self._window:g} s")
        self._start, self._count = now, 0


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
        """Yield inflated pieces; raise `FetchError` when the data is damaged.

        An empty piece after each slice bounds what a body of nothing but empty members costs.
        """
        for start in range(0, len(data), _SLICE):
            yield from self._inflated(data[start : start + _SLICE])
            yield b""

    def finish(self) -> None:
        """Raise `FetchError` if the compressed data stops early."""
        if self._started and not self._inflater.eof:
            raise FetchError("the compressed file ends early")

    def _inflated(self, data: bytes) -> Iterator[bytes]:
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

    def _pending(self) -> Iterator[bytes]:
        """Yield what the inflater still holds although all its input is consumed."""
        while not self._inflater.eof and (piece := self._inflater.decompress(b"", _PIECE)):
            yield piece


class Writer:
    """Writes what it is given to `file`, all of it when its block ends.

    However the block ends, nothing is being written any more then. A `digest` is told all of it.
    """

    def __init__(self, file: BinaryIO, digest: Digest | None = None) -> None:
        self._file = file
        self._digest = digest
        self._waiting = bytearray()
        self._work: asyncio.Future[None] | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            await self._settle()
            self._write(self._waiting)
        elif self._work is not None:
            with anyio.CancelScope(shield=True):
                await asyncio.gather(self._work, return_exceptions=True)

    async def add(self, piece: bytes) -> None:
        """Take `piece`; raise `OSError` if what came before it cannot be written."""
        self._waiting += piece
        if len(self._waiting) >= WRITE_SIZE:
            await self._settle()
            full, self._waiting = self._waiting, bytearray()
            self._work = asyncio.ensure_future(to_the_end(self._write, full))

    def _write(self, data: bytearray) -> None:
        self._file.write(data)
        if self._digest is not None:
            self._digest.update(data)

    async def _settle(self) -> None:
        """Wait until the last piece is written; cancelling this waits as well."""
        if self._work is not None:
            await self._work
            self._work = None
