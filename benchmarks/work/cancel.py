"""Cancel a running prediction: until predict sees it, and until the slot takes the next one."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from benchmarks.http_client import Connection, Job
from benchmarks.lab import COG, COGFAL, PREDICTIONS, Lab, Servers
from benchmarks.load import BUSY, once_free
from benchmarks.statistics import percentile

KINDS = {"sleeps": "predict sleeps in slices of 1 ms", "computes": "predict computes in Python"}
LIMIT = 5.0  # seconds
EXCEPTION, FREE = "request to exception", "request to slot free"


class Unsaid(RuntimeError):
    """Report a prediction that did not say when it began or ended."""


@dataclass(frozen=True, slots=True)
class Door:
    """How one server is asked to predict and to cancel."""

    name: str
    port: int
    start: Callable[[str, dict[str, str]], Job]
    cancel: Callable[[str], Job]
    short: Job


def measure(lab: Lab) -> None:
    """Cancel what sleeps and what computes, at fal's door, at Cog's, and in Cog."""
    with Servers(lambda: lab.project("cancel")) as servers:
        cogfal, cog = servers.fal("app.py::App"), servers.cog()
        doors = [
            _fal_door(cogfal.port),
            _cog_door(PREDICTIONS, cogfal.port),
            _cog_door(COG, cog.port),
        ]
        for kind, description in KINDS.items():
            _measure(lab, f"cancel, {description}", doors, kind)


def _measure(lab: Lab, work: str, doors: list[Door], kind: str) -> None:
    for turn, door in enumerate(lab.rounds(doors, lab.plan.few_rounds)):
        seen: list[tuple[float, float]] = []
        for number in range(lab.plan.cancels):
            mark = lab.directory / f"mark-{kind}-{turn}-{number}"
            try:
                seen.append(_cancelled(door, kind, mark, lab.notebook.count_for(work, door.name)))
            except Unsaid as error:
                lab.notebook.notes.append(f"{work}, {door.name}: {error}.")
        for metric, values in zip((EXCEPTION, FREE), zip(*seen, strict=True), strict=True):
            for label, share in (("p50", 0.5), ("p99", 0.99)):
                value = percentile(values, share) * 1000
                lab.notebook.record(work, door.name, f"{metric}, {label}", "ms", value)
    for metric in (EXCEPTION, FREE):
        for label in ("p50", "p99"):
            lab.notebook.claim(work, f"{metric}, {label}", ("<=", 1.0), against=(COG,))
            lab.notebook.claim(
                work, f"{metric}, {label}", ("<=", 1.0), against=(COG,), ours=PREDICTIONS
            )


def _cancelled(door: Door, kind: str, mark: Path, statuses: Counter[int]) -> tuple[float, float]:
    """Start and cancel; return the seconds until the exception and until the next answer."""
    with closing(Connection(door.port)) as running, closing(Connection(door.port)) as other:
        _begin(running, door.start(mark.name, {"kind": kind, "mark": str(mark)}), mark, statuses)
        asked = time.monotonic_ns()
        other.post(door.cancel(mark.name))
        once_free(partial(other.post, door.short), statuses)
        free = time.monotonic_ns()
        _await(lambda: mark.read_text().isdecimal())
        running.receive()
    return (int(mark.read_text()) - asked) / 1e9, (free - asked) / 1e9


def _begin(running: Connection, job: Job, mark: Path, statuses: Counter[int]) -> None:
    """Start a prediction, and again while the server is busy with the one before."""
    running.send(job)

    def begun() -> bool:
        if running.answered():
            answer = running.receive()
            if answer.status != BUSY:
                raise RuntimeError(f"{job.path} answered {answer.status}: {answer.body[:500]!r}")
            statuses[BUSY] += 1
            running.send(job)
        return mark.exists() and mark.read_text() == "begun"

    _await(begun)


def _await(condition: Callable[[], bool]) -> None:
    limit = time.monotonic() + LIMIT
    while not condition():
        if time.monotonic() > limit:
            raise Unsaid(f"a prediction did not say within {LIMIT:.0f} s that it began or ended")
        time.sleep(0.001)


def _fal_door(port: int) -> Door:
    return Door(
        COGFAL,
        port,
        lambda name, values: Job("/", json.dumps(values).encode(), _named(name)),
        lambda name: Job("/cancel", b"", _named(name)),
        Job("/", b'{"kind":"short"}'),
    )


def _named(name: str) -> bytes:
    return f"x-fal-request-id: {name}\r\n".encode()


def _cog_door(arm: str, port: int) -> Door:
    return Door(
        arm,
        port,
        lambda name, values: Job(
            f"/predictions/{name}", json.dumps({"input": values}).encode(), method="PUT"
        ),
        lambda name: Job(f"/predictions/{name}/cancel"),
        Job("/predictions", b'{"input":{"kind":"short"}}'),
    )
