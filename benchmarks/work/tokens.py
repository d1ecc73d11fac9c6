"""A long stream of short tokens: the time to the first, and tokens per second."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable
from functools import partial

from benchmarks.http_client import Answer, Connection, Job
from benchmarks.lab import (
    ASYNC,
    COG,
    COGFAL,
    OWN,
    OWN_PREDICTIONS,
    PREDICTIONS,
    SYNC,
    Arm,
    Lab,
    Servers,
)
from benchmarks.load import once_free

FIRST, RATE = "time to first", "tokens/s"
KEPT = "time to first, kept connection"
OF_ASYNC = "cogfal, async predictor"
SSE = b"Accept: text/event-stream\r\n"


def measure(lab: Lab) -> None:
    """Stream from a sync and an async predictor, and from generators by hand.

    Each way is asked on a connection of its own, and on one that it keeps as proxies do.
    """
    count = lab.plan.tokens
    work = f"{count:,} streamed tokens"
    with Servers(lambda: lab.project("tokens")) as servers:
        arms = _arms(servers, count)
        kept = {arm.name: Connection(arm.server.port) for arm in arms}
        for arm in arms:
            _refuse_wrong(arm, kept[arm.name].post(arm.job), count)
        for arm in lab.rounds(arms, lab.plan.few_rounds):
            statuses = lab.notebook.count_for(work, arm.name)
            first, seconds = _streamed(arm, arm.once, statuses, count)
            later, _ = _streamed(arm, partial(kept[arm.name].post, arm.job), statuses, count)
            lab.notebook.record(work, arm.name, FIRST, "ms", first * 1000)
            lab.notebook.record(work, arm.name, KEPT, "ms", later * 1000)
            lab.notebook.record(work, arm.name, RATE, "1/s", count / seconds)
        for connection in kept.values():
            connection.close()
    for ours, theirs in ((COGFAL, SYNC), (OF_ASYNC, ASYNC), (PREDICTIONS, COG)):
        for metric in (FIRST, KEPT):
            lab.notebook.claim(work, metric, ("<=", 1.0), against=(theirs,), ours=ours)
        lab.notebook.claim(work, RATE, (">=", 1.0), against=(theirs,), ours=ours)
    lab.notebook.claim(work, RATE, (">=", 1.0), against=(COG,), ours=OWN_PREDICTIONS)
    lab.notebook.claim(work, RATE, None, against=(COGFAL, SYNC), ours=OWN)
    for metric in (FIRST, KEPT):
        lab.notebook.claim(work, metric, None, against=(COG,), ours=OWN_PREDICTIONS)


def _streamed(
    arm: Arm, ask: Callable[[], Answer], statuses: Counter[int], count: int
) -> tuple[float, float]:
    """Return the seconds until the body began, and until it ended, busy answers included."""
    started = time.perf_counter()
    answer = once_free(ask, statuses)
    ended = time.perf_counter()
    _refuse_wrong(arm, answer, count)
    return answer.first - started, ended - started


def _arms(servers: Servers, count: int) -> list[Arm]:
    body = json.dumps({"count": count}).encode()
    job = Job("/stream", body)
    envelope = Job("/predictions", b'{"input":' + body + b"}", SSE)
    cogfal, own = servers.fal("app.py::App"), servers.own("app.py::App")
    return [
        Arm(SYNC, servers.fal("by_hand.py::Sync"), job),
        Arm(ASYNC, servers.fal("by_hand.py::Async"), job),
        Arm(COGFAL, cogfal, job),
        Arm(OF_ASYNC, servers.fal("app.py::AsyncApp"), job),
        Arm(PREDICTIONS, cogfal, envelope),
        Arm(OWN, own, job),
        Arm(OWN_PREDICTIONS, own, envelope),
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
