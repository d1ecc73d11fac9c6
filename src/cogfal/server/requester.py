"""Send HTTP requests to addresses that callers or the operator named, safely.

The rules are those of file inputs: public addresses only, judged when the connection is made, no
redirect followed, no proxy of the environment used. No credential is added here.
"""

from __future__ import annotations

from collections.abc import AsyncIterable, Mapping
from typing import Final, NamedTuple

import anyio
import httpx

from cogfal.files.http_requests import (
    Client,
    Resolver,
    anywhere,
    authorization,
    header,
    is_public,
    parse_url,
    resolve,
)
from cogfal.files.limits import FetchError

CONNECT_SECONDS: Final = 10.0


class Unreachable(Exception):
    """Report a request that got no answer; `refused` says that trying again cannot help."""

    def __init__(self, reason: str, *, refused: bool = False) -> None:
        self.refused = refused
        super().__init__(reason)


class Reply(NamedTuple):
    """What the other side answered; its body is not read."""

    status: int
    location: str | None = None

    @property
    def success(self) -> bool:
        """Whether the status is one of the 200s."""
        return 200 <= self.status < 300


class Requester:
    """Sends requests, each over a connection of its own.

    Args:
        allow_private_hosts: Whether private and loopback addresses may be reached.
        resolver: Turns host names into addresses.
        take_seconds: Within which the other side takes each part of a body.
        answer_seconds: Within which it says something, once it has the body.
    """

    def __init__(
        self,
        *,
        allow_private_hosts: bool = False,
        resolver: Resolver = resolve,
        take_seconds: float = 60.0,
        answer_seconds: float = 300.0,
    ) -> None:
        self._timeouts = {
            "connect": CONNECT_SECONDS,
            "write": take_seconds,
            "read": answer_seconds,
        }
        self._client = Client(resolver, anywhere if allow_private_hosts else _only_public)

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
                target = _parsed(url)
                sent = {"Accept": "*/*", **_userinfo(target), **headers}
                exchange = await self._client.exchange()
                async with exchange(
                    method, target, sent, content, timeouts=self._timeouts
                ) as answer:
                    return Reply(answer.status, header(answer, "location") or None)
        except FetchError as error:
            raise Unreachable(str(error)) from error
        except TimeoutError as error:
            raise Unreachable(f"no answer within {seconds:g} s") from error


def _only_public(address: str) -> bool:
    if not is_public(address):
        raise Unreachable("the host is not on the public internet", refused=True)
    return True


def _parsed(url: str) -> httpx.URL:
    try:
        return parse_url(url)
    except FetchError as error:
        raise Unreachable(str(error), refused=True) from error


def _userinfo(url: httpx.URL) -> dict[str, str]:
    """Return the header for a name and password that the URL itself carries."""
    said = authorization(url)
    return {"Authorization": said} if said else {}
