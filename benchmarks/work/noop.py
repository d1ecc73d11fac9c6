"""Requests that do nothing, so that what serving costs is all there is."""

from __future__ import annotations

import json

from benchmarks.http_client import Job
from benchmarks.lab import (
    ASYNC,
    COG,
    COGFAL,
    OLD_COG,
    OWN,
    OWN_PREDICTIONS,
    PREDICTIONS,
    SYNC,
    Arm,
    Lab,
    Servers,
    checked,
)
from benchmarks.load import Sample, burst
from benchmarks.notebook import Notebook
from benchmarks.projects.noop import noop, noop_values

RATE = "requests/s"
OVER_SHARED = "p50 over shared"
MOST_OVER_SHARED = 0.5  # ms


def measure(lab: Lab) -> None:
    """Measure one caller with 1 and 50 inputs, then several callers of an async predictor."""
    for inputs in (1, 50):
        _one_caller(lab, inputs)
    _several_callers(lab)


def _one_caller(lab: Lab, inputs: int) -> None:
    work = f"no-op, {inputs} input{'s' * (inputs > 1)}, c=1"
    with Servers(lambda: lab.written(noop(inputs))) as servers:
        arms = _arms(servers, inputs) + _arms_apart(lab, servers, inputs)
        for arm in lab.rounds(arms):
            sample = burst(arm.server.port, arm.job, requests=lab.plan.requests)
            note(lab.notebook, work, arm.name, sample)
    lab.notebook.claim(work, "p50", ("<=", 1.0), against=(SYNC, ASYNC))
    lab.notebook.claim(work, "p99", None, against=(SYNC, ASYNC))
    lab.notebook.claim(work, RATE, (">=", 1.0), against=(SYNC, ASYNC))
    lab.notebook.claim(work, RATE, (">=", 0.6), against=(COG,), ours=PREDICTIONS)
    _claim_apart(lab, work)


def _claim_apart(lab: Lab, work: str) -> None:
    """Say how much longer a process of its own takes, and compare it with those that have one."""
    for ours, shared in ((OWN, COGFAL), (OWN_PREDICTIONS, PREDICTIONS)):
        lab.notebook.record_difference(work, "p50", ours, shared, OVER_SHARED)
        lab.notebook.claim(work, OVER_SHARED, ("<=", MOST_OVER_SHARED), ours=ours)
    lab.notebook.claim(work, "p50", None, against=(SYNC, ASYNC), ours=OWN)
    cogs = [arm for arm in (COG, OLD_COG) if (work, arm, "p50") in lab.notebook.series]
    lab.notebook.claim(work, "p50", None, against=cogs, ours=OWN_PREDICTIONS)


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


def _jobs(inputs: int) -> tuple[Job, Job]:
    """Return what is asked of fal's endpoint, and of Cog's."""
    flat = json.dumps(noop_values(inputs)).encode()
    return Job("/", flat), Job("/predictions", b'{"input":' + flat + b"}")


def _arms_apart(lab: Lab, servers: Servers, inputs: int) -> list[Arm]:
    job, envelope = _jobs(inputs)
    own = servers.own("app.py::App")
    arms = [Arm(OWN, own, job), Arm(OWN_PREDICTIONS, own, envelope)]
    if lab.old_cog is not None:
        arms.append(Arm(OLD_COG, servers.old_cog(lab.old_cog), envelope))
    return _warm(arms)


def _arms(servers: Servers, inputs: int) -> list[Arm]:
    job, envelope = _jobs(inputs)
    cogfal = servers.fal("app.py::App")
    arms = [
        Arm(SYNC, servers.fal("by_hand.py::Sync"), job),
        Arm(ASYNC, servers.fal("by_hand.py::Async"), job),
        Arm(COGFAL, cogfal, job),
        Arm(PREDICTIONS, cogfal, envelope),
        Arm(COG, servers.cog(), envelope),
    ]
    return _warm(arms)


def _warm(arms: list[Arm]) -> list[Arm]:
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
