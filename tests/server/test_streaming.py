"""Events of one prediction on the wire."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from typing import Any

import httpx
from starlette.types import Message

from cogfal.engine.prediction import Metric
from cogfal.server.streaming import EventStream, frames
from tests.server.observing import events
from tests.server.predictions import Play


def test_frames_are_cogs() -> None:
    """Every kind of event has its name and its data, the last one the whole state."""

    async def main() -> bytes:
        play = Play(yields=True)
        watching = frames(play.run, play.prediction.events())
        play.start()
        play.print("one\ntwo\n")
        play.prediction.emit(Metric("steps", 2, "incr"))
        play.put_out("a")
        play.succeed()
        return b"".join([frame async for frame in watching])

    happened = events(httpx.Response(200, content=asyncio.run(main())))

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

    async def main() -> bytes:
        play = Play(yields=True, history=1)
        play.start()
        play.put_out("a")
        play.put_out("b")
        watching = frames(play.run, play.prediction.events())
        play.succeed()
        return b"".join([frame async for frame in watching])

    happened = events(httpx.Response(200, content=asyncio.run(main())))

    message = "SSE stream replay truncated; events were dropped"
    assert happened == [("error", {"error": message, "skipped": 2})]


def test_silence_is_filled_with_comments() -> None:
    """Proxies see that the connection lives, and no event is lost to the waiting."""

    async def main() -> list[bytes]:
        play = Play()
        watching = frames(play.run, play.prediction.events(), heartbeat=0.01)
        silence = [await anext(watching), await anext(watching)]
        play.start()
        play.succeed()
        return [*silence, *[frame async for frame in watching]]

    first, second, *rest = asyncio.run(main())

    assert first == second == b": keep-alive\n\n"
    assert re.findall(rb"event: (\w+)\n", b"".join(rest)) == [b"start", b"completed"]


class Client:
    """The other side of a stream, as an ASGI server shows it; leaves when told to."""

    def __init__(self) -> None:
        self.sent: list[Message] = []
        self.left = asyncio.Event()

    async def receive(self) -> Message:
        """Wait for the client to leave."""
        await self.left.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        """Take a message."""
        self.sent.append(message)


def test_a_client_that_leaves_is_noticed_while_nothing_happens() -> None:
    """`left` is called at once, not at the next event."""

    async def main() -> list[Any]:
        client, calls = Client(), list[str]()

        async def never() -> AsyncIterator[bytes]:
            yield b"first"
            client.left.set()
            await asyncio.Event().wait()

        stream = EventStream(never(), lambda: calls.append("left"))
        await asyncio.wait_for(stream({}, client.receive, client.send), 10)
        return calls

    assert asyncio.run(main()) == ["left"]


def test_a_stream_that_ends_leaves_nobody_behind() -> None:
    """After the last frame the body is closed and nothing is cancelled."""

    async def main() -> tuple[list[Message], list[str]]:
        client, calls = Client(), list[str]()

        async def one() -> AsyncIterator[bytes]:
            yield b"only"

        stream = EventStream(one(), lambda: calls.append("left"))
        await stream({}, client.receive, client.send)
        return client.sent, calls

    sent, calls = asyncio.run(main())

    assert calls == []
    assert [message.get("body") for message in sent] == [None, b"only", b""]
    assert (b"content-type", b"text/event-stream; charset=utf-8") in sent[0]["headers"]
