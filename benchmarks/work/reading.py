"""Read a large predictor from its text, instead of importing what it imports."""

from __future__ import annotations

import importlib.util

from benchmarks.lab import COGFAL, Lab
from benchmarks.programs import printed

WORK = "read a predictor that imports torch"
TORCH = "import torch"
READ = """
import json, time
started = time.perf_counter()
import cogfal
read = time.perf_counter()
spec = cogfal.inspect_predictor("predict.py:Predictor")
done = time.perf_counter()
assert len(spec.inputs) == 40
print(json.dumps([done - read, done - started]))
"""
IMPORT = """
import json, time
started = time.perf_counter()
import torch
print(json.dumps(time.perf_counter() - started))
"""


def measure(lab: Lab) -> None:
    """Read, and import torch where there is one, in fresh processes in turns."""
    torch = importlib.util.find_spec("torch") is not None
    directory = lab.project("reading")
    printed(READ, directory)  # so that the byte code is there
    for arm in lab.rounds([COGFAL, TORCH] if torch else [COGFAL], lab.plan.few_rounds):
        if arm == TORCH:
            lab.notebook.record(WORK, TORCH, "time", "ms", printed(IMPORT, directory) * 1000)
            continue
        reading, everything = printed(READ, directory)
        lab.notebook.record(WORK, COGFAL, "time", "ms", everything * 1000)
        lab.notebook.record(WORK, COGFAL, "time without importing cogfal", "ms", reading * 1000)
    lab.notebook.claim(WORK, "time without importing cogfal", None)
    if torch:
        lab.notebook.claim(WORK, "time", ("<=", 1 / 20), against=(TORCH,))
    else:
        lab.notebook.claim(WORK, "time", None)
        lab.notebook.notes.append(
            "torch was not installed, so reading was measured alone; "
            "importing torch takes one to several seconds."
        )
