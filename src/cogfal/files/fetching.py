"""Fetch files over HTTP from addresses that a caller chose, within limits, cancellably."""

from __future__ import annotations

import asyncio
import hashlib
import zlib
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final, NamedTuple, Protocol

import anyio
import httpx
from typing_extensions import Self

from cogfal.concurrency import to_the_end
from cogfal.files.http_requests import (
    Client,
    Resolver,
    Visit,
    anywhere,
    header,
    is_public,
    parse_url,
    redirected,
    resolve,
)
from cogfal.files.limits import FetchBudget, FetchError, FileLimits, Meter, Pace
from cogfal.files.media import type_by_content
from cogfal.files.names import has_suffix, input_name, name_for, suffix_for
from cogfal.files.progress import Progress, Reporter
from cogfal.files.workspace import create_file, rename

if TYPE_CHECKING:
    from cogfal.files.guarded_network import Answer


_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_PIECE: Final = 256 * 1024
_SLICE: Final = 16 * 1024  # bytes; some milliseconds where every twenty of them are a member
_TURN: Final = 128  # parts of a body, after which others have their turn
_GZIP: Final = 16 + zlib.MAX_WBITS
WRITE_SIZE: Final = 1024 * 1024  # bytes; as many are held while they are written, and as many more


class FileVersion(NamedTuple):
    """What a server said about a file's version, to ask it later whether it is still the same."""

    etag: str | None = None
    last_modified: str | None = None

    def conditions(self) -> dict[str, str]:
        """Return the headers that ask for the file only if it has changed."""
        pairs = {"If-None-Match": self.etag, "If-Modified-Since": self.last_modified}
        return {name: value for name, value in pairs.items() if value}


NO_VERSION: Final = FileVersion()


class Fetched(NamedTuple):
    """A file that has arrived completely."""

    path: Path
    size: int
    version: FileVersion = NO_VERSION
    sha256: str | None = None


class Unchanged(Exception):
    """Report that a server still has the version of a file that it was asked about."""


class Fetcher(Protocol):
    """Get files over HTTP. Cancelling leaves no file, connection or thread behind."""

    async def fetch(
        self, url: str, directory: Path, budget: FetchBudget, known: FileVersion = NO_VERSION
    ) -> Fetched:
        """Put the file at `url` directly into `directory`.

        Raises:
            FetchError: It cannot be had.
            TooLarge: It is larger than the budget.
            Unchanged: The server says that `known` is still its version.
        """
        ...


class HttpFetcher:
    """The fetcher of every App: guarded connections, one per file, straight to the file's host.

    Proxy variables of the environment are not read: a proxy would connect to what it likes.
    `permitted` replaces the rule for addresses, `resolver` the system's name resolution, and
    `progress` makes what is told of each file's bytes from its name and size; `hashes` has their
    hash taken while they arrive.
    """

    def __init__(
        self,
        limits: FileLimits,
        *,
        resolver: Resolver = resolve,
        permitted: Callable[[str], bool] | None = None,
        progress: Callable[[str, int | None], Reporter] = Progress,
        hashes: bool = False,
    ) -> None:
        self.limits = limits
        rule = permitted or (anywhere if limits.allow_private_hosts else is_public)
        self._client = Client(resolver, rule)
        self._progress = progress
        self._hashes = hashes

    async def fetch(
        self, url: str, directory: Path, budget: FetchBudget, known: FileVersion = NO_VERSION
    ) -> Fetched:
        """Put the file at `url` directly into `directory`; see `Fetcher`."""
        conditions = known.conditions()
        try:
            with anyio.fail_after(budget.seconds_left()):
                async with self._response(parse_url(url), conditions) as (place, response):
                    if response.status == 304:
                        raise Unchanged
                    return await self._save(place, response, directory, budget)
        except TimeoutError as error:
            seconds = budget.limits.total_seconds
            raise FetchError(f"the request's files did not arrive in {seconds:g} s") from error

    @asynccontextmanager
    async def _response(
        self, url: httpx.URL, conditions: Mapping[str, str]
    ) -> AsyncIterator[tuple[httpx.URL, Answer]]:
        """Follow redirects from `url` to an answer that has a body to read."""
        visit = Visit()
        for _ in range(self.limits.max_redirects + 1):
            async with self._exchange(url, visit.headers(url) | dict(conditions)) as response:
                if response.status in _REDIRECTS:
                    visit.remember(url, response.headers)
                    url = redirected(url, header(response, "location"))
                    continue
                if response.status != 200 and not (response.status == 304 and conditions):
                    raise FetchError(f"the server answered {response.status}")
                yield url, response
                return
        raise FetchError(f"more than {self.limits.max_redirects} redirects")

    @asynccontextmanager
    async def _exchange(self, url: httpx.URL, told: Mapping[str, str]) -> AsyncIterator[Answer]:
        """Send one request and yield the answer's headers; the connection ends with the block."""
        headers = {"Accept": "*/*", "Accept-Encoding": "identity", **told}
        stall, connect = self.limits.stall_seconds, self.limits.connect_seconds
        timeouts = {"connect": connect, "read": stall, "write": stall, "pool": connect}
        async with AsyncExitStack() as stack:
            try:
                with anyio.fail_after(connect + stall):
                    exchange = await self._client.exchange()
                    answer = exchange("GET", url, headers, timeouts=timeouts)
                    response = await stack.enter_async_context(answer)
            except TimeoutError as error:
                raise FetchError("the server took too long to answer") from error
            yield response

    async def _save(
        self, url: httpx.URL, response: Answer, directory: Path, budget: FetchBudget
    ) -> Fetched:
        """Write the body of `response` to a new file, which is removed again on any failure."""
        declared = _declared_size(response)
        decoder = decoder_for(header(response, "content-encoding"))
        if declared is not None:
            budget.check(declared)
        name = name_for(
            url.raw_path.decode("ascii").partition("?")[0],
            header(response, "content-disposition"),
            header(response, "content-type"),
        )
        path, file = create_file(directory, name)
        digest = hashlib.sha256() if self._hashes else None
        meter, progress = budget.meter(), self._progress(path.name, declared)
        try:
            with file:
                async with Writer(file, digest.update if digest else None) as writer:
                    await self._receive(response, decoder, writer, meter, progress)
            if not has_suffix(path.name):
                path = await to_the_end(named_by_content, path)
        except BaseException:
            path.unlink(missing_ok=True)
            raise
        version = FileVersion(
            header(response, "etag") or None, header(response, "last-modified") or None
        )
        return Fetched(path, meter.count, version, digest.hexdigest() if digest else None)

    async def _receive(
        self, response: Answer, decoder: Decoder, writer: Writer, meter: Meter, progress: Reporter
    ) -> None:
        """Write the decoded body; raise at the first limit passed, however it was announced."""
        pace = Pace(self.limits)
        count = 0
        async for received in response.aiter_stream():
            count += 1
            if not count % _TURN:  # they may be chunks of a byte, thousands of which are there
                await asyncio.sleep(0)
            pace.add(len(received))
            for piece in decoder.feed(received):
                # Counted before it is written: no byte beyond a limit reaches the disk.
                meter.add(len(piece))
                await writer.add(piece)
                if not piece:  # much was read for nothing: others have their turn
                    await asyncio.sleep(0)
            progress.report(meter.count)
        decoder.finish()


def named_by_content(path: Path) -> Path:
    """Give a file the suffix of what its first bytes show, if they show anything."""
    with path.open("rb") as file:
        suffix = suffix_for(type_by_content(file.read(4096)) or "")
    return rename(path, input_name(path.name + suffix)) if suffix else path


def _declared_size(response: Answer) -> int | None:
    declared = header(response, "content-length")
    return int(declared) if declared.isascii() and declared.isdecimal() else None


def decoder_for(encoding: str) -> Decoder:
    """Return the decoder for a Content-Encoding header; raise `FetchError` for an unknown one."""
    match encoding.strip().lower():
        case "" | "identity":
            return Decoder()
        case "gzip" | "x-gzip":
            return DeflateDecoder(_GZIP)
        case "deflate":
            return DeflateDecoder(zlib.MAX_WBITS)
        case other:
            raise FetchError(f"the server encoded the file as {other[:40]!r} without being asked")


class Decoder:
    """Turn received bytes into the file's bytes: pass them through, unless a subclass says how."""

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield what `data` decodes to, in pieces of at most 256 KiB."""
        yield data

    def finish(self) -> None:
        """Raise `FetchError` unless the encoded data has come to its end."""


class DeflateDecoder(Decoder):
    """Inflate gzip or zlib data, including gzip files of several members."""

    def __init__(self, window: int) -> None:
        self._window = window
        self._inflater = zlib.decompressobj(window)
        self._started = False

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield inflated pieces, an empty one after each slice; raise `FetchError` on damage.

        So a body of nothing but empty members costs no more than others.
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
            # It may still hold something although all its input is consumed.
            while not data and len(piece) == _PIECE and not self._inflater.eof:
                piece = self._inflater.decompress(b"", _PIECE)
                yield piece


class Writer:
    """Writes what it is given to `file`, all of it when its block ends.

    However the block ends, nothing is being written any more then. `digest` is given all of it.
    """

    def __init__(self, file: BinaryIO, digest: Callable[[bytearray], object] | None = None) -> None:
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
            # The file is closed next: a thread that still wrote would write to whoever opens one
            # under the same number.
            with anyio.CancelScope(shield=True):
                await asyncio.gather(self._work, return_exceptions=True)

    async def add(self, piece: bytes) -> None:
        """Take `piece`; raise `OSError` if what came before it cannot be written."""
        self._waiting += piece
        if len(self._waiting) >= WRITE_SIZE:
            # One write at a time: they go to one file, each on a thread of its own.
            await self._settle()
            full, self._waiting = self._waiting, bytearray()
            self._work = asyncio.ensure_future(to_the_end(self._write, full))

    def _write(self, data: bytearray) -> None:
        self._file.write(data)
        if self._digest is not None:
            self._digest(data)

    async def _settle(self) -> None:
        """Wait until the last piece is written; cancelling this waits as well."""
        if self._work is not None:
            await self._work
            self._work = None
