"""Open connections for a caller's URL, to permitted addresses only, and send requests over them.

A host name is resolved once, every address it has is judged, and the connection goes to one of the
judged addresses: a name that resolves to something else a moment later gains nothing. The guard
sits below HTTP, so each redirect passes through it as well.

fal.toolkit's own client has the same rules but none of what callers are promised here: it cannot be
cancelled, bounds each read but not the whole, and lends its body to nobody.

Only this module uses httpcore; `http_requests` imports it when there is a request to send.
"""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import anyio
import anyio.to_thread
import httpcore
import httpx

from cogfal.files.limits import FetchError

if TYPE_CHECKING:
    from cogfal.files.http_requests import Resolver

Answer: TypeAlias = httpcore.Response
"""Status and headers of an answer whose body is still to be read."""

SocketOption: TypeAlias = (
    tuple[int, int, int] | tuple[int, int, bytes | bytearray] | tuple[int, int, None, int]
)

_READ: Final = 1024 * 1024  # bytes; asyncio receives a quarter of it at a time
_HEAD_READ: Final = 16 * 1024  # bytes; some milliseconds where they are a thousand interim answers
_LONGEST_HEAD: Final = 256 * 1024  # bytes, with all interim answers before it


class _Stream(httpcore.AsyncNetworkStream):
    """A connection that hands over all that has arrived, where httpcore asks for 64 KiB.

    Of an answer's head it hands over little at once: httpcore parses what it has without a pause,
    and a server may send interim answers (status 100) without end.
    """

    def __init__(self, stream: httpcore.AsyncNetworkStream) -> None:
        self._stream = stream
        self._head_left: int | None = _LONGEST_HEAD

    def head_is_read(self) -> None:
        """Hand over the body from now on."""
        self._head_left = None

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109 (httpcore's)
        if self._head_left is None:
            return await self._stream.read(max(max_bytes, _READ), timeout)
        if self._head_left <= 0:
            raise FetchError(f"the head of the answer has more than {_LONGEST_HEAD} bytes")
        data = await self._stream.read(_HEAD_READ, timeout)
        self._head_left -= len(data)
        return data

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ASYNC109 (httpcore's)
        await self._stream.write(buffer, timeout)

    async def aclose(self) -> None:
        await self._stream.aclose()

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 (httpcore's)
    ) -> httpcore.AsyncNetworkStream:
        return _Stream(await self._stream.start_tls(ssl_context, server_hostname, timeout))

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


class GuardedNetwork(httpcore.AsyncNetworkBackend):
    """Connect to a host only if every address it resolves to is `permitted`."""

    def __init__(self, resolver: Resolver, permitted: Callable[[str], bool]) -> None:
        self._resolver = resolver
        self._permitted = permitted
        self._network = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 (httpcore's)
        local_address: str | None = None,
        socket_options: Iterable[SocketOption] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Connect to the first address of `host` that answers; raise `FetchError` if none may."""
        failure: Exception | None = None
        # Judged, then connected to by number: asked again, the name might mean another address.
        for address in await self._judged(host, port):
            try:
                return _Stream(
                    await self._network.connect_tcp(
                        address, port, timeout, local_address, socket_options
                    )
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:  # noqa: PERF203 (few)
                failure = error
        raise FetchError(f"no connection to {host!r}") from failure

    async def _judged(self, host: str, port: int) -> list[str]:
        addresses = await self._resolver(host, port)
        if not addresses:
            raise FetchError(f"the host {host!r} has no address")
        if not all(self._permitted(address) for address in addresses):
            raise FetchError(f"the host {host!r} is not on the public internet")
        return addresses


class Exchange:
    """Sends a request to a host whose every address is `permitted`, when called."""

    def __init__(self, resolver: Resolver, permitted: Callable[[str], bool]) -> None:
        self._network = GuardedNetwork(resolver, permitted)
        self._tls: ssl.SSLContext | None = None

    @asynccontextmanager
    async def __call__(
        self,
        method: str,
        url: httpx.URL,
        headers: Mapping[str, str],
        content: bytes | AsyncIterable[bytes] | None = None,
        *,
        timeouts: Mapping[str, float],
    ) -> AsyncIterator[Answer]:
        """Send one request and yield its answer; the connection ends with the block.

        Raises:
            FetchError: The connection failed, before the answer or while its body was read.
        """
        target = httpcore.URL(
            scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path
        )
        # What came from a server's own headers goes back byte for byte.
        encoded = [(n.encode("ascii"), v.encode("latin-1", "replace")) for n, v in headers.items()]
        request = httpcore.Request(
            method,
            target,
            headers=[(b"Host", url.netloc), *encoded],
            content=content,
            extensions={"timeout": dict(timeouts)},
        )
        tls = await self._trust() if url.scheme == "https" else None
        pool = httpcore.AsyncConnectionPool(tls, max_connections=1, network_backend=self._network)
        try:
            async with pool:
                answer = await pool.handle_async_request(request)
                answer.extensions["network_stream"].head_is_read()
                try:
                    yield answer
                finally:
                    # Also where the caller is cancelled: a connection that stays open is nobody's.
                    with anyio.CancelScope(shield=True):
                        await answer.aclose()
        except httpcore.TimeoutException as error:
            raise FetchError("the server stopped answering") from error
        except (httpcore.NetworkError, httpcore.ProtocolError, ssl.SSLError) as error:
            raise FetchError(f"the connection broke ({type(error).__name__}: {error})") from error

    async def _trust(self) -> ssl.SSLContext:
        """Return whose certificates are believed; reading them takes a tenth of a second, once."""
        if self._tls is None:
            self._tls = await anyio.to_thread.run_sync(httpcore.default_ssl_context)
        return self._tls
