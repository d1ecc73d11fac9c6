"""Fetch files over HTTP from addresses that a caller chose, within limits, cancellably."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol

import anyio
import anyio.to_thread
import httpx

from cogfal.files.body import ResponseBody, decoder_for
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
from cogfal.files.kinds import suffix_for
from cogfal.files.limits import Budget, FetchError, FileLimits
from cogfal.files.media import type_by_content
from cogfal.files.names import has_suffix, input_name, name_for
from cogfal.files.progress import Progress, Reporter
from cogfal.files.workspace import create_file, rename

if TYPE_CHECKING:
    from cogfal.files.connections import Answer

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
    sha256: str | None = None


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
        visit = Visit()
        for _ in range(self.limits.max_redirects + 1):
            async with self._exchange(url, visit.headers(url) | dict(conditions)) as response:
                if response.status in _REDIRECTS:
                    visit.remember(url, response.headers)
                    url = redirected(url, header(response, "location"))
                    continue
                if response.status not in (200, 304):
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
        self, url: httpx.URL, response: Answer, directory: Path, budget: Budget
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
        body = ResponseBody(
            response, decoder, budget.meter(), self._progress(path.name, declared), digest
        )
        try:
            with file:
                await body.write_to(file, self.limits)
            if not has_suffix(path.name):
                path = await anyio.to_thread.run_sync(named_by_content, path)
        except BaseException:
            path.unlink(missing_ok=True)
            raise
        validators = Validators(
            header(response, "etag") or None, header(response, "last-modified") or None
        )
        sha256 = digest.hexdigest() if digest is not None else None
        return Fetched(path, body.meter.count, validators, sha256)


def named_by_content(path: Path) -> Path:
    """Give a file the suffix of what its first bytes show, if they show anything."""
    with path.open("rb") as file:
        suffix = suffix_for(type_by_content(file.read(4096)) or "")
    return rename(path, input_name(path.name + suffix)) if suffix else path


def _declared_size(response: Answer) -> int | None:
    declared = header(response, "content-length")
    return int(declared) if declared.isascii() and declared.isdecimal() else None
