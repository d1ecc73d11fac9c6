"""The JSON bodies of Cog's API, and what clients may send around a prediction's inputs."""

from __future__ import annotations

import asyncio
from datetime import datetime, timezone
from typing import Any

import pytest
from starlette.requests import Request

from cogfal.cog.types import Path, Secret
from cogfal.engine.lifecycle import Health, HealthStatus, SetupReport, SetupStatus
from cogfal.engine.prediction import Status
from cogfal.errors import PredictionCancelled
from cogfal.server import caller
from cogfal.server import cog_messages as messages
from cogfal.server.cog_messages import (
    ALL_EVENTS,
    Envelope,
    Malformed,
    WebhookEvent,
    is_id,
    new_id,
    parse_envelope,
    read_envelope,
)
from tests.server.predictions import Play

NOON = datetime(2030, 1, 1, 12, tzinfo=timezone.utc)


def body_of(status: Status, *pieces: str) -> dict[str, Any]:
    """Return the last state of a prediction that put out `pieces` and ended so."""

    async def main() -> dict[str, Any]:
        play = Play(yields=True)
        play.start()
        for piece in pieces:
            play.put_out(piece)
        match status:
            case Status.SUCCEEDED:
                play.succeed()
            case Status.FAILED:
                play.fail("a bad thing")
            case _:
                play.prediction.finish(status, PredictionCancelled("the prediction was cancelled"))
        await play.prediction.wait()
        return messages.ended(play.prediction)

    return asyncio.run(main())


ENDS = {
    "succeeded": (Status.SUCCEEDED, ["a"], {"output": ["a"]}),
    "succeeded with nothing": (Status.SUCCEEDED, [], {"output": []}),
    "failed": (Status.FAILED, [], {"error": "a bad thing"}),
    "failed half-way": (Status.FAILED, ["a"], {"error": "a bad thing", "output": ["a"]}),
    "canceled": (Status.CANCELED, [], {}),
    "canceled half-way": (Status.CANCELED, ["a"], {"output": ["a"]}),
}


@pytest.mark.parametrize(("status", "pieces", "own"), ENDS.values(), ids=ENDS)
def test_each_end_has_its_fields(status: Status, pieces: list[str], own: dict[str, Any]) -> None:
    """Output where there is some, an error where it failed, predict_time always."""
    body = body_of(status, *pieces)

    assert {name: body[name] for name in ("output", "error") if name in body} == own
    assert body["status"] == status.value
    assert body["metrics"] == {"predict_time": 0.0}


def test_inputs_are_shown_without_secrets() -> None:
    """Secrets are masked wherever they are, and everything is JSON."""
    values = {"token": Secret("x"), "nested": [{"a": Secret("y")}], "file": Path("a.txt"), "n": 1.5}

    shown = messages.shown(values)

    mask = messages.MASK
    assert shown == {"token": mask, "nested": [{"a": mask}], "file": "a.txt", "n": 1.5}


def test_health_says_why() -> None:
    """A failed setup shows its error in its logs, an unhealthy predictor in a field."""
    failed = SetupReport(SetupStatus.FAILED, "looking\n", NOON, NOON)
    well = SetupReport(SetupStatus.SUCCEEDED, "", NOON, NOON)

    broken = messages.health_check(Health(HealthStatus.SETUP_FAILED, "no weights", failed), "1.0")
    sick = messages.health_check(Health(HealthStatus.UNHEALTHY, "too hot", well), "1.0")

    assert broken["setup"]["logs"] == "looking\nno weights"
    assert "user_healthcheck_error" not in broken
    assert sick["user_healthcheck_error"] == "too hot"
    assert sick["version"]["cogfal"] == "1.0"


def test_a_setup_that_has_not_begun_is_left_out() -> None:
    """Before setup there is only the status."""
    body = messages.health_check(Health(HealthStatus.STARTING), "1.0")

    assert set(body) == {"status", "version"}


def test_the_index_names_trainings_where_there_are_some() -> None:
    """Paths that are not served are not named."""
    without = messages.index(trainings=False)
    with_trainer = messages.index(trainings=True)

    assert set(with_trainer) - set(without) == {
        "trainings_url",
        "trainings_idempotent_url",
        "trainings_cancel_url",
    }


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


def read(body: bytes, content_type: str | None = "application/json") -> Envelope:
    """Read a request with this body, in two pieces."""
    pieces = [body[:3], body[3:]]

    async def receive() -> dict[str, Any]:
        piece = pieces.pop(0)
        return {"type": "http.request", "body": piece, "more_body": bool(pieces)}

    headers = [] if content_type is None else [(b"content-type", content_type.encode())]
    request = Request({"type": "http", "method": "POST", "headers": headers}, receive)

    async def main() -> Envelope:
        with caller.Body(caller.Bodies()) as read:
            await read.read(request)
            return await read_envelope(request, read)

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
