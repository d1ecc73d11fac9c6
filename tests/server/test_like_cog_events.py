"""Server-sent events, which the real Cog server and cogfal send alike."""

from __future__ import annotations

import time
from typing import Any

import pytest

from tests.server.asking import (
    ASYNC,
    EVENTS,
    Pair,
    Start,
    follow,
    leave,
    predict,
    wait_for_logs,
)
from tests.server.observing import answer, events
from tests.server.projects import (
    STREAMING,
)
from tests.server.servers import Server


def test_events_are_refused_without_opting_in(plain: Pair) -> None:
    """A predictor without `@streaming` answers 406, before it looks at the inputs."""
    theirs, ours = plain.ask(
        lambda server: [answer(predict(server, EVENTS)), answer(predict(server, EVENTS, count="x"))]
    )

    assert ours == theirs
    assert ours[0][0] == 406


def test_events_of_a_prediction_are_equal(streaming: Pair) -> None:
    """Start, logs, metrics, output and the end come with the same data."""
    theirs, ours = streaming.ask(follow({"id": "events", "input": {"count": 4}}))

    assert ours == theirs
    assert list(ours["completed"][0]["output"]) == [f"piece {n}" for n in range(4)]


def test_events_of_a_failing_prediction_are_equal(streaming: Pair) -> None:
    """A failure after some output is told in the last event."""

    def question(server: Server) -> Any:
        seen = follow({"id": "failing", "input": {"mode": "fail"}})(server)
        end = seen["completed"][0]
        assert "in the middle" in end.pop("error")
        assert end.pop("logs").startswith("hello\noops\n")
        seen.pop("stderr")
        return seen

    theirs, ours = streaming.ask(question)

    assert ours == theirs


def test_any_accept_that_names_events_gets_them(streaming: Pair) -> None:
    """Cog does not weigh the media types of `Accept`."""

    def question(server: Server) -> Any:
        accept = {"accept": "application/json, text/event-stream;q=0.5"}
        kinds = [predict(server, accept, count=1).headers["content-type"].partition(";")[0]]
        server.until_health("READY")
        kinds.append(predict(server, {"accept": "*/*"}, count=1).headers["content-type"])
        return kinds

    theirs, ours = streaming.ask(question)

    assert ours == theirs == ["text/event-stream", "application/json"]


def test_invalid_inputs_are_no_stream(streaming: Pair) -> None:
    """What never starts is answered as JSON."""
    theirs, ours = streaming.ask(lambda server: answer(predict(server, EVENTS, count="bad")))

    assert ours == theirs
    assert ours[0] == 422


def test_attaching_replays_the_events(streaming: Pair) -> None:
    """PUT with the id of a running prediction gives its history and its future."""

    def question(server: Server) -> Any:
        body = {"input": {"mode": "slow", "count": 8}}
        server.client.put("/predictions/joined", json=body, headers=ASYNC)
        wait_for_logs(server, "/predictions/joined")
        return follow({}, "PUT", "/predictions/joined")(server)

    theirs, ours = streaming.ask(question)

    assert ours == theirs
    assert len(ours["output"]) == 8


def test_leaving_an_attached_stream_does_not_cancel_but_leaving_ones_own_does(
    streaming: Pair,
) -> None:
    """Only the client that started the prediction takes it along."""

    def question(server: Server) -> Any:
        body = {"input": {"mode": "slow", "count": 30}}
        server.client.put("/predictions/left", json=body, headers=ASYNC)
        leave(server, "PUT", "/predictions/left", {})
        seen = [server.client.get("/health-check").json()["status"]]
        server.client.post("/predictions/left/cancel")
        server.until_health("READY")
        leave(server, "POST", "/predictions", {"id": "own", **body})
        server.until_health("READY")
        return seen

    theirs, ours = streaming.ask(question)

    assert ours == theirs == ["BUSY"]


@pytest.mark.parametrize(("capacity", "kinds"), [("0", {"output", "completed"}), ("3", {"error"})])
def test_events_that_are_not_kept_are_missed_alike(
    start: Start, capacity: str, kinds: set[str]
) -> None:
    """A cut history ends the stream with an error; where none is kept the future is told."""
    pair = start(STREAMING, COG_STREAM_HISTORY_CAPACITY=capacity)

    def question(server: Server) -> Any:
        body = {"input": {"mode": "slow", "count": 12}}
        server.client.put("/predictions/cut", json=body, headers=ASYNC)
        while "piece 6" not in str(server.client.put("/predictions/cut", json={}).json()):
            time.sleep(0.02)
        happened = events(server.client.put("/predictions/cut", json={}, headers=EVENTS))
        server.client.post("/predictions/cut/cancel")
        server.until_health("READY")
        return {name for name, _ in happened}, happened[0][1].pop("skipped", 7) >= 7

    theirs, ours = pair.ask(question)

    assert ours == theirs == (kinds, True)
