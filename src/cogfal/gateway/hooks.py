"""Tell callers by webhook, in Replicate's form and signed as theirs; the engine's sender sends."""

from __future__ import annotations

import base64
import hmac
import time
from collections.abc import AsyncIterator, Callable, Mapping
from hashlib import sha256

from cogfal.engine.prediction import Event, Log, Output, Started
from cogfal.gateway.bodies import prediction, subject_of
from cogfal.gateway.calls import Call, Happening
from cogfal.spec import JSON


class Told:
    """What the sender of webhooks may ask about a call."""

    def __init__(self, call: Call) -> None:
        self.id = call.id
        self._call = call

    async def events(self) -> AsyncIterator[Event]:
        """Yield what happens from the beginning, as far as it is worth a webhook."""
        number = 0
        while True:
            await self._call.tape.more(number)
            # A watcher that is so late that events are lost goes on with what there is.
            events = self._call.tape.after(number)
            if events is None:
                events = self._call.tape.latest()
            for event in events:
                number = event.number
                match event.what:
                    case Happening.START:
                        yield Started()
                    case Happening.OUTPUT:
                        yield Output(None, 0)
                    case Happening.LOGS:
                        yield Log("stdout", "")
                    case Happening.DONE:
                        return
                    case Happening.ERROR:
                        pass

    def started(self) -> dict[str, JSON]:
        """Return the state of a call that has just begun."""
        return self.progress()

    def ended(self) -> dict[str, JSON]:
        """Return the last state."""
        return self.progress()

    def progress(self) -> dict[str, JSON]:
        """Return where the call stands."""
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
