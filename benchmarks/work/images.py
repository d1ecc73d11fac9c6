"""A picture in and a picture out, both as data URLs."""

from __future__ import annotations

import base64
import json
from functools import partial
from typing import Any

from benchmarks.http_client import Job
from benchmarks.lab import (
    ASYNC,
    COG,
    COGFAL,
    OWN,
    PREDICTIONS,
    SYNC,
    Arm,
    Lab,
    Servers,
    checked,
)
from benchmarks.load import burst
from benchmarks.pictures import noise

SIZES = {"100 kB": 100_000, "10 MB": 10_000_000}
IN_MEMORY = "hand-written, no files"


def measure(lab: Lab) -> None:
    """Measure each size on the same servers."""
    with Servers(lambda: lab.project("images")) as servers:
        started = [
            (SYNC, servers.fal("by_hand.py::Sync"), "/"),
            (ASYNC, servers.fal("by_hand.py::Async"), "/"),
            (IN_MEMORY, servers.fal("by_hand.py::Bytes"), "/"),
            (COGFAL, servers.fal("app.py::App"), "/"),
            (OWN, servers.own("app.py::App"), "/"),
            (COG, servers.cog(), "/predictions"),
        ]
        started.append((PREDICTIONS, started[3][1], "/predictions"))
        for name, size in SIZES.items():
            url = data_url(noise(size))
            arms = [Arm(arm, server, _job(path, url)) for arm, server, path in started]
            checked(arms, partial(_is_sent, url))
            _measure(lab, f"data-URL image in and out, {name}", arms, lab.plan.images[name])


def _measure(lab: Lab, work: str, arms: list[Arm], requests: int) -> None:
    for arm in lab.rounds(arms, lab.plan.few_rounds):
        sample = burst(arm.server.port, arm.job, requests=requests)
        lab.notebook.record(work, arm.name, "p50", "ms", sample.latency(0.5))
        lab.notebook.count(work, arm.name, sample.statuses)
    lab.notebook.claim(work, "p50", ("<=", 1.0), against=(SYNC, ASYNC, COG))
    lab.notebook.claim(work, "p50", None, against=(IN_MEMORY,))
    lab.notebook.claim(work, "p50", None, against=(COG,), ours=PREDICTIONS)
    lab.notebook.claim(work, "p50", ("<=", 1.1), against=(COGFAL,), ours=OWN)
    lab.notebook.claim(work, "p50", None, against=(SYNC, COG), ours=OWN)


def data_url(image: bytes) -> str:
    """Return a PNG as a data URL."""
    return "data:image/png;base64," + base64.b64encode(image).decode()


def _job(path: str, url: str) -> Job:
    values: dict[str, object] = {"image": url}
    return Job(path, json.dumps({"input": values} if path == "/predictions" else values).encode())


def _is_sent(url: str, arm: Arm, body: Any) -> bool:
    """Whether an answer holds the picture that was sent."""
    output = body["output"]
    return bool(url == (output["url"] if arm.job.path == "/" else output))
