"""Fetch files over HTTP from addresses that a caller chose, within limits, cancellably."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, NamedTuple, Protocol

import anyio
import httpx

from cogfal.files.addresses import anywhere, is_public
from cogfal.files.client import Client
from cogfal.files.decoding import Decoder, decoder_for
from cogfal.files.faults import FetchError
from cogfal.files.limits import Budget, FileLimits, Meter
from cogfal.files.names import name_for
from cogfal.files.progress import Progress, Reporter
from cogfal.files.resolving import Resolver, resolve
from cogfal.files.workspace import create_file
from cogfal.files.writing import Writer

if TYPE_CHECKING:
    from cogfal.files.exchange import Answer

_REDIRECTS = frozenset({301, 302, 303, 307, 308})


class Validators(NamedTuple):
    """What a server said about a file's version, to ask it later whether it is still the same."""

    etag: str | None = None
    last_modified: str | None = None

    def conditions(self) -> dict[str, str]:
        """Return the headers that ask for the file only if it has changed."""
        pairs = {"If-None-Match": self.etag, "If-Modified-Since": self.last_modified}
        return {name: value for name, value in pairs.items() if value}


class Fetched(NamedTuple):
    """A file that has arrived completely."""

    path: Path
    size: int
    validators: Validators = Validators()


class Fetcher(Protocol):
    """Get files over HTTP. Cancelling leaves no file, connection or thread behind."""

    async def fetch(self, url: str, directory: Path, budget: Budget) -> Fetched:
        """Put the file at `url` directly into `directory`; raise `FetchError` or `TooLarge`."""
        ...

    async def fetch_if_changed(
        self, url: str, directory: Path, budget: Budget, known: Validators
    ) -> Fetched | None:
        """Do as `fetch`, but return None if the server says that `known` is still its version."""
        ...


class HttpFetcher:
    """The fetcher of every App: guarded connections, one per file, straight to the file's host.

    Proxy variables of the environment are not read: a proxy would connect to what it likes.
    `permitted` replaces the rule for addresses, `resolver` the system's name resolution, and
    `progress` makes what is told of each file's bytes from its name and size.
    """

    def __init__(
        self,
        limits: FileLimits,
        *,
        resolver: Resolver = resolve,
        permitted: Callable[[str], bool] | None = None,
        progress: Callable[[str, int | None], Reporter] = Progress,
    ) -> None:
        self.limits = limits
        rule = permitted or (anywhere if limits.allow_private_hosts else is_public)
        self._client = Client(resolver, rule)
        self._progress = progress

    async def fetch(self, url: str, directory: Path, budget: Budget) -> Fetched:
        """Put the file at `url` directly into `directory`; raise `FetchError` or `TooLarge`."""
        fetched = await self._fetch(url, directory, budget, {})
        if fetched is None:
            raise FetchError("the server answered 304 without being asked")
        return fetched

    async def fetch_if_changed(
        self, url: str, directory: Path, budget: Budget, known: Validators
    ) -> Fetched | None:
        """Do as `fetch`, but return None if the server says that `known` is still its version."""
        return await self._fetch(url, directory, budget, known.conditions())

    async def _fetch(
        self, url: str, directory: Path, budget: Budget, conditions: Mapping[str, str]
    ) -> Fetched | None:
        try:
            with anyio.fail_after(budget.seconds_left()):
                async with self._response(parse_url(url), conditions) as (place, response):
                    if response.status == 304:
                        return None
                    return await self._save(place, response, directory, budget)
        except TimeoutError as error:
            seconds = budget.limits.total_seconds
            raise FetchError(f"the request's files did not arrive in {seconds:g} s") from error

    @asynccontextmanager
    async def _response(
        self, url: httpx.URL, conditions: Mapping[str, str]
    ) -> AsyncIterator[tuple[httpx.URL, Answer]]:
        """Follow redirects from `url` to an answer that has a body to read."""
        for _ in range(self.limits.max_redirects + 1):
            async with self._exchange(url, conditions) as response:
                if response.status in _REDIRECTS:
                    url = _redirected(url, _header(response, "location"))
                    continue
                if response.status not in (200, 304):
                    raise FetchError(f"the server answered {response.status}")
                yield url, response
                return
        raise FetchError(f"more than {self.limits.max_redirects} redirects")

    @asynccontextmanager
    async def _exchange(
        self, url: httpx.URL, conditions: Mapping[str, str]
    ) -> AsyncIterator[Answer]:
        """Send one request and yield the answer's headers; the connection ends with the block."""
        headers = {"Accept": "*/*", "Accept-Encoding": "identity", "User-Agent": "cogfal"}
        stall, connect = self.limits.stall_seconds, self.limits.connect_seconds
        timeouts = {"connect": connect, "read": stall, "write": stall, "pool": connect}
        exchange = self._client.exchange("GET", url, headers | dict(conditions), timeouts=timeouts)
        async with AsyncExitStack() as stack:
            try:
                with anyio.fail_after(connect + stall):
                    response = await stack.enter_async_context(exchange)
            except TimeoutError as error:
                raise FetchError("the server took too long to answer") from error
            yield response

    async def _save(
        self, url: httpx.URL, response: Answer, directory: Path, budget: Budget
    ) -> Fetched:
        """Write the body of `response` to a new file, which is removed again on any failure."""
        declared = _declared_size(response)
        decoder = decoder_for(_header(response, "content-encoding"))
        if declared is not None:
            budget.check(declared)
        name = name_for(
            url.raw_path.decode("ascii").partition("?")[0],
            _header(response, "content-disposition"),
            _header(response, "content-type"),
        )
        path, file = create_file(directory, name)
        body = Body(response, decoder, budget.meter(), self._progress(path.name, declared))
        try:
            with file:
                await body.write_to(file, self.limits)
        except BaseException:
            path.unlink(missing_ok=True)
            raise
        validators = Validators(
            _header(response, "etag") or None, _header(response, "last-modified") or None
        )
        return Fetched(path, body.meter.count, validators)


class Body(NamedTuple):
    """A response's body on its way into a file."""

    response: Answer
    decoder: Decoder
    meter: Meter
    progress: Reporter

    async def write_to(self, file: BinaryIO, limits: FileLimits) -> None:
        """Write the decoded body; raise at the first limit passed, however it was announced."""
        pace = Pace(limits)
        async with Writer(file) as writer:
            async for received in self.response.aiter_stream():
                pace.add(len(received))
                for piece in self.decoder.feed(received):
                    self.meter.add(len(piece))
                    await writer.add(piece)
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


def parse_url(url: str) -> httpx.URL:
    """Parse an http or https URL; raise `FetchError` for anything else."""
    try:
        parsed = httpx.URL(url)
    except (httpx.InvalidURL, UnicodeError, ValueError) as error:
        raise FetchError(f"not a usable URL: {error}") from error
    if parsed.scheme not in ("http", "https"):
        raise FetchError(f"a file input is an http, https or data URL, not {parsed.scheme!r}")
    if not parsed.raw_host:  # `host` decodes international names, and fails on broken ones
        raise FetchError("the URL names no host")
    return parsed


def _redirected(url: httpx.URL, location: str) -> httpx.URL:
    if not location:
        raise FetchError("the server redirects to nowhere")
    try:
        target = url.join(location)
    except (httpx.InvalidURL, UnicodeError, ValueError) as error:
        raise FetchError(f"the server redirects to an unusable URL: {error}") from error
    return parse_url(str(target))


def _declared_size(response: Answer) -> int | None:
    declared = _header(response, "content-length")
    return int(declared) if declared.isdecimal() else None


def _header(response: Answer, name: str) -> str:
    wanted = name.encode("ascii")
    values = (value for key, value in response.headers if key.lower() == wanted)
    return next(values, b"").decode("latin-1")
