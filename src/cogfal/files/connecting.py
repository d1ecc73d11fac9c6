"""Open connections for a caller's URL, to permitted addresses only.

A host name is resolved once, every address it has is judged, and the connection goes to one of the
judged addresses: a name that resolves to something else a moment later gains nothing. The guard
sits below HTTP, so each redirect passes through it as well.

fal.toolkit's own client has the same rules but none of what callers are promised here: it cannot be
cancelled, bounds each read but not the whole, and lends its body to nobody.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterable
from typing import Any, Final, TypeAlias

import httpcore

from cogfal.files.faults import FetchError
from cogfal.files.resolving import Resolver

SocketOption: TypeAlias = (
    tuple[int, int, int] | tuple[int, int, bytes | bytearray] | tuple[int, int, None, int]
)

_READ: Final = 1024 * 1024  # bytes; asyncio receives a quarter of it at a time


class _Stream(httpcore.AsyncNetworkStream):
    """A connection that hands over all that has arrived, where httpcore asks for 64 KiB."""

    def __init__(self, stream: httpcore.AsyncNetworkStream) -> None:
        self._stream = stream

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return await self._stream.read(max(max_bytes, _READ), timeout)

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        await self._stream.write(buffer, timeout)

    async def aclose(self) -> None:
        await self._stream.aclose()

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.AsyncNetworkStream:
        return await self._stream.start_tls(ssl_context, server_hostname, timeout)

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
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[SocketOption] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Connect to the first address of `host` that answers; raise `FetchError` if none may."""
        failure: Exception | None = None
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
