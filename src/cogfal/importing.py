"""Read a predictor by importing it, in the Python that its own environment has."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from cogfal.engine.submission import Interpreter, own_interpreter
from cogfal.environments import guest_variables
from cogfal.errors import PredictorError
from cogfal.spec import PredictorSpec, Role, from_plain

_PACKAGE: Final = str(Path(__file__).parent)
_BOOT: Final = """
import importlib.util, sys
directory = sys.argv[1]
found = importlib.util.spec_from_file_location(
    "cogfal", directory + "/__init__.py", submodule_search_locations=[directory])
sys.modules["cogfal"] = importlib.util.module_from_spec(found)
found.loader.exec_module(sys.modules["cogfal"])
from cogfal.guest.read_live import main
main(*sys.argv[2:])
"""


def read_imported(ref: str, root: Path, role: Role, python: Path | None) -> PredictorSpec:
    """Return what the imported predictor says of itself.

    Args:
        ref: `path.py:Name`, the path relative to `root`.
        root: The project's directory.
        role: What it is for.
        python: The Python of the model's own environment; None is the one that runs this.

    Raises:
        PredictorError: It cannot be imported, or is no predictor.
    """
    path, _, name = ref.partition(":")
    with TemporaryDirectory(prefix="cogfal-") as folder:
        file = Path(folder, "answer.json")
        words = [str(file), str(root), path, name, role.value]
        done = _run(python, words, root)
        if not file.is_file():
            raise _failure(ref, (done.stderr.strip().splitlines() or ["it ended"])[-1])
        answer = json.loads(file.read_bytes())
    if "failed" in answer:
        raise _failure(ref, answer["failed"])
    if "wrong" in answer:
        what, where, remedy = answer["wrong"]
        named = where is not None and path in where
        raise PredictorError(what, where=where if named else ref, remedy=remedy)
    spec = from_plain(answer["spec"])
    assert isinstance(spec, PredictorSpec)
    return spec


def _run(python: Path | None, words: list[str], root: Path) -> subprocess.CompletedProcess[str]:
    interpreter = own_interpreter()
    if python is not None:
        interpreter = Interpreter(str(python), guest_variables(python, os.environ))
    return subprocess.run(  # noqa: S603  # the model's own Python, as its project asks
        [interpreter.path, "-c", _BOOT, _PACKAGE, *words],
        cwd=root,
        env=dict(interpreter.environ),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


def _failure(ref: str, reason: str) -> PredictorError:
    return PredictorError(
        f"it cannot be read by importing: {reason}",
        where=ref,
        remedy="name what it needs in cog.yaml, or unset read_by_importing",
    )
