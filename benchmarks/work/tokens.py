"""A long stream of short tokens: the time to the first, and tokens per second."""

from __future__ import annotations

import json
import time

from benchmarks.http_client import Answer, Job
from benchmarks.lab import ASYNC, COG, COGFAL, PREDICTIONS, SYNC, Arm, Lab, Servers

FIRST, RATE = "time to first", "tokens/s"
OF_ASYNC = "cogfal, async predictor"
SSE = b"Accept: text/event-stream\r\n"


def measure(lab: Lab) -> None:
    """Stream from a sync and an async predictor, and from generators by hand."""
    count = lab.plan.tokens
    work = f"{count:,} streamed tokens"
    with Servers(lambda: lab.project("tokens")) as servers:
        arms = _arms(servers, count)
        for arm in arms:
            _refuse_wrong(arm, arm.once(), count)
        for arm in lab.rounds(arms, lab.plan.few_rounds):
            started = time.perf_counter()
            answer = arm.once()
            ended = time.perf_counter()
            _refuse_wrong(arm, answer, count)
            lab.notebook.record(work, arm.name, FIRST, "ms", (answer.first - started) * 1000)
            lab.notebook.record(work, arm.name, RATE, "1/s", count / (ended - started))
            lab.notebook.count(work, arm.name, {answer.status: 1})
    for ours, theirs in ((COGFAL, SYNC), (OF_ASYNC, ASYNC), (PREDICTIONS, COG)):
        lab.notebook.claim(work, FIRST, ("<=", 1.0), against=(theirs,), ours=ours)
        lab.notebook.claim(work, RATE, (">=", 1.0), against=(theirs,), ours=ours)


def _arms(servers: Servers, count: int) -> list[Arm]:
    body = json.dumps({"count": count}).encode()
    job = Job("/stream", body)
    envelope = Job("/predictions", b'{"input":' + body + b"}", SSE)
    cogfal = servers.fal("app.py::App")
    return [
        Arm(SYNC, servers.fal("by_hand.py::Sync"), job),
        Arm(ASYNC, servers.fal("by_hand.py::Async"), job),
        Arm(COGFAL, cogfal, job),
        Arm(OF_ASYNC, servers.fal("app.py::AsyncApp"), job),
        Arm(PREDICTIONS, cogfal, envelope),
        Arm(COG, servers.cog(), envelope),
    ]


def _refuse_wrong(arm: Arm, answer: Answer, count: int) -> None:
    if answer.status != 200 or answer.body.count(b'"index":') != count or not _whole(answer, count):
        raise RuntimeError(
            f"{arm.name} answered {answer.status}: {answer.body[:500]!r}\n{arm.server.log()}"
        )


def _whole(answer: Answer, count: int) -> bool:
    output = json.loads(answer.body[answer.body.rfind(b"data: ") + 6 :])["output"]
    return "".join(output).count("token ") == count
