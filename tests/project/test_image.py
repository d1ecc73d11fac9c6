"""Tests of the reasons for an image."""

from __future__ import annotations

from pathlib import Path

import pytest

from cogfal.project.config_reader import parse_config
from cogfal.project.image import buildable, image_reasons
from cogfal.project.requirements_reader import read_packages
from tests.project.cases import packages


@pytest.mark.parametrize(
    ("text", "requirement", "reason"),
    [
        ("build: {system_packages: [ffmpeg]}", "a", "build.system_packages"),
        ("build: {run: [x]}", "a", "build.run"),
        ("build: {pre_install: [x]}", "a", "build.pre_install"),
        ("build: {cuda: '12.1'}", "a", "build.cuda"),
        ("build: {cudnn: '9'}", "a", "build.cudnn"),
        ("", "-i https://${T}@x", "credentials for the package index"),
        (packages(gpu=True), "tensorflow==2.15", "tensorflow, which loads CUDA from the system"),
        (packages(gpu=True), "flash_attn==2.6", "flash-attn, which compiles CUDA code"),
    ],
)
def test_what_needs_an_image(text: str, requirement: str, reason: str) -> None:
    """Each thing that fal's own runtime lacks is a reason by itself."""
    requirements = read_packages({requirement: "x"}, Path(), {})

    assert image_reasons(parse_config(text), requirements) == (reason,)


@pytest.mark.parametrize(
    "requirement", ["torch==2.4.0", "flash-attn", "tensorflow==2.15", "git+https://x/y"]
)
def test_pure_python_needs_none(requirement: str) -> None:
    """Packages of a CPU project are installed on fal's own runtime."""
    requirements = read_packages({requirement: "x"}, Path(), {})

    assert image_reasons(parse_config(""), requirements) == ()


@pytest.mark.parametrize(
    ("text", "able"),
    [
        ('[project]\nname = "x"\n', True),
        ('[tool.x]\nname = "x"\n', False),
        ("[project]\nversion = '1'\n[tool.x]\nname = 'y'\n", False),
        (None, False),
    ],
)
def test_what_fal_can_build_by_itself(text: str | None, able: bool, tmp_path: Path) -> None:
    """A local directory can be sent where `[project]` has a name."""
    if text is not None:
        (tmp_path / "pyproject.toml").write_text(text)

    assert buildable(tmp_path) is able
