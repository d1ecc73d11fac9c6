"""Find the project or App that a command is about; read its specs, its plan and its document."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from cogfal.app_file import APP_FILE, defines_app, find_app_file, load_app, split_reference
from cogfal.errors import ProjectError, SettingError
from cogfal.local.session import LocalProject, find_project
from cogfal.project.config import PlanSettings
from cogfal.project.plan import PlannedEnvironment, plan_environment
from cogfal.schema import document
from cogfal.spec import JSON, InputSpec, PredictorSpec, Role
from cogfal.version import __version__

SHOWN: Final = (
    "machine_type",
    "num_gpus",
    "keep_alive",
    "min_concurrency",
    "max_concurrency",
    "max_multiplexing",
    "output_name",
    "isolate",
    "secrets",
)
"""The attributes that decide most, told where the App sets them."""


def described(each: InputSpec) -> str:
    """Return an input's type and limits in words."""
    kind = type(each.type).__name__.removesuffix("Type").lower()
    facts = [kind, "required" if each.required else f"default {each.default!r}"]
    if each.choices:
        facts.append(f"one of {len(each.choices)}")
    if each.ge is not None or each.le is not None:
        low = "…" if each.ge is None else f"{each.ge}"
        facts.append(f"{low} to {'…' if each.le is None else each.le}")
    return ", ".join(facts)


def document_of(project: LocalProject) -> dict[str, JSON]:
    """Return the document that the project's app has; raises ProjectError."""
    return document(
        project.read(),
        trainer_of(project),
        title=project.root.name,
        version=__version__,
        output_name=project.settings.host.output_name,
    )


def trainer_of(project: LocalProject) -> PredictorSpec | None:
    """Read the trainer, where there is one; raises ProjectError."""
    return project.read(Role.TRAIN) if project.trains else None


class ProjectTarget:
    """A project that a command looks at, without an App.

    `app` is the App's reference, None where there is none, `wanted` the file where it was looked
    for, and `failure` what stopped it from being made. `own_image` tells an image that the App
    brings, which is not looked into; `chosen` is what it sets of the attributes that decide most,
    and `missing_secrets` those that it names and this machine does not have.
    """

    app: str | None = None
    failure: ProjectError | None = None
    own_image: bool = False
    chosen: Mapping[str, Any] = MappingProxyType({})
    missing_secrets: Sequence[str] = ()

    def __init__(self, project: LocalProject, wanted: str = APP_FILE) -> None:
        self.project = project
        self.root = project.root
        self.wanted = wanted

    @cached_property
    def predictor(self) -> PredictorSpec:
        """The predictor; raises ProjectError."""
        return self.project.read()

    @cached_property
    def trainer(self) -> PredictorSpec | None:
        """The trainer, where there is one; raises ProjectError."""
        return trainer_of(self.project)

    @cached_property
    def environment(self) -> PlannedEnvironment:
        """What fal needs; raises ProjectError."""
        wanted, predictor = PlanSettings(), self.readable_predictor()
        if predictor is not None:
            wanted = replace(wanted, asynchronous=predictor.shape.asynchronous)
        return plan_environment(self.project.config, self.root, wanted)

    def readable_predictor(self) -> PredictorSpec | None:
        """Return the predictor, None where it cannot be read, which is told elsewhere."""
        try:
            return self.predictor
        except ProjectError:
            return None


class AppTarget(ProjectTarget):
    """A project as an App asks for it.

    The App's file is executed, as fal does. Where making the App fails, what it asked for is known
    all the same, so that one mistake does not hide the next.
    """

    def __init__(
        self, project: LocalProject, request: Any, app: str, failure: ProjectError | None
    ) -> None:
        from cogfal.app_making.app_builder import AppBuilder  # noqa: PLC0415  # imports fal

        super().__init__(project)
        self._builder = AppBuilder(request)
        self.root = self._builder.root
        self.app = app
        self.failure = failure
        declared = request.declared
        self.own_image = "image" in declared
        self.chosen = {name: declared[name] for name in SHOWN if name in declared}
        secrets = declared.get("secrets") or ()
        self.missing_secrets = [name for name in secrets if name not in os.environ]

    @cached_property
    def predictor(self) -> PredictorSpec:
        """The predictor; raises ProjectError."""
        return self._builder.predictor()

    @cached_property
    def trainer(self) -> PredictorSpec | None:
        """The trainer, where there is one; raises ProjectError."""
        return self._builder.trainer()

    @cached_property
    def environment(self) -> PlannedEnvironment:
        """What fal needs; raises ProjectError."""
        return self._builder.environment(self.readable_predictor())


def find_target(target: str) -> ProjectTarget:
    """Return what `target` names: a directory, a cog.yaml, or `app.py::App`.

    Raises:
        ProjectError: There is no such thing, or its cog.yaml cannot be read.
    """
    file, name = split_reference(target)
    if file.suffix == ".py" and file.is_file():
        return _of_app(file, name, find_project(file.parent))
    if file.suffix == ".py":
        return ProjectTarget(find_project(file.parent), file.name)
    project = find_project(file)
    app_file = find_app_file(project.root)
    return _of_app(app_file, None, project) if defines_app(app_file) else ProjectTarget(project)


def _of_app(file: Path, name: str | None, project: LocalProject) -> ProjectTarget:
    from cogfal.app_making.app_builder import gathered_requests  # noqa: PLC0415  # imports fal

    failure: ProjectError | None = None
    with gathered_requests() as requests:
        try:
            name = load_app(file, name).__name__
        except ProjectError as error:
            failure = error
    own = [each for each in requests if each.name == name] or requests
    if own and (failure is None or len(own) == 1):
        return AppTarget(project, own[-1], f"{file.name}::{name or own[-1].name}", failure)
    target = ProjectTarget(project)
    target.failure = failure or SettingError(
        f"{name} names no predictor",
        where=file.name,
        remedy='set `predictor = "predict.py:Predictor"` or `cog_yaml = "cog.yaml"`',
    )
    return target
