"""`python -m tests.load load|soak|pieces`: callers at once, predictions in a row, very long ones.

Prints tables and writes the figures as JSON. Exits with 1 where an answer was wrong, lost or a
server error, or where the process holds more and more.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import signal
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from random import Random
from typing import Any

import httpx

from cogfal.app import DEFAULT_GRACE
from tests.hostile.target import Target
from tests.load.callers import ENDING, Tally, Work, call, invented, prediction, stream, whole
from tests.load.ending import seconds_to_end
from tests.load.health import SLOWEST, HealthWatch
from tests.load.hostile import Meanness, meanness, take_nothing
from tests.load.project import expected, served
from tests.load.usage import HELD, Samples, Usage, grown, report, slopes, too_much, usage

SAMPLES = 40
MOST_CALLERS = 1_000_000
STACKS = 200
"""Last lines of the log, which tell where an app hung."""
HOSTILE = 10
"""Of so many callers one is hostile."""
ALLOWED: dict[str, dict[str, float]] = {
    "load": {"memory": 512 * 1024**2, "descriptors": 300, "threads": 64, "inodes": 4_000},
    "soak": {"memory": 16 * 1024**2, "descriptors": 4, "threads": 4, "inodes": 4},
    "pieces": dict.fromkeys(HELD, float("inf")),
}
"""How much more may be held at the end than once warm.

Under load requests of hundreds of megabytes and a thousand files come and go while it is measured;
what leaks with every prediction is for the soak to find.
"""


def main() -> int:
    """Run one of them."""
    parser = argparse.ArgumentParser(prog="python -m tests.load")
    parser.add_argument("kind", choices=list(ALLOWED))
    parser.add_argument("--callers", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--predictions", type=int, default=50_000)
    parser.add_argument("--pieces", type=int, default=1_000_000)
    parser.add_argument("--own", action="store_true", help="the model has its own environment")
    parser.add_argument("--out", type=Path, default=Path(".load"), help="a folder for the figures")
    asked = parser.parse_args()
    tally, samples, seconds = asyncio.run(_measure(asked))
    failures = [*filter(is_bad, tally.outcomes), *too_much(samples, ALLOWED[asked.kind])]
    failures += tally.wrong[:10]
    if tally.health.slowest > SLOWEST:
        failures.append(f"health took {tally.health.slowest:.1f} s")
    if tally.ended_after > DEFAULT_GRACE:
        failures.append(f"the end took {tally.ended_after:.1f} s")
    failures += tally.health.others
    show(tally, samples, seconds, failures)
    asked.out.mkdir(exist_ok=True)
    figures = as_json(tally, samples, seconds, failures)
    name = f"{asked.kind}-own" if asked.own else asked.kind
    (asked.out / f"{name}.json").write_text(json.dumps(figures, indent=2) + "\n")
    return 1 if failures else 0


Measured = tuple[Tally, list[tuple[int, Usage]], float]


async def _measure(asked: argparse.Namespace) -> Measured:
    match asked.kind:
        case "load":
            return await load(asked.callers, asked.seconds, own=asked.own)
        case "soak":
            return await soak(asked.predictions, own=asked.own)
        case _:
            return await long(asked.pieces, own=asked.own)


async def load(callers: int, seconds: float, *, own: bool = False) -> Measured:
    """Let so many callers ask, each again as soon as it is answered, until the app is told to end.

    That it is told while all of them ask.
    """
    tally, samples = Tally(), list[tuple[int, Usage]]()
    server, receiver = await take_nothing()
    with served(16, own=own) as app, meanness(receiver) as mean:
        limits = httpx.Limits(
            max_connections=None,
            max_keepalive_connections=callers,
            keepalive_expiry=None,  # what is late here would be closed on its way to a request
        )
        async with (
            server,
            httpx.AsyncClient(base_url=app.url, timeout=300, limits=limits) as client,
        ):
            assert app.long_steps() == []  # none but those of starting
            began, watch = time.monotonic(), HealthWatch(app.url)
            asking = asyncio.gather(*(_caller(n, client, mean, tally) for n in range(callers)))
            while (left := began + seconds - time.monotonic()) > 0 and not asking.done():
                await asyncio.wait({asking}, timeout=min(left, seconds / SAMPLES))
                samples.append((tally.outcomes.total(), usage(app.pid, app.temporary)))
                tally.read_log(app.lines)
            tally.health = await asyncio.to_thread(watch.end)
            tally.wrong += app.long_steps()
            await _ended(app, tally)
            await asking
    return tally, samples, time.monotonic() - began


async def _caller(index: int, client: httpx.AsyncClient, mean: Meanness, tally: Tally) -> None:
    random, numbers = Random(index), itertools.count(index, MOST_CALLERS)
    while not tally.over:
        if index % HOSTILE:
            with tally.noted("LOST"):
                await call(client, random, next(numbers), tally)
        else:
            with tally.noted("hostile"):
                await mean.act(client, random, tally)
        if tally.ending:
            await asyncio.sleep(0.1)


async def _ended(app: Target, tally: Tally) -> None:
    """Tell the app to end, and wait until it has."""
    tally.ending = True
    tally.ended_after = await asyncio.to_thread(seconds_to_end, app.pid)
    tally.over = True
    status = await asyncio.to_thread(app.stop)
    if status in (-signal.SIGKILL, -signal.SIGALRM):
        tally.wrong.append("the app had to be killed:\n" + "\n".join(app.lines[-STACKS:]))


async def soak(predictions: int, *, own: bool = False) -> Measured:
    """Make so many predictions, a few at a time, and measure as they go."""
    tally, samples, began = Tally(), [], time.monotonic()
    with served(4, own=own) as app:
        async with httpx.AsyncClient(base_url=app.url, timeout=120) as client:
            for batch in range(SAMPLES):
                await _batch(client, batch, predictions // SAMPLES, tally)
                samples.append((tally.outcomes.total(), usage(app.pid, app.temporary)))
                tally.read_log(app.lines)
    return tally, samples, time.monotonic() - began


async def _batch(client: httpx.AsyncClient, batch: int, size: int, tally: Tally) -> None:
    numbers = iter(range(batch * size, (batch + 1) * size))

    async def caller() -> None:
        for number in numbers:
            work = invented(Random(number), number)
            answer = await client.post("/", json=work.inputs)
            tally.check("/", answer.json().get("output"), work.wanted)

    await asyncio.gather(*(caller() for _ in range(4)))


async def long(pieces: int, *, own: bool = False) -> Measured:
    """Make one prediction of so many pieces at each door."""
    tally, samples, began = Tally(), [], time.monotonic()
    inputs = {"text": "long", "pieces": pieces}
    wanted = expected("long", pieces)
    with served(1, own=own) as app:
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
    write(f"\nthe slowest of {tally.health.checks:,} health checks: {tally.health.slowest:.2f} s\n")
    write(f"\nthe end, from SIGTERM on: {tally.ended_after:.2f} s\n")
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
        "health": tally.health._asdict(),
        "ended_after": tally.ended_after,
        "slopes": slopes(samples),
        "grown": grown(samples),
        "samples": [{"requests": done, **asdict(each)} for done, each in samples],
    }


def is_bad(outcome: str) -> bool:
    """Tell whether an outcome must not occur: wrong, or lost or a server error before the end."""
    if outcome.startswith(ENDING):
        return outcome.endswith("WRONG")
    return outcome.endswith(("WRONG", "LOST")) or any(f" {n}" in outcome for n in range(500, 600))


if __name__ == "__main__":
    sys.exit(main())
