"""A terminal of our own that a command believes in."""

from __future__ import annotations

import os
import pty
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path

_CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def on_terminal(
    command: list[str], cwd: Path, variables: Mapping[str, str], *, whole: bool = False
) -> tuple[int, str, str]:
    """Run a command with its stderr on a terminal; return status, stdout and what was shown.

    Colours and cursor movements are left out of what was shown. With `whole`, stdout is on the
    terminal, too.
    """
    ours, theirs = pty.openpty()
    try:
        with subprocess.Popen(
            command,
            cwd=cwd,
            env={**variables},
            stdout=theirs if whole else subprocess.PIPE,
            stderr=theirs,
        ) as process:
            os.close(theirs)
            shown = b""
            while data := _read(ours):
                shown += data
            out = process.stdout.read() if process.stdout is not None else b""
        return process.returncode, out.decode(), _CONTROL.sub("", shown.decode())
    finally:
        os.close(ours)


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 65536)
    except OSError:  # Linux says so when the last writer has gone
        return b""
