"""A Cog server or an app of cogfal at an address."""

from __future__ import annotations

import json
import socket
import tempfile
import time
import uuid
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit, urlunsplit

import anyio
import anyio.to_thread
import httpx
from httpx_sse import EventSource

from cogfal.answers import is_piece, named_output, refusal
from cogfal.compare.sides import Answer, Outcome, SideUnreachable, answer_within, bounded, words_of
from cogfal.compare.signatures import Signature, ValueShape, signature_of
from cogfal.files import (
    FetchBudget,
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

STREAM: Final = "/stream"
PREDICTIONS: Final = "/predictions"
MOST_BYTES: Final = 512 * 1024**2
"""The largest answer that is read."""
_RETRY: Final = 0.02  # seconds until a prediction that is not there yet is cancelled again
_ENDED: Final = {
    "succeeded": Outcome.SUCCEEDED,
    "failed": Outcome.FAILED,
    "canceled": Outcome.CANCELED,
}


@dataclass(frozen=True)
class HttpSide:
    """The model at `url`; each call has `timeout` seconds."""

    url: str
    timeout: float
    paid: bool = False

    @property
    def label(self) -> str:
        """The address without a name and password."""
        parts = urlsplit(self.url)
        return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))

    @asynccontextmanager
    async def open(self) -> AsyncIterator[HttpEndpoint]:
        """Read the server's document; raises SideUnreachable and NoSignature."""
        async with httpx.AsyncClient(
            base_url=self.url.rstrip("/"), timeout=self.timeout, follow_redirects=False
        ) as http:
            found = await read_document(http, "/openapi.json", self.label)
            yield HttpEndpoint(http, found, Downloads(self.url), self.timeout)


async def read_document(http: httpx.AsyncClient, path: str, label: str) -> dict[str, JSON]:
    """Return the JSON object at a path; raises SideUnreachable."""
    try:
        async with http.stream("GET", path) as response:
            found = await read_json(response)
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        raise SideUnreachable(
            f"{label} cannot be reached: {words_of(error)}; is it running?"
        ) from error
    if response.status_code != httpx.codes.OK or not isinstance(found, dict):
        raise SideUnreachable(f"{label} answers {path} with {response.status_code} and no document")
    return found


async def read_json(response: httpx.Response) -> JSON:
    """Read a response's JSON within bounds; raises ValueError."""
    parts: list[bytes] = []
    size = 0
    async for part in response.aiter_bytes():
        size += len(part)
        if size > MOST_BYTES:
            raise ValueError(f"the answer has more than {MOST_BYTES} bytes")
        parts.append(part)
    return json.loads(b"".join(parts))


class HttpEndpoint:
    """Calls the server's `/predictions`; where it streams, by the way that shows the pieces."""

    def __init__(
        self,
        http: httpx.AsyncClient,
        document: dict[str, JSON],
        downloads: Downloads,
        seconds: float,
    ) -> None:
        self._http = http
        self._downloads = downloads
        self._seconds = seconds
        self.document: Mapping[str, JSON] = document
        self.signature: Signature = signature_of(document)
        self._streams_on_fal = STREAM in document.get("paths", {})
        self._streams_on_cog = '"x-cog-streaming": true' in json.dumps(document)

    async def run(self, inputs: Mapping[str, Any], folder: Path) -> Answer:
        """Call it once; see `ModelEndpoint`."""
        values = await anyio.to_thread.run_sync(sendable, inputs)
        return await answer_within(self._seconds, partial(self._predicted, values, folder))

    async def cancel(self, inputs: Mapping[str, Any], folder: Path) -> Answer | None:
        """Start a prediction, cancel it as soon as the server knows it, and wait for its end."""
        values = await anyio.to_thread.run_sync(sendable, inputs)
        path = f"{PREDICTIONS}/{uuid.uuid4().hex}"
        async with anyio.create_task_group() as around:
            around.start_soon(self._cancel, path)
            request = self._http.stream("PUT", path, json={"input": values})
            answer = await answer_within(self._seconds, partial(self._whole, request, folder))
            around.cancel_scope.cancel()
        return answer

    async def _cancel(self, path: str) -> None:
        status = httpx.codes.NOT_FOUND
        with suppress(httpx.HTTPError):  # the prediction's own answer tells
            while status == httpx.codes.NOT_FOUND:
                await anyio.sleep(_RETRY)  # no event tells when the server knows the id
                status = httpx.codes((await self._http.post(f"{path}/cancel")).status_code)

    async def _predicted(self, values: JSON, folder: Path) -> Answer:
        if self.signature.output.kind in ("stream", "text"):
            if self._streams_on_cog:
                return await self._streamed(PREDICTIONS, {"input": values}, folder)
            if self._streams_on_fal:
                return await self._streamed(STREAM, values, folder)
        request = self._http.stream("POST", PREDICTIONS, json={"input": values})
        return await self._whole(request, folder)

    async def _whole(self, request: Any, folder: Path) -> Answer:
        began = time.perf_counter()
        async with request as response:
            answer = await read_json(response)
        seconds = time.perf_counter() - began
        if response.status_code != httpx.codes.OK or not isinstance(answer, dict):
            return refused(response.status_code, answer)
        return await self._ended(answer, folder, seconds)

    async def _ended(self, answer: dict[str, JSON], folder: Path, seconds: float) -> Answer:
        return await ended_answer(answer, self.signature.output, self._downloads, folder, seconds)

    async def _streamed(self, path: str, body: JSON, folder: Path) -> Answer:
        began = time.perf_counter()
        headers = {"Accept": "text/event-stream"}
        async with self._http.stream("POST", path, json=body, headers=headers) as response:
            if response.status_code != httpx.codes.OK:
                return refused(response.status_code, await read_json(response))
            return await self._followed(EventSource(response), folder, began)

    async def _followed(self, source: EventSource, folder: Path, began: float) -> Answer:
        """Follow a stream of either API to its end."""
        pieces: list[JSON] = []
        first: float | None = None
        async for event in source.aiter_sse():
            told = event.json()
            seconds = time.perf_counter() - began
            if event.event == "completed":
                return await self._last({**told, "output": pieces}, folder, seconds, first)
            if event.event in ("output", "message") and is_piece(told):
                first = seconds if first is None else first
                pieces.append(told["chunk"] if "chunk" in told else named_output(told, frozenset()))
            elif "error" in told:
                return Answer(
                    Outcome.FAILED, error=bounded(refusal(told["error"])), seconds=seconds
                )
            elif told.get("completed"):
                done = {"status": "succeeded", "output": pieces}
                return await self._last(done, folder, seconds, first)
        raise ValueError("the stream ended before the prediction did")

    async def _last(
        self, answer: dict[str, JSON], folder: Path, seconds: float, first: float | None
    ) -> Answer:
        ended = await self._ended(answer, folder, seconds)
        return Answer(ended.outcome, ended.output, ended.error, seconds, first)


async def ended_answer(
    answer: dict[str, JSON], shape: ValueShape, downloads: Downloads, folder: Path, seconds: float
) -> Answer:
    """Read a prediction that has ended, its files brought into `folder`.

    Raises:
        ValueError: It is no prediction, or has not ended.
        FetchError: One of its files cannot be had.
    """
    outcome = _ENDED.get(str(answer.get("status")))
    if outcome is None:
        raise ValueError(f"the answer is no prediction that has ended: {str(answer)[:200]}")
    output = await downloads.brought(answer.get("output"), shape, folder)
    return Answer(outcome, output, bounded(str(answer.get("error") or "")), seconds)


def refused(status: int, answer: JSON) -> Answer:
    """Describe an answer that is no prediction."""
    detail = answer.get("detail", answer) if isinstance(answer, dict) else answer
    text = bounded(f"{status}: {refusal(detail)}")
    wrong_input = status in (httpx.codes.BAD_REQUEST, httpx.codes.UNPROCESSABLE_ENTITY)
    return Answer(Outcome.REFUSED if wrong_input else Outcome.FAILED, error=text)


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
        return (await self._fetcher.fetch(url, place, FetchBudget(LIMITS))).path


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
