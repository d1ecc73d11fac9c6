"""Speak Cog's HTTP API to one address, and read what it answers within limits."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Final, NamedTuple

import httpx

from cogfal.spec import JSON

EVENTS: Final = "text/event-stream"
CONNECT_SECONDS: Final = 10.0


class TooMuch(Exception):
    """Report an answer of more than `most` bytes."""

    def __init__(self, most: int) -> None:
        super().__init__(f"the app answered with more than {most} bytes")


class CogAnswer(NamedTuple):
    """What an app answered; `body` is None where it is no JSON."""

    status: int
    body: JSON

    @property
    def detail(self) -> JSON:
        """What an answer says that is an error."""
        if isinstance(self.body, dict):
            return self.body.get("detail", self.body.get("error"))
        return None


class SentEvent(NamedTuple):
    """A server-sent event with its JSON."""

    name: str
    data: JSON


class CogClient:
    """Sends requests to addresses that the operator named.

    No redirect is followed and no proxy or netrc of the environment used, so that nothing goes to
    anybody else. Models take their time: only connecting is bounded.

    Args:
        most: Bytes of one answer, unpacked.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._http: httpx.AsyncClient | None = None

    async def aclose(self) -> None:
        """Close the connections."""
        if self._http is not None:
            await self._http.aclose()

    async def send(
        self,
        method: str,
        url: str,
        body: JSON = None,
        headers: Mapping[str, str] | None = None,
        *,
        seconds: float | None = None,
    ) -> CogAnswer:
        """Send a request and return the whole answer; raises httpx.HTTPError and TooMuch."""
        async with self.exchange(method, url, body, headers, seconds=seconds) as response:
            return await self.whole(response)

    @asynccontextmanager
    async def exchange(
        self,
        method: str,
        url: str,
        body: JSON = None,
        headers: Mapping[str, str] | None = None,
        *,
        seconds: float | None = None,
    ) -> AsyncIterator[httpx.Response]:
        """Send a request; give its answer, whose body is still to be read."""
        timeout = httpx.Timeout(seconds, connect=CONNECT_SECONDS)
        content = None if body is None else json.dumps(body, ensure_ascii=False).encode()
        sent = {**({} if content is None else {"Content-Type": "application/json"})}
        async with self._client().stream(
            method, url, content=content, headers={**sent, **(headers or {})}, timeout=timeout
        ) as response:
            yield response

    async def whole(self, response: httpx.Response) -> CogAnswer:
        """Read an answer to its end."""
        content = bytearray()
        async for chunk in self._chunks(response):
            content += chunk
        try:
            return CogAnswer(response.status_code, json.loads(content))
        except ValueError:
            return CogAnswer(response.status_code, None)

    async def events(self, response: httpx.Response) -> AsyncIterator[SentEvent]:
        """Yield the server-sent events of an answer whose data is JSON."""
        name, data = "message", b""
        rest = b""
        async for chunk in self._chunks(response):
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                field, _, value = line.rstrip(b"\r").partition(b":")
                if field == b"event":
                    name = value.strip().decode("utf-8", "replace")
                elif field == b"data":
                    data += value
                elif not line.strip() and data:
                    yield SentEvent(name, json.loads(data))
                    name, data = "message", b""

    async def _chunks(self, response: httpx.Response) -> AsyncIterator[bytes]:
        size = 0
        async for chunk in response.aiter_bytes():
            size += len(chunk)
            if size > self._most:
                raise TooMuch(self._most)
            yield chunk

    def _client(self) -> httpx.AsyncClient:
        if self._http is None:
            limits = httpx.Limits(max_connections=None, max_keepalive_connections=20)
            self._http = httpx.AsyncClient(
                verify=httpx.create_ssl_context(),  # with what SSL_CERT_FILE adds
                trust_env=False,
                limits=limits,
                follow_redirects=False,
            )
        return self._http
