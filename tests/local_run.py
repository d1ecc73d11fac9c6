"""Serve an app with `fal run --local` on free ports."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.forking import command
from tests.processes import Process, free_port


class LocalRun(Process):
    """`fal run --local REF` in `cwd`, with no account and none of this user's settings.

    `python` names the environment that serves, by default this one; the process is forked from one
    that has imported fal, unless it is to start `anew`; `under` is a command that runs the one
    given to it; `environment` adds variables.
    """

    def __init__(
        self,
        ref: str,
        *,
        cwd: Path,
        home: Path,
        python: Path | None = None,
        under: Sequence[str] = (),
        anew: bool = False,
        **environment: str,
    ) -> None:
        self.port = free_port()
        anew = anew or bool(under) or any(map(_is_read_at_start, environment))
        real = (python or Path(sys.executable)).parent / "fal"
        script = real if anew else command("fal", python)
        ports = [f"--exposed-port={self.port}", f"--exposed-metrics-port={free_port()}"]
        inherited = {k: v for k, v in os.environ.items() if not k.startswith(("FAL_", "COG"))}
        settings = {"HOME": str(home), "COLUMNS": "200", "NO_COLOR": "1", "PYTHONUNBUFFERED": "1"}
        settings["COGFAL_RESOLVE"] = "0"
        super().__init__(
            [*under, script, "run", "--local", *ports, ref],
            cwd=cwd,
            env={**inherited, **settings, **environment},
        )

    @property
    def url(self) -> str:
        """The app's URL, once the app answers there."""
        self.wait_for(rf"Uvicorn running on http://0\.0\.0\.0:{self.port}")
        return f"http://127.0.0.1:{self.port}"


def _is_read_at_start(variable: str) -> bool:
    """Tell what the interpreter, or fal when it is imported, looks at."""
    return variable.startswith(("FAL_", "LD_", "PYTHON"))
