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
from benchmarks.lab import COG, COGFAL, OLD_COG, OWN, OWN_PREDICTIONS, PREDICTIONS, Lab, Servers
from benchmarks.load import BUSY, once_free
from benchmarks.statistics import percentile

KINDS = {
    "sleeps": "predict sleeps in slices of 1 ms",
    "rests": "predict sleeps for 0.2 s at a time",
    "computes": "predict computes in Python",
}
SHARED_HAS_TO_WAIT = "rests"  # a thread sees nothing before its sleep is over
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
    """Cancel what sleeps and what computes, in both modes, at fal's door, at Cog's, and in Cog."""
    with Servers(lambda: lab.project("cancel")) as servers:
        cogfal, own = servers.fal("app.py::App"), servers.own("app.py::App")
        doors = [
            _fal_door(COGFAL, cogfal.port),
            _cog_door(PREDICTIONS, cogfal.port),
            _fal_door(OWN, own.port),
            _cog_door(OWN_PREDICTIONS, own.port),
            _cog_door(COG, servers.cog().port),
        ]
        if lab.old_cog is not None:
            doors.append(_cog_door(OLD_COG, servers.old_cog(lab.old_cog).port))
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
    shared = () if kind == SHARED_HAS_TO_WAIT else (COGFAL, PREDICTIONS)
    for metric in (EXCEPTION, FREE):
        for label in ("p50", "p99"):
            _claim(lab, work, f"{metric}, {label}", shared)


def _claim(lab: Lab, work: str, metric: str, shared: tuple[str, ...]) -> None:
    """Compare the shared mode with the present Cog, and the other with the better of both."""
    cogs = [arm for arm in (COG, OLD_COG) if (work, arm, metric) in lab.notebook.series]
    for ours in shared:
        lab.notebook.claim(work, metric, ("<=", 1.0), against=(COG,), ours=ours)
    for ours in (OWN, OWN_PREDICTIONS):
        lab.notebook.claim(work, metric, ("<=", 1.0), against=cogs, ours=ours)


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


def _fal_door(arm: str, port: int) -> Door:
    return Door(
        arm,
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
