"""Find the project or App that a command is about; read its specs, its plan and its document."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from contextlib import redirect_stdout, suppress
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cogfal.app_file import APP_FILE, defines_app, find_app_file, load_app, split_reference
from cogfal.errors import ProjectError, SettingError
from cogfal.local.session import LocalProject, find_project
from cogfal.project.config import PlanSettings
from cogfal.project.plan import PlannedEnvironment, plan_environment
from cogfal.schema.document import document
from cogfal.spec import JSON, InputSpec, PredictorSpec, Role
from cogfal.version import __version__

if TYPE_CHECKING:
    from cogfal.app_making.app_builder import AppBuilder, AppRequest


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


class Target:
    """A project that a command looks at, as an App asks for it where it has one.

    Where making the App fails, what it asked for is known all the same, so that one mistake does
    not hide the next.

    Attributes:
        root: The project's directory.
        app: The App's reference, None where there is none.
        wanted: The file where it was looked for.
        failure: What stopped it from being made.
        declared: What it sets itself.
    """

    def __init__(
        self,
        project: LocalProject,
        *,
        wanted: str = APP_FILE,
        app: str | None = None,
        request: AppRequest | None = None,
        failure: ProjectError | None = None,
    ) -> None:
        self.project = project
        self.wanted = wanted
        self.app = app
        self.failure = failure
        self.declared: Mapping[str, Any] = {} if request is None else request.declared
        self._builder: AppBuilder | None = None
        if request is not None:
            from cogfal.app_making.app_builder import AppBuilder  # noqa: PLC0415  # imports fal

            self._builder = AppBuilder(request)
        self.root = project.root if self._builder is None else self._builder.root

    @cached_property
    def predictor(self) -> PredictorSpec:
        """The predictor; raises ProjectError."""
        return self.project.read() if self._builder is None else self._builder.predictor()

    @cached_property
    def trainer(self) -> PredictorSpec | None:
        """The trainer, where there is one; raises ProjectError."""
        return trainer_of(self.project) if self._builder is None else self._builder.trainer()

    @cached_property
    def environment(self) -> PlannedEnvironment:
        """What fal needs; raises ProjectError, but not where only the predictor cannot be read."""
        predictor = None
        with suppress(ProjectError):  # which is told elsewhere
            predictor = self.predictor
        if self._builder is not None:
            return self._builder.environment(predictor)
        asynchronous = predictor is None or predictor.shape.asynchronous
        wanted = PlanSettings(asynchronous=asynchronous)
        return plan_environment(self.project.config, self.root, wanted)


def find_target(target: str) -> Target:
    """Return what `target` names: a directory, a cog.yaml, or `app.py::App`.

    Raises:
        ProjectError: There is no such thing, or its cog.yaml cannot be read.
    """
    file, name = split_reference(target)
    if file.suffix == ".py" and file.is_file():
        return _of_app(file, name, find_project(file.parent))
    if file.suffix == ".py":
        return Target(find_project(file.parent), wanted=file.name)
    project = find_project(file)
    app_file = find_app_file(project.root)
    return _of_app(app_file, None, project) if defines_app(app_file) else Target(project)


def _of_app(file: Path, name: str | None, project: LocalProject) -> Target:
    """Execute the App's file, as fal does."""
    with redirect_stdout(sys.stderr):  # as in `load_app`: fal says at once what is wrong with a key
        from cogfal.app_making.app_builder import gathered_requests  # noqa: PLC0415  # imports fal

    failure: ProjectError | None = None
    with gathered_requests() as requests:
        try:
            name = load_app(file, name).__name__
        except ProjectError as error:
            failure = error
    own = [each for each in requests if each.name == name] or requests
    if own and (failure is None or len(own) == 1):
        app = f"{file.name}::{name or own[-1].name}"
        return Target(project, app=app, request=own[-1], failure=failure)
    nameless = SettingError(
        f"{name} names no predictor",
        where=file.name,
        remedy='set `predictor = "predict.py:Predictor"` or `cog_yaml = "cog.yaml"`',
    )
    return Target(project, failure=failure or nameless)
