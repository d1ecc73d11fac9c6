"""Give a project what its author's code expects to find on the machine."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import cogfal
from cogfal.files.scratch import Scratch
from cogfal.provision.cog_directory import lead_to
from cogfal.provision.pget import install_pget
from cogfal.provision.weights import place_weights
from cogfal.spec import ProjectSpec

DISK = Path("/data")
"""fal's persistent disk."""


def provide(project: ProjectSpec, root: Path) -> Callable[[], None]:
    """Set the project's variables, place its weights in `root`, and put a `pget` on PATH.

    Caches of download libraries are moved only where their disk exists and nobody else has moved
    them, and Replicate's own `pget` stays where it is installed. On a runner, but on nobody's own
    machine, `/src` leads to the project.

    Returns:
        What removes the files that only this process needs, for its end.

    Raises:
        SetupError: Weights cannot be fetched.
    """
    os.environ.update(project.variables)
    for name, directory in project.caches:
        if _is_mounted(Path(directory)):
            os.environ.setdefault(name, directory)
    place_weights(dict(project.weights), root, store=_store())
    withdraw = ExitStack()
    if os.environ.get("IS_ISOLATE_AGENT"):
        withdraw.callback(lead_to(root))
    if shutil.which("pget") is None:
        withdraw.callback(_offer_pget())
    return withdraw.close


def _is_mounted(directory: Path) -> bool:
    """Whether the top-level directory, such as `/data`, exists."""
    return Path(*directory.parts[:2]).is_dir()


def _store() -> Path:
    """Where downloads outlive this runner, or at least this process."""
    return DISK / "cogfal/weights" if DISK.is_dir() else Path.home() / ".cache/cogfal/weights"


def _offer_pget() -> Callable[[], None]:
    scratch = Scratch()
    directory = scratch.directory
    install_pget(directory, root=Path(cogfal.__file__).parent.parent)
    os.environ["PATH"] = f"{directory}{os.pathsep}{os.environ.get('PATH', '')}"
    return scratch.close
