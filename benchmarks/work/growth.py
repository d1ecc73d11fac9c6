"""How time and memory grow with inputs, body, outputs, stream and callers."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from benchmarks.arms import Server
from benchmarks.http_client import Job
from benchmarks.lab import COGFAL, SYNC, Arm, Lab, Servers
from benchmarks.load import burst
from benchmarks.memory import MIB, watched
from benchmarks.plan import Plan
from benchmarks.projects.noop import noop, noop_values

WARM_UP = 30  # requests
TIME, MEMORY = "time", "peak RSS growth"


@dataclass(frozen=True, slots=True)
class Curve:
    """What grows: its name, the class in `app.py`, the sizes, and the request of one size.

    `by_hand` names the arm that does the same without cogfal, where there is one.
    """

    name: str
    app: str
    sizes: Sequence[int]
    job: Callable[[int], Job]
    by_hand: bool = True
    clients: Callable[[int], int] = lambda _: 1


def measure(lab: Lab) -> None:
    """Draw every curve."""
    _number_of_inputs(lab)
    for curve in CURVES:
        names = [("app.py", COGFAL), ("by_hand.py", SYNC)][: 1 + curve.by_hand]
        for file, name in names:
            with Servers(lambda: lab.project("growth")) as servers:
                server = servers.fal(f"{file}::{curve.app}")
                idle = _idle(server, curve.job(curve.sizes[0]))
                for size in _chosen(curve.sizes, lab.plan):
                    _point(lab, curve, Arm(name, server, curve.job(size)), size, idle)


def _of_any_size(job: Job, _: int) -> Job:
    return job


def _number_of_inputs(lab: Lab) -> None:
    for size in _chosen((1, 3, 10, 30, 50, 100, 200), lab.plan):
        job = Job("/", json.dumps(noop_values(size)).encode())
        curve = Curve("number of inputs", "", (), partial(_of_any_size, job))
        for app, name in (("app.py::App", COGFAL), ("by_hand.py::Sync", SYNC)):
            with Servers(partial(lab.written, noop(size))) as servers:
                arm = Arm(name, servers.fal(app), job)
                _point(lab, curve, arm, size, _idle(arm.server, job))


def _idle(server: Server, smallest: Job) -> int:
    """Warm a server up and return its resident memory."""
    burst(server.port, smallest, requests=WARM_UP)
    return server.resident_bytes()


def _point(lab: Lab, curve: Curve, arm: Arm, size: int, idle: int) -> None:
    """Measure one size: memory from the idle server's to the highest so far, time in the middle."""
    clients = curve.clients(size)
    ask = partial(burst, arm.server.port, arm.job, clients=clients)
    with watched(arm.server) as growth:
        sample = ask(requests=clients)
        affordable = int(lab.plan.curve_seconds / sample.elapsed)
        rounds = min(affordable, max(1, lab.plan.curve_requests // clients))
        if rounds:
            sample = ask(requests=rounds * clients)
    lab.notebook.count(curve.name, arm.name, sample.statuses)
    lab.notebook.plot(curve.name, arm.name, TIME, "ms", size, sample.latency(0.5))
    lab.notebook.plot(curve.name, arm.name, MEMORY, "MiB", size, (growth.peak - idle) / MIB)


def _chosen(sizes: Sequence[int], plan: Plan) -> list[int]:
    return list(sizes[:-1:2] if plan.coarse_curves else sizes)


def _text(size: int) -> Job:
    return Job("/", json.dumps({"text": "x" * size}).encode())


def _count(path: str, size: int) -> Job:
    return Job(path, json.dumps({"count": size}).encode())


CURVES = (
    Curve(
        "size of the body, bytes",
        "Body",
        (100, 1_000, 10_000, 100_000, 300_000, 1_000_000, 3_000_000, 10_000_000),
        _text,
    ),
    Curve(
        "number of outputs", "Outputs", (1, 10, 100, 1_000, 10_000, 100_000), partial(_count, "/")
    ),
    Curve(
        "number of output files",
        "Files",
        (1, 2, 4, 8, 16, 32, 64, 128),
        partial(_count, "/"),
        by_hand=False,
    ),
    Curve(
        "length of the stream",
        "Tokens",
        (1, 10, 100, 300, 1_000, 3_000, 10_000, 30_000),
        partial(_count, "/stream"),
    ),
    Curve(
        "concurrent callers",
        "Concurrent",
        (1, 2, 4, 8, 16, 32, 64),
        lambda _: _text(100),
        clients=lambda size: size,
    ),
)
