"""Requests to hosts that somebody named: their URLs and addresses, what each is told, the client.

The rules for addresses are those of fal.toolkit's SSRF-safe client: public unicast addresses only,
and an IPv6 address that carries an IPv4 address is judged by both.
"""

from __future__ import annotations

import ipaddress
import os
import re
import socket
from base64 import b64encode
from collections.abc import Awaitable, Callable, Iterable
from typing import TYPE_CHECKING, Final, TypeAlias
from urllib.parse import unquote

import anyio
import anyio.to_thread
import httpx

from cogfal.files.limits import FetchError

if TYPE_CHECKING:
    from cogfal.files.guarded_network import Answer, Exchange


AGENT_VARIABLE: Final = "COG_USER_AGENT"
_LARGEST_PORT: Final = 65535
_MOST_COOKIES: Final = 50
_MOST_ATTRIBUTES: Final = 10
_COOKIE: Final = re.compile(rb"[\x20-\x3a\x3c-\x7e]{1,4096}(?:;|\Z)")  # as long as browsers have it
_ATTRIBUTE: Final = re.compile(
    rb"(?:domain|path|expires)=[\x20-\x7e]{0,256}|max-age=-?[0-9]{1,10}|secure", re.IGNORECASE
)


class Client:
    """Sends requests to the hosts whose every address is `permitted`.

    httpcore takes longer to import than all of `cogfal`, and most apps need it late or never; so
    it is imported by the first request, on a thread.
    """

    def __init__(self, resolver: Resolver, permitted: Callable[[str], bool]) -> None:
        self._resolver = resolver
        self._permitted = permitted
        self._exchange: Exchange | None = None

    async def exchange(self) -> Exchange:
        """Return what sends a request and yields its answer when it is called."""
        if self._exchange is None:
            self._exchange = await anyio.to_thread.run_sync(self._begin)
        return self._exchange

    def _begin(self) -> Exchange:
        from cogfal.files.guarded_network import Exchange  # noqa: PLC0415  # imports httpcore

        return Exchange(self._resolver, self._permitted)


class Visit:
    """The headers that one fetch sends to each host in its chain of redirects.

    A name and password in a URL go to its host alone, and cookies to whom their host meant.
    """

    def __init__(self) -> None:
        self._authorizations: dict[tuple[bytes, bytes, int | None], str] = {}
        self._cookies = httpx.Cookies()

    def headers(self, url: httpx.URL) -> dict[str, str]:
        """Return what the host of `url` is told."""
        told = {"User-Agent": os.environ.get(AGENT_VARIABLE) or "cogfal"}
        place = (url.raw_scheme, url.raw_host, url.port)
        if given := authorization(url):
            self._authorizations[place] = given
        if place in self._authorizations:
            told["Authorization"] = self._authorizations[place]
        if self._cookies:
            headers = httpx.Request("GET", url, cookies=self._cookies).headers
            told |= {"Cookie": headers["Cookie"]} if "Cookie" in headers else {}
        return told

    def remember(self, url: httpx.URL, headers: Iterable[tuple[bytes, bytes]]) -> None:
        """Keep the cookies that the host of `url` sets, as far as they are few, short and text."""
        cookies = (value for name, value in headers if name.lower() == b"set-cookie")
        plain = [(b"Set-Cookie", _bounded(each)) for each in cookies if _COOKIE.match(each)]
        if plain:
            request = httpx.Request("GET", url)
            answer = httpx.Response(302, headers=plain[:_MOST_COOKIES], request=request)
            self._cookies.extract_cookies(answer)


def _bounded(cookie: bytes) -> bytes:
    """Leave out of a cookie what says neither to whom nor until when it belongs.

    The standard library takes long over many attributes, and fails on endless numbers.
    """
    pair, *attributes = cookie.split(b";")
    known = [each for each in attributes if _ATTRIBUTE.fullmatch(each.strip())]
    return b";".join([pair, *known[:_MOST_ATTRIBUTES]])


def parse_url(url: str) -> httpx.URL:
    """Parse an http or https URL as browsers and Cog do, a blank being `%20`.

    Raises:
        FetchError: It is none.
    """
    try:
        parsed = httpx.URL(url.strip(" "))
    except (httpx.InvalidURL, ValueError) as error:
        raise FetchError(f"not a usable URL: {error}") from error
    if parsed.scheme not in ("http", "https"):
        raise FetchError(f"an http or https URL is needed, not {parsed.scheme!r}")
    if not parsed.raw_host:  # `host` decodes international names, and fails on broken ones
        raise FetchError("the URL names no host")
    if b"%" in parsed.raw_host:  # what httpx makes of a character that no name has
        raise FetchError("the URL's host has characters that no name has")
    if not 0 < (parsed.port or 1) <= _LARGEST_PORT or parsed.port == 0:
        raise FetchError(f"the URL names the port {parsed.port}, and ports end at {_LARGEST_PORT}")
    return parsed


def redirected(url: httpx.URL, location: str) -> httpx.URL:
    """Return where a server's `Location` leads from `url`; raise `FetchError` if nowhere."""
    if not location:
        raise FetchError("the server redirects to nowhere")
    try:
        target = url.join(location)
    except (httpx.InvalidURL, ValueError) as error:
        raise FetchError(f"the server redirects to an unusable URL: {error}") from error
    # Judged like a caller's own: a redirect opens no scheme and no port that a URL may not name.
    return parse_url(str(target))


def authorization(url: httpx.URL) -> str | None:
    """Return the header that says the name and password in `url`, None if there are none."""
    if not url.userinfo:
        return None
    plain = unquote(url.userinfo.decode("ascii"))
    return "Basic " + b64encode(plain.encode()).decode("ascii")


def header(answer: Answer, name: str) -> str:
    """Return a header of an answer as it came, "" if it has none of that name."""
    wanted = name.encode("ascii")
    values = (value for key, value in answer.headers if key.lower() == wanted)
    return next(values, b"").decode("latin-1")


Resolver: TypeAlias = Callable[[str, int], Awaitable[list[str]]]
"""Turn a host name and port into numeric addresses."""

_NOT_PUBLIC = tuple(
    ipaddress.ip_network(block)
    for block in ("100.64.0.0/10", "192.0.0.0/24", "192.88.99.0/24", "fec0::/10", "64:ff9b:1::/48")
)
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_IPV4_COMPATIBLE = ipaddress.IPv6Network("::/96")


async def resolve(host: str, port: int) -> list[str]:
    """Ask the system's resolver for the numeric addresses of `host`, without duplicates."""
    try:
        found = await anyio.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise FetchError(f"the host {host!r} cannot be resolved") from error
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


def is_public(address: str) -> bool:
    """Tell whether `address`, a numeric IPv4 or IPv6 address, belongs to the public internet."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.ipv4_mapped is not None:
            return is_public(str(ip.ipv4_mapped))
        if ip in _NAT64:
            return is_public(str(_last_four_bytes(ip)))
        if not all(is_public(str(inner)) for inner in _embedded(ip)):
            return False
    return _is_public_unicast(ip)


def anywhere(address: str) -> bool:
    """Let every address pass."""
    return bool(address)


def _is_public_unicast(ip: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    special = (
        ip.is_private,
        ip.is_loopback,
        ip.is_link_local,
        ip.is_multicast,
        ip.is_reserved,
        ip.is_unspecified,
    )
    return not any(special) and not any(ip in block for block in _NOT_PUBLIC)


def _embedded(ip: ipaddress.IPv6Address) -> list[ipaddress.IPv4Address]:
    """Return the IPv4 addresses that a transition address leads to."""
    inner = [ip.sixtofour] if ip.sixtofour is not None else []
    if ip.teredo is not None:
        inner.extend(ip.teredo)
    if ip in _IPV4_COMPATIBLE:
        inner.append(_last_four_bytes(ip))
    return inner


def _last_four_bytes(ip: ipaddress.IPv6Address) -> ipaddress.IPv4Address:
    return ipaddress.IPv4Address(ip.packed[-4:])
