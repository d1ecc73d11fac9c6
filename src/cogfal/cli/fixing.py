"""Mend of a project what can be mended without a question."""

from __future__ import annotations

from pathlib import Path

from cogfal.app_file import APP_FILE
from cogfal.cli.console import Mark, say
from cogfal.cli.dockerignore import DOCKERIGNORE, IGNORED
from cogfal.cli.migrate import app_text
from cogfal.cli.planning import plan


def fix(directory: Path) -> None:
    """Write app.py and .dockerignore where they are missing; raises ProjectError.

    Nothing that is there is changed.
    """
    if not directory.is_dir():
        return
    found = plan(directory)
    for name, text in ((APP_FILE, app_text(found)), (DOCKERIGNORE, IGNORED)):
        path = found.project.root / name
        if not path.exists():
            path.write_text(text, "utf-8")
            say(f"{name} written", Mark.GOOD)
