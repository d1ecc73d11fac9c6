"""Resident memory of an app that was just started, and of one that has been at work."""

from __future__ import annotations

import json

from benchmarks.http_client import Job
from benchmarks.lab import COGFAL, SYNC, Arm, Lab, Servers
from benchmarks.load import burst
from benchmarks.memory import MIB
from benchmarks.projects.noop import noop, noop_values

WORK = "resident memory"


def measure(lab: Lab) -> None:
    """Start both apps a few times, and have each answer many requests."""
    job = Job("/", json.dumps(noop_values(5)).encode())
    for app, name in lab.rounds([("by_hand.py::Sync", SYNC), ("app.py::App", COGFAL)], 3):
        with Servers(lambda: lab.written(noop(5))) as servers:
            arm = Arm(name, servers.fal(app), job)
            arm.once()
            lab.notebook.record(WORK, name, "idle", "MiB", arm.server.resident_bytes() / MIB)
            sample = burst(arm.server.port, job, requests=lab.plan.steady_requests)
            lab.notebook.record(WORK, name, "steady", "MiB", arm.server.resident_bytes() / MIB)
            lab.notebook.count(WORK, name, sample.statuses)
    lab.notebook.claim(WORK, "idle", ("<=", 1.1), against=(SYNC,))
    lab.notebook.claim(WORK, "steady", ("<=", 1.1), against=(SYNC,))
