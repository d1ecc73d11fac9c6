"""A model on Replicate, called through its HTTP API."""

from __future__ import annotations

import os
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import anyio
import httpx

from cogfal.compare.over_http import (
    Downloads,
    ended_answer,
    read_document,
    read_json,
    refused,
    sendable,
)
from cogfal.compare.sides import Answer, SideUnreachable, WithoutCancellation, answer_within
from cogfal.compare.signatures import NoSignature, Signature, signature_of
from cogfal.files import describe
from cogfal.nested import leaves
from cogfal.spec import JSON

BASE: Final = "https://api.replicate.com"
BASE_VARIABLE: Final = "REPLICATE_BASE_URL"
TOKEN_VARIABLE: Final = "REPLICATE_API_TOKEN"  # noqa: S105  # its name
POLL: Final = 0.5  # seconds, as Replicate's own client
_OPEN: Final = ("starting", "processing")


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
        base, token = replicate_account(self.label)
        async with httpx.AsyncClient(
            base_url=base,
            headers={"Authorization": f"Bearer {token}"},
            timeout=self.timeout,
            follow_redirects=False,  # the token is for this host alone
        ) as http:
            version = await self._version(http)
            yield ReplicateEndpoint(http, version, Downloads(base), self.timeout)

    async def examples(self) -> list[tuple[str, Mapping[str, JSON]]]:
        """Return the name and inputs of what Replicate shows as this model's examples."""
        base, token = replicate_account(self.label)
        headers = {"Authorization": f"Bearer {token}"}
        async with httpx.AsyncClient(base_url=base, headers=headers, timeout=self.timeout) as http:
            found = await read_document(http, f"/v1/models/{self.model}/examples", self.label)
        return [(str(each["id"]), each["input"]) for each in found.get("results", [])]

    async def _version(self, http: httpx.AsyncClient) -> Mapping[str, JSON]:
        place = f"/v1/models/{self.model}"
        if self.version is not None:
            return await read_document(http, f"{place}/versions/{self.version}", self.label)
        latest = (await read_document(http, place, self.label)).get("latest_version")
        if not isinstance(latest, dict):
            raise NoSignature(f"{self.label} has no version")
        return latest


def replicate_account(label: str) -> tuple[str, str]:
    """Return the API's address and the token of the environment; SideUnreachable without one."""
    token = os.environ.get(TOKEN_VARIABLE, "")
    if not token:
        raise SideUnreachable(f"{label} needs a token: set {TOKEN_VARIABLE}")
    return os.environ.get(BASE_VARIABLE) or BASE, token


class ReplicateEndpoint(WithoutCancellation):
    """Calls one version; local files are uploaded to Replicate."""

    def __init__(
        self,
        http: httpx.AsyncClient,
        version: Mapping[str, JSON],
        downloads: Downloads,
        seconds: float,
    ) -> None:
        self._http = http
        self._id = str(version["id"])
        self._downloads = downloads
        self._seconds = seconds
        self.document: Mapping[str, JSON] = version.get("openapi_schema") or {}
        self.signature: Signature = signature_of(self.document)

    async def run(self, inputs: Mapping[str, Any], folder: Path) -> Answer:
        """Call it once; see `ModelEndpoint`."""
        return await answer_within(self._seconds, partial(self._run, inputs, folder))

    async def _run(self, inputs: Mapping[str, Any], folder: Path) -> Answer:
        values = sendable(inputs, (await self._uploaded(inputs)).__getitem__)
        return await self._predicted(values, folder)

    async def _predicted(self, values: JSON, folder: Path) -> Answer:
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
        seconds = time.perf_counter() - began
        return await ended_answer(answer, self.signature.output, self._downloads, folder, seconds)

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
