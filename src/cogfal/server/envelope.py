"""Parse what clients of Cog's HTTP API send: the JSON object around a prediction's inputs."""

from __future__ import annotations

import re
import secrets
from enum import Enum
from typing import Final, NamedTuple, NoReturn

import httpx
from starlette.requests import Request

from cogfal.errors import InvalidInput
from cogfal.schema.decoding import decode
from cogfal.server.caller import Body
from cogfal.spec import JSON

LONGEST_ID: Final = 256
_ID: Final = re.compile(rf"[A-Za-z0-9._~:=+@-]{{1,{LONGEST_ID}}}")
_BASE_32: Final = 8 * b"abcdefghijklmnopqrstuvwxyz234567"
"""What each byte of a random id becomes."""
ID_RULE: Final = f"an id has 1 to {LONGEST_ID} letters, digits and characters of ._~:=+@-"


class WebhookEvent(str, Enum):
    """What a webhook can be about, in Cog's words."""

    START = "start"
    OUTPUT = "output"
    LOGS = "logs"
    COMPLETED = "completed"


ALL_EVENTS: Final = frozenset(WebhookEvent)


class Malformed(Exception):
    """Report a request that is no envelope; `loc` is the place in the request."""

    def __init__(self, status: int, loc: tuple[str | int, ...], message: str) -> None:
        self.status = status
        self.loc = loc
        self.message = message
        super().__init__(message)


class Envelope(NamedTuple):
    """A request for a prediction; `input` is whatever JSON the client sent as its inputs."""

    id: str | None
    input: JSON
    webhook: str | None
    events: frozenset[WebhookEvent]
    context: dict[str, str]
    output_file_prefix: str | None


def is_id(text: str) -> bool:
    """Tell whether `text` can be an id: a name for callers, compared and never part of a path."""
    return _ID.fullmatch(text) is not None


def new_id() -> str:
    """Return a random id in the form that Cog recommends: 26 characters of base 32."""
    return secrets.token_bytes(26).translate(_BASE_32).decode()


async def read_envelope(request: Request, body: Body) -> Envelope:
    """Parse the body of `request`, which is gone then; an empty one is an empty envelope.

    Raises:
        Malformed: It is not JSON (400, 415) or no envelope (422).
    """
    if not body.size and "content-type" not in request.headers:
        return parse_envelope({})
    if not _is_json(request.headers.get("content-type", "application/json")):
        raise Malformed(415, ("header", "content-type"), "Send `Content-Type: application/json`")
    return await body.turned(_parsed)


def _parsed(chunks: list[bytes]) -> Envelope:
    try:
        value = decode(chunks)
    except InvalidInput as error:
        message = f"Failed to parse the request body as JSON: {error.problems[0].message}"
        raise Malformed(400, ("body",), message) from error
    return parse_envelope(value)


def parse_envelope(value: JSON) -> Envelope:
    """Turn decoded JSON into an envelope; fields that it does not know are ignored, as in Cog.

    Raises:
        Malformed: A field has the wrong type.
    """
    if not isinstance(value, dict):
        _refuse(("body",), f"Input should be an object, not {_kind(value)}")
    sent = value.get("input")
    return Envelope(
        id=_id(value.get("id")),
        input={} if sent is None else sent,
        webhook=_url(value, "webhook"),
        events=_events(value.get("webhook_events_filter")),
        context=_context(value.get("context")),
        output_file_prefix=_url(value, "output_file_prefix"),
    )


def _is_json(content_type: str) -> bool:
    kind = content_type.partition(";")[0].strip().lower()
    return kind == "application/json" or (
        kind.startswith("application/") and kind.endswith("+json")
    )


def _id(value: JSON) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str):
        _refuse(("body", "id"), f"Input should be a string, not {_kind(value)}")
    if not is_id(value):
        _refuse(("body", "id"), ID_RULE)
    return value


def _url(fields: dict[str, JSON], name: str) -> str | None:
    value = fields.get(name)
    if value is None:
        return None
    if not isinstance(value, str):
        _refuse(("body", name), f"Input should be a string, not {_kind(value)}")
    try:
        url = httpx.URL(value)
    except (httpx.InvalidURL, UnicodeError, ValueError):
        _refuse(("body", name), "Input should be an http or https URL")
    if url.scheme not in ("http", "https") or not url.raw_host or (url.port or 0) > 65535:
        _refuse(("body", name), "Input should be an http or https URL")
    return value


def _events(value: JSON) -> frozenset[WebhookEvent]:
    place = ("body", "webhook_events_filter")
    if value is None:
        return ALL_EVENTS
    if not isinstance(value, list):
        _refuse(place, f"Input should be a list, not {_kind(value)}")
    return frozenset(_event(item, (*place, index)) for index, item in enumerate(value))


def _event(value: JSON, place: tuple[str | int, ...]) -> WebhookEvent:
    try:
        return WebhookEvent(value)
    except ValueError:
        names = ", ".join(event.value for event in WebhookEvent)
        _refuse(place, f"Input should be one of {names}")


def _context(value: JSON) -> dict[str, str]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        _refuse(("body", "context"), f"Input should be an object, not {_kind(value)}")
    for name, item in value.items():
        if not isinstance(item, str):
            _refuse(("body", "context", name), f"Input should be a string, not {_kind(item)}")
    return value


def _refuse(loc: tuple[str | int, ...], message: str) -> NoReturn:
    raise Malformed(422, loc, message)


def _kind(value: JSON) -> str:
    """Name a JSON value's type without showing the value, which may be a secret."""
    match value:
        case None:
            return "null"
        case bool():
            return "a boolean"
        case int() | float():
            return "a number"
        case str():
            return "a string"
        case list():
            return "a list"
        case _:
            return "an object"
