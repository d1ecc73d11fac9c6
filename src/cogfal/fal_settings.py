"""fal's settings of an App class, as they follow from the plan of its environment."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from fal.container import ContainerImage
from packaging.requirements import InvalidRequirement, Requirement

from cogfal.project.environment import Environment
from cogfal.spec import PredictorSpec

RUNNER_REQUIREMENTS: Final = ("pillow",)
"""What cogfal's own code needs on a runner beyond the packages that fal installs there."""

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def fal_settings(
    environment: Environment, spec: PredictorSpec, declared: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the attributes for what the class does not declare itself."""
    settings: dict[str, Any] = {"machine_type": _listed(environment.machine_type)}
    multiplexing = environment.max_multiplexing or spec.max_concurrency
    if multiplexing is not None and spec.shape.asynchronous:
        settings["max_multiplexing"] = multiplexing
    image = declared.get("image") or declared.get("kind") == "container"
    if not image and environment.kind == "virtualenv":
        settings |= _virtualenv(environment)
    elif not image:
        settings |= _container(environment)
    missing = {name: value for name, value in settings.items() if name not in declared}
    requirements = list(environment.requirements)
    if not environment.decision.own:  # else what is declared is the model's
        requirements = declared.get("requirements", requirements)
    return {**missing, "requirements": with_runner_requirements(requirements)}


def with_runner_requirements(requirements: list[Any]) -> list[Any]:
    """Add what cogfal needs on the runner to an App's requirements, flat or in layers."""
    names = map(_NAME.match, flat(requirements))
    named = {name[0].lower() for name in names if name is not None}
    added = [each for each in RUNNER_REQUIREMENTS if each not in named]
    if not added:
        return requirements
    return [*requirements, added] if _in_layers(requirements) else [*requirements, *added]


def is_requirement(line: str) -> bool:
    """Tell a requirement from an option, an option's value, and a path."""
    try:
        Requirement(line)
    except InvalidRequirement:
        return False
    return True


def flat(requirements: Sequence[Any]) -> list[str]:
    """Return the lines of all layers; the values of options, which are no lines, among them."""
    return [line for layer in layers_of(requirements) for line in layer]


def layers_of(requirements: Sequence[Any]) -> list[list[str]]:
    """Return an App's requirements as fal installs them, one list after the other."""
    return list(requirements) if _in_layers(requirements) else [list(requirements)]


def _in_layers(requirements: Sequence[Any]) -> bool:
    return any(isinstance(each, list) for each in requirements)


def fal_keywords(environment: Environment, declared: Mapping[str, Any]) -> dict[str, Any]:
    """Return the keywords of the class statement."""
    if "python_version" in declared and not environment.decision.own:
        return {"python_version": declared["python_version"]}
    return {"python_version": environment.python_version}


def _virtualenv(environment: Environment) -> dict[str, Any]:
    files = environment.files
    return {
        "app_files": list(files.include),
        "app_files_ignore": list(files.ignore),
        "app_files_context_dir": files.context,
        "requirements_context_dir": files.context,
    }


def _container(environment: Environment) -> dict[str, Any]:
    files = environment.files
    assert environment.dockerfile is not None
    image = ContainerImage.from_dockerfile_str(
        environment.dockerfile,
        context_dir=Path(files.context),
        dockerignore=list(files.dockerignore),
        secrets=dict(environment.build_secrets),
    )
    return {"image": image}


def _listed(machine_type: str | tuple[str, ...]) -> str | list[str]:
    return machine_type if isinstance(machine_type, str) else list(machine_type)
