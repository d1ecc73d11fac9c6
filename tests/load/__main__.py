"""`python -m tests.load load|soak`: callers at once for a time, or predictions in a row.

Exits with 1 where an answer was wrong, lost or a server error.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from random import Random

import httpx

from tests.load.callers import Tally, call, invented
from tests.load.project import served
from tests.load.usage import Usage, report, usage

SAMPLES = 40


def main() -> int:
    """Run one of the two."""
    parser = argparse.ArgumentParser(prog="python -m tests.load")
    parser.add_argument("kind", choices=["load", "soak"])
    parser.add_argument("--callers", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--predictions", type=int, default=50_000)
    arguments = parser.parse_args()
    if arguments.kind == "load":
        return show(*asyncio.run(load(arguments.callers, arguments.seconds)))
    return show(*asyncio.run(soak(arguments.predictions)))


Measured = tuple[Tally, list[tuple[int, Usage]], float]


async def load(callers: int, seconds: float) -> Measured:
    """Let so many callers ask, each again as soon as it is answered."""
    tally, samples, began = Tally(), [], time.monotonic()
    numbers = iter(range(1_000_000_000))

    async def caller(client: httpx.AsyncClient, index: int) -> None:
        random = Random(index)
        while time.monotonic() - began < seconds:
            await call(client, random, next(numbers), tally)

    with served(16) as app:
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=callers)
        async with httpx.AsyncClient(base_url=app.url, timeout=120, limits=limits) as client:
            asking = asyncio.gather(*(caller(client, index) for index in range(callers)))
            while not asking.done():
                await asyncio.wait({asking}, timeout=seconds / SAMPLES)
                samples.append((tally.outcomes.total(), usage(app.pid, app.temporary)))
                del app.lines[100:]
            await asking
    return tally, samples, time.monotonic() - began


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


def show(tally: Tally, samples: list[tuple[int, Usage]], seconds: float) -> int:
    """Print what was measured; return the exit status."""
    total = tally.outcomes.total()
    write = sys.stdout.write
    write(f"{total:,} requests in {seconds:.0f} s\n\n| outcome | requests |\n|---|---|\n")
    for outcome, count in sorted(tally.outcomes.items()):
        write(f"| {outcome} | {count:,} |\n")
    write("\n" + report(samples) + "\n")
    for each in tally.wrong[:10]:
        write(f"\n{each}\n")
    return 1 if any(map(is_bad, tally.outcomes)) else 0


def is_bad(outcome: str) -> bool:
    """Tell whether an outcome must not occur: wrong, lost, or a server error."""
    return outcome.endswith(("WRONG", "LOST")) or any(f" {n}" in outcome for n in range(500, 600))


if __name__ == "__main__":
    sys.exit(main())
