"""Upload output files by PUT below a URL, as Cog's `--upload-url` and `output_file_prefix` do."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from urllib.parse import quote

import anyio
import anyio.to_thread
import httpcore
import httpx

from cogfal.files.addresses import is_public
from cogfal.files.connecting import GuardedNetwork, resolve
from cogfal.files.faults import FetchError, StoreError
from cogfal.files.fetching import parse_url
from cogfal.files.names import numbered
from cogfal.files.store import LocalFile, StoredFile, stored

_CHUNK = 1024 * 1024
_ATTEMPTS = 3
_TIMEOUTS = {"connect": 10.0, "read": 60.0, "write": 60.0, "pool": 10.0}
_AGAIN = frozenset({408, 429, 500, 502, 503, 504})


class PutStore:
    """Upload one request's files below `prefix`; two files of the same name get different URLs.

    Redirects are not followed. A refused connection and the statuses that say "later" are tried
    again, three times in all.

    Args:
        prefix: An http or https URL; a slash is added where there is none.
        headers: Sent along with each file, such as Cog's `X-Prediction-Id`.
        allow_private_hosts: Whether `prefix` may lead to private and loopback addresses; only for
            a prefix that no caller chose.
    """

    def __init__(
        self,
        prefix: str,
        *,
        headers: Mapping[str, str] | None = None,
        allow_private_hosts: bool = False,
    ) -> None:
        permitted: Callable[[str], bool] = bool if allow_private_hosts else is_public
        self._prefix = prefix if prefix.endswith("/") else f"{prefix}/"
        self._headers = dict(headers or {})
        self._network = GuardedNetwork(resolve, permitted)
        self._names: set[str] = set()

    async def put(self, file: LocalFile) -> StoredFile:
        """Upload `file` and return its URL; raise `StoreError` if the server does not take it."""
        try:
            url = parse_url(self._prefix + quote(self._unused(file.name), safe=""))
            status = await self._put(url, file)
        except FetchError as error:
            raise StoreError(str(error)) from error
        except (httpcore.NetworkError, httpcore.TimeoutException, httpcore.ProtocolError) as error:
            raise StoreError(f"the upload broke off ({type(error).__name__}: {error})") from error
        if not 200 <= status < 300:
            raise StoreError(f"the upload server answered {status}")
        return stored(file, str(url.copy_with(query=None)))

    async def _put(self, url: httpx.URL, file: LocalFile) -> int:
        """Return the status of the last attempt."""
        status = 0
        for attempt in range(_ATTEMPTS):
            await anyio.sleep(attempt * 0.5)
            status = await self._put_once(url, file)
            if status not in _AGAIN:
                break
        return status

    async def _put_once(self, url: httpx.URL, file: LocalFile) -> int:
        target = httpcore.URL(
            scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path
        )
        headers = {
            "Host": url.netloc.decode("ascii"),
            "Content-Type": file.content_type,
            "Content-Length": str(file.size),
            **self._headers,
        }
        async with (
            httpcore.AsyncConnectionPool(network_backend=self._network) as pool,
            pool.stream(
                "PUT",
                target,
                headers=list(headers.items()),
                content=chunks(file.path),
                extensions={"timeout": _TIMEOUTS},
            ) as response,
        ):
            return response.status

    def _unused(self, name: str) -> str:
        candidate, number = name, 1
        while candidate in self._names:
            number += 1
            candidate = numbered(name, number)
        self._names.add(candidate)
        return candidate


async def chunks(path: Path) -> AsyncIterator[bytes]:
    """Read a file piece by piece."""
    async with await anyio.open_file(path, "rb") as file:
        while chunk := await file.read(_CHUNK):
            yield chunk
