"""An app on fal, called through fal's queue at its Cog API, which gives whole predictions."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
import fal_client

from cogfal.client.calling import document, translated
from cogfal.compare.over_http import PREDICTIONS, Downloads, ended_answer, refused, sendable
from cogfal.compare.sides import (
    Answer,
    Outcome,
    SideUnreachable,
    WithoutCancellation,
    answer_within,
    words_of,
)
from cogfal.compare.signatures import Signature, signature_of
from cogfal.errors import CallFailed
from cogfal.spec import JSON

PUBLIC = "https://fal.run"


@dataclass(frozen=True)
class FalSide:
    """The app `owner/name`; each call has `timeout` seconds."""

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
            found = await anyio.to_thread.run_sync(document, self.app)
        except CallFailed as error:
            raise SideUnreachable(f"{self.label}: {error}") from error
        yield FalEndpoint(self.app, found, self.timeout)


class FalEndpoint(WithoutCancellation):
    """Calls the app; local files are uploaded to fal's CDN."""

    def __init__(self, app: str, document: Mapping[str, JSON], seconds: float) -> None:
        self._app = app
        self._seconds = seconds
        self._client = fal_client.AsyncClient()
        self._downloads = Downloads(PUBLIC)
        self.document = document
        self.signature: Signature = signature_of(document)

    async def run(self, inputs: Mapping[str, Any], folder: Path) -> Answer:
        """Call it once; see `ModelEndpoint`."""
        return await answer_within(self._seconds, partial(self._run, inputs, folder))

    async def _run(self, inputs: Mapping[str, Any], folder: Path) -> Answer:
        uploads = fal_client.SyncClient()
        began = time.perf_counter()
        try:
            with translated():
                values = await anyio.to_thread.run_sync(sendable, inputs, uploads.upload_file)
                answer = await self._predicted(values)
        except CallFailed as error:
            if error.status is None:
                return Answer(Outcome.UNREACHABLE, error=words_of(error))
            return refused(error.status, str(error))
        seconds = time.perf_counter() - began
        return await ended_answer(answer, self.signature.output, self._downloads, folder, seconds)

    async def _predicted(self, values: JSON) -> dict[str, JSON]:
        handle = await self._client.submit(self._app, {"input": values}, path=PREDICTIONS)
        try:
            answer: dict[str, JSON] = await handle.get()
        except anyio.get_cancelled_exc_class():
            with anyio.CancelScope(shield=True), suppress(fal_client.FalClientHTTPError):
                await handle.cancel()  # it may have ended by now
            raise
        return answer
