"""Read what the author's code needs of Python, and describe an environment that has it."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from cogfal.environments import ModelEnvironment
from cogfal.environments.description import state_of
from cogfal.errors import ConfigError
from cogfal.project.config import TELEMETRY_KEYS, CogConfig
from cogfal.project.installer import drop_cog, file_line
from cogfal.project.pip_commands import plain_installs
from cogfal.project.plan_settings import TRACING_PACKAGES, client_python
from cogfal.project.requirements import Line, Local, Option, Package, RequirementSet
from cogfal.project.requirements_reader import read_packages, read_requirements
from cogfal.project.variables import traces
from cogfal.spec import Location


class NotRun(NamedTuple):
    """A command of cog.yaml that is not run on one's own machine."""

    key: str
    command: str
    where: Location | str


class LocalModel(NamedTuple):
    """The model's environment on one's own machine.

    `not_run` are the commands of `run` and `pre_install` that are more than a plain `pip install`;
    `system_packages` the names that cog.yaml asks for.
    """

    environment: ModelEnvironment
    not_run: tuple[NotRun, ...] = ()
    system_packages: tuple[str, ...] = ()


def read_model_requirements(
    config: CogConfig, root: Path, environ: Mapping[str, str]
) -> RequirementSet:
    """Read the requirements that cog.yaml names or lists.

    Raises:
        ConfigError: A file is missing or leads out of the project, or a line is not pip's.
    """
    build = config.build
    if build.python_requirements:
        where = config.where("build.python_requirements")
        path = root / build.python_requirements
        return read_requirements(path, environ, root=root, where=where)
    places = {
        text: config.where(f"build.python_packages[{i}]")
        for i, text in enumerate(build.python_packages)
    }
    return read_packages(places, root, environ)


def check_telemetry(
    config: CogConfig, root: Path, travelling: Collection[str] | None = None
) -> None:
    """Look whether the author's `telemetry.py` will be there; cog.yaml need not name one.

    Args:
        config: Names it, relative to the project.
        root: The project's directory.
        travelling: The files that go to the runner, None where that is not the question.

    Raises:
        ConfigError: It is not in the project, or does not travel.
    """
    own = config.observability.config if config.observability is not None else None
    if own is None or not traces(config):
        return
    what = f"{own}, which makes the provider of traces,"
    where = config.where(config.key_of(*TELEMETRY_KEYS))
    inside = (root / own).resolve().is_relative_to(root.resolve())
    if not inside or not (root / own).is_file() or Path(own).is_absolute():
        raise ConfigError(
            f"{what} is not in the project",
            where=where,
            remedy="give the path of a file in the project, relative to cog.yaml, or remove "
            "`config`",
        )
    if travelling is not None and posixpath.normpath(own) not in travelling:
        raise ConfigError(
            f"{what} does not go to the runner",
            where=where,
            remedy="except it in .dockerignore, with a ! in front of its path; a link has to be a "
            "file",
        )


def with_tracing(requirements: RequirementSet, config: CogConfig) -> RequirementSet:
    """Add what the author's own spans need, in whatever version suits the rest."""
    if not traces(config):
        return requirements
    where = config.where("observability")
    named = {canonicalize_name(each.requirement.name) for each in requirements.packages()}
    missing = [name for name in TRACING_PACKAGES if name not in named]
    added = [Package(Requirement(name), where=where) for name in missing]
    return requirements._replace(lines=(*requirements.lines, *added))


def local_model(
    config: CogConfig, root: Path, environ: Mapping[str, str] | None = None
) -> LocalModel:
    """Describe the environment that a project's own machine is to make for its model.

    Raises:
        ConfigError: The requirements cannot be read, or `telemetry.py` is not there.
    """
    requirements = read_model_requirements(config, root, os.environ if environ is None else environ)
    check_telemetry(config, root)
    requirements = with_tracing(requirements, config)
    installs: list[tuple[str, ...]] = []
    not_run: list[NotRun] = []
    for key in ("run", "pre_install"):
        for i, each in enumerate(getattr(config.build, key)):
            plain = None if each.mounts else plain_installs(each.command)
            if plain is None:
                name = f"build.{key}[{i}]"
                not_run.append(NotRun(name, each.command, config.where(name)))
            installs += plain or ()
    python = config.build.python_version or client_python()
    environment = model_environment(python, requirements, root, installs)
    return LocalModel(environment, tuple(not_run), config.build.system_packages)


def model_environment(
    python: str,
    requirements: RequirementSet,
    directory: Path,
    installs: Iterable[tuple[str, ...]] = (),
    *,
    root: Path | None = None,
) -> ModelEnvironment:
    """Describe an environment that holds the requirements.

    Args:
        python: Its version.
        requirements: What it holds; Cog itself is left out.
        directory: Where the project's files lie on the machine that makes it.
        installs: What follows on them, the words behind `pip install`.
        root: Where the project's files lie here; by default there.
    """
    root = root or directory
    kept = drop_cog(requirements)
    return ModelEnvironment(
        python,
        requirements=tuple(_lines(kept.lines, root, directory)),
        constraints=tuple(str(package.requirement) for package in kept.constraints),
        installs=tuple(installs),
        state=state_of(line.path for line in kept.lines if isinstance(line, Local)),
    )


def _lines(lines: Iterable[Line], root: Path, directory: Path) -> Iterator[str]:
    for line in lines:
        if isinstance(line, Local):
            path = _moved(line.path, root, directory)
            yield f"{'-e ' if line.editable else ''}{path}{line.extras}"
        elif isinstance(line, Option) and line.directory is not None:
            yield f"{line.name} {_moved(line.directory, root, directory)}"
        else:
            text = file_line(line)
            assert text is not None
            yield text


def _moved(path: Path, root: Path, directory: Path) -> Path:
    return directory / path.relative_to(root) if path.is_relative_to(root) else path
