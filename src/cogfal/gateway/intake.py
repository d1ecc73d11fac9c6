"""Read what a request for a prediction says, within limits that all requests share."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from starlette.requests import ClientDisconnect, Request

from cogfal.errors import InvalidInput
from cogfal.gateway.limits import Limits
from cogfal.gateway.refusals import Refusal, invalid
from cogfal.schema.decoding import decode
from cogfal.server.envelope import ALL_EVENTS, Malformed, WebhookEvent, parse_envelope
from cogfal.spec import JSON

LONGEST_WAIT: Final = 60
_WAIT: Final = re.compile(r"wait(?:\s*=\s*\"?(?P<seconds>[0-9]{1,6})\"?)?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Order:
    """A request for a prediction or training.

    `version` is what the body says of it, `hooks` maps the addresses to tell to the events that
    they are told, `size` is that of the body in bytes.
    """

    version: str | None
    input: Mapping[str, JSON]
    hooks: Mapping[str, frozenset[WebhookEvent]]
    stream: bool
    size: int


class Lease:
    """Some of the bytes that all requests may hold together; give it back when they are gone."""

    def __init__(self, intake: Intake) -> None:
        self._intake = intake
        self.size = 0

    def take(self, size: int) -> None:
        """Take more; raise Refusal where there is no more to be had."""
        if self._intake.held + size > self._intake.limits.bodies:
            raise Refusal(503, "Busy", "Too much is being sent. Try again.", retry_after=2)
        self.size += size
        self._intake.held += size

    def give_back(self) -> None:
        """Give all of it back; a second time there is nothing to give."""
        self._intake.held -= self.size
        self.size = 0


class Intake:
    """Reads bodies; `held` counts the bytes of those that are still needed."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.held = 0

    async def read(self, request: Request, lease: Lease) -> Order:
        """Read a request's JSON; raise Refusal where it is none, too large, or does not fit."""
        return _order(await self._body(request, lease))

    async def _body(self, request: Request, lease: Lease) -> bytes:
        content = bytearray()
        try:
            async for chunk in request.stream():
                if len(content) + len(chunk) > self.limits.body:
                    raise Refusal(413, "Too large", f"A body has {self.limits.body} bytes at most.")
                lease.take(len(chunk))
                content += chunk
        except ClientDisconnect as error:
            raise Refusal(499, "Gone", "The caller left.") from error
        return bytes(content)


def _order(body: bytes) -> Order:
    try:
        value = decode(body)
        envelope = parse_envelope(value)
        last = parse_envelope({"webhook": value.get("webhook_completed")})
    except InvalidInput as error:
        raise Refusal(400, "Bad request", error.problems[0].message) from error
    except Malformed as error:
        raise invalid(f"{'.'.join(map(str, error.loc[1:]))}: {error.message}") from error
    if not isinstance(envelope.input, dict):
        raise invalid("input: it has to be an object")
    version = value.get("version")
    if version is not None and not isinstance(version, str):
        raise invalid("version: it has to be a string")
    hooks = {envelope.webhook: envelope.events or ALL_EVENTS} if envelope.webhook else {}
    if last.webhook is not None and last.webhook not in hooks:
        hooks[last.webhook] = frozenset({WebhookEvent.COMPLETED})
    return Order(version, envelope.input, hooks, value.get("stream") is True, len(body))


def wait_seconds(request: Request) -> int | None:
    """Return for how long a caller prefers to wait for the outcome; None for not at all."""
    for wish in ",".join(request.headers.getlist("prefer")).split(","):
        found = _WAIT.fullmatch(wish.partition(";")[0].strip())
        if found is not None:
            seconds = LONGEST_WAIT if found["seconds"] is None else int(found["seconds"])
            return min(max(seconds, 1), LONGEST_WAIT)
    return None
