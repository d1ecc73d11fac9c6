"""One very large file in and out: its time, and how much of it is in memory."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

from benchmarks.http_client import Job
from benchmarks.lab import COGFAL, SYNC, Arm, Lab, Servers, checked
from benchmarks.memory import watched
from benchmarks.store import store

MOST_ROUNDS = 5
SMALL = 1_000_000  # bytes of the request that warms a server up


def measure(lab: Lab) -> None:
    """Send the file through by hand and by cogfal, in turns."""
    size = lab.plan.large_bytes
    work = f"{size / 10**9:g} GB file in and out"
    with store(0.0) as files, Servers(lambda: lab.project("files"), files.variables()) as servers:
        made = [
            (SYNC, servers.fal("by_hand.py::LargeSync")),
            (COGFAL, servers.fal("app.py::LargeApp")),
        ]
        checked([Arm(*each, _job(files.zeros(SMALL))) for each in made], _sized(SMALL))
        arms = [Arm(*each, _job(files.zeros(size))) for each in made]
        for arm in lab.rounds(arms, min(MOST_ROUNDS, lab.plan.few_rounds)):
            with watched(arm.server) as growth:
                started = time.perf_counter()
                answer = arm.once()
                taken = time.perf_counter() - started
            lab.notebook.record(work, arm.name, "time", "s", taken)
            lab.notebook.record(work, arm.name, "peak RSS growth", "MiB", growth.mib)
            lab.notebook.count(work, arm.name, {answer.status: 1})
    lab.notebook.claim(work, "time", ("<=", 1.0), against=(SYNC,))
    lab.notebook.claim(work, "peak RSS growth", ("<=", 64))


def _job(url: str) -> Job:
    return Job("/", json.dumps({"file": url}).encode())


def _sized(size: int) -> Callable[[Arm, Any], bool]:
    return lambda _, body: body["output"]["file_size"] == size
