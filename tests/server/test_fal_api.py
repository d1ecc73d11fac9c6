"""fal's doors, on a predictor that does what it is told, in a real process."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from cogfal.server.caller import HELD_BODIES
from tests.local_run import LocalRun
from tests.project_files import write_project
from tests.waiting import until

PREDICTOR = """
    import json, pathlib, time
    from typing import Iterator

    from cog import BasePredictor, CancelationException, Input, Secret, current_scope
    from cogfal import fal_errors
    from fastapi import HTTPException

    class Predictor(BasePredictor):
        def predict(
            self,
            mode: str = Input(
                choices=[
                    "tokens", "wait", "print", "fail", "fail-later", "context", "refuse",
                    "refuse-dear",
                ],
                default="tokens",
            ),
            place: str = "",
            count: int = Input(default=3, ge=0),
            token: Secret = Input(default=None),
            units: float = None,
        ) -> Iterator[str]:
            if units is not None:
                current_scope().record_metric("billable_units", units)
            if mode == "context":
                yield json.dumps(current_scope().context)
                return
            if mode == "print":
                print("printed")
                yield "a"
                return
            if mode == "refuse":
                raise HTTPException(409, mode)
            if mode == "refuse-dear":
                raise fal_errors.NoMediaGenerated(mode, billable_units=1.5)
            here = pathlib.Path(place)
            if mode == "fail":
                raise ValueError("nothing works")
            for index in range(count):
                yield f"token {index}"
            if mode == "fail-later":
                raise ValueError("it stopped working")
            if mode == "wait":
                self.wait(here)

        def wait(self, here: pathlib.Path) -> None:
            (here / "waiting").touch()
            try:
                while not (here / "go").exists():
                    time.sleep(0.005)
            except CancelationException:
                (here / "cancelled").touch()
                raise
"""
APP = """
    import cogfal

    class App(cogfal.App):
        predictor = "predict.py:Predictor"
        queue_limit = 1

    class Narrow(cogfal.App):
        predictor = "predict.py:Predictor"
        playground = True
        max_body_bytes = 200_000
"""


@contextmanager
def served(name: str, factory: pytest.TempPathFactory) -> Iterator[str]:
    """Serve an app of the file by `fal run --local`."""
    folder = write_project(factory.mktemp("app"), predict_py=PREDICTOR, app_py=APP)
    with LocalRun(f"app.py::{name}", cwd=folder, home=factory.mktemp("home")) as process:
        yield process.url


@pytest.fixture(scope="module")
def narrow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """An app with a page, which takes few bytes."""
    with served("Narrow", tmp_path_factory) as url:
        yield url


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The app with a line of one place."""
    with served("App", tmp_path_factory) as url:
        yield url


class Caller(threading.Thread):
    """A request in a thread of its own; `answer` is its response once it was joined."""

    def __init__(self, url: str, inputs: dict[str, Any], request_id: str = "") -> None:
        super().__init__(daemon=True)
        self._url = url
        self._inputs = inputs
        self._headers = {"x-fal-request-id": request_id} if request_id else {}
        self.answer: httpx.Response | None = None
        self.start()

    def run(self) -> None:
        self.answer = httpx.post(self._url, json=self._inputs, headers=self._headers, timeout=120)

    def status(self) -> int:
        """Wait for the answer and return its status."""
        self.join(120)
        assert self.answer is not None
        return self.answer.status_code


def events(response: httpx.Response) -> list[dict[str, Any]]:
    """Read a whole stream."""
    lines = (line for line in response.iter_lines() if line.startswith("data: "))
    return [json.loads(line.removeprefix("data: ")) for line in lines]


def test_the_whole_result_is_one_answer(url: str) -> None:
    """An iterator's pieces are a list."""
    answer = httpx.post(url, json={})

    assert answer.json() == {"output": ["token 0", "token 1", "token 2"]}


def test_a_stream_has_an_event_for_each_piece_and_one_for_the_whole(url: str) -> None:
    """The last event says that it is the last."""
    with httpx.stream("POST", f"{url}/stream", json={"count": 2}) as response:
        received = events(response)

    assert response.headers["content-type"].startswith("text/event-stream")
    assert received == [
        {"output": "token 0", "index": 0},
        {"output": "token 1", "index": 1},
        {"output": ["token 0", "token 1"], "completed": True},
    ]


def test_a_piece_is_sent_as_soon_as_it_is_there(url: str, tmp_path: Path) -> None:
    """The first event arrives while the predictor still works."""
    inputs = {"mode": "wait", "place": str(tmp_path), "count": 1}

    with httpx.stream("POST", f"{url}/stream", json=inputs, timeout=120) as response:
        lines = response.iter_lines()
        first = next(lines)
        (tmp_path / "go").touch()
        rest = list(lines)

    assert json.loads(first.removeprefix("data: ")) == {"output": "token 0", "index": 0}
    assert any('"completed":true' in line for line in rest)


def test_an_error_before_the_first_piece_is_a_plain_answer(url: str) -> None:
    """Nothing was streamed, so the status can tell."""
    answer = httpx.post(f"{url}/stream", json={"mode": "fail"})

    assert answer.status_code == 500
    assert answer.json()["detail"][0]["msg"] == "nothing works"


def test_an_error_after_the_first_piece_is_an_event(url: str) -> None:
    """The stream ends with what went wrong."""
    with httpx.stream("POST", f"{url}/stream", json={"mode": "fail-later"}) as response:
        *_, last = events(response)

    assert response.status_code == 200
    assert last["error"] == "it stopped working"
    assert last["status"] == 500


@pytest.mark.parametrize("path", ["/", "/stream"])
def test_a_request_is_cancelled_by_its_id(url: str, tmp_path: Path, path: str) -> None:
    """The predictor sees the exception, the request ends, and cancelling again is harmless."""
    inputs = {"mode": "wait", "place": str(tmp_path), "count": 0}
    caller = Caller(url + path, inputs, request_id="to-cancel")
    assert until((tmp_path / "waiting").exists)

    cancelling = f"{url}{path.rstrip('/')}/cancel"
    first = httpx.post(cancelling, headers={"x-fal-request-id": "to-cancel"})
    status = caller.status()
    again = httpx.post(cancelling, headers={"x-fal-request-id": "to-cancel"})

    assert first.status_code == 200
    assert status == 499
    assert (tmp_path / "cancelled").exists()
    assert again.status_code == 404
    assert httpx.post(url, json={"count": 1}).json() == {"output": ["token 0"]}


@pytest.mark.parametrize("path", ["/", "/stream"])
def test_a_dropped_connection_cancels(url: str, tmp_path: Path, path: str) -> None:
    """A caller that goes away does not keep the predictor busy."""
    inputs = {"mode": "wait", "place": str(tmp_path), "count": 0}

    with httpx.Client(timeout=0.5) as client, pytest.raises(httpx.ReadTimeout):
        client.post(url + path, json=inputs)

    assert until((tmp_path / "cancelled").exists)


def test_a_stream_that_is_left_in_the_middle_is_cancelled(url: str, tmp_path: Path) -> None:
    """Leaving after the first piece is a dropped connection too."""
    inputs = {"mode": "wait", "place": str(tmp_path), "count": 1}

    with httpx.stream("POST", f"{url}/stream", json=inputs, timeout=120) as response:
        lines = response.iter_lines()  # kept: a connection ends with the iterator over its lines
        next(lines)
        assert until((tmp_path / "waiting").exists)

    assert until((tmp_path / "cancelled").exists)


def test_requests_wait_for_their_turn_and_a_full_queue_says_so(url: str, tmp_path: Path) -> None:
    """One runs, one waits, the third is told to come back."""
    running = Caller(url, {"mode": "wait", "place": str(tmp_path), "count": 0}, "running")
    assert until((tmp_path / "waiting").exists)
    others = {name: tmp_path / name for name in ("one", "another")}
    for place in others.values():
        place.mkdir()
    callers = {
        name: Caller(url, {"mode": "wait", "place": str(place), "count": 0}, name)
        for name, place in others.items()
    }
    while all(caller.is_alive() for caller in callers.values()):
        threading.Event().wait(0.01)
    refused, waiting = sorted(callers, key=lambda name: callers[name].is_alive())

    httpx.post(f"{url}/cancel", headers={"x-fal-request-id": waiting})
    (tmp_path / "go").touch()

    assert callers[refused].status() == 429
    assert callers[waiting].status() == 499
    assert running.status() == 200
    assert not any((place / "waiting").exists() for place in others.values())


def test_a_secret_is_in_no_answer(url: str) -> None:
    """Not even in the one that refuses it."""
    answer = httpx.post(url, json={"count": "x", "token": ["sesame"]})

    assert answer.status_code == 422
    assert {entry["loc"][1] for entry in answer.json()["detail"]} == {"count", "token"}
    assert "sesame" not in answer.text


@pytest.mark.parametrize(
    "body",
    [b"", b"[1]", b"{", b"\xff\xfe", b'{"count": NaN}', b'{"count": 1e999}'],
    ids=["empty", "no object", "cut off", "no text", "NaN", "infinite"],
)
def test_a_body_that_is_no_object_is_refused(url: str, body: bytes) -> None:
    """Whatever is wrong with it, it is the caller's and free."""
    answer = httpx.post(url, content=body)

    assert answer.status_code == 422
    assert answer.headers["x-fal-billable-units"] == "0"


def test_fal_may_ask_for_the_health(url: str) -> None:
    """The health check is a route of its own beside fal's."""
    assert httpx.post(f"{url}/health").json() == {"status": "READY", "error": None}
    assert httpx.get(f"{url}/health").status_code == 200


def test_logs_are_nobodys_without_a_playground(url: str) -> None:
    """Neither with the answer nor while the prediction runs."""
    answer = httpx.post(url, json={}, headers={"x-cogfal-logs": "1"})

    assert set(answer.json()) == {"output"}
    assert httpx.get(f"{url}/playground/runs/x").status_code == 404


def test_logs_are_told_beside_pieces_where_there_is_a_page(narrow: str) -> None:
    """To who asks for them, with the timings at the end; a run that is over is not followed."""
    inputs, headers = {"mode": "print"}, {"x-cogfal-logs": "1"}

    with httpx.stream("POST", f"{narrow}/stream", json=inputs, headers=headers) as response:
        log, piece, last = events(response)
    plain = httpx.post(f"{narrow}/stream", json=inputs)
    watched = httpx.get(f"{narrow}/playground/runs/x")

    assert log == {"log": {"source": "stdout", "data": "printed\n"}}
    assert piece == {"output": "a", "index": 0}
    assert last["completed"]
    assert last["timings"].keys() >= {"predict"}
    assert "printed" not in plain.text
    assert watched.status_code == 204


@pytest.mark.parametrize(
    ("path", "inputs"),
    [("/", {"place": "x" * 200_000}), ("/predictions", {"input": {"place": "x" * 200_000}})],
    ids=["fal", "cog"],
)
def test_a_body_that_is_too_large_is_the_callers_mistake(
    narrow: str, path: str, inputs: dict[str, Any]
) -> None:
    """Both APIs name the bound."""
    answer = httpx.post(f"{narrow}{path}", json=inputs)

    assert answer.status_code in (413, 422)
    assert "The request body exceeds 200000 bytes" in answer.text


def test_bodies_that_are_held_leave_no_room_for_others(narrow: str, tmp_path: Path) -> None:
    """Both APIs say so, and take one again once a prediction has ended."""
    inputs = {"mode": "wait", "place": str(tmp_path), "token": "x" * 190_000, "count": 0}
    names = [f"held-{n}" for n in range(HELD_BODIES)]
    callers = [Caller(narrow, inputs, name) for name in names]
    for name in names:
        watched = f"{narrow}/playground/runs/{name}"
        assert until(lambda url=watched: httpx.get(url).status_code == 200)  # type: ignore[misc]

    fal = httpx.post(narrow, json=inputs)
    cog = httpx.post(f"{narrow}/predictions", json={"input": inputs})
    (tmp_path / "go").touch()

    assert fal.status_code == 429
    assert (cog.status_code, cog.headers["retry-after"]) == (429, "1")
    assert {caller.status() for caller in callers} == {200}
    assert httpx.post(narrow, json=inputs).status_code == 200


COSTS = {
    "POST /": ("/", {"units": 2.5}, 200, "2.5"),
    "nothing said": ("/", {}, 200, None),
    "what is no number of units": ("/", {"units": -1}, 200, None),
    "an error after them": ("/", {"mode": "refuse", "units": 3}, 409, "3"),
    "an error that says another number": ("/", {"mode": "refuse-dear", "units": 3}, 422, "1.5"),
    "an error before the first event": ("/stream", {"mode": "refuse", "units": 3}, 409, "3"),
    "a stream, whose headers go first": ("/stream", {"units": 3}, 200, None),
    "POST /predictions": ("/predictions", {"input": {"units": 2}}, 200, "2"),
    "a failed one": ("/predictions", {"input": {"mode": "refuse", "units": 3}}, 200, "3"),
    "its error's number": ("/predictions", {"input": {"mode": "refuse-dear"}}, 200, "1.5"),
    "an input that does not fit": ("/predictions", {"input": {"count": "x"}}, 422, "0"),
    "an envelope that is none": ("/predictions", {"input": 3}, 422, "0"),
}


@pytest.mark.parametrize(("path", "body", "status", "units"), COSTS.values(), ids=COSTS)
def test_what_a_prediction_costs_is_told_at_every_door(
    url: str, path: str, body: dict[str, Any], status: int, units: str | None
) -> None:
    """By the author's metric or his error, wherever the answer's headers come after them."""
    answer = httpx.post(url + path, json=body)

    assert (answer.status_code, answer.headers.get("x-fal-billable-units")) == (status, units)


def test_what_fal_says_of_a_request_is_in_the_context(url: str) -> None:
    """Its id, its endpoint, who asks, and what the caller says to the app; nothing else.

    Of what is said twice, the first counts.
    """
    told = {
        "x-fal-request-id": "one",
        "x-fal-endpoint": "me/app/",
        "x-fal-caller-user-id": "alice",
        "x-app-fal-tier": "gold",
    }

    headers = [*told.items(), ("cookie", "secret=1"), *((name, "again") for name in told)]
    answer = httpx.post(url, json={"mode": "context"}, headers=headers)

    assert json.loads(answer.json()["output"][0]) == told


def test_fals_queue_cancels_what_came_through_it(url: str, tmp_path: Path) -> None:
    """At Cog's door by the request's own id, which no other door knows; once it is over, 404."""
    headers = {"x-fal-request-id": "queued"}
    body = {"input": {"mode": "wait", "place": str(tmp_path)}}
    with ThreadPoolExecutor(1) as thread:
        waiting = thread.submit(
            httpx.post, f"{url}/predictions", json=body, headers=headers, timeout=120
        )
        until((tmp_path / "waiting").exists)

        elsewhere = httpx.post(f"{url}/cancel", headers=headers)
        unnamed = httpx.post(f"{url}/predictions/cancel")
        own = httpx.post(f"{url}/predictions/cancel", headers=headers)

        assert (elsewhere.status_code, unnamed.status_code, own.status_code) == (404, 404, 200)
        assert waiting.result().json()["status"] == "canceled"
    assert httpx.post(f"{url}/predictions/cancel", headers=headers).status_code == 404
