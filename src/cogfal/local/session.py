"""Bring a project's predictor up in this process: no fal, no HTTP, no sockets, real files.

The files that a caller gives are local ones, and so are those that come back; everything between
is what serves on a runner.
"""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import anyio.to_thread

from cogfal.concurrency import on_daemon_thread, to_the_end
from cogfal.engine.guest_python import python_at
from cogfal.engine.lifecycle import Grace
from cogfal.engine.prediction import Prediction, Submission
from cogfal.engine.service import Service
from cogfal.errors import ConfigError
from cogfal.files.fetching import NO_VERSION, Fetched, Fetcher, FileVersion
from cogfal.files.limits import FetchBudget, FetchError, FileLimits
from cogfal.files.names import input_name
from cogfal.files.store import LocalFile, StoredFile, stored
from cogfal.files.workspace import create_file
from cogfal.guest.capture import Capture
from cogfal.inputs import materialiser_for
from cogfal.json_text import JsonText
from cogfal.local.model_python import local_python, looked_up_here, tell
from cogfal.nested import map_leaves
from cogfal.outputs.delivery import Deliverer, Style
from cogfal.outputs.directories import OutputDirectories
from cogfal.project.config import COG_YAML, CogConfig
from cogfal.project.config_reader import read_config
from cogfal.reading import read_predictor
from cogfal.schema.core_types import Dialect
from cogfal.schema.validation import Validator
from cogfal.settings import AppSettings
from cogfal.spec import JSON, PredictorSpec, ProjectSpec, Role

AFTERWARDS: Final = 10.0  # seconds for the model to end in
USUAL_FILES: Final = ("predict.py", "run.py")
GIVEN: Final = "https://given.invalid/"
"""Where the caller's own files seem to be; the name is reserved, so nothing real is meant."""
_CHUNK: Final = 1024 * 1024


@dataclass(frozen=True, slots=True)
class LocalProject:
    """A Cog project on this machine.

    `root` is its directory and `config` its cog.yaml, empty where there is none. Where an App
    serves it, `config` is the one that the App goes by, `settings` is what that says, `served` what
    was read when it was made, and `given` the predictor itself if it travels with the App. `named`
    is another predictor or trainer that somebody wants instead, `path.py:Name`.
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
            return dict(looked_up_here(self.served, self.config).variables)
        return dict(self.config.variables(os.environ))

    def provided(self, spec: PredictorSpec) -> ProjectSpec:
        """Return what an App takes along, to be provided here for one of its predictors."""
        if self.served is not None:
            return looked_up_here(self.served, self.config)
        root, variables = str(self.root), tuple(self.variables.items())
        weights = self.config.fetched_weights()
        return ProjectSpec(spec, None, root, root, variables, weights=weights)

    def python(self, progress: Callable[[str], None] = tell) -> Path | None:
        """Return the model's own Python, made where it is wanted for the first time; or None.

        Raises:
            ConfigError: What cog.yaml requires cannot be read.
            SetupError: Its environment cannot be made.
        """
        wanted = self.settings.environment.environment
        return local_python(self.config, self.root, wanted, progress=progress)

    @property
    def trains(self) -> bool:
        """Whether there is a trainer too."""
        return bool(self.config.train if self.served is None else self.served.trainer)

    def read(self, role: Role = Role.PREDICT) -> PredictorSpec:
        """Read the predictor or trainer from its text; raises ProjectError."""
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
        deliverer = partial(Deliverer, self.files, Style.URL, self._output_directories)
        return self._service.submit(Submission(parsed, deliverer))

    def _url(self, value: Any) -> JSON:
        return self._given.url_of(value.absolute()) if isinstance(value, Path) else value


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
) -> AsyncIterator[Session]:
    """Set a predictor or trainer up as its App says, and shut it down when the block ends.

    Output files are kept in `folder`. `network` makes what gets http inputs and remote weights, and
    without it nothing gets them. `log_limit` is how many characters of its logs a prediction keeps,
    if not the usual number.

    Raises:
        ProjectError: What cog.yaml requires cannot be read.
        SetupError: It cannot be brought up.
    """
    limits, settings = project.settings.file_limits, project.settings.engine
    given = GivenFiles(None if network is None else network(limits))
    predictor = project.given if spec.role is Role.PREDICT else None

    async def fetch_weights(url: str, directory: Path) -> Path:
        return (await given.fetch(url, directory, FetchBudget(FileLimits()))).path

    python = await on_daemon_thread(project.python) if not predictor else None
    service = Service(
        spec,
        project.root,
        materialiser_for(spec, given, limits),
        settings=settings if log_limit is None else settings._replace(log_limit=log_limit),
        fetch_weights=fetch_weights,
        capture=capture or Discreet(),
        given=predictor,
        interpreter=lambda: None if python is None else python_at(python),
    )
    try:
        await service.setup()
        yield Session(spec, project, service, given, KeptFiles(folder))
    finally:
        await service.shutdown(Grace(AFTERWARDS, running=0))


class GivenFiles:
    """Fetches the caller's own files from this machine, and everything else from `others`.

    Without others nothing else is fetched.
    """

    def __init__(self, others: Fetcher | None) -> None:
        self._others = others
        self._paths: dict[str, Path] = {}

    def url_of(self, path: Path) -> str:
        """Return the URL under which a file may be given to the predictor."""
        url = f"{GIVEN}{len(self._paths)}/{quote(path.name)}"
        self._paths[url] = path
        return url

    async def fetch(
        self, url: str, directory: Path, budget: FetchBudget, known: FileVersion = NO_VERSION
    ) -> Fetched:
        """Copy a given file into `directory`: the predictor may do with it what it likes."""
        path = self._paths.get(url)
        if path is not None:
            stopped = threading.Event()
            return await to_the_end(_copied, path, directory, stopped, stop=stopped.set)
        if self._others is None:
            text = f"{url} is not fetched, as there is no network here; give a local file"
            raise FetchError(text)
        return await self._others.fetch(url, directory, budget, known)


def _copied(path: Path, directory: Path, stopped: threading.Event) -> Fetched:
    """Copy a file step by step; once it is `stopped`, what this returns is of no use."""
    try:
        with path.open("rb") as source:
            copy, target = create_file(directory, input_name(path.name))
            with target:
                while not stopped.is_set() and (chunk := source.read(_CHUNK)):
                    target.write(chunk)
    except OSError as error:
        raise FetchError(f"{path} cannot be read: {error.strerror}") from error
    return Fetched(copy, copy.stat().st_size)


class KeptFiles:
    """The store of a session: keeps what would be uploaded in `folder`.

    `uploads` are the files in the order they were delivered.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._paths: dict[str, Path] = {}
        self.uploads: list[StoredFile] = []

    async def put(self, file: LocalFile) -> StoredFile:
        """Copy the file and call it by its path's URL."""
        directory = self._folder / str(len(self._paths))
        directory.mkdir(parents=True)
        path = directory / file.name
        url = path.as_uri()
        self._paths[url] = path
        await anyio.to_thread.run_sync(shutil.copyfile, file.path, path)
        self.uploads.append(stored(file, url))
        return self.uploads[-1]

    def with_paths(self, output: JSON) -> Any:
        """Return `output` with the path of each kept file in place of its URL."""

        def path_of(leaf: JSON) -> Any:
            if isinstance(leaf, JsonText):
                return self.with_paths(leaf.value())
            return self._paths.get(leaf, leaf) if isinstance(leaf, str) else leaf

        return map_leaves(output, path_of)
