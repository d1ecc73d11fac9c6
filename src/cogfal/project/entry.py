"""Write a deployment that pickles nothing: a `[tool.fal.apps.NAME]` with a `python_entry_point`.

fal then installs a package on the runner and imports the App there, so that this machine needs
neither the runner's Python nor the project's packages. It ignores the settings of the class, so
all of them are in the table; and it puts /app on no import path, so the App's module and cogfal
itself travel in the package, which fal builds here and uploads (`requirements = ["."]`).
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib.metadata import requires, version
from pathlib import Path
from typing import Any, Final

import tomli_w

from cogfal.errors import ConfigError
from cogfal.project.config import CogConfig
from cogfal.project.dockerfile import copy
from cogfal.project.environment import Environment, plan_environment
from cogfal.project.settings import PLANNED, PlanSettings

_APP_DIRECTORY: Final = "/app"
_SERVER_PACKAGES: Final = ("fastapi", "starlette_exporter", "structlog", "tblib", "uvicorn")
_NAME: Final = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?")

_MODULE: Final = '''"""The entry point of {name}, imported on the runner; written by cogfal."""

import os

os.environ.setdefault("{planned}", "1")

import cogfal

App = cogfal.App.from_cog({cog_yaml!r}{settings})
'''


@dataclass(frozen=True, slots=True)
class EntryPoint:
    """What was written: run `fal deploy NAME` in `directory`."""

    directory: Path
    name: str
    symbol: str
    environment: Environment


def write_entry(
    config: CogConfig,
    root: Path,
    directory: Path,
    *,
    name: str | None = None,
    settings: PlanSettings | None = None,
    app: Mapping[str, Any] | None = None,
    table: Mapping[str, Any] | None = None,
) -> EntryPoint:
    """Write the package and its pyproject.toml.

    Args:
        config: The project's cog.yaml.
        root: The project's directory.
        directory: Where to write; its earlier content is replaced if it was written by this.
        name: The app's name; by default from cog.yaml's `image`, else the project's directory.
        settings: What the plan asks for. The installer is always pip and nothing is pickled.
        app: Plain values for attributes of the App class.
        table: Further keys of the fal table, such as `keep_alive`; they win.

    Raises:
        ConfigError: The project cannot be planned, the name is not one, or `directory` holds
            something else.
    """
    root, directory = root.resolve(), directory.resolve()
    wanted = replace(settings or PlanSettings(), installer="pip", pickled=False)
    if directory.is_relative_to(root):
        own = directory.relative_to(root).as_posix()
        wanted = replace(wanted, exclude=(*wanted.exclude, re.sub(r"[*?\[\]\\]", r"\\\g<0>", own)))
    environment = plan_environment(config, root, wanted)
    chosen = _checked_name(name or environment.app_name or _slug(root.name))
    module = f"{chosen.replace('-', '_')}_entry"
    _clear(directory)
    project = _PackageWriter(directory, root, chosen, module, environment)
    project.write_module(config, app or {})
    project.write_cogfal()
    project.write_table(table or {})
    return EntryPoint(directory, chosen, f"{module}:App", environment)


class _PackageWriter:
    """Writes the files of one entry point."""

    def __init__(
        self, directory: Path, root: Path, name: str, module: str, environment: Environment
    ) -> None:
        self._directory = directory
        self._root = root
        self._name = name
        self._module = module
        self._environment = environment

    def write_module(self, config: CogConfig, app: Mapping[str, Any]) -> None:
        place = self._environment.files.directory
        arguments = "".join(f", {key}={value!r}" for key, value in app.items())
        text = _MODULE.format(
            name=self._name, planned=PLANNED, cog_yaml=f"{place}/{config.name}", settings=arguments
        )
        (self._directory / f"{self._module}.py").write_text(text, encoding="utf-8")

    def write_cogfal(self) -> None:
        """Vendor cogfal, which is on no index that the runner could ask."""
        source = Path(__file__).parent.parent
        ignored = shutil.ignore_patterns("__pycache__", "*.pyc")
        shutil.copytree(source, self._directory / "cogfal", ignore=ignored)

    def write_table(self, further: Mapping[str, Any]) -> None:
        table = {**self._table(), **further}
        document = {
            "build-system": {
                "requires": ["setuptools>=70"],
                "build-backend": "setuptools.build_meta",
            },
            "project": {
                "name": f"{self._name}-entry",
                "version": version("cogfal"),
                "requires-python": ">=3.10",
                "dependencies": [*(requires("cogfal") or []), *_SERVER_PACKAGES],
            },
            "tool": {
                "setuptools": {
                    "py-modules": [self._module],
                    "packages": {"find": {"include": ["cogfal", "cogfal.*"]}},
                    "package-data": {"cogfal": ["**/*"]},
                },
                "fal": {"apps": {self._name: table}},
            },
        }
        (self._directory / "pyproject.toml").write_text(tomli_w.dumps(document), encoding="utf-8")

    def _table(self) -> dict[str, Any]:
        environment = self._environment
        machines = environment.machine_type
        table: dict[str, Any] = {
            "python_entry_point": f"{self._module}:App",
            "requirements": [".", *map(self._relocated, environment.requirements)],
            "python_version": environment.python_version,
            "machine_type": machines if isinstance(machines, str) else list(machines),
            "num_gpus": environment.num_gpus,
            "max_multiplexing": environment.max_multiplexing,
        }
        table |= self._image() if environment.dockerfile else self._app_files()
        return {key: value for key, value in table.items() if value is not None}

    def _relocated(self, requirement: str) -> str:
        """A local requirement as seen from the package's directory."""
        path, bracket, extras = requirement.partition("[")
        if requirement.startswith("-") or not (self._root / path).is_dir():
            return requirement
        return f"{os.path.relpath(self._root / path, self._directory)}{bracket}{extras}"

    def _app_files(self) -> dict[str, Any]:
        files = self._environment.files
        return {
            "app_files": list(files.include),
            "app_files_ignore": list(files.ignore),
            "app_files_context_dir": os.path.relpath(self._root, self._directory),
        }

    def _image(self) -> dict[str, Any]:
        """Put the project beside pyproject.toml, from where fal takes an image's files."""
        for path in self._environment.files.names:
            target = self._directory / "project" / path
            target.parent.mkdir(parents=True, exist_ok=True)
            _link_or_copy(self._root / path, target)
        place = f"{self._environment.files.directory}/"
        moved = {copy(".", place): copy("project/", place)}
        lines = (self._environment.dockerfile or "").splitlines()
        text = "\n".join(moved.get(line, line) for line in lines) + "\n"
        (self._directory / "Dockerfile").write_text(text, encoding="utf-8")
        (self._directory / ".dockerignore").write_text("# the project is filtered already\n")
        secrets = dict(self._environment.build_secrets)
        return {"image": {"dockerfile": "Dockerfile", **({"secrets": secrets} if secrets else {})}}


def _checked_name(name: str) -> str:
    if _NAME.fullmatch(name):
        return name
    raise ConfigError(
        f"{name!r} is not a name for an app",
        where="the entry point",
        remedy="use lowercase letters, digits and hyphens",
    )


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-") or "app"


def _clear(directory: Path) -> None:
    """Make way, but never for something that was not written here."""
    if directory.exists() and any(directory.iterdir()):
        pyproject = directory / "pyproject.toml"
        if not pyproject.is_file() or "python_entry_point" not in pyproject.read_text("utf-8"):
            raise ConfigError("is not empty", where=str(directory), remedy="name a new directory")
        shutil.rmtree(directory)
    directory.mkdir(parents=True, exist_ok=True)


def _link_or_copy(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError:  # another file system, or one without links
        shutil.copy2(source, target)
