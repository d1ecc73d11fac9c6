"""Read a Cog project on the deploying machine and settle what its App class needs to know.

It may read files and import what the runner lacks, and it never travels.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

from cogfal.app_making.fal_settings import (
    RUNNER_REQUIREMENTS,
    fal_keywords,
    fal_settings,
    flat,
    is_requirement,
    layers_of,
    runner_requirements,
    with_declared_files,
)
from cogfal.errors import ConfigError, SettingError
from cogfal.examples import ExamplesError, entry_of, find_examples
from cogfal.guest.live import read_live
from cogfal.local.model_python import local_python, read_imported
from cogfal.project.config import CogConfig, PlanSettings
from cogfal.project.config_reader import read_config
from cogfal.project.environment_choice import check_pins
from cogfal.project.place import ProjectPlace, place_of_config, place_of_predictor
from cogfal.project.plan import PlannedEnvironment, app_name, plan_environment
from cogfal.project.report import SettingStatus
from cogfal.project.requirements import read_packages
from cogfal.reading import read_predictor
from cogfal.schema.core_types import Dialect
from cogfal.schema.validation import Validator
from cogfal.settings import AppSettings
from cogfal.spec import PredictorSpec, ProjectSpec, Role, Weight

_gathered: ContextVar[list[AppRequest] | None] = ContextVar("cogfal_gathered", default=None)


@dataclass(frozen=True, slots=True)
class AppRequest:
    """What an App class says about its project.

    `app_file` is where the class is defined, and `name` what it is called. `declared` holds the
    attributes and keywords that it makes itself, `given` the predictor where it is at hand as an
    object.
    """

    app_file: Path
    name: str = "App"
    settings: AppSettings = field(default_factory=AppSettings)
    declared: Mapping[str, Any] = field(default_factory=dict)
    given: object = None


class BuiltApp(NamedTuple):
    """A project, and the fal settings and class keywords that follow where the App made none."""

    project: ProjectSpec
    settings: dict[str, Any]
    keywords: dict[str, Any]


class AppBuilder:
    """A project as an App asks for it, read step by step; raises ProjectError."""

    def __init__(self, request: AppRequest) -> None:
        self._request = request
        self._named = request.settings.declared
        place, self._ref = _locate(request)
        self.root, self.config_file = place
        self.config = read_config(place.config) if place.config else CogConfig()

    def predictor(self) -> PredictorSpec:
        """Read the predictor; the trainer of a project that trains, and nothing else."""
        if self._ref is None:
            self._refuse_missing("predict", self.config.predict)
        ref, given = self._ref or self.config.predict, self._request.given
        if given is not None:
            name = getattr(given, "__qualname__", type(given).__name__)
            path = (ref or self._request.app_file.name).partition(":")[0]
            return read_live(given, path=path, name=name)
        if ref is not None:
            return self._read(ref, Role.PREDICT)
        if self.config.train is not None:
            return self._read(self.config.train, Role.TRAIN)
        file = self.config_file
        raise SettingError(
            f"{file} names no predictor" if file else "the App has no predictor",
            where=self._request.app_file.name,
            remedy='set `predict: "predict.py:Predictor"` there, or `predictor = ...` on the App',
        )

    def trainer(self) -> PredictorSpec | None:
        """Read the trainer, where there is one."""
        if self._named.trainer is None:
            self._refuse_missing("train", self.config.train)
        trainer = self._named.trainer or self.config.train
        return None if trainer is None else self._read(trainer, Role.TRAIN)

    def environment(self, predictor: PredictorSpec | None = None) -> PlannedEnvironment:
        """Plan what fal needs, for a predictor where one could be read."""
        settings = self._plan_settings()
        if predictor is not None:
            settings = replace(
                settings,
                asynchronous=predictor.shape.asynchronous,
                requirements=runner_requirements(predictor),
            )
        environment = plan_environment(self.config, self.root, settings)
        declared, app_file = self._request.declared, self._request.app_file
        files = with_declared_files(
            environment.files, declared, app_file, in_image=environment.dockerfile is not None
        )
        environment = replace(environment, files=files)
        if not environment.decision.own:
            self._check_requirements(settings, environment.python_version)
        return environment

    def _read(self, ref: str, role: Role) -> PredictorSpec:
        if not self._named.read_by_importing:
            version = self.config.build.python_version
            return read_predictor(ref, self.root, role=role, python_version=version)
        wanted = self._request.settings.environment.environment
        return read_imported(ref, self.root, role, local_python(self.config, self.root, wanted))

    def _plan_settings(self) -> PlanSettings:
        declared, wanted = self._request.declared, self._request.settings.environment
        weights = wanted.weights.items()
        layers = layers_of(declared.get("requirements") or [])
        return PlanSettings(
            environment=wanted.environment if self._request.given is None else "shared",
            own_image="image" in declared,
            interpreter=wanted.interpreter,
            layers=tuple(tuple(each) for each in layers if each),
            gpu_machine_type=wanted.gpu_machine_type,
            kind=declared.get("kind") or "auto",
            dockerfile=self.root / wanted.dockerfile if wanted.dockerfile else None,
            build_secrets=wanted.build_secrets,
            exclude=tuple(wanted.exclude),
            weights={p: w if isinstance(w, Weight) else Weight(w) for p, w in weights},
            cache_directory=wanted.data_cache,
            machine_type=declared.get("machine_type"),
            python_version=declared.get("python_version"),
            max_multiplexing=declared.get("max_multiplexing"),
            requirements=RUNNER_REQUIREMENTS,
        )

    def _check_requirements(self, settings: PlanSettings, python: str) -> None:
        """Refuse requirements of the App's own that contradict what fal installs."""
        lines = flat(self._request.declared.get("requirements") or [])
        named = {line: self._request.app_file.name for line in lines if is_requirement(line)}
        packages = read_packages(named, self._request.app_file.parent, settings.environ).packages()
        check_pins(packages, settings.pins, python, self.config.tracing_requirements())

    def _refuse_missing(self, key: str, ref: str | None) -> None:
        """Refuse a cog.yaml that names a file which is not there."""
        path = (ref or "").partition(":")[0]
        if path and not (self.root / path).is_file():
            raise ConfigError(
                f"there is no file {path}",
                where=self.config.where(key),
                remedy="correct the path, which is relative to cog.yaml",
            )


def build_app(request: AppRequest) -> BuiltApp:
    """Read the project and plan its environment; raises ProjectError."""
    # Before anything can fail: whoever gathers them is told of the one that fails, too.
    gathered = _gathered.get()
    if gathered is not None:
        gathered.append(request)
    _refuse_own(request)
    builder = AppBuilder(request)
    spec, trainer = builder.predictor(), builder.trainer()
    for each in filter(None, (spec, trainer)):
        Validator(each, Dialect.FAL)
    environment = builder.environment(spec)
    for line in environment.report if gathered is None else ():
        if line.key == "concurrency.max" and line.status is SettingStatus.UNSUPPORTED:
            sys.stderr.write(f"cogfal: {line.where}: {line.key}: {line.what}; {line.why}\n")
    of_runner = environment.model if environment.made_by_runner else None
    project = ProjectSpec(
        spec,
        trainer,
        str(builder.root),
        "." if "image" in request.declared else environment.files.directory,
        environment.variables,
        caches=environment.caches,
        weights=environment.weights,
        config=str(builder.config_file) if builder.config_file else None,
        interpreter=environment.interpreter if environment.decision.own else None,
        model_environment=None if of_runner is None else of_runner.to_json(),
        server_variables=environment.server_variables,
        examples=_examples(builder.root),
    )
    return BuiltApp(
        project=project,
        settings=fal_settings(environment, project, request.settings.environment, request.declared),
        keywords=fal_keywords(environment, request.declared),
    )


def _examples(root: Path) -> tuple[dict[str, Any], ...]:
    """Return the examples of a project; a file of that name that is something else stops nobody."""
    try:
        return tuple(entry_of(each, root) for each in find_examples(root))
    except ExamplesError as error:
        sys.stderr.write(f"cogfal: {error}; the app has no examples\n")
        return ()


def _refuse_own(request: AppRequest) -> None:
    """Refuse another process for a predictor that no file of its own could be imported from."""
    settings = request.settings
    own = settings.environment.environment == "own"
    if request.given is None or settings.declared.predictor is not None:
        return
    if settings.engine.isolate or own:
        name = "isolate" if settings.engine.isolate else "environment"
        raise SettingError(
            "a predictor of the App's own file travels with the App and runs in the server's "
            f"process, so `{name}` cannot hold for it",
            where=request.app_file.name,
            remedy=f"move it to a file of its own, or leave {name} out",
        )


@contextmanager
def gathered_requests() -> Iterator[list[AppRequest]]:
    """Collect what each App that is made in the block asks for, the one that fails included.

    What making an App says on stderr is left to whoever looks at these requests.
    """
    requests: list[AppRequest] = []
    token = _gathered.set(requests)
    try:
        yield requests
    finally:
        _gathered.reset(token)


def app_name_of(cog_yaml: str, app_dir: Path) -> str:
    """Return the name for an app of this cog.yaml: its `image`, else its directory's name.

    Raises:
        ConfigError: There is no such file, or it cannot be read.
    """
    place = place_of_config(cog_yaml, app_dir)
    assert place.config is not None
    return app_name(read_config(place.config).image) or app_name(place.root.name) or "app"


def _locate(request: AppRequest) -> tuple[ProjectPlace, str | None]:
    """Find the project, and the predictor's reference in it where the App names one."""
    app_dir, project = request.app_file.parent, request.settings.declared
    if project.cog_yaml is not None:
        place = place_of_config(project.cog_yaml, app_dir)
        if project.predictor is None:
            return place, None
        path, colon, name = project.predictor.partition(":")
        file = (app_dir / path).resolve()
        inside = file.is_relative_to(place.root)
        return place, f"{place.relative(file) if inside else path}{colon}{name}"
    if project.predictor is not None:
        return place_of_predictor(project.predictor, app_dir)
    return ProjectPlace(app_dir), None
