"""Read a large predictor from its text, instead of importing what it imports."""

from __future__ import annotations

from benchmarks.lab import COGFAL, Lab
from benchmarks.programs import printed
from benchmarks.projects.large import large
from benchmarks.torch_python import MISSING, Torch, find_torch

WORK = "read a predictor that imports torch and diffusers"
ALL, READING = "time", "time without importing cogfal"
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
{imports}
print(json.dumps(time.perf_counter() - started))
"""
TORCH = "import torch"
EVERYTHING = "import torch and diffusers"
DIFFUSERS = """
import torch
from diffusers import DDIMScheduler, DPMSolverMultistepScheduler, EulerDiscreteScheduler
from diffusers import StableDiffusionXLPipeline
from transformers import CLIPImageProcessor
"""


def measure(lab: Lab) -> None:
    """Read in fresh processes, in turns with the imports where there is a torch."""
    directory = lab.written(large())
    torch = find_torch(directory)
    imports = _imports(torch) if torch else {}
    printed(READ, directory)  # so that the byte code is there, as `find_torch` sees to for torch
    for arm in lab.rounds([COGFAL, *imports], lab.plan.few_rounds):
        if torch and arm in imports:
            taken = printed(IMPORT.format(imports=imports[arm]), directory, torch.python)
            lab.notebook.record(WORK, arm, ALL, "ms", taken * 1000)
            lab.notebook.record(WORK, arm, READING, "ms", taken * 1000)
        else:
            reading, everything = printed(READ, directory)
            lab.notebook.record(WORK, COGFAL, ALL, "ms", everything * 1000)
            lab.notebook.record(WORK, COGFAL, READING, "ms", reading * 1000)
    for metric in (READING, ALL):
        lab.notebook.claim(WORK, metric, ("<=", 1 / 20) if imports else None, against=imports)
    if torch:
        lab.notebook.notes.append(f"What was imported is torch {torch.version}.")
    else:
        lab.notebook.leave_out(TORCH, MISSING)


def _imports(torch: Torch) -> dict[str, str]:
    """Return what there is of what the predictor imports: torch alone, and with diffusers."""
    imports = {TORCH: "import torch"}
    if {"diffusers", "transformers"} <= torch.others:
        imports[EVERYTHING] = DIFFUSERS
    return imports
