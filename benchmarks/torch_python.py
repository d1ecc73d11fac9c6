"""The Python that has torch: this one, or the one that `COGFAL_TORCH_PYTHON` names."""

from __future__ import annotations

import importlib.util
import os
from dataclasses import dataclass
from pathlib import Path

from benchmarks.arms import THIS_PYTHON
from benchmarks.programs import printed

VARIABLE = "COGFAL_TORCH_PYTHON"
MISSING = "torch is not installed"
DESCRIBED = """
import importlib.util, json, torch
if torch.cuda.is_available():
    device = torch.cuda.get_device_name()
else:
    device = "CPU"
others = [name for name in ("diffusers", "transformers") if importlib.util.find_spec(name)]
print(json.dumps([torch.__version__, device, others]))
"""


@dataclass(frozen=True, slots=True)
class Torch:
    """A Python, its torch, the device that models run on there, and which packages it has, too."""

    python: str
    version: str
    device: str
    others: frozenset[str]


def find_torch(directory: Path) -> Torch | None:
    """Return the Python that has torch, None where there is none."""
    python = os.environ.get(VARIABLE, "")
    if not python and importlib.util.find_spec("torch") is None:
        return None
    python = python or THIS_PYTHON
    version, device, others = printed(DESCRIBED, directory, python)
    return Torch(python, version, device, frozenset(others))
