"""What `fal deploy` pickles of an app: how large it is and how long that takes."""

from __future__ import annotations

from benchmarks.lab import COGFAL, PROJECTS, SYNC, Lab
from benchmarks.programs import printed
from benchmarks.projects.noop import noop

TEXT = "pickled for fal deploy, text out"
FILE = "pickled for fal deploy, an image out"
BOTH = "time to wrap and pickle"
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
    """Pickle in fresh processes, in turns: each app by hand and cogfal's, with its files on CDN."""
    names = ("predict.py", "by_hand.py")
    pictures = {name: (PROJECTS / "images" / name).read_text() for name in names}
    text, image = lab.written(noop(5)), lab.written(pictures | {"app.py": noop(5)["app.py"]})
    arms = [
        (work, name, directory, file, symbol)
        for work, directory in ((TEXT, text), (FILE, image))
        for name, file, symbol in ((SYNC, "by_hand.py", "Sync"), (COGFAL, "app.py", "App"))
    ]
    for _, _, directory, file, symbol in arms:
        printed(PICKLED.format(file=file, symbol=symbol), directory)  # the byte code is there now
    for work, name, directory, file, symbol in lab.rounds(arms, lab.plan.few_rounds):
        program = PICKLED.format(file=file, symbol=symbol)
        size, pickling, wrapping = printed(program, directory)
        lab.notebook.record(work, name, "size", "kB", size / 1000)
        lab.notebook.record(work, name, "time to pickle", "ms", pickling * 1000)
        lab.notebook.record(work, name, BOTH, "ms", (wrapping + pickling) * 1000)
    for work in (TEXT, FILE):
        for metric in ("size", "time to pickle", BOTH):
            lab.notebook.claim(work, metric, ("<=", 1.2), against=(SYNC,))
