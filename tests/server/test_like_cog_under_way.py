"""Predictions under way, which the real Cog server and cogfal treat alike."""

from __future__ import annotations

import threading
from typing import Any

import httpx
import pytest

from tests.server.asking import (
    ASYNC,
    EVENTS,
    Pair,
    Start,
    predict,
    wait_for_logs,
)
from tests.server.observing import answer, state
from tests.server.projects import (
    CONCURRENT,
)
from tests.server.receiver import Receiver
from tests.server.servers import Server


def test_a_prediction_under_way(plain: Pair) -> None:
    """Repeating, a second one, invalid inputs, health and cancelling are answered alike."""

    def question(server: Server) -> list[Any]:
        body = {"input": {"mode": "sleep", "count": 100}}
        put, url = server.client.put, "/predictions/busy"
        seen = [answer(put(url, json=body, headers=ASYNC))]
        wait_for_logs(server, url)
        seen += [
            without_input(answer(put(url, json=body))),
            without_input(answer(put(url, json={"input": {"count": "bad"}}, headers=ASYNC))),
            answer(put(url, json={"id": "other"})),
            answer(put("/predictions/other", json={})),
            answer(predict(server)),
            answer(predict(server, ASYNC)),
            answer(predict(server, count="bad")),
            answer(predict(server, EVENTS)),
            server.client.get("/health-check").json()["status"],
            answer(server.client.post("/predictions/other/cancel")),
            answer(server.client.post(f"{url}/cancel")),
        ]
        server.client.post(f"{url}/cancel")  # it may have ended: no two servers take equally long
        server.until_health("READY")
        seen.append(answer(server.client.post(f"{url}/cancel")))
        return seen

    theirs, ours = plain.ask(question)

    assert ours == theirs


def without_input(seen: tuple[int, Any]) -> tuple[int, Any]:
    """Leave out the inputs but for one that was given."""
    status, body = seen
    return status, {**body, "input": body["input"]["count"]}


def test_dropping_a_synchronous_connection_cancels(plain: Pair, hooks: Receiver) -> None:
    """The prediction ends as canceled, and says so by webhook."""

    def question(server: Server) -> Any:
        path = f"/ok/{id(server)}"
        body = {"id": "dropped", "input": {"mode": "sleep", "count": 100}}
        body |= {"webhook": hooks.url + path, "webhook_events_filter": ["completed"]}
        with pytest.raises(httpx.ReadTimeout):
            server.client.post("/predictions", json=body, timeout=0.5)
        server.until_health("READY")
        return state(hooks.wait(path)[0].json)

    theirs, ours = plain.ask(question)

    assert ours == theirs
    assert ours["status"] == "canceled"


def test_async_predictors_share_their_slots_alike(start: Start) -> None:
    """Two at a time, BUSY when both slots are taken, 409 for the third."""
    pair = start(CONCURRENT, COG_MAX_CONCURRENCY="2")

    def question(server: Server) -> Any:
        seen: list[Any] = []
        for name in ("one", "two", "three"):
            body = {"id": name, "input": {"seconds": 60}}
            response = server.client.post("/predictions", json=body, headers=ASYNC)
            seen.append((answer(response), server.client.get("/health-check").json()["status"]))
        seen.append(answer(server.client.post("/predictions/one/cancel")))
        server.until_health("READY")
        seen.append(answer(predict(server, seconds=0.0)))
        server.client.post("/predictions/two/cancel")
        return seen

    theirs, ours = pair.ask(question)

    assert ours == theirs


def test_clients_in_turn_never_meet_a_busy_server(plain: Pair) -> None:
    """The slot is free before the answer's last byte; Cog's own is not always."""
    statuses = {predict(plain.ours, mode="none").status_code for _ in range(100)}

    assert statuses == {200}


def test_both_servers_answer_several_clients_at_once(plain: Pair) -> None:
    """While one predicts, another gets the index, health and the document at once."""

    def question(server: Server) -> Any:
        body = {"input": {"mode": "sleep", "count": 5}}
        first = threading.Thread(
            target=server.client.post, args=("/predictions",), kwargs={"json": body}
        )
        first.start()
        seen = [
            server.client.get(path).status_code for path in ("/", "/health-check", "/openapi.json")
        ]
        first.join()
        return seen

    theirs, ours = plain.ask(question)

    assert ours == theirs
