"""Call an app through fal's queue: wait for its output, or take a `Run` and go on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

import fal_client

from cogfal.client.failures import translated
from cogfal.client.file_output import output_of, upload, upload_async


class RunStatus(str, Enum):
    """Where a submitted call stands, in Cog's words."""

    STARTING = "starting"
    PROCESSING = "processing"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Run:
    """A call on the queue; `id` is fal's request id."""

    handle: fal_client.SyncRequestHandle

    @property
    def id(self) -> str:
        """The request id, which fal's logs and webhooks name."""
        return self.handle.request_id

    def status(self) -> RunStatus:
        """Ask where it stands."""
        with translated():
            return _status_of(self.handle.status())

    def logs(self) -> str:
        """Return what it printed so far, a line each."""
        with translated():
            return _logs_of(self.handle.status(with_logs=True))

    def output(self) -> Any:
        """Wait for the end and return the output, files as `FileOutput`s; raises CallFailed."""
        with translated():
            return output_of(self.handle.get())

    def cancel(self) -> None:
        """Ask for its end; raises CallFailed where it has ended already."""
        with translated():
            self.handle.cancel()


@dataclass(frozen=True, slots=True)
class AsyncRun:
    """A call on the queue, for async code; as `Run`."""

    handle: fal_client.AsyncRequestHandle

    @property
    def id(self) -> str:
        """The request id, which fal's logs and webhooks name."""
        return self.handle.request_id

    async def status(self) -> RunStatus:
        """Ask where it stands."""
        with translated():
            return _status_of(await self.handle.status())

    async def logs(self) -> str:
        """Return what it printed so far, a line each."""
        with translated():
            return _logs_of(await self.handle.status(with_logs=True))

    async def output(self) -> Any:
        """Wait for the end and return the output; cancelling the waiter leaves the call alone."""
        with translated():
            return output_of(await self.handle.get())

    async def cancel(self) -> None:
        """Ask for its end; raises CallFailed where it has ended already."""
        with translated():
            await self.handle.cancel()


def _status_of(status: fal_client.Status) -> RunStatus:
    match status:
        case fal_client.Queued():
            return RunStatus.STARTING
        case fal_client.InProgress():
            return RunStatus.PROCESSING
        case fal_client.Completed(error=None):
            return RunStatus.SUCCEEDED
        case _:
            return RunStatus.FAILED


def _logs_of(status: fal_client.Status) -> str:
    lines = status.logs if isinstance(status, (fal_client.InProgress, fal_client.Completed)) else []
    return "".join(f"{line['message']}\n" for line in lines or [])


def run(
    app: str,
    input: Mapping[str, Any] | None = None,  # noqa: A002  # Replicate's word
    *,
    path: str = "",
    key: str | None = None,
) -> Any:
    """Run a model and return its output: what `predict` returned, files as `FileOutput`s.

    Paths and open binary files in `input` are uploaded first, at any depth. The call waits in fal's
    queue, so it survives a cold start and is retried by fal as the app says.

    Args:
        app: The app as fal names it, `owner/name`.
        input: The predictor's inputs.
        path: Another endpoint of the app, such as `/train`.
        key: A fal key instead of the configured credentials.

    Raises:
        CallFailed: The app refused the inputs, failed, or cannot be reached.
    """
    return submit(app, input, path=path, key=key).output()


async def run_async(
    app: str,
    input: Mapping[str, Any] | None = None,  # noqa: A002  # Replicate's word
    *,
    path: str = "",
    key: str | None = None,
) -> Any:
    """Run a model as `run` does; cancelling stops waiting, not the call."""
    return await (await submit_async(app, input, path=path, key=key)).output()


def submit(
    app: str,
    input: Mapping[str, Any] | None = None,  # noqa: A002  # Replicate's word
    *,
    path: str = "",
    key: str | None = None,
    webhook_url: str | None = None,
) -> Run:
    """Put a call on the queue and return at once; fal tells `webhook_url` when it has ended."""
    client = fal_client.SyncClient(key=key)
    with translated():
        values = upload(input or {}, client)
        return Run(client.submit(app, values, path=path, webhook_url=webhook_url))


async def submit_async(
    app: str,
    input: Mapping[str, Any] | None = None,  # noqa: A002  # Replicate's word
    *,
    path: str = "",
    key: str | None = None,
    webhook_url: str | None = None,
) -> AsyncRun:
    """Put a call on the queue as `submit` does."""
    client = fal_client.AsyncClient(key=key)
    with translated():
        values = await upload_async(input or {}, key)
        return AsyncRun(await client.submit(app, values, path=path, webhook_url=webhook_url))
