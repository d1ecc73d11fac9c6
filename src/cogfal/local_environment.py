"""Find or make the Python that a project's code runs with on one's own machine."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from cogfal.environments import install_line, interpreter_of, make, missing_packages
from cogfal.project.config import CogConfig, read_config
from cogfal.project.decision import decide_here
from cogfal.project.plan_settings import client_python
from cogfal.project.python_needs import local_model
from cogfal.project.variables import variables
from cogfal.provision import provide
from cogfal.server.providing import Provided, provide_own
from cogfal.settings import AppSettings
from cogfal.spec import ProjectSpec


def tell(line: str) -> None:
    """Write a line to stderr."""
    sys.stderr.write(f"cogfal: {line}\n")
    sys.stderr.flush()


def local_python(
    config: CogConfig,
    root: Path,
    wanted: Literal["auto", "own", "shared"] = "auto",
    *,
    progress: Callable[[str], None] = tell,
) -> Path | None:
    """Return the model's own Python, made where it is wanted for the first time, or None.

    None is the Python that runs this: where cog.yaml names neither packages nor another Python,
    where `wanted` or `COGFAL_HERE` says so.

    Args:
        config: The project's cog.yaml.
        root: The project's directory.
        wanted: The App's `environment`.
        progress: Is told, line by line, what takes long and what is not done here.

    Raises:
        ConfigError: The requirements cannot be read.
        SetupError: The environment cannot be made.
    """
    model = local_model(config, root)
    decision = decide_here(model.environment, client_python(), wanted)
    if not decision.own:
        return None
    missing = missing_packages(model.system_packages, model.environment.requirements)
    if missing:
        progress(f"system packages are missing here; `{install_line(missing)}` brings them")
    if not interpreter_of(model.environment).exists():
        progress(f"making the model's own environment: {'; '.join(decision.reasons)}")
        for each in model.not_run:
            progress(f"{each.where}: not run on this machine: {each.command}")
    return make(model.environment, progress=progress)


def provide_here(
    project: ProjectSpec, root: Path, settings: AppSettings, *, given: bool
) -> Provided:
    """Provide for a project on one's own machine.

    Args:
        project: What the App takes along.
        root: Its directory.
        settings: What the App says.
        given: Whether the predictor travels with the App, and so runs where that runs.

    Raises:
        ProjectError: cog.yaml's requirements cannot be read.
        SetupError: Weights cannot be fetched, or the environment cannot be made.
    """
    if given:
        return Provided(provide(project, root))
    config = read_config(Path(project.config)) if project.config else CogConfig()
    project = _with_own_variables(project, config)
    python = local_python(config, root, settings.environment.environment)
    return (
        Provided(provide(project, root)) if python is None else provide_own(project, root, python)
    )


def _with_own_variables(project: ProjectSpec, config: CogConfig) -> ProjectSpec:
    """Look up what cog.yaml's variables refer to on this machine, and not in an image."""
    planned = dict(variables(config))
    given = {name: value for name, value in project.variables if planned.get(name) != value}
    found = dict(variables(config, os.environ)) | given
    return project._replace(variables=tuple(found.items()))
