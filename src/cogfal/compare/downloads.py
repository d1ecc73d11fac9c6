"""Send the files of inputs to a server, and download those of its answers safely."""

from __future__ import annotations

import socket
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import anyio.to_thread

from cogfal.compare.signatures import ValueShape
from cogfal.files import (
    Budget,
    FetchError,
    FileLimits,
    HttpFetcher,
    describe,
    parse_data_url,
    to_data_url,
)
from cogfal.files.http_requests import is_public
from cogfal.files.workspace import create_file
from cogfal.nested import map_leaves
from cogfal.spec import JSON

LIMITS: Final = FileLimits(allow_private_hosts=True)


def sendable(value: Any, send: Callable[[Path], str] | None = None) -> JSON:
    """Return inputs with each path replaced by what `send` makes of it, by default a data URL."""
    sent = send or (lambda path: to_data_url(path, describe(path).content_type))
    return map_leaves(value, lambda each: sent(each) if isinstance(each, Path) else each)


class Downloads:
    """Fetches the files in the answers of one server.

    They are asked for without any credentials. A server of the public internet cannot lead to
    addresses of this network; one of this network can.

    Args:
        base: The server's address.
    """

    def __init__(self, base: str) -> None:
        self._host = urlsplit(base).hostname or ""
        self._fetcher: HttpFetcher | None = None

    async def brought(self, value: JSON, shape: ValueShape, folder: Path) -> Any:
        """Return an answer with the path of each of its files in place of its address.

        A file is what the signature calls one, or an object with an address and a media type.

        Raises:
            FetchError: A file cannot be had.
        """
        match value:
            case {"url": str() as url, "content_type": _}:
                return await self._one(url, folder)
            case str() if shape.kind == "file":
                return await self._one(value, folder)
            case list():
                items = shape.items or ValueShape("any")
                return [await self.brought(one, items, folder) for one in value]
            case dict():
                fields = shape.fields
                return {
                    name: await self.brought(one, fields.get(name, ValueShape("any")), folder)
                    for name, one in value.items()
                }
            case _:
                return value

    async def _one(self, url: str, folder: Path) -> Path:
        place = Path(tempfile.mkdtemp(dir=folder))
        if url.startswith("data:"):
            return await anyio.to_thread.run_sync(_decoded, url, place)
        if not url.startswith(("http://", "https://")):
            raise FetchError(f"the answer names a file {url[:80]!r}, which is no web address")
        if self._fetcher is None:
            inside = await anyio.to_thread.run_sync(_is_inside, self._host)
            self._fetcher = HttpFetcher(FileLimits(allow_private_hosts=inside))
        return (await self._fetcher.fetch(url, place, Budget(LIMITS))).path


def _decoded(url: str, folder: Path) -> Path:
    data = parse_data_url(url)
    pieces = data.pieces(LIMITS.max_file_bytes)
    head = next(pieces, b"")
    path, file = create_file(folder, data.file_name(head))
    with file:
        file.write(head)
        file.writelines(pieces)
    return path


def _is_inside(host: str) -> bool:
    """Tell whether a host is this machine, or one of its network."""
    try:
        found = socket.getaddrinfo(host, None)
    except OSError:
        return False
    return any(not is_public(str(address[4][0])) for address in found)
