"""What `submit` returns: a call that is under way on fal's queue."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any

import fal_client

from cogfal.client.failures import translated
from cogfal.client.files import output_of


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
