"""Tell a prediction's events to a client as Cog's server-sent events."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Final

import anyio
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from cogfal.engine.history import Watch
from cogfal.engine.prediction import (
    Completed,
    Event,
    HistoryGone,
    Log,
    Metric,
    Output,
    Started,
)
from cogfal.server.caller import until_gone
from cogfal.server.messages import UNENCODABLE, Body, written
from cogfal.server.pulse import HEARTBEAT, pulse
from cogfal.server.runs import Run

_MODES: Final = {"incr": "increment"}
_HEADERS: Final = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}


class EventStream(Response):
    """A response that sends frames as they come; `left` is called if the client leaves first."""

    media_type = "text/event-stream"
    charset = "utf-8"

    def __init__(self, frames: AsyncIterator[bytes], left: Callable[[], None]) -> None:
        super().__init__(headers=_HEADERS, media_type=self.media_type)
        del self.headers["content-length"]
        self._frames = frames
        self._left = left

    async def __call__(self, _scope: Scope, receive: Receive, send: Send) -> None:
        """Send until the frames end or the client has left, whichever is first."""
        complete = False
        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(_cancel_once_gone, receive, tasks.cancel_scope)
                await self._send(send)
                complete = True
                tasks.cancel_scope.cancel()
        finally:
            if not complete:
                self._left()

    async def _send(self, send: Send) -> None:
        start = {"type": "http.response.start", "status": 200, "headers": self.raw_headers}
        await send(start)
        async for frame in self._frames:
            await send({"type": "http.response.body", "body": frame, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _cancel_once_gone(receive: Receive, scope: anyio.CancelScope) -> None:
    await until_gone(receive)
    scope.cancel()


async def frames(
    run: Run, events: Watch[Event], heartbeat: float = HEARTBEAT
) -> AsyncIterator[bytes]:
    """Write `events` of `run` as frames, with a comment after `heartbeat` silent seconds."""
    async for batch in pulse(events, heartbeat):
        text = "".join([_frame(run, event) for event in batch]) or ": keep-alive\n\n"
        yield text.encode("utf-8", UNENCODABLE)


def _frame(run: Run, event: Event) -> str:
    match event:
        case Output(chunk, index):
            return f'event: output\ndata: {{"chunk":{written(chunk)},"index":{index}}}\n\n'
        case Log(source, data):
            return _named("log", {"source": source, "data": data})
        case Started():
            return _named("start", {"id": run.prediction.id, "status": "processing"})
        case Metric(name, value, mode):
            recorded = {"name": name, "value": value, "mode": _MODES.get(mode, mode)}
            return _named("metric", recorded)
        case Completed():
            return _named("completed", run.ended())
        case HistoryGone(lost):
            return _named("error", truncated(lost))


def truncated(lost: int) -> Body:
    """Return the data of the event that says how many events are no longer known."""
    return {"error": "SSE stream replay truncated; events were dropped", "skipped": lost}


def _named(name: str, data: Body) -> str:
    return f"event: {name}\ndata: {written(data)}\n\n"
