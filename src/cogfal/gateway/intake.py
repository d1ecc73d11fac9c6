"""Read what a request for a prediction or training says."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from starlette.requests import Request

from cogfal.errors import InvalidInput
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


def read_order(body: bytes) -> Order:
    """Read a request's JSON; raise Refusal where it is none, or does not fit."""
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
