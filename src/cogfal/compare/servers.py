"""Models that answer over HTTP: at an address, a project served here, on fal, on Replicate."""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
import sys
import time
import uuid
from collections import deque
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any, Final
from urllib.parse import urlsplit, urlunsplit

import anyio
import anyio.to_thread
import httpx
from anyio.abc import Process
from anyio.streams.text import TextReceiveStream
from httpx_sse import EventSource

from cogfal.answers import STREAM, is_piece, named_output, refusal
from cogfal.compare.endpoints import (
    Answer,
    EndpointUnreachable,
    Outcome,
    RemoteEndpoint,
    bounded,
    read_document,
    read_json,
    refused,
    words_of,
)
from cogfal.compare.signatures import NoSignature
from cogfal.errors import CallFailed, ProjectError
from cogfal.examples import Example
from cogfal.files.data_urls import to_data_url
from cogfal.files.media import describe
from cogfal.nested import leaves, map_leaves
from cogfal.spec import JSON

PREDICTIONS: Final = "/predictions"
READY: Final = re.compile(r"serving at (http://\S+?):? ")
LAST_LINES: Final = 30
GRACE: Final = 20.0  # seconds for the model's teardown
_RETRY: Final = 0.02  # seconds until a server is asked again for what it is not ready for yet
_TRIES: Final = 50  # of a prediction that finds the server at capacity
FAL: Final = "https://fal.run"
REPLICATE: Final = "https://api.replicate.com"
BASE_VARIABLE: Final = "REPLICATE_BASE_URL"
TOKEN_VARIABLE: Final = "REPLICATE_API_TOKEN"  # noqa: S105  # its name
POLL: Final = 0.5  # seconds, as Replicate's own client


@asynccontextmanager
async def open_server(url: str, seconds: float, label: str = "") -> AsyncIterator[HttpEndpoint]:
    """Read the document of a Cog server or an app; each call has so many seconds.

    Raises:
        EndpointUnreachable: It does not answer, or not with a document.
        NoSignature: The document does not say what the model takes.
    """
    parts = urlsplit(url)
    label = label or urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
    async with httpx.AsyncClient(
        base_url=url.rstrip("/"), timeout=seconds, follow_redirects=False
    ) as http:
        found = await read_document(http, "/openapi.json", label)
        yield HttpEndpoint(label, found, url, seconds, http)


@dataclass(eq=False)
class HttpEndpoint(RemoteEndpoint):
    """Calls the server's `/predictions`; where it streams, by the way that shows the pieces."""

    http: httpx.AsyncClient

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
                status = httpx.codes((await self.http.post(f"{path}/cancel")).status_code)

    async def _predicted(self, inputs: Mapping[str, Any], folder: Path) -> Answer:
        values = await anyio.to_thread.run_sync(_sendable, inputs)
        if self.signature.output.kind in ("stream", "text"):
            if '"x-cog-streaming": true' in json.dumps(self.document):
                return await self._streamed(PREDICTIONS, {"input": values}, folder)
            if STREAM in self.document.get("paths", {}):
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
            asked = self.http.stream(method, path, json=body, headers={"Accept": accept})
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
    return map_leaves(inputs, lambda each: to_data_url(each) if isinstance(each, Path) else each)


@asynccontextmanager
async def open_directory(folder: Path, seconds: float) -> AsyncIterator[HttpEndpoint]:
    """Serve a project with `cogfal serve` while the block lasts; each call has so many seconds.

    It has a process of its own, so that two projects do not share a working directory, and the
    environment that `cogfal serve` gives it.

    Raises:
        EndpointUnreachable: It cannot be served; the error has what it printed last.
    """
    command = [sys.executable, "-m", "cogfal", "serve", "--port", "0"]
    process = await anyio.open_process(
        command, cwd=folder, stdin=subprocess.DEVNULL, stderr=subprocess.STDOUT
    )
    async with process:
        address: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        # A task group would wrap what the comparison raises, for the sake of this reader.
        reading = asyncio.create_task(_read(process, address))
        try:
            either: set[asyncio.Future[Any]] = {reading, address}
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            if not address.done():
                last = bounded("\n".join(reading.result()))
                raise EndpointUnreachable(f"{folder} cannot be served:\n{last}")
            async with open_server(address.result(), seconds, str(folder)) as endpoint:
                yield endpoint
        finally:
            # Its output is read until then: it would wait for a reader, and be killed for that.
            with anyio.CancelScope(shield=True):
                await _end(process)
            reading.cancel()


async def _end(process: Process) -> None:
    """End a server, after its model's teardown where that is not too long."""
    if process.returncode is None:
        process.terminate()
    with anyio.move_on_after(GRACE):
        await process.wait()
    if process.returncode is None:
        process.kill()


async def _read(process: Process, address: asyncio.Future[str]) -> deque[str]:
    """Read to the end, so that the model never waits for a reader; note where it is served.

    The last lines are returned.
    """
    assert process.stdout is not None
    last: deque[str] = deque(maxlen=LAST_LINES)
    rest = ""
    async for text in TextReceiveStream(process.stdout, errors="replace"):
        *whole, rest = (rest + text).split("\n")
        last += whole
        found = READY.search("\n".join(whole))
        if found is not None and not address.done():
            address.set_result(found[1])
    last.append(rest)
    return last


@asynccontextmanager
async def open_app(app: str, seconds: float) -> AsyncIterator[FalEndpoint]:
    """Read the document of `owner/name` on fal, for which a runner starts.

    Raises:
        ProjectError: The client is not installed, which is an optional extra.
        EndpointUnreachable: The app does not answer.
    """
    try:
        from cogfal.client import calling  # noqa: PLC0415  # see above
    except ImportError as error:
        raise ProjectError(
            f"app: needs {error.name}", remedy='pip install "cogfal[client]"'
        ) from error
    label = f"app:{app}"
    try:
        found = await anyio.to_thread.run_sync(calling.document, app)
    except CallFailed as error:
        raise EndpointUnreachable(f"{label}: {error}") from error
    yield FalEndpoint(label, found, FAL, seconds, app, calling)


@dataclass(eq=False)
class FalEndpoint(RemoteEndpoint):
    """Calls the app through fal's queue at its Cog API, which gives whole predictions.

    Local files are uploaded to fal's CDN.
    """

    paid = True
    app: str
    calling: ModuleType

    async def _predicted(self, inputs: Mapping[str, Any], folder: Path) -> Answer:
        began = time.perf_counter()
        try:
            answer = await self._asked(inputs)
        except CallFailed as error:
            if error.status is None:
                return Answer(Outcome.UNREACHABLE, error=words_of(error))
            return refused(error.status, str(error))
        return await self._ended(answer, folder, time.perf_counter() - began)

    async def _asked(self, inputs: Mapping[str, Any]) -> dict[str, JSON]:
        run = await self.calling.submit_async(self.app, {"input": inputs}, path=PREDICTIONS)
        try:
            with self.calling.translated():
                answer: dict[str, JSON] = await run.handle.get()
        except anyio.get_cancelled_exc_class():
            # Shielded, as the call is paid for until fal hears of it; it may have ended by now.
            with anyio.CancelScope(shield=True), suppress(CallFailed):
                await run.cancel()
            raise
        return answer


@asynccontextmanager
async def open_replicate(
    model: str, version: str, seconds: float
) -> AsyncIterator[ReplicateEndpoint]:
    """Read the signature of `owner/name` on Replicate; the version "" is the latest.

    Raises:
        EndpointUnreachable: There is no token, or no such model.
        NoSignature: It has no version.
    """
    label = f"replicate:{model}" + (f":{version}" if version else "")
    token = os.environ.get(TOKEN_VARIABLE, "")
    if not token:
        raise EndpointUnreachable(f"{label} needs a token: set {TOKEN_VARIABLE}")
    place = f"/v1/models/{model}"
    async with httpx.AsyncClient(
        base_url=os.environ.get(BASE_VARIABLE) or REPLICATE,
        headers={"Authorization": f"Bearer {token}"},
        timeout=seconds,
        follow_redirects=False,  # the token is for this host alone
    ) as http:
        if version:
            found: JSON = await read_document(http, f"{place}/versions/{version}", label)
        else:
            found = (await read_document(http, place, label)).get("latest_version")
        if not isinstance(found, dict):
            raise NoSignature(f"{label} has no version")
        document = found.get("openapi_schema") or {}
        yield ReplicateEndpoint(
            label, document, str(http.base_url), seconds, model, str(found["id"]), http
        )


@dataclass(eq=False)
class ReplicateEndpoint(RemoteEndpoint):
    """Calls one version; local files are uploaded to Replicate."""

    paid = True
    model: str
    version: str
    http: httpx.AsyncClient

    async def examples(self) -> Sequence[Example]:
        """Return what Replicate shows as this model's examples."""
        found = await read_document(self.http, f"/v1/models/{self.model}/examples", self.label)
        return [Example(str(each["id"]), each["input"]) for each in found.get("results", [])]

    async def _predicted(self, inputs: Mapping[str, Any], folder: Path) -> Answer:
        urls = await self._uploaded(inputs)
        values = map_leaves(inputs, lambda each: urls[each] if isinstance(each, Path) else each)
        began = time.perf_counter()
        body = {"version": self.version, "input": values}
        status, answer = await self._asked("POST", "/v1/predictions", body)
        if status not in (httpx.codes.OK, httpx.codes.CREATED, httpx.codes.ACCEPTED):
            return refused(status, answer)
        path = f"/v1/predictions/{answer['id']}"
        try:
            while answer.get("status") in ("starting", "processing"):
                await anyio.sleep(POLL)
                _, answer = await self._asked("GET", path)
        except anyio.get_cancelled_exc_class():
            with anyio.CancelScope(shield=True):
                await self._asked("POST", f"{path}/cancel")
            raise
        return await self._ended(answer, folder, time.perf_counter() - began)

    async def _asked(self, method: str, path: str, body: JSON = None) -> tuple[int, Any]:
        async with self.http.stream(method, path, json=body) as response:
            return response.status_code, await read_json(response)

    async def _uploaded(self, inputs: Mapping[str, Any]) -> dict[Path, str]:
        """Upload every file in the inputs; return the address of each."""
        paths = [each for _, each in leaves(inputs) if isinstance(each, Path)]
        return {path: await self._sent(path) for path in paths}

    async def _sent(self, path: Path) -> str:
        data = await anyio.Path(path).read_bytes()
        content = (path.name, data, describe(path).content_type)
        response = await self.http.post("/v1/files", files={"content": content})
        return str(response.raise_for_status().json()["urls"]["get"])
