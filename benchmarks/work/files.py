"""Eight files in and eight out over a store that takes 150 ms to answer."""

from __future__ import annotations

import json

from benchmarks.http_client import Job
from benchmarks.lab import COGFAL, SYNC, Arm, Lab, Servers, checked
from benchmarks.load import burst
from benchmarks.store import Store, store

LATENCY = 0.15  # seconds
WORK = "8 URLs in, 8 files out, 150 ms store"
ALONE = "cogfal, one file alone"


def measure(lab: Lab) -> None:
    """Measure eight files one after the other by hand, eight by cogfal, and one by cogfal."""
    with (
        store(LATENCY) as files,
        Servers(lambda: lab.project("files"), files.variables()) as servers,
    ):
        cogfal = servers.fal("app.py::App")
        arms = [
            Arm(SYNC, servers.fal("by_hand.py::Sync"), _job(files, 8)),
            Arm(COGFAL, cogfal, _job(files, 8)),
            Arm(ALONE, cogfal, _job(files, 1)),
        ]
        checked(arms, _all_came_back)
        for arm in lab.rounds(arms, lab.plan.few_rounds):
            sample = burst(arm.server.port, arm.job, requests=1)
            lab.notebook.record(WORK, arm.name, "time", "ms", sample.latency(0.5))
            lab.notebook.count(WORK, arm.name, sample.statuses)
    lab.notebook.claim(WORK, "time", ("<=", 0.25), against=(SYNC,))
    lab.notebook.claim(WORK, "time", ("<=", 1.3), against=(ALONE,))


def _job(files: Store, count: int) -> Job:
    return Job("/", json.dumps({"images": [files.image(str(i)) for i in range(count)]}).encode())


def _all_came_back(arm: Arm, body: object) -> bool:
    assert isinstance(body, dict)
    names = [image["file_name"] for image in body["output"]]
    sent = len(json.loads(arm.job.body)["images"])
    return names == [f"result-{number}.png" for number in range(sent)]
