"""Exchange an HTTP request for its answer, each over a connection of its own.

Only this module and `connecting` use httpcore; `client` imports them when there is one to send.
"""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from ssl import SSLContext
from typing import TypeAlias

import anyio
import anyio.to_thread
import httpcore
import httpx

from cogfal.files.connecting import GuardedNetwork
from cogfal.files.faults import FetchError
from cogfal.files.resolving import Resolver

Answer: TypeAlias = httpcore.Response
"""Status and headers of an answer whose body is still to be read."""


class Exchange:
    """Sends a request to a host whose every address is `permitted`, when called."""

    def __init__(self, resolver: Resolver, permitted: Callable[[str], bool]) -> None:
        self._network = GuardedNetwork(resolver, permitted)
        self._tls: SSLContext | None = None

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
        request = httpcore.Request(
            method,
            target,
            headers=[*headers.items(), ("Host", url.netloc.decode("ascii"))],
            content=content,
            extensions={"timeout": dict(timeouts)},
        )
        tls = await self._trust() if url.scheme == "https" else None
        pool = httpcore.AsyncConnectionPool(tls, max_connections=1, network_backend=self._network)
        try:
            async with pool:
                answer = await pool.handle_async_request(request)
                try:
                    yield answer
                finally:
                    with anyio.CancelScope(shield=True):
                        await answer.aclose()
        except httpcore.TimeoutException as error:
            raise FetchError("the server stopped answering") from error
        except (httpcore.NetworkError, httpcore.ProtocolError) as error:
            raise FetchError(f"the connection broke ({type(error).__name__}: {error})") from error

    async def _trust(self) -> SSLContext:
        """Return whose certificates are believed; reading them takes a tenth of a second, once."""
        if self._tls is None:
            self._tls = await anyio.to_thread.run_sync(httpcore.default_ssl_context)
        return self._tls
