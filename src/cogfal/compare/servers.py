"""Servers of Cog or of an app: at an address, or of a project, served in a process of its own."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import sys
import time
import uuid
from collections import deque
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit, urlunsplit

import anyio
import anyio.to_thread
import httpx
from anyio.abc import Process
from anyio.streams.text import TextReceiveStream
from httpx_sse import EventSource

from cogfal.answers import STREAM, is_piece, named_output, refusal
from cogfal.compare.sides import (
    Answer,
    Outcome,
    RemoteEndpoint,
    SideUnreachable,
    bounded,
    read_document,
    read_json,
    refused,
)
from cogfal.files import describe, to_data_url
from cogfal.nested import map_leaves
from cogfal.spec import JSON

PREDICTIONS: Final = "/predictions"
READY: Final = re.compile(r"serving at (http://\S+?):? ")
LAST_LINES: Final = 30
GRACE: Final = 20.0  # seconds for the model's teardown
_RETRY: Final = 0.02  # seconds until a server is asked again for what it is not ready for yet
_TRIES: Final = 50  # of a prediction that finds the server at capacity


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
            yield HttpEndpoint(http, found, self.url, self.timeout)


class HttpEndpoint(RemoteEndpoint):
    """Calls the server's `/predictions`; where it streams, by the way that shows the pieces."""

    def __init__(
        self, http: httpx.AsyncClient, document: Mapping[str, JSON], base: str, seconds: float
    ) -> None:
        super().__init__(document, base, seconds)
        self._http = http
        self._streams_on_fal = STREAM in document.get("paths", {})
        self._streams_on_cog = '"x-cog-streaming": true' in json.dumps(document)

    async def cancel(self, inputs: Mapping[str, Any], folder: Path) -> Answer | None:
        """Start a prediction, cancel it as soon as the server knows it, and wait for its end."""
        values = await anyio.to_thread.run_sync(_sendable, inputs)
        path = f"{PREDICTIONS}/{uuid.uuid4().hex}"
        async with anyio.create_task_group() as around:
            around.start_soon(self._cancel, path)
            answer = await self._within(partial(self._whole, "PUT", path, values, folder))
            around.cancel_scope.cancel()
        return answer

    async def _cancel(self, path: str) -> None:
        status = httpx.codes.NOT_FOUND
        with suppress(httpx.HTTPError):  # the prediction's own answer tells
            while status == httpx.codes.NOT_FOUND:
                await anyio.sleep(_RETRY)  # no event tells when the server knows the id
                status = httpx.codes((await self._http.post(f"{path}/cancel")).status_code)

    async def _predicted(self, inputs: Mapping[str, Any], folder: Path) -> Answer:
        values = await anyio.to_thread.run_sync(_sendable, inputs)
        if self.signature.output.kind in ("stream", "text"):
            if self._streams_on_cog:
                return await self._streamed(PREDICTIONS, {"input": values}, folder)
            if self._streams_on_fal:
                return await self._streamed(STREAM, values, folder)
        return await self._whole("POST", PREDICTIONS, values, folder)

    async def _whole(self, method: str, path: str, values: JSON, folder: Path) -> Answer:
        async with self._response(method, path, {"input": values}) as (response, began):
            answer = await read_json(response)
        seconds = time.perf_counter() - began
        if response.status_code != httpx.codes.OK or not isinstance(answer, dict):
            return refused(response.status_code, answer)
        return await self._ended(answer, folder, seconds)

    @asynccontextmanager
    async def _response(
        self, method: str, path: str, body: JSON, accept: str = "*/*"
    ) -> AsyncIterator[tuple[httpx.Response, float]]:
        """Ask, and note when; ask again while the last prediction holds the only slot.

        Cog's server answers a moment before the slot is free.
        """
        for left in reversed(range(_TRIES)):
            began = time.perf_counter()
            asked = self._http.stream(method, path, json=body, headers={"Accept": accept})
            async with asked as response:
                if response.status_code != httpx.codes.CONFLICT or not left:
                    yield response, began
                    return
            await anyio.sleep(_RETRY)

    async def _streamed(self, path: str, body: JSON, folder: Path) -> Answer:
        accept = "text/event-stream"
        async with self._response("POST", path, body, accept) as (response, began):
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
                return await self._ended({**told, "output": pieces}, folder, seconds, first)
            if event.event in ("output", "message") and is_piece(told):
                first = seconds if first is None else first
                pieces.append(told["chunk"] if "chunk" in told else named_output(told, frozenset()))
            elif "error" in told:
                why = bounded(refusal(told["error"]))
                return Answer(Outcome.FAILED, error=why, seconds=seconds)
            elif told.get("completed"):
                done = {"status": "succeeded", "output": pieces}
                return await self._ended(done, folder, seconds, first)
        raise ValueError("the stream ended before the prediction did")


def _sendable(inputs: Mapping[str, Any]) -> JSON:
    """Return inputs with a data URL in place of each path."""

    def sent(value: Any) -> JSON:
        if not isinstance(value, Path):
            return value
        return to_data_url(value, describe(value).content_type)

    return map_leaves(inputs, sent)


@dataclass(frozen=True)
class DirectorySide:
    """The project in `directory`, by `cogfal serve`; each call has `timeout` seconds.

    It has a process of its own, so that two projects do not share a working directory, and the
    environment that `cogfal serve` gives it.
    """

    directory: Path
    timeout: float
    paid: bool = False

    @property
    def label(self) -> str:
        """The directory as the user wrote it."""
        return str(self.directory)

    @asynccontextmanager
    async def open(self) -> AsyncIterator[HttpEndpoint]:
        """Set the model up; raises SideUnreachable where that fails, with what it printed last."""
        command = [sys.executable, "-m", "cogfal", "serve", "--port", "0"]
        process = await anyio.open_process(
            command, cwd=self.directory, stdin=subprocess.DEVNULL, stderr=subprocess.STDOUT
        )
        async with process:
            try:
                lines = _lines(process)
                url = await self._ready(lines)
                # A task group would wrap what the comparison raises, for the sake of this reader.
                reading = asyncio.create_task(_drain(lines))
                async with HttpSide(url, self.timeout).open() as endpoint:
                    yield endpoint
                reading.cancel()
            finally:
                with anyio.CancelScope(shield=True):
                    await _end(process)

    async def _ready(self, lines: AsyncIterator[str]) -> str:
        last: deque[str] = deque(maxlen=LAST_LINES)
        async for line in lines:
            last.append(line)
            found = READY.search(line)
            if found is not None:
                return found[1]
        raise SideUnreachable(f"{self.label} cannot be served:\n{bounded(chr(10).join(last))}")


async def _lines(process: Process) -> AsyncIterator[str]:
    assert process.stdout is not None
    rest = ""
    async for text in TextReceiveStream(process.stdout, errors="replace"):
        *whole, rest = (rest + text).split("\n")
        for line in whole:
            yield line
    yield rest


async def _drain(lines: AsyncIterator[str]) -> None:
    """Read on, so that the model never waits for somebody to read what it prints."""
    async for _ in lines:
        pass


async def _end(process: Process) -> None:
    if process.returncode is None:
        process.terminate()
    with anyio.move_on_after(GRACE):
        await process.wait()
        return
    process.kill()
