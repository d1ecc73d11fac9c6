"""From the command `fal run --local` to the first answer."""

from __future__ import annotations

import json
import time
from pathlib import Path

from benchmarks.arms import START_LIMIT, fal_command, free_port, running
from benchmarks.http_client import Connection, Job
from benchmarks.lab import COGFAL, SYNC, Lab
from benchmarks.projects.noop import noop, noop_values

WORK = "fal run --local to first answer"
POLL = 0.005  # seconds


def measure(lab: Lab) -> None:
    """Start the hand-written app and cogfal's in turns."""
    arms = [("by_hand.py::Sync", SYNC), ("app.py::App", COGFAL)]
    projects = {app: lab.written(noop(5)) for app, _ in arms}
    for app, _ in arms:
        _first_answer(app, projects[app])  # so that the byte code is there
    for app, name in lab.rounds(arms, lab.plan.few_rounds):
        taken = _first_answer(app, projects[app])
        lab.notebook.record(WORK, name, "time", "s", taken)
    lab.notebook.claim(WORK, "time", ("<=", 1.1), against=(SYNC,))


def _first_answer(app: str, directory: Path) -> float:
    port = free_port()
    connection = Connection(port)
    job = Job("/", json.dumps(noop_values(5)).encode())
    started = time.perf_counter()
    with running(fal_command(app, port), directory, port) as process:
        while process.poll() is None and time.perf_counter() - started < START_LIMIT:
            try:
                answer = connection.post(job)
            except ConnectionError:
                connection.close()
                time.sleep(POLL)
                continue
            taken = time.perf_counter() - started
            connection.close()
            if answer.status == 200:
                return taken
        raise RuntimeError(f"{app} did not answer:\n{(directory / 'log.txt').read_text()}")
