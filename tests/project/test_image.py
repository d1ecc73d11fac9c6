"""Tests of what needs an image, what it is built on, and its system packages."""

from __future__ import annotations

from pathlib import Path

import pytest

from cogfal.errors import ConfigError
from cogfal.project.config import PlanSettings
from cogfal.project.config_reader import parse_config
from cogfal.project.image import apt_names, buildable, cuda_image, image_reasons
from cogfal.project.plan import plan_environment
from cogfal.project.requirements import read_packages
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
        ("[project\n", False),
        (None, False),
    ],
)
def test_what_fal_can_build_by_itself(text: str | None, able: bool, tmp_path: Path) -> None:
    """A local directory can be sent where `[project]` has a name."""
    if text is not None:
        (tmp_path / "pyproject.toml").write_text(text)

    assert buildable(tmp_path) is able


@pytest.mark.parametrize(
    ("cuda", "cudnn", "tag"),
    [
        ("11.8", None, "11.8.0-cudnn8-devel-ubuntu22.04"),
        ("12.1.0", "8", "12.1.0-cudnn8-devel-ubuntu22.04"),
        ("12.4", "9", "12.4.1-cudnn-devel-ubuntu22.04"),
        ("12.3", "8", "12.2.2-cudnn8-devel-ubuntu22.04"),
        ("12.7", None, "12.8.0-cudnn-devel-ubuntu22.04"),
        ("13.9", None, "13.0.0-cudnn-devel-ubuntu22.04"),
        (None, "8.9.7", "12.2.2-cudnn8-devel-ubuntu22.04"),
        (None, "9", "12.8.1-cudnn-devel-ubuntu22.04"),
        ("10.2", None, None),
    ],
)
def test_the_nearest_cuda_image(cuda: str | None, cudnn: str | None, tag: str | None) -> None:
    """The exact version is taken where NVIDIA has it, else the nearest of the same major."""
    image = cuda_image(cuda, cudnn)

    assert (image.tag if image else None) == tag


def test_what_else_apt_understands_is_passed_on() -> None:
    """Options, versions with a star, another architecture; a comparison is one for nobody."""
    given = ["--fix-missing", "libtag1-dev=1.9*", "libtag1-dev>=1.9", "wine:i386", "vim-"]

    found = ("--fix-missing", "libtag1-dev=1.9*", "libtag1-dev", "wine:i386", "vim-")
    assert apt_names(given, "w") == found


def test_system_packages_are_split_and_renamed() -> None:
    """A list item may hold several names, and a name that Debian dropped is replaced."""
    assert apt_names(["ffmpeg git", "libgl1-mesa-glx", "git", "x=1:2.3-4"], "w") == (
        "ffmpeg",
        "git",
        "libgl1",
        "x=1:2.3-4",
    )


@pytest.mark.parametrize("name", ["-o=Dir=$(x)", "a;b", "$(x)", "a\nRUN", "A", "../x", "a'b"])
def test_system_packages_are_names(name: str) -> None:
    """What could be an option or a command is refused."""
    with pytest.raises(ConfigError, match="not the name of a system package"):
        apt_names([name], "cog.yaml")


def test_the_report_says_what_was_really_replaced(tmp_path: Path) -> None:
    """A bound that apt-get does not have, a name that Debian gave up, a pair that NVIDIA lacks."""
    config = parse_config(
        "build:\n  gpu: true\n  cuda: '12.1'\n  cudnn: '9'\n"
        "  system_packages: ['ffmpeg>=5', 'libgl1-mesa-glx>=1']\n"
    )

    report = plan_environment(config, tmp_path, PlanSettings(resolve=False)).report

    assert [line.what for line in report if line.key == "build.system_packages"] == [
        "ffmpeg, libgl1",
        "ffmpeg>=5 installed as ffmpeg, in whatever version there is",
        "libgl1-mesa-glx>=1 installed as libgl1-mesa-glx, in whatever version there is",
        "libgl1-mesa-glx replaced",
    ]
    assert [line.why for line in report if line.key == "build.cuda"] == [
        "NVIDIA has no 12.1 image with cuDNN 9"
    ]
