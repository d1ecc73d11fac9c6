"""Errors as fal's callers and fal's platform see them, and events of one prediction on the wire."""

from __future__ import annotations

import asyncio
import json
import re
from typing import Any

import httpx
import pytest
from starlette.types import Message

from cogfal.engine.history import Watch
from cogfal.engine.prediction import Event, Metric
from cogfal.errors import (
    Busy,
    CogfalError,
    DeviceError,
    FalAnswer,
    FileInputError,
    InvalidInput,
    NotReady,
    OutputError,
    PredictionCancelled,
    PredictorFailed,
    Problem,
    UnknownPrediction,
)
from cogfal.server.cog_messages import event_of
from cogfal.server.responses import SILENCE, EventStream, failure
from tests.server.observing import events
from tests.server.predictions import Play
from tests.watchdog import watched

PROBLEM = Problem(("images", 2), "too large", "file_too_large", {"max_size": 10})


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (InvalidInput([PROBLEM]), 422),
        (FileInputError([PROBLEM]), 422),
        (Busy("100 requests are waiting"), 429),
        (NotReady("still being set up"), 503),
        (DeviceError("CUDA out of memory"), 503),
        (PredictorFailed("no triton kernel for cuda"), 500),
        (OutputError("out.png does not exist"), 500),
        (PredictionCancelled("cancelled"), 499),
        (UnknownPrediction("no prediction 'x' is running"), 404),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, CogfalError) else str(value),
)
def test_each_error_has_its_status(error: CogfalError, status: int) -> None:
    """The status is decided by the kind of error, never by its words."""
    assert failure(error).response().status_code == status


def test_a_problem_is_written_as_fal_documents_it() -> None:
    """Place, message, type, page and context; the value only where it may be shown."""
    response = failure(InvalidInput([PROBLEM])).response()

    assert json.loads(bytes(response.body)) == {
        "detail": [
            {
                "loc": ["body", "images", 2],
                "msg": "too large",
                "type": "file_too_large",
                "url": "https://docs.fal.ai/errors/#file_too_large",
                "ctx": {"max_size": 10},
            }
        ]
    }
    assert response.headers["x-fal-billable-units"] == "0"
    assert response.headers["x-fal-retryable"] == "false"


def test_backpressure_asks_for_another_try() -> None:
    """A full queue is told so that the queue and careful clients come back, and nobody pays."""
    headers = failure(Busy("full")).response().headers

    assert headers["x-fal-needs-retry"] == "1"
    assert headers["retry-after"] == "1"
    assert headers["x-fal-billable-units"] == "0"


ASKED: dict[str, tuple[FalAnswer, int, str, str | None, Any]] = {
    "a field": (
        FalAnswer(422, "no", "content_policy_violation", ("prompt",), None, False, 0),
        422, "false", "0",
        [{
            "loc": ["body", "prompt"], "msg": "no", "type": "content_policy_violation",
            "url": "https://docs.fal.ai/errors/#content_policy_violation",
        }],
    ),
    "worth another try": (FalAnswer(504, "late", retryable=True), 504, "true", None, "late"),
    "with a price": (FalAnswer(422, "no", billable_units=2.5), 422, "false", "2.5", "no"),
    "its own detail": (FalAnswer(404, {"a": 1}), 404, "false", None, {"a": 1}),
    "what would end the runner": (FalAnswer(503, "gone"), 500, "false", None, "gone"),
}  # fmt: skip


@pytest.mark.parametrize(
    ("asked", "status", "retryable", "units", "detail"), ASKED.values(), ids=ASKED
)
def test_exceptions_with_a_meaning_on_fal_keep_it(
    asked: FalAnswer, status: int, retryable: str, units: str | None, detail: Any
) -> None:
    """Status, place, type, whether to try again, and what it costs."""
    error = PredictorFailed("text")
    error.fal = asked

    answered = failure(error)

    assert (answered.status, answered.headers["X-Fal-Retryable"]) == (status, retryable)
    assert answered.headers.get("x-fal-billable-units") == units
    assert answered.detail == detail


class Client:
    """The other side of a stream, as an ASGI server shows it; leaves when told to."""

    def __init__(self) -> None:
        self.sent: list[Message] = []
        self.left = asyncio.Event()
        self.heard = asyncio.Event()
        self.cancellations = 0

    @property
    def body(self) -> bytes:
        """All that it was sent."""
        return b"".join(message.get("body", b"") for message in self.sent)

    async def follow(self, play: Play, watch: Watch[Event], heartbeat: float = 15.0) -> None:
        """Be told of a prediction until it ends or this leaves."""
        say = event_of(play.prediction)
        stream = EventStream(watch, say, self._cancel, heartbeat=heartbeat)
        await asyncio.wait_for(stream({}, self._receive, self._send), 120)

    def _cancel(self) -> None:
        self.cancellations += 1

    async def _receive(self) -> Message:
        await self.left.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Message) -> None:
        self.sent.append(message)
        if message.get("body"):
            self.heard.set()


def heard(client: Client) -> list[tuple[str, Any]]:
    """Read what a client was sent."""
    return events(httpx.Response(200, content=client.body))


def test_frames_are_cogs() -> None:
    """Every kind of event has its name and its data, the last one the whole state."""

    async def main() -> Client:
        play, client = Play(yields=True), Client()
        watch = play.prediction.events()
        play.start()
        play.print("one\ntwo\n")
        play.prediction.emit(Metric("steps", 2, "incr"))
        play.put_out("a")
        play.succeed()
        await client.follow(play, watch)
        return client

    happened = heard(asyncio.run(main()))

    assert happened[:4] == [
        ("start", {"id": "abc", "status": "processing"}),
        ("log", {"source": "stdout", "data": "one\ntwo\n"}),
        ("metric", {"name": "steps", "value": 2, "mode": "increment"}),
        ("output", {"chunk": "a", "index": 0}),
    ]
    name, end = happened[4]
    assert name == "completed"
    assert (end["status"], end["output"], end["metrics"]["steps"]) == ("succeeded", ["a"], 2)


def test_a_latecomer_hears_what_is_missing() -> None:
    """Where the history is cut, one error event says by how much."""

    async def main() -> Client:
        play, client = Play(yields=True, history=1), Client()
        play.start()
        play.put_out("a")
        play.put_out("b")
        watch = play.prediction.events()
        play.succeed()
        await client.follow(play, watch)
        return client

    happened = heard(asyncio.run(main()))

    message = "SSE stream replay truncated; events were dropped"
    assert happened == [("error", {"error": message, "skipped": 2})]


def test_silence_is_filled_with_comments() -> None:
    """Proxies see that the connection lives, and no event is lost to the waiting."""

    async def main() -> Client:
        play, client = Play(), Client()
        following = asyncio.ensure_future(
            client.follow(play, play.prediction.events(), heartbeat=0.01)
        )
        await client.heard.wait()
        play.start()
        play.succeed()
        await following
        return client

    body = asyncio.run(main()).body

    assert body.startswith(SILENCE)
    assert re.findall(rb"event: (\w+)\n", body) == [b"start", b"completed"]


def test_no_reader_of_lines_sees_more_lines_than_there_are() -> None:
    """An output with characters that some readers take for a line's end is still one line."""

    async def main() -> Client:
        play, client = Play(yields=True), Client()
        watch = play.prediction.events()
        play.put_out("a\u2028b\u2029c\x85d")
        play.succeed()
        await client.follow(play, watch)
        return client

    client = asyncio.run(main())

    assert heard(client)[0] == ("output", {"chunk": "a\u2028b\u2029c\x85d", "index": 0})
    assert client.body.decode().splitlines() == client.body.decode().split("\n")[:-1]


def test_a_client_that_leaves_is_noticed_while_nothing_happens() -> None:
    """The prediction is cancelled at once, not at the next event."""

    async def main() -> Client:
        play, client = Play(), Client()
        client.left.set()
        await client.follow(play, play.prediction.events())
        return client

    assert asyncio.run(main()).cancellations == 1


def test_a_stream_that_ends_leaves_nobody_behind() -> None:
    """After the last event the body is closed and nothing is cancelled."""

    async def main() -> Client:
        play, client = Play(), Client()
        play.succeed()
        await client.follow(play, play.prediction.events())
        return client

    client = asyncio.run(main())

    assert client.cancellations == 0
    assert client.sent[-1] == {"type": "http.response.body", "body": b"", "more_body": False}
    assert (b"content-type", b"text/event-stream; charset=utf-8") in client.sent[0]["headers"]


class Deaf(Client):
    """A client that takes nothing beyond the head of the response.

    The server has what it is sent wait until it leaves, and go nowhere then, as uvicorn does.
    """

    async def _send(self, message: Message) -> None:
        await super()._send(message)
        if message.get("body"):
            await self.left.wait()


def test_clients_that_do_not_read_and_leave_hold_nobody_up() -> None:
    """Fifty of them, with everything still to be read; no step of the loop is long."""

    async def main() -> list[Deaf]:
        play, clients = Play(yields=True), [Deaf() for _ in range(50)]
        for number in range(1_000):
            play.put_out(f"{number} " + "x" * 1_000)
        following = [
            asyncio.ensure_future(client.follow(play, play.prediction.events()))
            for client in clients
        ]
        for client in clients:
            await client.heard.wait()
            client.left.set()
        await asyncio.gather(*following)
        play.succeed()
        return clients

    with watched() as long_steps:
        clients = asyncio.run(main())

    assert [client.cancellations for client in clients] == [1] * 50
    assert long_steps == []


class Leaver(Client):
    """A client that leaves while its second piece is sent, so many turns of the loop before it."""

    def __init__(self, turns: int) -> None:
        super().__init__()
        self._turns = turns

    async def _send(self, message: Message) -> None:
        await super()._send(message)
        if len(self.sent) == 3:
            self.left.set()
            for _ in range(self._turns):
                await asyncio.sleep(0)


def test_a_client_may_leave_at_any_turn_of_the_loop() -> None:
    """Also between the server's word of it and that it is heard, with more to be sent."""

    async def main(turns: int) -> Leaver:
        play, client = Play(yields=True), Leaver(turns)
        for number in range(1_000):
            play.put_out(f"{number}")
        await client.follow(play, play.prediction.events())
        return client

    clients = [asyncio.run(main(turns)) for turns in range(8)]

    assert [client.cancellations for client in clients] == [1] * 8
