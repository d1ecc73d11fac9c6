"""Virtual environments with cogfal and chosen packages, kept between test runs."""

from __future__ import annotations

import fcntl
import hashlib
import os
import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

import uv

ROOT = Path(__file__).parents[1]
CACHE = Path(os.environ.get("COGFAL_TEST_CACHE", ROOT / ".cache"))


def environment(*layers: Sequence[str], wheel: bool = False) -> Path:
    """Return the Python of an environment that holds cogfal, fal and `layers`, and nothing else.

    Each layer is one `uv pip install`, as on fal. cogfal comes from this checkout, editable, or
    from a `wheel` built of it.
    """
    sources = [*(ROOT / "src").rglob("*.py"), ROOT / "pyproject.toml"]
    source = [str(wheel_of(ROOT, sources))] if wheel else ["--editable", str(ROOT)]
    return _built([source, *(list(layer) for layer in layers)])


def alone(*packages: str, python: str = sys.executable) -> Path:
    """Return the Python of an environment that holds `packages`, and nothing of cogfal's.

    `python` is the interpreter that it is made of.
    """
    return _built([list(packages)], python)


def _built(commands: Sequence[Sequence[str]], base: str = sys.executable) -> Path:
    made_of = sys.version if base == sys.executable else base
    digest = hashlib.sha256(repr([made_of, commands]).encode()).hexdigest()[:16]
    folder = CACHE / "environments" / digest
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        python = folder / "bin" / "python"
        if not (folder / "complete").exists():
            _uv("venv", "--quiet", "--allow-existing", "--python", base, str(folder))
            for command in commands:
                _uv("pip", "install", "--quiet", "--python", str(python), *command)
            (folder / "complete").touch()
    return python


def wheel_of(folder: Path, sources: Iterable[Path]) -> Path:
    """Build the wheel of the project in `folder`, once for each state of its `sources`."""
    content = b"".join(source.read_bytes() for source in sorted(sources))
    built = CACHE / "wheels" / hashlib.sha256(content).hexdigest()[:16]
    if not any(built.glob("*.whl")):
        _uv("build", "--quiet", "--wheel", "--out-dir", str(built), str(folder))
    return next(built.glob("*.whl"))


def _uv(*arguments: str) -> None:
    done = subprocess.run(
        [uv.find_uv_bin(), *arguments], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"uv {' '.join(arguments)}:\n{done.stderr}"
