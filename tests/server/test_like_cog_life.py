"""Setup, health, trainings and uploads, alike on the real Cog server and on cogfal."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Any

import httpx
import pytest

from tests.server.asking import (
    ASYNC,
    EVENTS,
    Start,
    predict,
)
from tests.server.observing import answer, failure
from tests.server.projects import (
    BROKEN,
    SICK,
    SLOW_SETUP,
    TRAINING,
    output_project,
)
from tests.server.receiver import Receiver
from tests.server.servers import Server


def once_free(ask: Callable[[], httpx.Response]) -> httpx.Response:
    """Ask until the slot is free: Cog's may be taken for a moment after an answer."""
    while (response := ask()).status_code == 409:
        time.sleep(0.02)
    return response


def test_a_failed_setup_is_told_alike(start: Start) -> None:
    """Health says SETUP_FAILED with the reason; predictions are refused with 503."""
    pair = start(BROKEN, wanted="SETUP_FAILED")

    def question(server: Server) -> Any:
        health = server.client.get("/health-check").json()
        setup = health["setup"]
        assert "no weights" in setup["logs"]
        return [
            health["status"],
            setup["status"],
            sorted(setup),
            answer(predict(server, text="a")),
            answer(server.client.post("/predictions/x/cancel")),
        ]

    theirs, ours = pair.ask(question)

    assert ours == theirs


def test_starting_is_told_alike(start: Start) -> None:
    """Until setup is over, health says STARTING and predictions are refused with 503."""
    pair = start(SLOW_SETUP, wanted="STARTING")

    def question(server: Server) -> Any:
        health = server.client.get("/health-check").json()
        return health["status"], health["setup"]["status"], answer(predict(server))

    theirs, ours = pair.ask(question)

    assert ours == theirs


def test_an_unhealthy_predictor_is_told_alike(start: Start) -> None:
    """`healthcheck()` decides between READY and UNHEALTHY, with its reason."""
    pair = start(SICK)

    def question(server: Server) -> Any:
        seen: list[Any] = []
        for name in ("ill", "raise", "well"):
            seen.append(answer(once_free(partial(predict, server, state=name))))
            health = server.client.get("/health-check").json()
            reason = health.get("user_healthcheck_error")
            seen.append((health["status"], reason is not None, "no device" in str(reason)))
        return seen

    theirs, ours = pair.ask(question)

    assert ours == theirs


def test_trainings_are_answered_alike(start: Start) -> None:
    """`/trainings` runs the trainer, its weights delivered as a file."""
    pair = start(
        TRAINING,
        "predict.py:train",
        theirs=("--x-mode", "train"),
        ours=("--train", "predict.py:train"),
    )

    def question(server: Server) -> Any:
        client = server.client
        bad = client.put("/trainings/t", json={"input": {"data": "bad"}})
        body, late = {"input": {"data": "ab", "steps": 2}}, {"input": {"data": "a"}}
        return [
            answer(once_free(lambda: client.post("/trainings", json=body))),
            failure(bad, "bad data"),
            answer(client.post("/trainings", json={"input": {"steps": 2}})),
            answer(client.post("/trainings", json={"input": {"data": "a"}}, headers=EVENTS)),
            answer(client.post("/trainings/t/cancel")),
            answer(once_free(lambda: client.put("/trainings/u", json=late, headers=ASYNC))),
        ]

    theirs, ours = pair.ask(question)

    assert ours == theirs


@pytest.mark.parametrize("behaviour", ["ok", "located", "refuse"])
def test_upload_urls_are_used_alike(start: Start, hooks: Receiver, behaviour: str) -> None:
    """Files go raw by PUT below the operator's URL; `Location` wins, its query is not shown."""
    upload = ("--upload-url", f"{hooks.url}/{behaviour}/up")
    pair = start(output_project("path"), "predict.py:predict", theirs=upload, ours=upload)

    def question(server: Server) -> Any:
        before = len(hooks.requests)
        response = server.client.post("/predictions", json={"id": "upload"})
        came = hooks.requests[before]
        headers = [came.headers[name] for name in ("content-type", "x-prediction-id")]
        status, body = answer(response)
        succeeded = body["status"] == "succeeded"
        return status, succeeded and body, came.method, came.path, came.body, headers

    theirs, ours = pair.ask(question)

    assert ours == theirs
