"""The interpreters of this machine that a model may ask for, and programs run in them."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

import cogfal

MINORS = range(7, 14)
"""Python 3.7 to 3.13: what the code of the author's process has to run on."""

_PACKAGE = Path(cogfal.__file__).parent
_PRELUDE = f"""
import importlib.util, sys
_spec = importlib.util.spec_from_file_location(
    "cogfal", {str(_PACKAGE / "__init__.py")!r}, submodule_search_locations=[{str(_PACKAGE)!r}])
sys.modules["cogfal"] = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(sys.modules["cogfal"])
"""
_EPILOGUE = """
import json as _json
_json.dump(main(_json.load(sys.stdin)), sys.__stdout__)
"""


def _found() -> dict[str, Path]:
    """Return the Python of each minor version, the newest of pyenv's before one on the PATH."""
    found = {f"3.{sys.version_info.minor}": Path(sys.executable)}
    for minor in MINORS:
        name = f"3.{minor}"
        candidates = [*_of_pyenv(name), *_on_path(f"python{name}")]
        if name not in found and candidates:
            found[name] = candidates[0]
    return dict(sorted(found.items(), key=lambda each: int(each[0].partition(".")[2])))


def pyenv_versions() -> list[Path]:
    """Return the directories of the versions that pyenv has installed."""
    roots = (os.environ.get("PYENV_ROOT"), "~/.pyenv")
    folders = [Path(root).expanduser() / "versions" for root in roots if root]
    return [version for folder in folders if folder.is_dir() for version in folder.iterdir()]


def _of_pyenv(name: str) -> list[Path]:
    fitting = [v for v in pyenv_versions() if re.fullmatch(rf"{re.escape(name)}\.\d+", v.name)]
    fitting.sort(key=lambda version: int(version.name.rpartition(".")[2]), reverse=True)
    return [version / "bin" / "python" for version in fitting]


def _on_path(name: str) -> list[Path]:
    folders = [Path(folder) for folder in os.environ.get("PATH", "").split(os.pathsep) if folder]
    programs = [folder / name for folder in folders if folder.name != "shims"]
    return [program for program in programs if os.access(program, os.X_OK)]


INTERPRETERS = _found()
"""The Python of each minor version that this machine has, the oldest first."""

OLDEST, NEWEST = next(iter(INTERPRETERS.values())), list(INTERPRETERS.values())[-1]

on_every_python = pytest.mark.parametrize(
    "python", INTERPRETERS.values(), ids=[f"python{name}" for name in INTERPRETERS]
)
"""Run a test once for each interpreter, which it gets as `python`."""


def program_for(python: Path, program: str, options: Sequence[str] = ("-W", "error")) -> list[str]:
    """Return the command that runs a program in an interpreter.

    It may import `cogfal` as the author's process does: by its path, while the packages beside it
    stay out of reach.
    """
    return [str(python), *options, "-c", _PRELUDE + program]


def run_there(
    python: Path,
    program: str,
    given: Any = None,
    *,
    options: Sequence[str] = ("-W", "error"),
    environ: Mapping[str, str] | None = None,
) -> Any:
    """Call the program's `main(given)` in an interpreter, and return what it returned, as JSON."""
    done = subprocess.run(
        program_for(python, program + _EPILOGUE, options),
        input=json.dumps(given),
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
        cwd=os.sep,  # "-c" makes the working directory importable
        env={**os.environ, **(environ or {})},
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
