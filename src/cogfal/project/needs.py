"""Tell why a project needs an image of its own, if it does."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from cogfal.project.config import CogConfig
from cogfal.project.gpu import tensorflow_release
from cogfal.project.requirements import Local, RequirementSet

_IMAGE_KEYS: Final = ("system_packages", "pre_install", "run", "cuda", "cudnn")


def image_reasons(config: CogConfig, requirements: RequirementSet) -> tuple[str, ...]:
    """Return what fal's own runtime cannot provide; empty where it does for everything."""
    reasons = [f"build.{key}" for key in _IMAGE_KEYS if getattr(config.build, key)]
    if requirements.secrets:
        reasons.append("credentials for the package index")
    if config.build.gpu and tensorflow_release(requirements) is not None:
        reasons.append("tensorflow, which loads CUDA from the system")
    reasons += [
        f"the local requirement {line.path.name}"
        for line in requirements.lines
        if isinstance(line, Local) and not buildable(line.path)
    ]
    return tuple(dict.fromkeys(reasons))


def buildable(path: Path) -> bool:
    """Whether fal can send a local requirement by itself: a directory with a `[project]` name."""
    pyproject = path / "pyproject.toml"
    if not pyproject.is_file():
        return False
    text = pyproject.read_text(encoding="utf-8", errors="replace")
    section = text.partition("[project]")[2].partition("\n[")[0]
    return any(line.split("=")[0].strip() == "name" for line in section.splitlines())
