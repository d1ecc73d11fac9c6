"""Send HTTP requests to addresses that callers or the operator named, safely.

The rules are those of file inputs: public addresses only, judged when the connection is made, no
redirect followed, no proxy of the environment used. No credential is added here.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import AsyncIterable, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cached_property
from ssl import SSLContext
from typing import Final
from urllib.parse import unquote

import anyio
import httpcore
import httpx

from cogfal.files.addresses import is_public
from cogfal.files.connecting import GuardedNetwork, Resolver, resolve
from cogfal.files.faults import FetchError

CONNECT_SECONDS: Final = 10.0


class Unreachable(Exception):
    """Report a request that got no answer; `refused` says that trying again cannot help."""

    def __init__(self, reason: str, *, refused: bool = False) -> None:
        self.refused = refused
        super().__init__(reason)


@dataclass(frozen=True, slots=True)
class Reply:
    """What the other side answered; its body is not read."""

    status: int
    location: str | None = None

    @property
    def success(self) -> bool:
        """Whether the status is one of the 200s."""
        return 200 <= self.status < 300


class Outbound:
    """Sends requests, each over a connection of its own.

    Args:
        allow_private_hosts: Whether private and loopback addresses may be reached.
        resolver: Turns host names into addresses.
    """

    def __init__(self, *, allow_private_hosts: bool = False, resolver: Resolver = resolve) -> None:
        permitted = _anywhere if allow_private_hosts else _only_public
        self._network = GuardedNetwork(resolver, permitted)

    async def send(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        content: bytes | AsyncIterable[bytes],
        *,
        seconds: float,
    ) -> Reply:
        """Send one request and return the answer, within `seconds`; cancelling closes it.

        Raises:
            Unreachable: There was no answer in time, or the address may not be reached.
        """
        try:
            with anyio.fail_after(seconds):
                async with self._answer(method, _parsed(url), headers, content, seconds) as answer:
                    return Reply(answer.status, _location(answer))
        except FetchError as error:
            raise Unreachable(str(error)) from error
        except (TimeoutError, httpcore.TimeoutException) as error:
            raise Unreachable(f"no answer within {seconds:g} s") from error
        except (httpcore.NetworkError, httpcore.ProtocolError) as error:
            raise Unreachable(f"{type(error).__name__}: {error}") from error

    @asynccontextmanager
    async def _answer(
        self,
        method: str,
        url: httpx.URL,
        headers: Mapping[str, str],
        content: bytes | AsyncIterable[bytes],
        seconds: float,
    ) -> AsyncIterator[httpcore.Response]:
        target = httpcore.URL(
            scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path
        )
        sent = {"Accept": "*/*", **_userinfo(url), **headers, "Host": url.netloc.decode("ascii")}
        timeouts = dict.fromkeys(("read", "write", "pool"), seconds) | {"connect": CONNECT_SECONDS}
        async with httpcore.AsyncConnectionPool(
            self._tls, max_connections=1, network_backend=self._network
        ) as pool:
            request = httpcore.Request(
                method,
                target,
                headers=list(sent.items()),
                content=content,
                extensions={"timeout": timeouts},
            )
            answer = await pool.handle_async_request(request)
            try:
                yield answer
            finally:
                with anyio.CancelScope(shield=True):
                    await answer.aclose()

    @cached_property
    def _tls(self) -> SSLContext:
        return httpcore.default_ssl_context()


def _anywhere(address: str) -> bool:
    return bool(address)


def _only_public(address: str) -> bool:
    if not is_public(address):
        raise Unreachable("the host is not on the public internet", refused=True)
    return True


def _parsed(url: str) -> httpx.URL:
    try:
        parsed = httpx.URL(url)
    except (httpx.InvalidURL, UnicodeError, ValueError) as error:
        raise Unreachable(f"not a usable URL: {error}", refused=True) from error
    if parsed.scheme not in ("http", "https") or not parsed.raw_host:
        raise Unreachable("not an http or https URL", refused=True)
    return parsed


def _userinfo(url: httpx.URL) -> dict[str, str]:
    """Return the header for a name and password that the URL itself carries."""
    if not url.userinfo:
        return {}
    plain = unquote(url.userinfo.decode("ascii"))
    return {"Authorization": "Basic " + b64encode(plain.encode()).decode("ascii")}


def _location(answer: httpcore.Response) -> str | None:
    values = (value for name, value in answer.headers if name.lower() == b"location")
    found = next(values, None)
    return found.decode("latin-1") if found is not None else None
