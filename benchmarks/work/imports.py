"""What importing costs, and the command's start."""

from __future__ import annotations

from benchmarks.lab import COGFAL, Lab
from benchmarks.programs import printed, seconds

TIMED = """
import json, time
{before}
started = time.perf_counter()
{imported}
print(json.dumps(time.perf_counter() - started))
"""
IMPORTS = {
    "import cogfal": ("", "import cogfal", 60.0),
    "import cogfal.app, after import fal": ("import fal", "import cogfal.app", 40.0),
}
COMMAND = "cogfal --help"
BARE = "python -c pass"


def measure(lab: Lab) -> None:
    """Import in fresh processes, one of each in every round."""
    for arm in lab.rounds([*IMPORTS, "import fal", COMMAND, BARE]):
        _measure(lab, arm)
    for name, (_, _, limit) in IMPORTS.items():
        lab.notebook.claim(name, "time", ("<=", limit))
    lab.notebook.claim(COMMAND, "time", None)
    lab.notebook.claim(COMMAND, "time", None, against=(BARE,))


def _measure(lab: Lab, arm: str) -> None:
    if arm == COMMAND:
        taken = seconds(["-m", "cogfal", "--help"], lab.directory)
        lab.notebook.record(COMMAND, COGFAL, "time", "ms", taken * 1000)
    elif arm == BARE:
        taken = seconds(["-c", "pass"], lab.directory)
        lab.notebook.record(COMMAND, BARE, "time", "ms", taken * 1000)
    else:
        before, imported, _ = IMPORTS.get(arm, ("", arm, 0.0))
        taken = printed(TIMED.format(before=before, imported=imported), lab.directory)
        lab.notebook.record(arm, COGFAL, "time", "ms", taken * 1000)
