"""One caller: asks at random doors for random work, and checks every answer against its input."""

from __future__ import annotations

import asyncio
import base64
import json
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final

import httpx

from tests.load.health import Watched
from tests.load.project import expected

ENDING: Final = "after SIGTERM: "
TROUBLE: Final = re.compile(r'Traceback \(most recent|internal error|HTTP/1\.[01]" 5\d\d')
"""What the app's log must not say."""


@dataclass
class Tally:
    """What came of all requests.

    `wrong` describes the first answers that were not right. From the moment that the app is told to
    end it is `ending`, and nobody asks any more once it is `over`; that took `ended_after` seconds.
    """

    outcomes: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    health: Watched = field(default_factory=Watched)
    ending: bool = False
    over: bool = False
    ended_after: float = 0.0

    def count(self, outcome: str) -> None:
        """Note how a request ended."""
        self.outcomes[ENDING * self.ending + outcome] += 1

    @contextmanager
    def noted(self, ending: str) -> Iterator[None]:
        """Note a request that broke off, with the word for its ending."""
        try:
            yield
        except (httpx.TransportError, OSError) as error:
            self.count(f"{type(error).__name__} {ending}")
            if ending == "LOST" and not self.ending:
                self.wrong.append(f"{error!r} from {error.__cause__ or error.__context__!r}")

    def read_log(self, lines: list[str]) -> None:
        """Note what must not stand there, and let go of the lines."""
        taken, lines[:] = lines[:], []
        self.wrong += [line[:1000] for line in taken if TROUBLE.search(line)]

    def check(self, door: str, answered: Any, wanted: Any) -> None:
        """Note a whole answer, which has to be the right one."""
        if answered == wanted:
            self.count(f"{door} right")
            return
        self.count(f"{door} WRONG")
        self.wrong.append(f"{door}: {str(answered)[:200]} instead of {str(wanted)[:200]}"[:1000])


@dataclass
class Work:
    """One request's inputs, and what its answer has to be."""

    inputs: dict[str, Any]
    wanted: list[str]
    id: str


def invented(random: Random, number: int) -> Work:
    """Make up a request; its text is like no other's."""
    size = random.choice([10, 100, 1000, 50_000])
    text = f"{number}-{random.getrandbits(64):x}-" + "x" * size
    pieces = random.choice([1, 3, 20, 100])
    inputs: dict[str, Any] = {"text": text, "pieces": pieces, "pause": random.choice([0, 0.002])}
    file = ""
    if random.random() < 0.3:
        file = f"file {number} " * random.choice([1, 1000])
        inputs["file"] = "data:text/plain;base64," + base64.b64encode(file.encode()).decode()
    return Work(inputs, expected(text, pieces, file), f"id-{number}-{random.getrandbits(64):x}")


async def call(client: httpx.AsyncClient, random: Random, number: int, tally: Tally) -> None:
    """Make one request in one of the ways that there are."""
    work = invented(random, number)
    ways = [whole, whole, stream, prediction, prediction, _cancelled, _left]
    await random.choice(ways)(client, work, tally)


async def whole(client: httpx.AsyncClient, work: Work, tally: Tally) -> None:
    """Ask fal's endpoint for the whole answer."""
    answer = await client.post("/", json=work.inputs)
    if answer.status_code == 200:
        tally.check("/", answer.json()["output"], work.wanted)
    else:
        tally.count(f"/ {answer.status_code}")


async def stream(client: httpx.AsyncClient, work: Work, tally: Tally) -> None:
    """Ask it for a stream."""
    async with client.stream("POST", "/stream", json=work.inputs) as answer:
        if answer.status_code != 200:
            tally.count(f"/stream {answer.status_code}")
            return
        lines = [line async for line in answer.aiter_lines() if line.startswith("data: ")]
    *pieces, last = [json.loads(line.removeprefix("data: ")) for line in lines]
    if "error" in last:
        tally.count(f"/stream, in an event, {last['status']}")
        return
    got = [piece["output"] for piece in pieces]
    tally.check("/stream", (got, last.get("output")), (work.wanted, work.wanted))


async def prediction(client: httpx.AsyncClient, work: Work, tally: Tally) -> None:
    """Ask Cog's door."""
    answer = await client.put(f"/predictions/{work.id}", json={"input": work.inputs})
    if answer.status_code == 200:
        body = answer.json()
        tally.check("/predictions", (body["id"], body["output"]), (work.id, work.wanted))
    else:
        tally.count(f"/predictions {answer.status_code}")


async def _cancelled(client: httpx.AsyncClient, work: Work, tally: Tally) -> None:
    headers = {"x-fal-request-id": work.id}

    async def cancel() -> httpx.Response:
        await asyncio.sleep(0.02)
        return await client.post("/cancel", headers=headers)

    asking = client.post("/", json=work.inputs, headers=headers)
    answer, cancelling = await asyncio.gather(asking, cancel())
    if answer.status_code == 200:
        tally.check("/ not cancelled in time", answer.json()["output"], work.wanted)
    else:
        tally.count(f"/ cancelled {cancelling.status_code} {answer.status_code}")


async def _left(client: httpx.AsyncClient, work: Work, tally: Tally) -> None:
    """Leave after the first line, or before it."""
    try:
        async with client.stream("POST", "/stream", json=work.inputs, timeout=0.5) as answer:
            async for _ in answer.aiter_lines():
                break
    except httpx.TimeoutException:
        tally.count("left before the answer")
    else:
        tally.count("left in the middle")
