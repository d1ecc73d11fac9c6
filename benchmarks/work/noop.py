"""Requests that do nothing, so that what serving costs is all there is."""

from __future__ import annotations

import json

from benchmarks.http_client import Job
from benchmarks.lab import ASYNC, COG, COGFAL, PREDICTIONS, SYNC, Arm, Lab, Servers, checked
from benchmarks.load import Sample, burst
from benchmarks.notebook import Notebook
from benchmarks.projects.noop import noop, noop_values

RATE = "requests/s"


def measure(lab: Lab) -> None:
    """Measure one caller with 1 and 50 inputs, then several callers of an async predictor."""
    for inputs in (1, 50):
        _one_caller(lab, inputs)
    _several_callers(lab)


def _one_caller(lab: Lab, inputs: int) -> None:
    work = f"no-op, {inputs} input{'s' * (inputs > 1)}, c=1"
    with Servers(lambda: lab.written(noop(inputs))) as servers:
        arms = _arms(servers, inputs)
        for arm in lab.rounds(arms):
            sample = burst(arm.server.port, arm.job, requests=lab.plan.requests)
            note(lab.notebook, work, arm.name, sample)
    for metric in ("p50", "p99"):
        goal = ("<=", 1.0) if metric == "p50" else None
        lab.notebook.claim(work, metric, goal, against=(SYNC, ASYNC))
    lab.notebook.claim(work, RATE, (">=", 1.0), against=(SYNC, ASYNC))
    lab.notebook.claim(work, RATE, (">=", 0.6), against=(COG,), ours=PREDICTIONS)


def _several_callers(lab: Lab) -> None:
    with Servers(lambda: lab.written(noop(1, concurrent=32))) as servers:
        arms = _arms(servers, 1)
        for clients in (8, 32):
            work = f"no-op, async predictor, c={clients}"
            for arm in lab.rounds(arms):
                requests = lab.plan.requests * 2
                sample = burst(arm.server.port, arm.job, requests=requests, clients=clients)
                note(lab.notebook, work, arm.name, sample)
            lab.notebook.claim(work, RATE, (">=", 1.0), against=(SYNC, ASYNC))
            lab.notebook.claim(work, RATE, None, against=(COG,), ours=PREDICTIONS)


def _arms(servers: Servers, inputs: int) -> list[Arm]:
    flat = json.dumps(noop_values(inputs)).encode()
    job, envelope = Job("/", flat), Job("/predictions", b'{"input":' + flat + b"}")
    cogfal = servers.fal("app.py::App")
    arms = [
        Arm(SYNC, servers.fal("by_hand.py::Sync"), job),
        Arm(ASYNC, servers.fal("by_hand.py::Async"), job),
        Arm(COGFAL, cogfal, job),
        Arm(PREDICTIONS, cogfal, envelope),
        Arm(COG, servers.cog(), envelope),
    ]
    checked(arms, lambda _, body: body["output"] == "some words")
    for arm in arms:
        burst(arm.server.port, arm.job, requests=50)
    return arms


def note(notebook: Notebook, work: str, arm: str, sample: Sample) -> None:
    """Write down what a burst gave."""
    notebook.record(work, arm, "p50", "ms", sample.latency(0.5))
    notebook.record(work, arm, "p99", "ms", sample.latency(0.99))
    notebook.record(work, arm, RATE, "1/s", sample.rate)
    notebook.count(work, arm, sample.statuses)
