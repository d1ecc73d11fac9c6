"""Tell why a project needs an image of its own, if it does."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from packaging.utils import canonicalize_name

from cogfal.project.config import CogConfig
from cogfal.project.hardware import CUDA_COMPILED
from cogfal.project.machine_choice import tensorflow_release
from cogfal.project.reading import read_text
from cogfal.project.requirements import Link, Local, Option, RequirementSet

_IMAGE_KEYS: Final = ("system_packages", "pre_install", "run", "cuda", "cudnn")


def image_reasons(config: CogConfig, requirements: RequirementSet) -> tuple[str, ...]:
    """Return what fal's own runtime cannot provide; empty where it does for everything."""
    reasons = [f"build.{key}" for key in _IMAGE_KEYS if getattr(config.build, key)]
    if config.build.gpu and of_nvidia(config):
        reasons.append("system packages of NVIDIA's")
    if config.build.gpu:
        reasons += [f"{name}, which compiles CUDA code" for name in compiled(requirements)]
    if requirements.secrets:
        reasons.append("credentials for the package index")
    if config.build.gpu and tensorflow_release(requirements) is not None:
        reasons.append("tensorflow, which loads CUDA from the system")
    reasons += [
        f"the packages in {line.value}"
        for line in requirements.lines
        if isinstance(line, Option) and line.directory is not None
    ]
    reasons += [
        f"the local requirement {line.path.name}"
        for line in requirements.lines
        if isinstance(line, Local) and not buildable(line.path)
    ]
    return tuple(dict.fromkeys(reasons))


def of_nvidia(config: CogConfig) -> bool:
    """Whether a system package is NVIDIA's, which only images that stand on theirs can install."""
    return any(
        name.startswith(("cuda-", "libcudnn", "libcublas", "libnccl"))
        for text in config.build.system_packages
        for name in text.split()
    )


def compiled(requirements: RequirementSet) -> tuple[str, ...]:
    """Return the requirements that need CUDA's compiler to be installed."""
    names = (canonicalize_name(package.requirement.name) for package in requirements.packages())
    return tuple(name for name in names if name in CUDA_COMPILED)


def needs_compiler(config: CogConfig, requirements: RequirementSet) -> bool:
    """Whether the image of a GPU project may have to compile CUDA code while it is built."""
    build = config.build
    links = any(isinstance(line, Link | Local) for line in requirements.lines)
    return build.gpu and bool(build.run or build.pre_install or links or compiled(requirements))


def buildable(path: Path) -> bool:
    """Whether fal can send a local requirement by itself: a directory with a `[project]` name."""
    pyproject = path / "pyproject.toml"
    if not pyproject.is_file():
        return False
    text = read_text(pyproject)
    section = text.partition("[project]")[2].partition("\n[")[0]
    return any(line.split("=")[0].strip() == "name" for line in section.splitlines())
