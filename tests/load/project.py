"""The app under load: its answers hold a check of their own input."""

from __future__ import annotations

import hashlib
import sys
import tempfile
from pathlib import Path

from tests.hostile.heavy import PREDICTOR
from tests.hostile.target import Target

OWN = f"""
build:
  python_version: "{sys.version_info.major}.{sys.version_info.minor}"
predict: "predict.py:Predictor"
"""


def expected(text: str, pieces: int, file: str = "") -> list[str]:
    """Return what the predictor answers."""
    return [hashlib.sha256(f"{i}{text}{file}".encode()).hexdigest() for i in range(pieces)]


def served(slots: int, *, own: bool = False) -> Target:
    """Serve the predictor with so many slots, in a new temporary directory.

    It runs in the server's environment, or in one of its `own`.
    """
    folder = Path(tempfile.mkdtemp(prefix="load-"))
    project = folder / "project"
    project.mkdir()
    (project / "cog.yaml").write_text(OWN)
    settings = (
        f"max_multiplexing = {slots}",
        f'environment = "{"own" if own else "shared"}"',
        f'file_cache = "{folder / "cache"}"',
        "queue_limit = 1000",
        "allow_private_hosts = True",
        "allow_output_prefix = True",
    )
    return Target(folder, PREDICTOR, *settings, anew=True)
