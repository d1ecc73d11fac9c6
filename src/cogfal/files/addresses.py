"""Which network addresses a host name has, and which of them a caller's URL may lead to.

The rules are those of fal.toolkit's SSRF-safe client: public unicast addresses only, and an IPv6
address that carries an IPv4 address is judged by both.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Awaitable, Callable
from typing import TypeAlias

import anyio

from cogfal.files.limits import FetchError

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
