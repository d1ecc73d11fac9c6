"""Ask an app for its health until told to end: `python -m tests.load.health URL`.

In a process of its own, so that what it measures is the app and not whoever else asks it.
"""

from __future__ import annotations

import json
import select
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

import httpx

SLOWEST: Final = 1.0
"""Seconds within which health has to be told, whatever is asked meanwhile."""

PAUSE: Final = 0.05


class Watched(NamedTuple):
    """How often health was told, the longest time that it took, and what else was answered."""

    checks: int = 0
    slowest: float = 0.0
    others: Sequence[str] = ()


class HealthWatch:
    """Watches the health of the app at `url` until `end` is called."""

    def __init__(self, url: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", __name__, url],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[2],
        )

    def end(self) -> Watched:
        """Return what was seen."""
        said, _ = self._process.communicate(input="")
        return Watched(**json.loads(said))


def main() -> None:
    """Watch until the standard input ends."""
    checks, slowest, others = 0, 0.0, list[str]()
    with httpx.Client(base_url=sys.argv[1], timeout=60) as client:
        while not select.select([sys.stdin], [], [], PAUSE)[0]:
            begun = time.monotonic()
            try:
                status = client.get("/health-check").json()["status"]
            except (httpx.HTTPError, ValueError) as error:
                status = repr(error)
            slowest = max(slowest, time.monotonic() - begun)
            checks += 1
            if status not in ("READY", "BUSY"):
                others.append(status)
    sys.stdout.write(json.dumps(Watched(checks, slowest, others[:20])._asdict()))


if __name__ == "__main__":
    main()
