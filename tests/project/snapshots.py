"""Write a plan down as text, to compare it with the snapshot beside it.

`COGFAL_UPDATE_SNAPSHOTS=1` writes the snapshots anew.
"""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

from cogfal.project.plan import PlannedEnvironment
from cogfal.project.report import SettingStatus

DIRECTORY = Path(__file__).parent / "snapshots"


def render(environment: PlannedEnvironment) -> str:
    """Everything of a plan that does not depend on where the project lies."""
    parts = {
        "kind": environment.kind,
        "requirements": list(environment.requirements),
        "python": environment.python_version,
        "machine": environment.machine_type,
        "multiplexing": environment.max_multiplexing,
        "files": list(environment.files.names),
        "directory": environment.files.directory,
        "variables": dict(environment.variables),
        "server variables": dict(environment.server_variables),
        "build secrets": dict(environment.build_secrets),
        "weights": list(environment.weights),
        "app name": environment.app_name,
        "mode": environment.decision.mode,
        "reasons": list(environment.decision.reasons),
        "interpreter": environment.interpreter,
        "model": environment.model and list(environment.model.requirements),
    }
    lines = [f"{key}: {value}" for key, value in parts.items()]
    counts = Counter(line.status for line in environment.report)
    total = ", ".join(f"{counts[status]} {status.value}" for status in SettingStatus)
    text = "\n".join([*lines, "", "report:", *map(str, environment.report), total])
    if environment.dockerfile:
        text += f"\n\ndockerfile:\n{environment.dockerfile}"
    return text.rstrip() + "\n"


def expected(name: str, found: str) -> str:
    """The snapshot of a case; written first where that is asked for."""
    path = DIRECTORY / f"{name}.txt"
    if os.environ.get("COGFAL_UPDATE_SNAPSHOTS") == "1":
        path.write_text(found, encoding="utf-8")
    return path.read_text(encoding="utf-8")
