"""Requests, answers, refusals, streams and webhooks, in Replicate's form.

The real clients refuse null where their models say so: `model` and `version` of a prediction,
`url`, `run_count` and `visibility` of a model, `created_at` and `cog_version` of a version.
"""

from __future__ import annotations

import base64
import hmac
import re
import time
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from starlette.requests import Request
from starlette.responses import JSONResponse

from cogfal.answers import problems_of
from cogfal.engine.prediction import Event as PredictionEvent
from cogfal.engine.prediction import Log, Output, Started
from cogfal.errors import InvalidInput
from cogfal.gateway.call import Event, EventKind, GatewayCall, State
from cogfal.gateway.callers import Caller
from cogfal.gateway.catalogue import Version
from cogfal.schema.decoding import decode
from cogfal.server.cog_messages import (
    ALL_EVENTS,
    COG_VERSION,
    Malformed,
    WebhookEvent,
    parse_envelope,
)
from cogfal.spec import JSON


@dataclass(eq=False)
class Refusal(Exception):
    """Report a request that is not fulfilled; `detail` says why, and what to do."""

    status: int
    title: str
    detail: str
    retry_after: int | None = None
    fields: list[JSON] | None = None

    def response(self) -> JSONResponse:
        """Return it as a response."""
        body = {"title": self.title, "detail": self.detail, "status": self.status}
        if self.fields is not None:
            body["invalid_fields"] = self.fields
        headers = {} if self.retry_after is None else {"Retry-After": str(self.retry_after)}
        return JSONResponse(body, self.status, headers)


def not_found(what: str) -> Refusal:
    """Return the refusal for something that is not there, or not for this caller."""
    return Refusal(404, "Not found", what)


def invalid(detail: str, fields: list[JSON] | None = None) -> Refusal:
    """Return the refusal for a request that does not fit."""
    return Refusal(422, "Input validation failed", detail, fields=fields)


def unfit(detail: JSON) -> Refusal:
    """Return the refusal for inputs of which an app says what is wrong with them."""
    problems = problems_of(detail)[:100]
    if not problems:
        return invalid(str(detail)[:2000])
    fields: list[JSON] = [
        {"type": each.type, "field": _field(each.loc), "description": each.message[:500]}
        for each in problems
    ]
    return invalid("".join(f"- {f['field']}: {f['description']}\n" for f in fields), fields)


def _field(loc: tuple[str | int, ...]) -> str:
    return ".".join(map(str, loc if loc[:1] == ("input",) else ("input", *loc)))


LONGEST_WAIT: Final = 60
_WAIT: Final = re.compile(r"wait(?:\s*=\s*\"?(?P<seconds>[0-9]{1,6})\"?)?", re.IGNORECASE)
HARDWARE: Final = "fal"


@dataclass(frozen=True, slots=True)
class RunRequest:
    """A request for a prediction or training.

    `version` is what the body says of it, `hooks` maps the addresses to tell to the events that
    they are told.
    """

    version: str | None
    input: Mapping[str, JSON]
    hooks: Mapping[str, frozenset[WebhookEvent]]
    stream: bool


def read_request(chunks: list[bytes]) -> RunRequest:
    """Read a request's JSON; raise Refusal where it is none, or does not fit."""
    try:
        value = decode(chunks)
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
    return RunRequest(version, envelope.input, hooks, value.get("stream") is True)


def wait_seconds(request: Request) -> int | None:
    """Return for how long a caller prefers to wait for the outcome; None for not at all."""
    for wish in ",".join(request.headers.getlist("prefer")).split(","):
        found = _WAIT.fullmatch(wish.partition(";")[0].strip())
        if found is not None:
            seconds = LONGEST_WAIT if found["seconds"] is None else int(found["seconds"])
            return min(max(seconds, 1), LONGEST_WAIT)
    return None


def prediction(call: GatewayCall, state: State, base: str) -> dict[str, JSON]:
    """Return a prediction or training; `base` is the gateway's address, with a slash at its end."""
    url = f"{base}v1/{call.kind.value}/{call.id}"
    urls = {"get": url, "cancel": f"{url}/cancel"}
    if call.ticket is not None:
        urls["stream"] = f"{base}v1/streams/{call.ticket}"
    return {
        "id": call.id,
        "model": call.version.model,
        "version": call.version.id,
        "input": call.input,
        "output": state.output,
        "logs": state.logs,
        "error": state.error,
        "status": state.status,
        "metrics": dict(state.metrics),
        "created_at": call.created_at,
        "started_at": state.started_at,
        "completed_at": state.completed_at,
        "data_removed": False,
        "source": "api",
        "urls": urls,
    }


def model(version: Version, latest: JSON, base: str) -> dict[str, JSON]:
    """Return a model; `latest` is its latest version, or None while its schema is not known."""
    owner, name = version.model.split("/")
    return {
        "url": f"{base}v1/models/{version.model}",
        "owner": owner,
        "name": name,
        "description": None,
        "visibility": "private",
        "github_url": None,
        "paper_url": None,
        "license_url": None,
        "run_count": 0,
        "cover_image_url": None,
        "default_example": None,
        "latest_version": latest,
    }


def version_body(version: Version, schema: JSON, since: str) -> dict[str, JSON]:
    """Return a version with its schema; `since` is when this gateway began to offer it."""
    return {
        "id": version.id,
        "created_at": since,
        "cog_version": COG_VERSION,
        "openapi_schema": schema,
    }


def deployment(version: Version, caller: Caller, since: str) -> dict[str, JSON]:
    """Return a deployment: every model is one, and fal scales it as its app says."""
    owner, name = version.model.split("/")
    return {
        "owner": owner,
        "name": name,
        "current_release": {
            "number": 1,
            "model": version.model,
            "version": version.id,
            "created_at": since,
            "created_by": account(caller),
            "configuration": {"hardware": HARDWARE, "min_instances": 0, "max_instances": 1},
        },
    }


def account(caller: Caller) -> dict[str, JSON]:
    """Return a caller's account."""
    return {"type": "user", "username": caller.name, "name": caller.name, "github_url": None}


def page(results: list[JSON]) -> dict[str, JSON]:
    """Return a list that has no further page."""
    return {"previous": None, "next": None, "results": results}


HEARTBEAT: Final = 15.0
"""Seconds of silence after which a stream shows that it lives."""

STREAM_HEADERS: Final = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
_LINES: Final = re.compile(r"\r\n|\r|\n")
_NUMBER: Final = re.compile(r"[0-9]{1,15}")
_SHOWN: Final = frozenset(EventKind) - {EventKind.START}
_WORTH_A_WEBHOOK: Final[Mapping[EventKind, PredictionEvent]] = {
    EventKind.START: Started(),
    EventKind.OUTPUT: Output(None, 0),
    EventKind.LOGS: Log("stdout", ""),
}


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
            for event in self._call.events.after(number) or self._call.events.latest(number):
                number = event.number
                if event.what is EventKind.DONE:
                    return
                if (worth := _WORTH_A_WEBHOOK.get(event.what)) is not None:
                    yield worth

    def progress(self) -> dict[str, JSON]:
        """Return the present state of the call, as at its start and its end."""
        return prediction(self._call, self._call.state, self._call.base)

    started = ended = progress


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
