"""Send the events of a call to readers of its stream, who may come back, and to webhooks."""

from __future__ import annotations

import base64
import hmac
import re
import time
from collections.abc import AsyncIterator, Callable, Mapping
from hashlib import sha256
from typing import Final

from starlette.requests import Request

from cogfal.engine.prediction import Event as PredictionEvent
from cogfal.engine.prediction import Log, Output, Started
from cogfal.gateway.call import Event, EventKind, GatewayCall
from cogfal.gateway.replicate_messages import prediction, subject_of
from cogfal.spec import JSON

HEARTBEAT: Final = 15.0
"""Seconds of silence after which a stream shows that it lives."""

HEADERS: Final = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
_LINES: Final = re.compile(r"\r\n|\r|\n")
_NUMBER: Final = re.compile(r"[0-9]{1,15}")
_SHOWN: Final = frozenset(EventKind) - {EventKind.START}


def last_seen(request: Request) -> int:
    """Return the number of the last event that a reader has, 0 for one who is new."""
    text = request.headers.get("last-event-id", "")
    return int(text) if _NUMBER.fullmatch(text) else 0


async def frames(call: GatewayCall, number: int) -> AsyncIterator[bytes]:
    """Yield the events of a call after event `number`; comments while nothing happens.

    Python's client drops events without an id and raises on names that it does not know.
    """
    while True:
        await call.events.more(number, HEARTBEAT)
        events = call.events.after(number)
        if events is None:
            yield _frame(Event(number, EventKind.ERROR, "the events before are kept no more"))
            yield _frame(Event(number, EventKind.DONE, '{"reason": "error"}'))
            return
        if events:
            number = events[-1].number
            yield b"".join(_frame(event) for event in events if event.what in _SHOWN)
        if call.events.ended and number >= call.events.count:
            return
        if not events:
            yield b": heartbeat\n\n"


def _frame(event: Event) -> bytes:
    data = "".join(f"data: {line}\n" for line in _LINES.split(event.data))
    text = f"event: {event.what.value}\nid: {event.number}\n{data}\n"
    return text.encode("utf-8", "replace")


class WatchedCall:
    """A call as the sender of webhooks sees it; what it returns has Replicate's form."""

    def __init__(self, call: GatewayCall) -> None:
        self.id = call.id
        self._call = call

    async def events(self) -> AsyncIterator[PredictionEvent]:
        """Yield what happens from the beginning, as far as it is worth a webhook."""
        number = 0
        while True:
            await self._call.events.more(number)
            # A watcher that is so late that events are lost goes on with what there is.
            events = self._call.events.after(number)
            if events is None:
                events = self._call.events.latest()
            for event in events:
                number = event.number
                match event.what:
                    case EventKind.START:
                        yield Started()
                    case EventKind.OUTPUT:
                        yield Output(None, 0)
                    case EventKind.LOGS:
                        yield Log("stdout", "")
                    case EventKind.DONE:
                        return
                    case EventKind.ERROR:
                        pass

    def started(self) -> dict[str, JSON]:
        """Return the state of a call that has just begun."""
        return self.progress()

    def ended(self) -> dict[str, JSON]:
        """Return the last state."""
        return self.progress()

    def progress(self) -> dict[str, JSON]:
        """Return the present state of the call."""
        return prediction(subject_of(self._call), self._call.state, self._call.base)


def signing(secret: str, call: str) -> Callable[[bytes], Mapping[str, str]]:
    """Return what signs the webhooks of one call: the headers of the Standard Webhooks form.

    The id is the same for the same body, so that a receiver knows a repetition; the time is not.
    """
    key = base64.b64decode(secret.removeprefix("whsec_"))

    def headers(body: bytes) -> Mapping[str, str]:
        digest = sha256(call.encode() + body).digest()[:18]
        name = f"msg_{base64.urlsafe_b64encode(digest).decode()}"
        moment = str(int(time.time()))
        signed = hmac.digest(key, f"{name}.{moment}.".encode() + body, "sha256")
        return {
            "Webhook-Id": name,
            "Webhook-Timestamp": moment,
            "Webhook-Signature": f"v1,{base64.b64encode(signed).decode()}",
        }

    return headers
