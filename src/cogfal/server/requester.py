"""Send HTTP requests to addresses that callers or the operator named, safely.

The rules are those of file inputs: public addresses only, judged when the connection is made, no
redirect followed, no proxy of the environment used. No credential is added here.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import AsyncIterable, Mapping
from typing import TYPE_CHECKING, Final, NamedTuple
from urllib.parse import unquote

import anyio
import httpx

from cogfal.files.addresses import anywhere, is_public
from cogfal.files.client import Client
from cogfal.files.faults import FetchError
from cogfal.files.resolving import Resolver, resolve

if TYPE_CHECKING:
    from cogfal.files.exchange import Answer

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
    """

    def __init__(self, *, allow_private_hosts: bool = False, resolver: Resolver = resolve) -> None:
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
                async with self._client.exchange(
                    method, target, sent, content, timeouts={"connect": CONNECT_SECONDS}
                ) as answer:
                    return Reply(answer.status, _location(answer))
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


def _location(answer: Answer) -> str | None:
    values = (value for name, value in answer.headers if name.lower() == b"location")
    found = next(values, None)
    return found.decode("latin-1") if found is not None else None
