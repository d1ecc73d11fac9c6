"""The JSON of requests and answers, in Replicate's form.

The real clients refuse null where their models say so: `model` and `version` of a prediction,
`url`, `run_count` and `visibility` of a model, `created_at` and `cog_version` of a version.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from starlette.requests import Request

from cogfal.errors import InvalidInput
from cogfal.gateway.call import GatewayCall, State
from cogfal.gateway.callers import Caller
from cogfal.gateway.catalogue import Kind, Version
from cogfal.gateway.refusals import Refusal, invalid
from cogfal.schema.decoding import decode
from cogfal.server.cog_messages import COG_VERSION
from cogfal.server.envelope import ALL_EVENTS, Malformed, WebhookEvent, parse_envelope
from cogfal.spec import JSON

LONGEST_WAIT: Final = 60
_WAIT: Final = re.compile(r"wait(?:\s*=\s*\"?(?P<seconds>[0-9]{1,6})\"?)?", re.IGNORECASE)
HARDWARE: Final = "fal"


@dataclass(frozen=True, slots=True)
class RunRequest:
    """A request for a prediction or training.

    `version` is what the body says of it, `hooks` maps the addresses to tell to the events that
    they are told, `size` is that of the body in bytes.
    """

    version: str | None
    input: Mapping[str, JSON]
    hooks: Mapping[str, frozenset[WebhookEvent]]
    stream: bool
    size: int


def read_request(chunks: list[bytes]) -> RunRequest:
    """Read a request's JSON; raise Refusal where it is none, or does not fit."""
    size = sum(map(len, chunks))  # before they are decoded, and so forgotten
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
    return RunRequest(version, envelope.input, hooks, value.get("stream") is True, size)


def wait_seconds(request: Request) -> int | None:
    """Return for how long a caller prefers to wait for the outcome; None for not at all."""
    for wish in ",".join(request.headers.getlist("prefer")).split(","):
        found = _WAIT.fullmatch(wish.partition(";")[0].strip())
        if found is not None:
            seconds = LONGEST_WAIT if found["seconds"] is None else int(found["seconds"])
            return min(max(seconds, 1), LONGEST_WAIT)
    return None


@dataclass(frozen=True, slots=True)
class KnownCall:
    """Everything about a prediction but its state; `stream` is the ticket of its stream."""

    id: str
    kind: Kind
    version: Version
    created_at: str
    input: JSON = None
    stream: str | None = None


def subject_of(call: GatewayCall) -> KnownCall:
    """Return everything about a call but its state."""
    stream = call.ticket if call.kind is Kind.PREDICTION else None
    return KnownCall(call.id, call.kind, call.version, call.created_at, call.input, stream)


def prediction(subject: KnownCall, state: State, base: str) -> dict[str, JSON]:
    """Return a prediction or training; `base` is the gateway's address, with a slash at its end."""
    url = f"{base}v1/{subject.kind.value}/{subject.id}"
    urls = {"get": url, "cancel": f"{url}/cancel"}
    if subject.stream is not None:
        urls["stream"] = f"{base}v1/streams/{subject.stream}"
    return {
        "id": subject.id,
        "model": subject.version.model,
        "version": subject.version.id,
        "input": subject.input,
        "output": state.output,
        "logs": state.logs,
        "error": state.error,
        "status": state.status,
        "metrics": dict(state.metrics),
        "created_at": subject.created_at,
        "started_at": state.started_at,
        "completed_at": state.completed_at,
        "data_removed": False,
        "source": "api",
        "urls": urls,
    }


def model(version: Version, latest: JSON, base: str) -> dict[str, JSON]:
    """Return a model; `latest` is its latest version, or None while its schema is not known."""
    return {
        "url": f"{base}v1/models/{version.model}",
        "owner": version.owner,
        "name": version.name,
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
    return {
        "owner": version.owner,
        "name": version.name,
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
