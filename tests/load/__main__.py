"""`python -m tests.load load|soak|pieces`: callers at once, predictions in a row, very long ones.

Prints tables and writes the figures as JSON. Exits with 1 where an answer was wrong, lost or a
server error, or where the process holds more and more.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from random import Random
from typing import Any

import httpx

from tests.load.callers import Tally, Work, call, invented, prediction, stream, whole
from tests.load.hostile import SLOWEST_HEALTH, hostile, watch_health
from tests.load.project import expected, served
from tests.load.usage import HELD, Samples, Usage, grown, report, slopes, too_much, usage

SAMPLES = 40
HOSTILE = 10
"""Of so many callers one is hostile."""
ALLOWED: dict[str, dict[str, float]] = {
    "load": {"memory": 32 * 1024**2, "descriptors": 50, "threads": 8, "inodes": 50},
    "soak": {"memory": 16 * 1024**2, "descriptors": 4, "threads": 4, "inodes": 4},
    "pieces": dict.fromkeys(HELD, float("inf")),
}
"""How much more may be held at the end than once warm; callers come and go while it is measured."""


def main() -> int:
    """Run one of them."""
    parser = argparse.ArgumentParser(prog="python -m tests.load")
    parser.add_argument("kind", choices=list(ALLOWED))
    parser.add_argument("--callers", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--predictions", type=int, default=50_000)
    parser.add_argument("--pieces", type=int, default=1_000_000)
    parser.add_argument("--out", type=Path, default=Path(".load"), help="a folder for the figures")
    asked = parser.parse_args()
    tally, samples, seconds = asyncio.run(_measure(asked))
    failures = [*filter(is_bad, tally.outcomes), *too_much(samples, ALLOWED[asked.kind])]
    failures += tally.wrong[:10]
    if tally.slowest_health > SLOWEST_HEALTH:
        failures.append(f"health took {tally.slowest_health:.1f} s")
    show(tally, samples, seconds, failures)
    asked.out.mkdir(exist_ok=True)
    figures = as_json(tally, samples, seconds, failures)
    (asked.out / f"{asked.kind}.json").write_text(json.dumps(figures, indent=2) + "\n")
    return 1 if failures else 0


Measured = tuple[Tally, list[tuple[int, Usage]], float]


async def _measure(asked: argparse.Namespace) -> Measured:
    match asked.kind:
        case "load":
            return await load(asked.callers, asked.seconds)
        case "soak":
            return await soak(asked.predictions)
        case _:
            return await long(asked.pieces)


async def load(callers: int, seconds: float) -> Measured:
    """Let so many callers ask, each again as soon as it is answered."""
    tally, samples = Tally(), []
    numbers = iter(range(1_000_000_000))

    async def caller(client: httpx.AsyncClient, index: int) -> None:
        random = Random(index)
        while time.monotonic() < began + seconds:
            if index % HOSTILE:
                await call(client, random, next(numbers), tally)
            else:
                await _meanly(client, random, tally)

    with served(16) as app:
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=callers)
        async with httpx.AsyncClient(base_url=app.url, timeout=120, limits=limits) as client:
            assert app.long_steps() == []  # none but those of starting
            began = time.monotonic()
            watching = asyncio.ensure_future(watch_health(client, tally))
            asking = asyncio.gather(*(caller(client, index) for index in range(callers)))
            while not asking.done():
                await asyncio.wait({asking}, timeout=seconds / SAMPLES)
                samples.append((tally.outcomes.total(), usage(app.pid, app.temporary)))
                del app.lines[100:]
            await asking
            watching.cancel()
            tally.wrong += app.long_steps()
    return tally, samples, time.monotonic() - began


async def _meanly(client: httpx.AsyncClient, random: Random, tally: Tally) -> None:
    try:
        await hostile(client, random, tally)
    except (httpx.TransportError, OSError) as error:
        tally.count(f"hostile {type(error).__name__}")


async def soak(predictions: int) -> Measured:
    """Make so many predictions, a few at a time, and measure as they go."""
    tally, samples, began = Tally(), [], time.monotonic()
    with served(4) as app:
        async with httpx.AsyncClient(base_url=app.url, timeout=120) as client:
            for batch in range(SAMPLES):
                await _batch(client, batch, predictions // SAMPLES, tally)
                samples.append((tally.outcomes.total(), usage(app.pid, app.temporary)))
                del app.lines[100:]
    return tally, samples, time.monotonic() - began


async def _batch(client: httpx.AsyncClient, batch: int, size: int, tally: Tally) -> None:
    numbers = iter(range(batch * size, (batch + 1) * size))

    async def caller() -> None:
        for number in numbers:
            work = invented(Random(number), number)
            answer = await client.post("/", json=work.inputs)
            tally.check("/", answer.json().get("output"), work.wanted)

    await asyncio.gather(*(caller() for _ in range(4)))


async def long(pieces: int) -> Measured:
    """Make one prediction of so many pieces at each door."""
    tally, samples, began = Tally(), [], time.monotonic()
    inputs = {"text": "long", "pieces": pieces}
    wanted = expected("long", pieces)
    with served(1) as app:
        async with httpx.AsyncClient(base_url=app.url, timeout=3600) as client:
            samples.append((0, usage(app.pid, app.temporary)))
            for number, door in enumerate((whole, stream, prediction), start=1):
                await door(client, Work(inputs, wanted, "long"), tally)
                samples.append((number, usage(app.pid, app.temporary)))
    return tally, samples, time.monotonic() - began


def show(tally: Tally, samples: Samples, seconds: float, failures: Sequence[str]) -> None:
    """Print what was measured."""
    total = tally.outcomes.total()
    write = sys.stdout.write
    write(f"{total:,} requests in {seconds:.0f} s\n\n| outcome | requests |\n|---|---|\n")
    for outcome, count in sorted(tally.outcomes.items()):
        write(f"| {outcome} | {count:,} |\n")
    write("\n" + report(samples) + "\n")
    write(f"\nthe slowest health check: {tally.slowest_health:.2f} s\n")
    for each in tally.wrong[:10]:
        write(f"\n{each}\n")
    write(f"\nFAILED: {', '.join(failures)}\n" if failures else "\nall is well\n")


def as_json(
    tally: Tally, samples: Samples, seconds: float, failures: Sequence[str]
) -> dict[str, Any]:
    """Return what was measured, to be compared later."""
    return {
        "seconds": seconds,
        "requests": tally.outcomes.total(),
        "outcomes": dict(tally.outcomes),
        "failures": list(failures),
        "wrong": tally.wrong,
        "slowest_health": tally.slowest_health,
        "slopes": slopes(samples),
        "grown": grown(samples),
        "samples": [{"requests": done, **asdict(each)} for done, each in samples],
    }


def is_bad(outcome: str) -> bool:
    """Tell whether an outcome must not occur: wrong, lost, or a server error."""
    return outcome.endswith(("WRONG", "LOST")) or any(f" {n}" in outcome for n in range(500, 600))


if __name__ == "__main__":
    sys.exit(main())
