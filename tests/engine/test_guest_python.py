"""The variables of the author's own process."""

from __future__ import annotations

import sys
from pathlib import Path

from cogfal.engine.guest_python import guest_variables


def test_the_models_programs_are_first_and_ours_are_gone(tmp_path: Path) -> None:
    """So that `pip` and `python` mean the model's in its child processes."""
    python = tmp_path / "bin/python"
    python.parent.mkdir()
    (tmp_path / "pyvenv.cfg").touch()
    ours = str(Path(sys.executable).parent)

    found = guest_variables(python, {"PATH": f"{ours}:/usr/bin", "PYTHONPATH": "/x", "A": "1"})

    assert found == {"PATH": f"{python.parent}:/usr/bin", "VIRTUAL_ENV": str(tmp_path), "A": "1"}
