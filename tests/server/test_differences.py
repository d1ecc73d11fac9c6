"""Where cogfal answers otherwise than today's Cog, on purpose; `docs/differences.md` says why."""

from __future__ import annotations

from typing import Any

import pytest

from tests.server.asking import ASYNC, Pair, Question, predict
from tests.server.observing import answer
from tests.server.servers import Server


def status(method: str, path: str, **arguments: Any) -> Question:
    """Return a question: which status does this request get?"""
    return lambda server: server.client.request(method, path, **arguments).status_code


def error(mode: str) -> Question:
    """Return a question: what does a failure say?"""
    return lambda server: predict(server, mode=mode).json()["error"]


def repeated(server: Server) -> tuple[int, int]:
    """POST twice with one id while the first still runs."""
    body = {"id": "twice", "input": {"mode": "sleep", "count": 2}}
    statuses = [
        server.client.post("/predictions", json=body, headers=ASYNC).status_code for _ in range(2)
    ]
    server.until_health("READY")
    return statuses[0], statuses[1]


def logs_of_a_failure(server: Server) -> bool:
    """Tell whether the answer of a failed prediction has its logs."""
    return "about to fail" in predict(server, mode="fail").json()["logs"]


def times(server: Server) -> list[str]:
    """Return which times an answer has."""
    return sorted(name for name in predict(server, mode="none").json() if name.endswith("_at"))


def unread_body(server: Server) -> Any:
    """Send inputs without a content type."""
    response = server.client.post("/predictions", content=b'{"input": {"mode": "none"}}')
    return response.json()["output"]


def several_preferences(server: Server) -> int:
    """Prefer an asynchronous answer, and something else."""
    headers = {"prefer": "respond-async, wait=5"}
    code = predict(server, headers, mode="none").status_code
    server.until_health("READY")
    return code


def large_inputs_under_way(server: Server) -> bool:
    """Attach to a prediction with large inputs: are they told?"""
    body = {"input": {"mode": "sleep", "count": 2, "text": "x" * 300_000}}
    server.client.put("/predictions/large", json=body, headers=ASYNC)
    told = "input" in server.client.put("/predictions/large", json=body).json()
    server.until_health("READY")
    return told


DIFFERENCES: dict[str, tuple[Question, Any, Any]] = {
    "large inputs of a running prediction": (large_inputs_under_way, True, False),
    "error text": (
        error("fail"),
        "Prediction failed: Prediction failed: ValueError: a bad thing",
        "a bad thing",
    ),
    "logs of a failure": (logs_of_a_failure, False, True),
    "times": (times, [], ["completed_at", "created_at", "started_at"]),
    "trainings without a trainer": (status("POST", "/trainings", json={}), 200, 404),
    "empty id": (status("POST", "/predictions", json={"id": ""}), 200, 422),
    "odd id": (status("PUT", "/predictions/a%20b"), 200, 422),
    "no URL as webhook": (status("POST", "/predictions", json={"webhook": "x"}), 200, 422),
    "null filter": (
        status("POST", "/predictions", json={"webhook_events_filter": None}),
        422,
        200,
    ),
    "no content type": (
        unread_body,
        {
            "count": 1,
            "scale": 1.5,
            "flag": False,
            "size": "small",
            "name": "abc",
            "words": [],
            "data": {},
        },
        None,
    ),
    "several preferences": (several_preferences, 200, 202),
    "a path as a file": (
        lambda server: predict(server, image="/etc/passwd", mode="none").status_code,
        200,
        422,
    ),
}


@pytest.mark.parametrize(("question", "theirs", "ours"), DIFFERENCES.values(), ids=DIFFERENCES)
def test_a_difference_is_as_documented(
    plain: Pair, question: Question, theirs: Any, ours: Any
) -> None:
    """Cog still does the one, and cogfal the other."""
    assert plain.ask(question) == (theirs, ours)


def test_an_id_under_way_is_not_taken_twice(plain: Pair) -> None:
    """A second POST with the id of a running prediction is refused, saying so."""
    first, second = repeated(plain.ours)

    assert (first, second) == (202, 409)


def test_shutdown_is_refused(plain: Pair) -> None:
    """A caller cannot end the server unless the App allows it; Cog's ends."""
    code, body = answer(plain.ours.client.post("/shutdown"))

    assert code == 403
    assert "allow_shutdown" in body["error"]
    assert plain.ours.client.get("/health-check").json()["status"] == "READY"
