"""Models that others run for money: an app on fal, and a model on Replicate."""

from __future__ import annotations

import os
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import anyio
import anyio.to_thread
import httpx

from cogfal.compare.servers import PREDICTIONS
from cogfal.compare.sides import (
    Answer,
    Outcome,
    RemoteEndpoint,
    SideUnreachable,
    read_document,
    read_json,
    refused,
    words_of,
)
from cogfal.compare.signatures import NoSignature
from cogfal.errors import CallFailed, ProjectError
from cogfal.files import describe
from cogfal.nested import leaves, map_leaves
from cogfal.spec import JSON

PUBLIC: Final = "https://fal.run"
BASE: Final = "https://api.replicate.com"
BASE_VARIABLE: Final = "REPLICATE_BASE_URL"
TOKEN_VARIABLE: Final = "REPLICATE_API_TOKEN"  # noqa: S105  # its name
POLL: Final = 0.5  # seconds, as Replicate's own client
_OPEN: Final = ("starting", "processing")


@dataclass(frozen=True)
class FalSide:
    """The app `owner/name` on fal; each call has `timeout` seconds."""

    app: str
    timeout: float
    paid: bool = True

    @property
    def label(self) -> str:
        """The app as the user wrote it."""
        return f"app:{self.app}"

    @asynccontextmanager
    async def open(self) -> AsyncIterator[FalEndpoint]:
        """Read the app's document, for which a runner starts; raises SideUnreachable."""
        try:
            from cogfal.client import calling  # noqa: PLC0415  # needs an optional extra
        except ImportError as error:
            raise ProjectError(
                f"app: needs {error.name}", remedy='pip install "cogfal[client]"'
            ) from error
        try:
            found = await anyio.to_thread.run_sync(calling.document, self.app)
        except CallFailed as error:
            raise SideUnreachable(f"{self.label}: {error}") from error
        yield FalEndpoint(calling, self.app, found, self.timeout)


class FalEndpoint(RemoteEndpoint):
    """Calls the app through fal's queue at its Cog API, which gives whole predictions.

    Local files are uploaded to fal's CDN.
    """

    def __init__(
        self, calling: ModuleType, app: str, document: Mapping[str, JSON], seconds: float
    ) -> None:
        super().__init__(document, PUBLIC, seconds)
        self._calling = calling
        self._app = app

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
        run = await self._calling.submit_async(self._app, {"input": inputs}, path=PREDICTIONS)
        try:
            with self._calling.translated():
                answer: dict[str, JSON] = await run.handle.get()
        except anyio.get_cancelled_exc_class():
            # Shielded, as the call is paid for until fal hears of it; it may have ended by now.
            with anyio.CancelScope(shield=True), suppress(CallFailed):
                await run.cancel()
            raise
        return answer


@dataclass(frozen=True)
class ReplicateSide:
    """The model `owner/name` or one `version` of it; each call has `timeout` seconds."""

    model: str
    version: str | None
    timeout: float
    paid: bool = True

    @property
    def label(self) -> str:
        """The model as the user wrote it."""
        return f"replicate:{self.model}" + (f":{self.version}" if self.version else "")

    @asynccontextmanager
    async def open(self) -> AsyncIterator[ReplicateEndpoint]:
        """Read the model's signature; raises SideUnreachable where there is no token or model."""
        async with self._client() as http:
            yield ReplicateEndpoint(http, await self._version(http), self.timeout)

    async def examples(self) -> list[tuple[str, Mapping[str, JSON]]]:
        """Return the name and inputs of what Replicate shows as this model's examples."""
        async with self._client() as http:
            found = await read_document(http, f"/v1/models/{self.model}/examples", self.label)
        return [(str(each["id"]), each["input"]) for each in found.get("results", [])]

    def _client(self) -> httpx.AsyncClient:
        token = os.environ.get(TOKEN_VARIABLE, "")
        if not token:
            raise SideUnreachable(f"{self.label} needs a token: set {TOKEN_VARIABLE}")
        return httpx.AsyncClient(
            base_url=os.environ.get(BASE_VARIABLE) or BASE,
            headers={"Authorization": f"Bearer {token}"},
            timeout=self.timeout,
            follow_redirects=False,  # the token is for this host alone
        )

    async def _version(self, http: httpx.AsyncClient) -> Mapping[str, JSON]:
        place = f"/v1/models/{self.model}"
        if self.version is not None:
            return await read_document(http, f"{place}/versions/{self.version}", self.label)
        latest = (await read_document(http, place, self.label)).get("latest_version")
        if not isinstance(latest, dict):
            raise NoSignature(f"{self.label} has no version")
        return latest


class ReplicateEndpoint(RemoteEndpoint):
    """Calls one version; local files are uploaded to Replicate."""

    def __init__(
        self, http: httpx.AsyncClient, version: Mapping[str, JSON], seconds: float
    ) -> None:
        super().__init__(version.get("openapi_schema") or {}, str(http.base_url), seconds)
        self._http = http
        self._id = str(version["id"])

    async def _predicted(self, inputs: Mapping[str, Any], folder: Path) -> Answer:
        urls = await self._uploaded(inputs)
        values = map_leaves(inputs, lambda each: urls[each] if isinstance(each, Path) else each)
        began = time.perf_counter()
        body = {"version": self._id, "input": values}
        status, answer = await self._asked("POST", "/v1/predictions", body)
        if status not in (httpx.codes.OK, httpx.codes.CREATED, httpx.codes.ACCEPTED):
            return refused(status, answer)
        path = f"/v1/predictions/{answer['id']}"
        try:
            while answer.get("status") in _OPEN:
                await anyio.sleep(POLL)
                _, answer = await self._asked("GET", path)
        except anyio.get_cancelled_exc_class():
            with anyio.CancelScope(shield=True):
                await self._asked("POST", f"{path}/cancel")
            raise
        return await self._ended(answer, folder, time.perf_counter() - began)

    async def _asked(self, method: str, path: str, body: JSON = None) -> tuple[int, Any]:
        async with self._http.stream(method, path, json=body) as response:
            return response.status_code, await read_json(response)

    async def _uploaded(self, inputs: Mapping[str, Any]) -> dict[Path, str]:
        """Upload every file in the inputs; return the address of each."""
        paths = [each for _, each in leaves(inputs) if isinstance(each, Path)]
        return {path: await self._sent(path) for path in paths}

    async def _sent(self, path: Path) -> str:
        data = await anyio.Path(path).read_bytes()
        content = (path.name, data, describe(path).content_type)
        response = await self._http.post("/v1/files", files={"content": content})
        return str(response.raise_for_status().json()["urls"]["get"])
