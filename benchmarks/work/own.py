"""What a model's own process and environment cost while nothing is asked of them."""

from __future__ import annotations

import json
from pathlib import Path

from benchmarks.arms import Server, family
from benchmarks.http_client import Job
from benchmarks.lab import OWN, Arm, Lab, Servers
from benchmarks.memory import MIB
from benchmarks.programs import printed
from benchmarks.projects.noop import noop, noop_values
from cogfal.environments import make
from cogfal.errors import SetupError
from cogfal.project.config_reader import read_config
from cogfal.project.model_environment import local_model

OCR = Path(__file__).parents[2] / "examples" / "ocr"
MEMORY, IDLE = "the guest and its keeper", "idle"
REUSE, AGAIN = "the OCR example's environment", "made again, in a fresh process"
MOST_MEMORY = 30 * 10**6 / MIB
REUSED = """
import json, os, time
from pathlib import Path
os.environ["XDG_CACHE_HOME"] = {cache!r}
root = Path({root!r})
from cogfal.project.config_reader import read_config
config = read_config(root / "cog.yaml")
started = time.perf_counter()
from cogfal.local.model_python import local_python
python = local_python(config, root)
taken = time.perf_counter() - started
assert python is not None and python.is_relative_to({cache!r})
print(json.dumps(taken))
"""


def measure(lab: Lab) -> None:
    """Weigh the processes, then have the OCR example's environment asked for again and again."""
    _weigh(lab)
    _make_again(lab)


def _weigh(lab: Lab) -> None:
    job = Job("/", json.dumps(noop_values(5)).encode())
    for _ in range(3):
        with Servers(lambda: lab.written(noop(5))) as servers:
            own = servers.own("app.py::App")
            Arm(OWN, own, job).once()
            lab.notebook.record(MEMORY, OWN, IDLE, "MiB", _apart(own) / MIB)
    lab.notebook.claim(MEMORY, IDLE, ("<=", MOST_MEMORY), ours=OWN)


def _apart(server: Server) -> int:
    """Return the bytes of all that is below the server's process, none of them counted twice.

    What several processes share, as the interpreter and the C library, counts in parts.
    """
    return sum(process.memory_full_info().pss for process in family(server.process.pid)[1:])


def _make_again(lab: Lab) -> None:
    """Time what follows reading cog.yaml, imports included; the packages come from the index."""
    cache = lab.directory / "cache"
    try:
        environment, _ = local_model(read_config(OCR / "cog.yaml"), OCR)
        make(environment, directory=cache / "cogfal" / "environments")
    except SetupError as error:
        lab.notebook.leave_out(REUSE, str(error).splitlines()[0])
        return
    program = REUSED.format(cache=str(cache), root=str(OCR))
    printed(program, lab.directory)  # so that the byte code is there
    for _ in range(lab.plan.rounds):
        taken = printed(program, lab.directory)
        lab.notebook.record(REUSE, OWN, AGAIN, "ms", taken * 1000)
    lab.notebook.claim(REUSE, AGAIN, ("<=", 50.0), ours=OWN)
