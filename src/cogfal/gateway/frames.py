"""Send what happens to a call as server-sent events, to readers who may come back."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from typing import Final

from starlette.requests import Request

from cogfal.gateway.calls import Call, Event, Happening

HEARTBEAT: Final = 15.0
"""Seconds of silence after which a stream shows that it lives."""

HEADERS: Final = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
_LINES: Final = re.compile(r"\r\n|\r|\n")
_NUMBER: Final = re.compile(r"[0-9]{1,15}")
_SHOWN: Final = frozenset(Happening) - {Happening.START}


def last_seen(request: Request) -> int:
    """Return the number of the last event that a reader has, 0 for one who is new."""
    text = request.headers.get("last-event-id", "")
    return int(text) if _NUMBER.fullmatch(text) else 0


async def frames(call: Call, number: int) -> AsyncIterator[bytes]:
    """Yield the events of a call after event `number`; comments while nothing happens.

    Python's client drops events without an id and raises on names that it does not know.
    """
    while True:
        await call.tape.more(number, HEARTBEAT)
        events = call.tape.after(number)
        if events is None:
            yield _frame(Event(number, Happening.ERROR, "the events before are kept no more"))
            yield _frame(Event(number, Happening.DONE, '{"reason": "error"}'))
            return
        if events:
            number = events[-1].number
            yield b"".join(_frame(event) for event in events if event.what in _SHOWN)
        if call.tape.ended and number >= call.tape.count:
            return
        if not events:
            yield b": heartbeat\n\n"


def _frame(event: Event) -> bytes:
    data = "".join(f"data: {line}\n" for line in _LINES.split(event.data))
    text = f"event: {event.what.value}\nid: {event.number}\n{data}\n"
    return text.encode("utf-8", "replace")
