"""What clients may send around a prediction's inputs."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from starlette.requests import Request

from cogfal.server import caller, envelope
from cogfal.server.envelope import (
    ALL_EVENTS,
    Malformed,
    WebhookEvent,
    is_id,
    new_id,
    parse_envelope,
)


def test_an_empty_object_asks_for_a_prediction_with_defaults() -> None:
    """Every field may be left out, or be null."""
    empty = parse_envelope({})

    nulls = dict.fromkeys(("id", "input", "webhook", "webhook_events_filter", "context"))
    assert parse_envelope(nulls) == empty
    assert (empty.input, empty.events, empty.context) == ({}, ALL_EVENTS, {})


def test_every_field_is_read() -> None:
    """Ids, inputs, webhooks, context and prefix arrive as sent."""
    parsed = parse_envelope(
        {
            "id": "wjx3whax6rf4vphkegkhcvpv6a",
            "input": {"a": 1},
            "webhook": "https://example.com/hook",
            "webhook_events_filter": ["start", "completed"],
            "context": {"a": "b"},
            "output_file_prefix": "https://example.com/upload",
        }
    )

    assert parsed.id == "wjx3whax6rf4vphkegkhcvpv6a"
    assert parsed.input == {"a": 1}
    assert parsed.webhook == "https://example.com/hook"
    assert parsed.events == {WebhookEvent.START, WebhookEvent.COMPLETED}
    assert parsed.context == {"a": "b"}
    assert parsed.output_file_prefix == "https://example.com/upload"


WRONG = {
    "no object": ([], ("body",)),
    "id of another type": ({"id": 5}, ("body", "id")),
    "empty id": ({"id": ""}, ("body", "id")),
    "id with a slash": ({"id": "../a"}, ("body", "id")),
    "id with a blank": ({"id": "a b"}, ("body", "id")),
    "id with a line feed": ({"id": "a\n"}, ("body", "id")),
    "id that is too long": ({"id": "a" * 257}, ("body", "id")),
    "webhook that is no URL": ({"webhook": "not a url"}, ("body", "webhook")),
    "webhook that is a file": ({"webhook": "file:///etc/passwd"}, ("body", "webhook")),
    "webhook without a host": ({"webhook": "http:///x"}, ("body", "webhook")),
    "prefix that is no URL": ({"output_file_prefix": "x"}, ("body", "output_file_prefix")),
    "filter that is a text": (
        {"webhook_events_filter": "start"},
        ("body", "webhook_events_filter"),
    ),
    "unknown event": (
        {"webhook_events_filter": ["start", "x"]},
        ("body", "webhook_events_filter", 1),
    ),
    "unhashable event": (
        {"webhook_events_filter": [["start"]]},
        ("body", "webhook_events_filter", 0),
    ),
    "context that is a list": ({"context": []}, ("body", "context")),
    "context of numbers": ({"context": {"a": 1}}, ("body", "context", "a")),
}


@pytest.mark.parametrize(("body", "loc"), WRONG.values(), ids=WRONG)
def test_a_wrong_field_is_named(body: Any, loc: tuple[str | int, ...]) -> None:
    """A field of the wrong type, or a value that is not allowed, is a 422 at its place."""
    with pytest.raises(Malformed) as caught:
        parse_envelope(body)

    assert (caught.value.status, caught.value.loc) == (422, loc)


def test_an_error_does_not_repeat_what_was_sent() -> None:
    """A secret in the wrong place is not shown."""
    with pytest.raises(Malformed) as caught:
        parse_envelope({"context": {"token": ["hunter2"]}})

    assert "hunter2" not in str(caught.value)


def read(body: bytes, content_type: str | None = "application/json") -> envelope.Envelope:
    """Read a request with this body, in two pieces."""
    pieces = [body[:3], body[3:]]

    async def receive() -> dict[str, Any]:
        piece = pieces.pop(0)
        return {"type": "http.request", "body": piece, "more_body": bool(pieces)}

    headers = [] if content_type is None else [(b"content-type", content_type.encode())]
    request = Request({"type": "http", "method": "POST", "headers": headers}, receive)

    async def main() -> envelope.Envelope:
        with caller.Body(caller.Bodies()) as read:
            await read.read(request)
            return await envelope.read_envelope(request, read)

    return asyncio.run(main())


def test_a_body_without_a_content_type_is_read_as_json() -> None:
    """Nothing that was sent is silently ignored."""
    assert read(b'{"id": "a"}', None).id == "a"


@pytest.mark.parametrize("body", [b"{", b"\xff", b'{"input": NaN}', b"[" * 100_000])
def test_what_is_no_json_is_a_400(body: bytes) -> None:
    """Broken, non-UTF-8, non-standard and endlessly nested JSON are refused."""
    with pytest.raises(Malformed) as caught:
        read(body)

    assert caught.value.status == 400


def test_new_ids_are_as_cog_recommends() -> None:
    """26 characters of base 32, never the same twice."""
    ids = {new_id() for _ in range(100)}

    assert len(ids) == 100
    assert {len(each) for each in ids} == {26}
    assert all(is_id(each) for each in ids)


@pytest.mark.parametrize("text", ["a", "A-b_c.d~e:f=g+h@i", "0" * 256])
def test_ids_that_clients_use_are_taken(text: str) -> None:
    """Letters, digits and the punctuation of UUIDs, base 64 and the like."""
    assert is_id(text)


@pytest.mark.parametrize("text", ["", "a/b", "a\\b", "a b", "a\n", "é", "\x00", "a" * 257])
def test_anything_else_is_refused(text: str) -> None:
    """Separators, blanks, control characters and long texts are no ids."""
    assert not is_id(text)
