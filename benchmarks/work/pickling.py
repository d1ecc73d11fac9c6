"""What `fal deploy` pickles of an app: how large it is and how long that takes."""

from __future__ import annotations

from benchmarks.lab import COGFAL, SYNC, Lab
from benchmarks.programs import printed
from benchmarks.projects.noop import noop

WORK = "pickled for fal deploy"
BOTH = "time to wrap and pickle"
MEDIA = "hand-written, returns an Image"
PICKLED = """
import json, runpy, time
import cloudpickle
from fal._serialization import patch_pickle
from fal.api import IsolatedFunction
from fal.app import wrap_app
patch_pickle()
defined = runpy.run_path("{file}")
started = time.perf_counter()
wrapped = wrap_app(defined["{symbol}"])
made = time.perf_counter()
size = len(cloudpickle.dumps(wrapped.func))
print(json.dumps([size, time.perf_counter() - made, made - started]))
"""


def measure(lab: Lab) -> None:
    """Pickle in fresh processes, in turns: apps by hand with and without files, and cogfal's."""
    plain, media = lab.written(noop(5)), lab.project("images")
    arms = [
        (SYNC, plain, "by_hand.py", "Sync"),
        (MEDIA, media, "by_hand.py", "Sync"),
        (COGFAL, plain, "app.py", "App"),
    ]
    for _, directory, file, symbol in arms:
        printed(PICKLED.format(file=file, symbol=symbol), directory)  # the byte code is there now
    for name, directory, file, symbol in lab.rounds(arms, lab.plan.few_rounds):
        program = PICKLED.format(file=file, symbol=symbol)
        size, pickling, wrapping = printed(program, directory)
        lab.notebook.record(WORK, name, "size", "kB", size / 1000)
        lab.notebook.record(WORK, name, "time to pickle", "ms", pickling * 1000)
        lab.notebook.record(WORK, name, BOTH, "ms", (wrapping + pickling) * 1000)
    for metric in ("size", "time to pickle", BOTH):
        lab.notebook.claim(WORK, metric, ("<=", 1.2), against=(SYNC, MEDIA))
