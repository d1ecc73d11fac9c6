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
COMMANDS = {COMMAND: ["-m", "cogfal", "--help"], BARE: ["-c", "pass"]}


def measure(lab: Lab) -> None:
    """Import in fresh processes, one of each in every round."""
    arms = [*IMPORTS, "import fal", COMMAND, BARE]
    for arm in arms:
        _milliseconds(lab, arm)  # so that the byte code is there
    for arm in lab.rounds(arms):
        work, name = (COMMAND, arm) if arm == BARE else (arm, COGFAL)
        lab.notebook.record(work, name, "time", "ms", _milliseconds(lab, arm))
    for name, (_, _, limit) in IMPORTS.items():
        lab.notebook.claim(name, "time", ("<=", limit))
    lab.notebook.claim(COMMAND, "time", None, against=(BARE,))


def _milliseconds(lab: Lab, arm: str) -> float:
    if arm in COMMANDS:
        return seconds(COMMANDS[arm], lab.directory) * 1000
    before, imported, _ = IMPORTS.get(arm, ("", arm, 0.0))
    taken: float = printed(TIMED.format(before=before, imported=imported), lab.directory)
    return taken * 1000
