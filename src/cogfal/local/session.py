"""Bring a project's predictor up in this process: no fal, no HTTP, no sockets, real files.

The files that a caller gives are local ones, and so are those that come back; everything between
is what serves on a runner.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Final

from cogfal.engine.interpreter import Interpreter, guest_variables
from cogfal.engine.prediction import Prediction
from cogfal.engine.service import Service, Submission
from cogfal.errors import ConfigError
from cogfal.files import Budget, Fetcher, FileLimits
from cogfal.files.concurrency import on_daemon_thread
from cogfal.guest.capture import Capture
from cogfal.inputs import Materialiser
from cogfal.local.model_python import local_python, tell
from cogfal.local.session_files import GivenFiles, KeptFiles, NoNetwork
from cogfal.nested import map_leaves
from cogfal.outputs import Deliverer, OutputDirectories, Style
from cogfal.project.config import CogConfig
from cogfal.project.config_reader import read_config
from cogfal.project.place import COG_YAML
from cogfal.project.variables import variables
from cogfal.reading import read_predictor
from cogfal.schema.validation import Dialect, Validator
from cogfal.settings import AppSettings
from cogfal.spec import JSON, PredictorSpec, ProjectSpec, Role

USUAL_FILES: Final = ("predict.py", "run.py")


@dataclass(frozen=True, slots=True)
class LocalProject:
    """A Cog project on this machine.

    `root` is its directory and `config` its cog.yaml, empty where there is none. Where an App
    serves it, `settings` is what that says, `served` what was read when it was made, and `given`
    the predictor itself if it travels with the App. `named` is another predictor or trainer that
    somebody wants instead, `path.py:Name`.
    """

    root: Path
    config: CogConfig
    settings: AppSettings = field(default_factory=AppSettings)
    served: ProjectSpec | None = None
    given: object = None
    named: str | None = None

    @property
    def variables(self) -> dict[str, str]:
        """The environment that cog.yaml asks for; whoever runs the predictor sets it."""
        if self.served is not None:
            return dict(self.served.variables)
        return dict(variables(self.config, os.environ))

    def provided(self, spec: PredictorSpec) -> ProjectSpec:
        """Return what an App takes along, to be provided here for one of its predictors."""
        root = str(self.root)
        return self.served or ProjectSpec(spec, None, root, root, tuple(self.variables.items()))

    def python(self, progress: Callable[[str], None] = tell) -> Path | None:
        """Return the model's own Python, made where it is wanted for the first time; or None.

        Raises:
            ConfigError: What cog.yaml requires cannot be read.
            SetupError: Its environment cannot be made.
        """
        named = self.served.config if self.served is not None else None
        config = self.config if named is None else read_config(Path(named))
        wanted = self.settings.environment.environment
        return local_python(config, self.root, wanted, progress=progress)

    @property
    def trains(self) -> bool:
        """Whether there is a trainer too."""
        return bool(self.config.train if self.served is None else self.served.trainer)

    def read(self, role: Role = Role.PREDICT) -> PredictorSpec:
        """Read the predictor or trainer from its text.

        Raises:
            ProjectError: There is none, or its text cannot be read.
        """
        if self.served is not None:
            spec = self.served.trainer if role is Role.TRAIN else self.served.predictor
            if spec is not None:
                return spec
        version = self.config.build.python_version
        ref = self.named or self._ref(role)
        return read_predictor(ref, self.root, role=role, python_version=version)

    def _ref(self, role: Role) -> str:
        named = self.config.train if role is Role.TRAIN else self.config.predict
        if named is not None:
            return named
        usual = next((name for name in USUAL_FILES if (self.root / name).is_file()), None)
        if role is Role.PREDICT and usual is not None:
            return usual
        if usual is None and not (self.root / self.config.name).is_file():
            raise ConfigError(
                f"there is no {self.config.name} and no {USUAL_FILES[0]}",
                where=str(self.root),
                remedy="go to a Cog project, or make one with `cogfal init`",
            )
        key = role.value
        raise ConfigError(
            f"names no {'training function' if role is Role.TRAIN else 'predictor'}",
            where=str(self.root / self.config.name),
            remedy=f'add `{key}: "{key}.py:{"train" if role is Role.TRAIN else "Predictor"}"`',
        )


def find_project(directory: Path) -> LocalProject:
    """Return the project in `directory`, which may also be the path of its cog.yaml.

    Raises:
        ConfigError: There is no such directory, or its cog.yaml is wrong.
    """
    path = directory.resolve()
    if path.is_file():
        return LocalProject(path.parent, read_config(path))
    if not path.is_dir():
        raise ConfigError(
            "there is no such directory", where=str(directory), remedy="name a project's directory"
        )
    file = path / COG_YAML
    return LocalProject(path, read_config(file) if file.is_file() else CogConfig())


class Session:
    """A predictor that has been set up; `files` are what its predictions delivered so far."""

    def __init__(
        self,
        spec: PredictorSpec,
        project: LocalProject,
        service: Service,
        given: GivenFiles,
        files: KeptFiles,
    ) -> None:
        self.spec = spec
        self.files = files
        self._output_directories = OutputDirectories(
            project.root, [Path(place) for place in project.settings.files.output_places]
        )
        self._service = service
        self._given = given
        self._validator = Validator(spec, Dialect.FAL)

    def submit(self, values: Mapping[str, Any]) -> Prediction:
        """Start a prediction; paths among `values` are given as files.

        Its output's files are URLs, which `files.with_paths` turns into paths.

        Raises:
            InvalidInput: The values do not fit.
            Busy: The predictor has too many already.
        """
        parsed = self._validator.parse(map_leaves(values, self._url))
        deliverer = Deliverer(self.files, Style.URL, self._output_directories)
        return self._service.submit(Submission(parsed, deliverer))

    def _url(self, value: Any) -> JSON:
        return self._given.url_of(value.absolute()) if isinstance(value, Path) else value


def _interpreter(python: Path | None) -> Interpreter | None:
    if python is None:
        return None
    return Interpreter(str(python), guest_variables(python, os.environ))


class Discreet(Capture):
    """A capture without the line of JSON that a runner's log has for each prediction."""

    def say(self, text: str) -> None:
        """Write a line unless it is for machines."""
        if not text.startswith("{"):
            super().say(text)


@asynccontextmanager
async def open_session(
    project: LocalProject,
    spec: PredictorSpec,
    folder: Path,
    *,
    network: Callable[[FileLimits], Fetcher] | None = None,
    capture: Capture | None = None,
    log_limit: int | None = None,
    progress: Callable[[str], None] = tell,
) -> AsyncIterator[Session]:
    """Set a predictor up as its App says, and shut it down when the block ends.

    Args:
        project: Whose it is.
        spec: The predictor, or the trainer.
        folder: Where output files are kept.
        network: Makes what gets http inputs and remote weights; None forbids them.
        capture: How what the predictor prints is captured, its child processes' output included.
        log_limit: How many characters of its logs a prediction keeps, if not the usual number.
        progress: Is told what takes long while the model's own environment is made.

    Raises:
        ProjectError: What cog.yaml requires cannot be read.
        SetupError: It cannot be brought up.
    """
    limits, settings = project.settings.file_limits, project.settings.engine
    given = GivenFiles(network(limits) if network is not None else NoNetwork())
    predictor = project.given if spec.role is Role.PREDICT else None

    async def fetch_weights(url: str, directory: Path) -> Path:
        return (await given.fetch(url, directory, Budget(FileLimits()))).path

    python = await on_daemon_thread(partial(project.python, progress)) if not predictor else None
    service = Service(
        spec,
        project.root,
        Materialiser(spec, given, limits),
        settings=settings if log_limit is None else settings._replace(log_limit=log_limit),
        fetch_weights=fetch_weights,
        capture=capture or Discreet(),
        given=predictor,
        interpreter=partial(_interpreter, python),
    )
    try:
        await service.setup()
        yield Session(spec, project, service, given, KeptFiles(folder))
    finally:
        await service.shutdown(0)
