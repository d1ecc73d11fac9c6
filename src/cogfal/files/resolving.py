"""Turn host names into numeric addresses."""

from __future__ import annotations

import socket
from collections.abc import Awaitable, Callable
from typing import TypeAlias

import anyio

from cogfal.files.faults import FetchError

Resolver: TypeAlias = Callable[[str, int], Awaitable[list[str]]]
"""Turn a host name and port into numeric addresses."""


async def resolve(host: str, port: int) -> list[str]:
    """Ask the system's resolver for the numeric addresses of `host`, without duplicates."""
    try:
        found = await anyio.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise FetchError(f"the host {host!r} cannot be resolved") from error
    return list(dict.fromkeys(str(address[0]) for *_, address in found))
