"""Write small Cog projects from text."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

APP = """
import cogfal


class App(cogfal.App):
    predictor = "predict.py:Predictor"
"""


def write_project(folder: Path, **files: str) -> Path:
    """Write `files` below `folder` and return it; `predict_py` names `predict.py`.

    A double underscore separates folders. `app.py` is the usual five lines where none is given.
    """
    for name, text in {"app_py": APP, **files}.items():
        stem, _, suffix = name.rpartition("_")
        path = folder / f"{stem.replace('__', '/')}.{suffix}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dedent(text), encoding="utf-8")
    return folder
