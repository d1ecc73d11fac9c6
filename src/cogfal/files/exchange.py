"""Exchange an HTTP request for its answer, each over a connection of its own.

Only this module and `connecting` use httpcore, which takes longer to import than all of `cogfal`;
most apps need it late or never, so this module is imported by those who are about to send.
"""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from functools import cached_property
from ssl import SSLContext
from typing import TypeAlias

import anyio
import httpcore
import httpx

from cogfal.files.connecting import GuardedNetwork
from cogfal.files.faults import FetchError
from cogfal.files.resolving import Resolver

Answer: TypeAlias = httpcore.Response
"""Status and headers of an answer whose body is still to be read."""


class Client:
    """Sends requests to the hosts whose every address is `permitted`."""

    def __init__(self, resolver: Resolver, permitted: Callable[[str], bool]) -> None:
        self._network = GuardedNetwork(resolver, permitted)

    @asynccontextmanager
    async def exchange(
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
        pool = httpcore.AsyncConnectionPool(
            self._tls, max_connections=1, network_backend=self._network
        )
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

    @cached_property
    def _tls(self) -> SSLContext:
        return httpcore.default_ssl_context()
