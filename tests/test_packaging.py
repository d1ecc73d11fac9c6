"""What is published: an archive of sources and a wheel, and that both are the same package."""

from __future__ import annotations

import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = (ROOT / "src" / "cogfal", ROOT / "stubs" / "cog-stubs")
BACKEND = """
import sys
from hatchling import build

getattr(build, sys.argv[1])(sys.argv[2])
"""


def built(source: Path, hook: str, into: Path) -> Path:
    """Build as a packaging tool does, in a process of its own in the source's directory."""
    into.mkdir()
    subprocess.run(
        [sys.executable, "-c", BACKEND, hook, str(into)],
        cwd=source,
        check=True,
        capture_output=True,
        text=True,
        timeout=120,
    )
    (artefact,) = into.iterdir()
    return artefact


def contents(wheel: Path) -> dict[str, bytes]:
    """Read every file of a wheel."""
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this checkout."""
    return built(ROOT, "build_wheel", tmp_path_factory.mktemp("tree") / "dist")


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The unpacked source archive of this checkout."""
    folder = tmp_path_factory.mktemp("sdist")
    with tarfile.open(built(ROOT, "build_sdist", folder / "dist")) as archive:
        archive.extraction_filter = getattr(tarfile, "data_filter", None)  # late in 3.10 and 3.11
        archive.extractall(folder / "unpacked")
    (source,) = (folder / "unpacked").iterdir()
    return source


def test_the_wheel_of_the_source_archive_is_the_wheel_of_the_tree(
    wheel: Path, unpacked: Path, tmp_path: Path
) -> None:
    """File by file, and byte by byte."""
    again = built(unpacked, "build_wheel", tmp_path / "dist")

    assert again.name == wheel.name
    assert contents(again) == contents(wheel)


def test_the_wheel_holds_the_package_and_nothing_else(wheel: Path) -> None:
    """Every file of cogfal and of the types of cog is there, marker and pages too, and no test."""
    names = set(contents(wheel))
    expected = {
        file.relative_to(package.parent).as_posix()
        for package in PACKAGES
        for file in package.rglob("*")
        if file.is_file() and file.suffix != ".pyc"
    }

    packed = {name for name in names if ".dist-info/" not in name}

    assert packed == expected
    assert "cogfal/py.typed" in packed
    assert {Path(name).suffix for name in packed if "/playground/" in name} >= {".html", ".js"}


def test_the_source_archive_can_be_tested(unpacked: Path) -> None:
    """It holds the tests, the examples and the licence."""
    for name in ("tests/test_packaging.py", "examples", "LICENSE", "pyproject.toml", "Makefile"):
        assert (unpacked / name).exists(), name
