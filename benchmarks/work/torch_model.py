"""The torch example, called directly and behind each server: what serving adds to a real model.

Every server answers with the picture as a data URL. The arms take turns with every single call,
since the time that a model takes wanders by more than a server costs.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from benchmarks.arms import environment
from benchmarks.http_client import Connection, Job
from benchmarks.lab import COG, COGFAL, SYNC, Arm, Lab, Servers, checked
from benchmarks.load import Sample, ask
from benchmarks.statistics import percentile
from benchmarks.torch_python import MISSING, Torch, find_torch

EXAMPLE = Path(__file__).parents[2] / "examples" / "torch-painter"
SMALL, LARGEST = 16, 2048  # pixels per side, as the example takes them
TARGET = 0.1  # seconds that the larger picture takes, more or less
NEAR = 0.1  # the share by which it may miss that
TRIALS, CALLS = 8, 7
# Of several threads the idle ones spin for a while, on the cores that the next arm computes on.
# And where glibc puts a large tensor, and whether it keeps the memory, depends on what the process
# allocated before, and on the thread: the same model took up to a third more or less time for it.
# So every arm maps each large tensor anew, and keeps everything smaller.
ALIKE = {
    "OMP_NUM_THREADS": "1",
    "MALLOC_MMAP_THRESHOLD_": str(2**20),
    "MALLOC_TRIM_THRESHOLD_": str(2**26),
}
DIRECT = "direct call"
TIME, MORE, SHARE = "time", "more than a direct call", "more than a direct call, share"


@dataclass(frozen=True, slots=True)
class Caller:
    """A way to have the model called once, noting how long that took."""

    name: str
    call: Callable[[Sample], None]


def measure(lab: Lab) -> None:
    """Measure a picture that takes about 100 ms, and the smallest one."""
    torch = find_torch(lab.directory)
    if torch is None:
        lab.notebook.leave_out("torch example", MISSING)
        return
    with (
        Servers(lambda: _project(lab), ALIKE, torch.python) as servers,
        _direct(_project(lab), torch) as direct,
    ):
        arms = [
            Arm(SYNC, servers.fal("by_hand.py::App"), Job("/")),
            Arm(COGFAL, servers.fal("app.py::App"), Job("/")),
            Arm(COG, servers.cog(), Job("/predictions")),
        ]
        size = _size(direct)
        for name, pixels in (("100 ms", size), ("small", SMALL)):
            _measure(lab, f"torch example, {name}, {torch.device}", pixels, arms, direct)
    lab.notebook.notes.append(
        f"The torch example ran on {torch.device}, with torch {torch.version}: "
        f"{size} pixels per side where it is said to take 100 ms, {SMALL} where it is small; "
        "one thread computes, and every arm's allocator maps large tensors anew."
    )


def _measure(
    lab: Lab, work: str, size: int, arms: list[Arm], direct: Callable[[int], float]
) -> None:
    arms = [Arm(arm.name, arm.server, _job(arm.job.path, size)) for arm in arms]
    checked(arms, _is_picture)
    with ExitStack() as connections:
        callers = [Caller(DIRECT, lambda sample: sample.latencies.append(direct(size)))]
        for arm in arms:
            connection = connections.enter_context(closing(Connection(arm.server.port)))
            callers.append(Caller(arm.name, partial(ask, connection, arm.job)))
        _round(lab, callers)  # to warm up
        for _ in range(lab.plan.rounds):
            _note(lab, work, _round(lab, callers))
    lab.notebook.claim(work, TIME, None, against=(SYNC, COG))
    lab.notebook.claim(work, MORE, ("<=", 2.0))
    lab.notebook.claim(work, SHARE, ("<=", 1.0) if size != SMALL else None)


def _round(lab: Lab, callers: list[Caller]) -> dict[str, Sample]:
    samples = {caller.name: Sample() for caller in callers}
    for caller in lab.rounds(callers, lab.plan.model_calls):
        caller.call(samples[caller.name])
    return samples


def _note(lab: Lab, work: str, samples: dict[str, Sample]) -> None:
    """Note what a round gave; a call is compared with the direct call of the same turn."""
    direct = samples.pop(DIRECT)
    alone = direct.latency(0.5)
    lab.notebook.record(work, DIRECT, TIME, "ms", alone)
    for name, sample in samples.items():
        pairs = zip(sample.latencies, direct.latencies, strict=True)
        more = percentile([served - called for served, called in pairs], 0.5) * 1000
        lab.notebook.record(work, name, TIME, "ms", sample.latency(0.5))
        lab.notebook.record(work, name, MORE, "ms", more)
        lab.notebook.record(work, name, SHARE, "%", more / alone * 100)
        lab.notebook.count(work, name, sample.statuses)


def _size(direct: Callable[[int], float]) -> int:
    """Return how many pixels per side take this machine about as long as is wanted."""
    size = 256
    for _ in range(TRIALS):
        taken = min(direct(size) for _ in range(CALLS))
        if abs(taken / TARGET - 1) < NEAR:
            break
        size = max(SMALL, min(LARGEST, round(size * (TARGET / taken) ** 0.5)))
    return size


@contextmanager
def _direct(directory: Path, torch: Torch) -> Iterator[Callable[[int], float]]:
    """Yield what calls the predictor, in a process without a server, and returns the seconds."""
    with subprocess.Popen(
        [torch.python, "direct.py"],
        cwd=directory,
        env=environment(directory, torch.python, **ALIKE),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin
        assert process.stdout
        lines, answers = process.stdin, process.stdout

        def seconds(size: int) -> float:
            lines.write(json.dumps(_inputs(size)) + "\n")
            lines.flush()
            if not (answer := answers.readline()):
                raise RuntimeError("the process of the direct call has ended")
            return float(answer)

        yield seconds


def _project(lab: Lab) -> Path:
    directory = lab.project("torch")
    shutil.copy(EXAMPLE / "predict.py", directory)
    return directory


def _inputs(size: int) -> dict[str, float]:
    return {"seed": 7, "size": size, "zoom": 1.5}


def _job(path: str, size: int) -> Job:
    values: dict[str, object] = {**_inputs(size)}
    return Job(path, json.dumps({"input": values} if path == "/predictions" else values).encode())


def _is_picture(arm: Arm, body: object) -> bool:
    assert isinstance(body, dict)
    url = body["output"]["url"] if arm.job.path == "/" else body["output"]
    return str(url).startswith("data:image/png;base64,")
