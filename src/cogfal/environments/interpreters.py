"""Find the Python that a model asks for, wherever a machine keeps its Pythons."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final, NamedTuple

from cogfal.errors import SetupError
from cogfal.version import minor

_VERSION: Final = re.compile(r"3\.(\d+)(?:\.(\d+))?")
_ASK: Final = "import sys; print(*sys.version_info[:3], sep='.'); print(sys.executable)"


class FoundPython(NamedTuple):
    """An interpreter and its whole version, `3.8.18`."""

    path: Path
    version: str

    def fits(self, wanted: str) -> bool:
        """Whether this is the version wanted, to the patch where one is given."""
        return f"{self.version}.".startswith(f"{wanted}.")


def find_interpreter(version: str, environ: Mapping[str, str] | None = None) -> FoundPython:
    """Return an interpreter of a version, `3.8` or `3.8.18`.

    It is looked for on the PATH, by uv, and in pyenv's directory; else uv installs one of its own.
    Where the patch is nowhere, another of the same minor version does, as it does for Cog.

    Raises:
        SetupError: There is none and none can be had; it says where was looked.
    """
    environ = os.environ if environ is None else environ
    return present_interpreter(version, environ) or _installed_by_uv(version, environ)


def present_interpreter(
    version: str, environ: Mapping[str, str] | None = None
) -> FoundPython | None:
    """Return an interpreter of a version that is on this machine, None where there is none."""
    environ = os.environ if environ is None else environ
    found: list[FoundPython] = []
    for candidate in _candidates(minor(version), environ):
        if candidate.fits(version):
            return candidate
        found.append(candidate)
    return max(found, key=lambda each: _numbers(each.version), default=None)


def find_uv() -> str:
    """Return the path of uv.

    Raises:
        SetupError: It is not installed.
    """
    try:
        from uv import find_uv_bin  # noqa: PLC0415  # only where an environment is made

        return find_uv_bin()
    except (ImportError, FileNotFoundError) as error:
        found = shutil.which("uv")
        if found is None:
            raise SetupError(
                "uv, which makes the model's environment, is not installed",
                remedy="run `pip install uv`",
            ) from error
        return found


def _candidates(version: str, environ: Mapping[str, str]) -> Iterator[FoundPython]:
    """Yield interpreters of a minor version, the nearest first."""
    if version == f"3.{sys.version_info.minor}":
        base = getattr(sys, "_base_executable", sys.executable)
        yield FoundPython(Path(base), ".".join(map(str, sys.version_info[:3])))
    for directory in _path(environ):
        for name in (f"python{version}", "python3", "python"):
            found = _asked(directory / name) if (directory / name).is_file() else None
            if found is not None and found.fits(version):
                yield found
    yield from _of_pyenv(version, environ)
    yield from _of_uv(version, environ)


def _path(environ: Mapping[str, str]) -> list[Path]:
    """Return the directories of PATH, but not pyenv's shims, which only name other Pythons."""
    shims = _pyenv_root(environ) / "shims"
    given = environ.get("PATH", os.defpath).split(os.pathsep)
    return [Path(each) for each in given if each and Path(each) != shims]


def _pyenv_root(environ: Mapping[str, str]) -> Path:
    return Path(environ.get("PYENV_ROOT") or Path.home() / ".pyenv")


def _of_pyenv(version: str, environ: Mapping[str, str]) -> Iterator[FoundPython]:
    versions = _pyenv_root(environ) / "versions"
    names = [path.name for path in versions.glob(f"{version}.*") if _VERSION.fullmatch(path.name)]
    for name in sorted(names, key=_numbers, reverse=True):
        python = versions / name / "bin/python"
        if python.is_file():
            yield FoundPython(python, name)


def _of_uv(version: str, environ: Mapping[str, str]) -> Iterator[FoundPython]:
    variables = {**environ, "PATH": os.pathsep.join(map(str, _path(environ)))}
    command = [find_uv(), "python", "find", "--no-project", "--system", version]
    done = subprocess.run(  # noqa: S603  # uv
        command, capture_output=True, text=True, env=variables, check=False
    )
    found = _asked(Path(done.stdout.strip())) if done.returncode == 0 else None
    if found is not None:
        yield found


def _asked(python: Path) -> FoundPython | None:
    """Ask a Python for its version; None where it does not run."""
    try:
        done = subprocess.run(  # noqa: S603  # a Python of this machine
            [python, "-I", "-c", _ASK], capture_output=True, text=True, check=False, timeout=30
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    lines = done.stdout.split("\n")
    return FoundPython(Path(lines[1]), lines[0]) if done.returncode == 0 else None


def _installed_by_uv(version: str, environ: Mapping[str, str]) -> FoundPython:
    uv, variables = find_uv(), {"UV_HTTP_RETRIES": "1", **environ}
    said = ""
    for wanted in dict.fromkeys([version, minor(version)]):
        done = subprocess.run(  # noqa: S603  # uv
            [uv, "python", "install", "--no-bin", wanted],
            capture_output=True,
            text=True,
            env=variables,
            check=False,
        )
        if done.returncode == 0:
            for found in _of_uv(wanted, environ):
                return found
        said = said or done.stderr
    raise SetupError(
        f"there is no Python {version} on this machine: it is neither on the PATH nor in "
        f"{_pyenv_root(environ) / 'versions'}, uv knows of none, and uv could not install one "
        f"({_last_line(said)})",
        remedy=f"install it, for example with `pyenv install {minor(version)}` or "
        f"`uv python install {minor(version)}`",
    )


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1][:300] if lines else "it did not say why"


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))
