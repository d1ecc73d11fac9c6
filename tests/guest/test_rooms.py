"""What runs in the author's process needs nothing but the standard library of its Python."""

from __future__ import annotations

from pathlib import Path

import cogfal
from tests.interpreters import on_every_python, run_there

_ROOT = Path(cogfal.__file__).parent
_ROOMS = ("errors.py", "fal_errors.py", "spec.py", "cog", "guest")


def modules() -> list[str]:
    """Return the names of the modules that the author's process may import."""
    found = [
        path
        for room in _ROOMS
        for path in ([_ROOT / room] if room.endswith(".py") else (_ROOT / room).rglob("*.py"))
    ]
    names = [".".join(path.relative_to(_ROOT.parent).with_suffix("").parts) for path in found]
    return sorted(n.removesuffix(".__init__") for n in names if "importable" not in n)


@on_every_python
def test_every_module_is_imported_without_a_package_beside_it(python: Path) -> None:
    """The interpreter runs without its site-packages, and warnings are errors."""
    program = """
import importlib
def main(given):
    return [importlib.import_module(name).__name__ for name in given]
"""

    imported = run_there(python, program, modules(), options=("-S", "-W", "error"))

    assert imported == modules()
    assert "cogfal.guest.encoding" in imported
