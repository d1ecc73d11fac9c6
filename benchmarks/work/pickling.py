"""What `fal deploy` pickles of an app: how large it is and how long that takes."""

from __future__ import annotations

from benchmarks.lab import COGFAL, SYNC, Lab
from benchmarks.programs import printed
from benchmarks.projects.noop import noop

WORK = "pickled for fal deploy"
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
    """Pickle the hand-written app and cogfal's in fresh processes, in turns."""
    directory = lab.written(noop(5))
    for app, name in lab.rounds(
        [("by_hand.py::Sync", SYNC), ("app.py::App", COGFAL)], lab.plan.few_rounds
    ):
        file, symbol = app.split("::")
        size, pickling, wrapping = printed(PICKLED.format(file=file, symbol=symbol), directory)
        lab.notebook.record(WORK, name, "size", "kB", size / 1000)
        lab.notebook.record(WORK, name, "time to pickle", "ms", pickling * 1000)
        lab.notebook.record(
            WORK, name, "time to wrap and pickle", "ms", (wrapping + pickling) * 1000
        )
    lab.notebook.claim(WORK, "size", ("<=", 1.2), against=(SYNC,))
    lab.notebook.claim(WORK, "time to pickle", ("<=", 1.2), against=(SYNC,))
    lab.notebook.claim(WORK, "time to wrap and pickle", None, against=(SYNC,))
