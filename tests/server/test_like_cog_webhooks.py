"""Webhooks, which the real Cog server and cogfal send alike."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from tests.server.asking import (
    Pair,
)
from tests.server.observing import state
from tests.server.receiver import Receiver
from tests.server.servers import Server

WEBHOOK_FILTERS: dict[str, list[str] | None] = {
    "all": None,
    "start": ["start"],
    "completed": ["completed"],
    "both ends": ["start", "completed"],
    "none": [],
}
STARTED = {"id": "hooked", "logs": "", "metrics": {}, "status": "processing"}


@pytest.mark.parametrize("wanted", WEBHOOK_FILTERS.values(), ids=WEBHOOK_FILTERS)
@pytest.mark.parametrize("mode", ["none", "fail", "metrics"])
def test_webhooks_have_the_same_ends(
    plain: Pair, hooks: Receiver, mode: str, wanted: list[str] | None
) -> None:
    """The first and the last webhook are equal, and a filter leaves out the same ones."""
    kinds = {"start", "completed"} if wanted is None else set(wanted)

    def question(server: Server) -> Any:
        path = f"/ok/{id(server)}"
        body = {"id": "hooked", "input": {"mode": mode}, "webhook": hooks.url + path}
        asked = body if wanted is None else {**body, "webhook_events_filter": wanted}
        server.client.post("/predictions", json=asked).raise_for_status()
        if "completed" in kinds:
            hooks.wait_for_end(path)
        came = [told(each.json) for each in hooks.wait(path, len(kinds))]
        starts = [each for each in came if each == STARTED][:1]
        return starts, [each for each in came if each["status"] != "processing"]

    theirs, ours = plain.ask(question)

    assert ours == theirs


def told(body: dict[str, Any]) -> dict[str, Any]:
    """Reduce a webhook's body: a failure's text and logs are worded differently."""
    seen: dict[str, Any] = state(body)
    if seen["status"] == "failed":
        assert "a bad thing" in seen.pop("error")
        assert "about to fail\n" in seen.pop("logs")
    return seen


def test_webhooks_of_a_printing_prediction_tell_ever_more(plain: Pair, hooks: Receiver) -> None:
    """Logs arrive in between, at most one webhook per half second, each adding to the last."""

    def question(server: Server) -> Any:
        path = f"/ok/{id(server)}"
        body = {"input": {"mode": "print", "count": 12}, "webhook": hooks.url + path}
        server.client.post("/predictions", json=body).raise_for_status()
        came = [each.json for each in hooks.wait_for_end(path)]
        logs = [each["logs"] for each in came if "output" not in each]
        assert all(later.startswith(earlier) for earlier, later in pairwise(logs))
        return state(came[0])["status"], len(logs), came[-1]["logs"] or None

    theirs, ours = plain.ask(question)

    assert ours[0] == theirs[0]
    assert 2 <= ours[1] <= 5
    assert ours[2] == theirs[2]


def test_webhooks_carry_the_trace_headers(plain: Pair, hooks: Receiver) -> None:
    """W3C trace headers of the request are passed on, and the body is JSON."""
    trace = {
        "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "tracestate": "a=b",
    }

    def question(server: Server) -> Any:
        path = f"/ok/{id(server)}"
        body = {"webhook": hooks.url + path, "webhook_events_filter": ["completed"]}
        server.client.post("/predictions", json=body, headers=trace).raise_for_status()
        headers = hooks.wait(path)[0].headers
        return [headers[name] for name in (*trace, "content-type")]

    theirs, ours = plain.ask(question)

    assert ours == theirs == [*trace.values(), "application/json"]


def test_the_last_webhook_is_tried_again(plain: Pair, hooks: Receiver) -> None:
    """A receiver that is out of order for a moment still gets the end, from both."""

    def question(server: Server) -> Any:
        path = f"/fail-2/{id(server)}"
        body = {"id": "again", "webhook": hooks.url + path, "webhook_events_filter": ["completed"]}
        server.client.post("/predictions", json=body).raise_for_status()
        return [state(each.json) for each in hooks.wait(path, 3)]

    theirs, ours = plain.ask(question)

    assert ours == theirs
