"""Finding the Python that a model asks for."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from cogfal.environments.interpreters import find_interpreter, find_uv
from cogfal.errors import SetupError
from tests.interpreters import INTERPRETERS, pyenv_versions

HERE = f"3.{sys.version_info.minor}"
ANOTHER = next(name for name in INTERPRETERS if name != HERE)


def a_python(path: Path, version: str) -> Path:
    """Write a program that says what a Python of that version would."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\necho {version}\necho {path}\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def bare(tmp_path: Path) -> dict[str, str]:
    """The variables of a machine that has no Python of its own."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "pyenv").mkdir()
    return {
        "PATH": str(tmp_path / "bin"),
        "PYENV_ROOT": str(tmp_path / "pyenv"),
        "HOME": str(tmp_path),
        "UV_PYTHON_INSTALL_DIR": str(tmp_path / "uv"),
        "UV_PYTHON_DOWNLOADS": "never",
    }


@pytest.mark.parametrize("version", [path.name for path in pyenv_versions()])
def test_what_pyenv_has_installed_is_found(version: str) -> None:
    """With a patch and without, though its folder is on no PATH."""
    if not version.startswith("3.") or version.startswith("3.6."):
        return  # nothing that a model can ask for
    environ = {**os.environ, "PATH": os.defpath}
    minor = ".".join(version.split(".")[:2])

    assert find_interpreter(version, environ).version == version
    assert find_interpreter(minor, environ).fits(minor)


def test_pyenvs_shims_are_no_pythons(bare: dict[str, str], tmp_path: Path) -> None:
    """They fail for each version that is not the one pyenv was told to use."""
    shims = tmp_path / "pyenv/shims"
    a_python(shims / f"python{ANOTHER}", f"{ANOTHER}.1")
    wanted = a_python(tmp_path / f"pyenv/versions/{ANOTHER}.2/bin/python", f"{ANOTHER}.2")
    bare["PATH"] = f"{shims}:{bare['PATH']}"

    assert find_interpreter(ANOTHER, bare).path == wanted


def test_the_newest_patch_of_pyenvs_is_taken(bare: dict[str, str], tmp_path: Path) -> None:
    """`3.8.18` is newer than `3.8.9`, and `3.8-dev` is none."""
    for version in (f"{ANOTHER}.9", f"{ANOTHER}.18", f"{ANOTHER}-dev"):
        a_python(tmp_path / f"pyenv/versions/{version}/bin/python", version)

    assert find_interpreter(ANOTHER, bare).version == f"{ANOTHER}.18"


def test_the_path_comes_first(bare: dict[str, str], tmp_path: Path) -> None:
    """Under its own name or a plain one, where that is the version."""
    a_python(tmp_path / "bin/python", "2.7.18")
    wanted = a_python(tmp_path / "bin/python3", f"{ANOTHER}.4")
    a_python(tmp_path / f"pyenv/versions/{ANOTHER}.9/bin/python", f"{ANOTHER}.9")

    assert find_interpreter(ANOTHER, bare).path == wanted


def test_another_patch_does(bare: dict[str, str], tmp_path: Path) -> None:
    """As for Cog, whose images have the newest one."""
    a_python(tmp_path / f"pyenv/versions/{ANOTHER}.9/bin/python", f"{ANOTHER}.9")

    found = find_interpreter(f"{ANOTHER}.4", bare)

    assert found.version == f"{ANOTHER}.9"
    assert not found.fits(f"{ANOTHER}.4")


@pytest.mark.parametrize("text", [b"#!/bin/sh\nexit 3\n", b"\x7fELF"], ids=["fails", "none"])
def test_one_that_does_not_run_is_passed_over(
    bare: dict[str, str], tmp_path: Path, text: bytes
) -> None:
    """A broken program on the PATH is not the end."""
    a_python(tmp_path / f"bin/python{ANOTHER}", "").write_bytes(text)
    a_python(tmp_path / f"pyenv/versions/{ANOTHER}.9/bin/python", f"{ANOTHER}.9")

    assert find_interpreter(ANOTHER, bare).version == f"{ANOTHER}.9"


def test_this_python_needs_no_search(bare: dict[str, str]) -> None:
    """It is there, and not the virtualenv that cogfal is installed in."""
    found = find_interpreter(HERE, bare)

    assert found.fits(HERE)
    assert not (found.path.parent.parent / "pyvenv.cfg").exists()


def test_one_that_cannot_be_had_says_where_was_looked(bare: dict[str, str], tmp_path: Path) -> None:
    """On the PATH, in pyenv's folder and by uv, which says why it could not install it."""
    with pytest.raises(SetupError) as caught:
        find_interpreter("3.99", bare)

    for place in ("the PATH", str(tmp_path / "pyenv/versions"), "uv"):
        assert place in caught.value.what
    assert "pyenv install 3.99" in str(caught.value.remedy)


def test_uv_is_the_one_that_cogfal_brings() -> None:
    """It is a dependency, so it is there wherever an environment is made."""
    assert Path(find_uv()).parent == Path(sys.executable).parent
