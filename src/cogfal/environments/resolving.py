"""Ask uv which versions of packages go together on a runner; nothing is built or installed."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from cogfal.environments.interpreters import find_uv


class Resolution(NamedTuple):
    """What uv answered: the `text` of its choice, or in `trouble` why it made none."""

    text: str = ""
    trouble: str | None = None


def resolve(
    lines: Sequence[str], python: str, *options: str, seconds: float, longest: int
) -> Resolution:
    """Return what uv chooses for the lines of a requirements file.

    Args:
        lines: The lines.
        python: The runner's minor version.
        options: How uv is to write its choice.
        seconds: How long it may take.
        longest: Characters of its explanation.

    Raises:
        SetupError: uv is not installed.
    """
    with TemporaryDirectory(prefix="cogfal-") as folder:
        file = Path(folder, "requirements.in")
        file.write_text("\n".join(lines) + "\n", encoding="utf-8")
        command = [find_uv(), "pip", "compile", "--quiet", "--no-build", *options]
        command += ["--index-strategy", "unsafe-best-match", "--python-platform", "linux"]
        command += ["--python-version", python, str(file)]
        try:
            done = subprocess.run(  # noqa: S603  # uv
                command,
                capture_output=True,
                text=True,
                errors="replace",
                cwd=folder,
                env={**os.environ, "UV_HTTP_RETRIES": "0", "NO_COLOR": "1"},
                timeout=seconds,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return Resolution(trouble="uv did not answer in time")
    if done.returncode:
        return Resolution(trouble=_brief(done.stderr, longest) or "uv failed")
    return Resolution(done.stdout)


def _brief(text: str, longest: int) -> str:
    words = " ".join(text.replace("cause:", "").split()).removeprefix("error: ")
    return words if len(words) <= longest else words[: longest - 3] + "..."
