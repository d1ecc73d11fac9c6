"""fal's doors and Cog's on one App: one engine, separate ids."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from tests.server.asking import ASYNC, Pair, predict
from tests.server.observing import answer
from tests.server.servers import Server

ID = {"x-fal-request-id": "shared"}


@pytest.fixture
def app(plain: Pair) -> Server:
    """A whole App."""
    return plain.ours


@pytest.fixture
def fal_request(app: Server) -> Iterator[ThreadPoolExecutor]:
    """A thread for a request that waits."""
    with ThreadPoolExecutor(1) as thread:
        yield thread


def test_both_doors_share_the_slot(app: Server, fal_request: ThreadPoolExecutor) -> None:
    """While fal's door predicts, Cog's says BUSY and 409, and neither cancels the other's."""
    body = {"mode": "sleep", "count": 100}
    waiting = fal_request.submit(httpx.post, app.url + "/", json=body, headers=ID, timeout=120)
    app.until_health("BUSY")

    refused = predict(app)
    across = app.client.post("/predictions/shared/cancel")
    own = app.client.post("/cancel", headers=ID)

    assert answer(refused)[0] == 409
    assert across.status_code == 404
    assert own.status_code == 200
    assert waiting.result(120).status_code == 499


def test_fals_door_waits_for_cogs(app: Server, fal_request: ThreadPoolExecutor) -> None:
    """A request of fal's waits for the slot that a prediction of Cog's holds."""
    body = {"input": {"mode": "sleep", "count": 100}}
    app.client.put("/predictions/shared", json=body, headers=ASYNC)
    waiting = fal_request.submit(
        httpx.post, app.url + "/", json={"mode": "none"}, headers=ID, timeout=120
    )

    app.client.post("/predictions/shared/cancel").raise_for_status()

    assert waiting.result(120).json() == {"output": None}


def test_whoever_cancels_may_go_on_at_once(app: Server) -> None:
    """The slot of a cancelled prediction is there for the request after the cancellation."""
    body = {"input": {"mode": "sleep", "count": 100}}
    app.client.put("/predictions/shared", json=body, headers=ASYNC).raise_for_status()
    app.client.post("/predictions/shared/cancel").raise_for_status()

    assert answer(predict(app, mode="none"))[0] == 200
