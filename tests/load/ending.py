"""End a process with SIGTERM and tell how long that took: `python -m tests.load.ending PID`.

In a process of its own, so that what it measures is the app and not whoever makes the load.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Final

LONGEST: Final = 60.0
"""Seconds after which it is waited for no longer."""


def seconds_to_end(pid: int) -> float:
    """Tell a process to end, and return how many seconds passed until it had."""
    command = [sys.executable, "-m", __name__, str(pid)]
    return float(subprocess.check_output(command, text=True, cwd=Path(__file__).parents[2]))


def main() -> None:
    """Tell it to end, and wait."""
    pid = int(sys.argv[1])
    process = os.pidfd_open(pid)
    begun = time.monotonic()
    os.kill(pid, signal.SIGTERM)
    select.select([process], [], [], LONGEST)
    sys.stdout.write(f"{time.monotonic() - begun}\n")


if __name__ == "__main__":
    main()
