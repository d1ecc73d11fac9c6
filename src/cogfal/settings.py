"""The attributes of an App class that are cogfal's own, and the one object made of all of them."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, ClassVar, Literal, NamedTuple, TypeVar, get_type_hints

from cogfal.errors import SettingError
from cogfal.files.limits import FileLimits
from cogfal.spec import PredictorSpec, Role, Weight


class Settings:
    """Everything an App class can say about how its predictor is served.

    Set them as class attributes, or pass them to `App.from_cog` and `wrap`.
    """

    predictor: ClassVar[str | None] = None
    """Where the predictor is, as `path.py:Name`, relative to the file that defines the App."""

    trainer: ClassVar[str | None] = None
    """Where the training function or Trainer class is, in the same form."""

    cog_yaml: ClassVar[str | None] = None
    """The project's cog.yaml, relative to the file that defines the App.

    Without it, the nearest cog.yaml at or above the predictor is used where there is one.
    """

    output_name: ClassVar[str] = "output"
    """The key of a result that is not an object of its own, such as `image` or `videos`."""

    read_by_importing: ClassVar[bool] = False
    """Read the signature by importing the predictor, not from its text.

    It is imported on the machine that deploys, in a process of the model's own Python, and its
    module-level code runs there.
    """

    gpu_machine_type: ClassVar[str] = "GPU-H100"
    """The machine type for `gpu: true` where `machine_type` is not set."""

    dockerfile: ClassVar[str | None] = None
    """A Dockerfile to build instead, relative to the project; what `cog debug` added is cut."""

    interpreter: ClassVar[str | None] = None
    """The path of the model's Python in an image of your own, where that has two."""

    build_args: ClassVar[Mapping[str, str]] = MappingProxyType({})
    """Build arguments of the image that is generated."""

    registries: ClassVar[Mapping[str, Mapping[str, str]]] = MappingProxyType({})
    """The `username` and `password` of each registry that the generated image's base needs."""

    compression: ClassVar[str | None] = None
    """How the layers of the generated image are compressed; fal's default is gzip."""

    build_secrets: ClassVar[Mapping[str, str]] = MappingProxyType({})
    """The fal secret for each secret mount of cog.yaml; by default its id in capitals."""

    exclude: ClassVar[Sequence[str]] = ()
    """Further files that stay behind, as patterns of a .dockerignore."""

    weights: ClassVar[Mapping[str, str | Weight]] = MappingProxyType({})
    """Large files that are not uploaded: path in the project to the URL it is fetched from."""

    data_cache: ClassVar[str | None] = "/data/.cache"
    """Where Hugging Face, torch and other libraries keep downloads on runners with a `/data`."""

    environment: ClassVar[Literal["auto", "shared", "own"]] = "auto"
    """Where the predictor runs: in the server's own Python environment, or in one of its own.

    `"own"` is a process whose Python and packages are what cog.yaml says and nothing else;
    `"auto"` is that where the two contradict each other.
    """

    isolate: ClassVar[bool] = False
    """Run the predictor in a process of its own, on the server's interpreter.

    It is killed when it does not obey a cancellation.
    """

    isolate_grace: ClassVar[float] = 10.0
    """Seconds between a cancellation and the kill of an isolated predictor."""

    max_output_bytes: ClassVar[int] = 256 * 1024**2
    """How many bytes of JSON a prediction's output may have; files do not count."""

    stuck_after: ClassVar[float] = 300.0
    """Seconds that a cancelled prediction may go on for before the runner counts as unhealthy.

    Python code stops at once; what is blocked in C code stops when that returns, if it does. fal
    replaces a runner that is unhealthy.
    """

    queue_limit: ClassVar[int] = 100
    """How many requests of fal's endpoint may wait for a slot before callers get 429."""

    timings: ClassVar[bool] = False
    """Add `timings` (seconds of each phase) to the answers of fal's endpoint."""

    allow_private_hosts: ClassVar[bool] = False
    """Let file inputs and webhooks name private and loopback hosts; for local runs only."""

    max_body_bytes: ClassVar[int] = 100 * 1024**2
    """The largest body of a request, in bytes; four times as many may be held at once.

    Larger files come as URLs.
    """

    trusted_hosts: ClassVar[Sequence[str]] = ()
    """Further names under which a local run may be reached, and whose web pages may call it.

    Served on your own machine, an app answers only under addresses and names that nobody on the
    internet can have, and only to pages of that machine. `COGFAL_TRUSTED_HOSTS` adds names, "*"
    lets all pass. On fal's runners every request passes.
    """

    max_files: ClassVar[int] = 1000
    """The most file inputs of one request."""

    max_file_bytes: ClassVar[int] = 4 * 1024**3
    """The largest file input, decoded, in bytes."""

    max_request_bytes: ClassVar[int] = 16 * 1024**3
    """The largest sum of one request's file inputs, decoded, in bytes."""

    download_timeout: ClassVar[float] = 600.0
    """Seconds within which all file inputs of one request must have arrived."""

    file_cache: ClassVar[str | None] = None
    """A directory, such as `/data/cogfal`, that keeps downloaded inputs for later requests."""

    files: ClassVar[Any] = None
    """Where output files go: `"fal"`, `"local"`, `"in_memory"`, or a fal.toolkit FileRepository.

    By default fal's CDN where credentials are found, else a folder served by the app itself.
    """

    output_places: ClassVar[Sequence[str]] = ()
    """Further directories that output files may lie in, beside the project and temporary ones."""

    reserve_outputs: ClassVar[bool] = False
    """Answer with the reserved URLs of output files before their bytes are uploaded."""

    data_urls: ClassVar[bool] = False
    """Give Cog's API output files as data URLs, as a Cog container does, not as URLs."""

    upload_url: ClassVar[str | None] = None
    """Where output files of Cog's API are PUT, as Cog's `--upload-url`."""

    allow_output_prefix: ClassVar[bool] = False
    """Let callers of Cog's API name where output files are uploaded (`output_file_prefix`)."""

    allow_shutdown: ClassVar[bool] = False
    """Answer Cog's `POST /shutdown` instead of refusing it."""

    playground: ClassVar[bool] = False
    """Serve a page at `/playground` that makes a form of the app's schema."""


class ProjectSettings(NamedTuple):
    """Which predictor is served, and how it is read."""

    predictor: str | None = Settings.predictor
    trainer: str | None = Settings.trainer
    cog_yaml: str | None = Settings.cog_yaml
    read_by_importing: bool = Settings.read_by_importing


class HostSettings(NamedTuple):
    """How callers reach the app, and what they are told."""

    output_name: str = Settings.output_name
    timings: bool = Settings.timings
    playground: bool = Settings.playground
    allow_private_hosts: bool = Settings.allow_private_hosts
    max_body_bytes: int = Settings.max_body_bytes
    trusted_hosts: Sequence[str] = Settings.trusted_hosts
    data_urls: bool = Settings.data_urls
    upload_url: str | None = Settings.upload_url
    allow_output_prefix: bool = Settings.allow_output_prefix
    allow_shutdown: bool = Settings.allow_shutdown


class EngineSettings(NamedTuple):
    """How predictions are run.

    Attributes:
        max_concurrency: cog.yaml's `concurrency.max`, which wins over the author's `@concurrent`.
            Sync predictors always run one at a time.
        setup_timeout: Seconds for import and setup; None is no limit.
        history: How many events a prediction keeps for late watchers.
        log_limit: How many characters of logs a prediction keeps.
    """

    queue_limit: int = Settings.queue_limit
    isolate: bool = Settings.isolate
    isolate_grace: float = Settings.isolate_grace
    stuck_after: float = Settings.stuck_after
    max_concurrency: int | None = None
    setup_timeout: float | None = None
    max_output_bytes: int = Settings.max_output_bytes
    history: int = 1024
    log_limit: int = 4 * 1024**2


class FileSettings(NamedTuple):
    """What file inputs may be, and where output files go."""

    max_files: int = Settings.max_files
    max_file_bytes: int = Settings.max_file_bytes
    max_request_bytes: int = Settings.max_request_bytes
    download_timeout: float = Settings.download_timeout
    file_cache: str | None = Settings.file_cache
    files: Any = Settings.files
    output_places: Sequence[str] = Settings.output_places
    reserve_outputs: bool = Settings.reserve_outputs


class EnvironmentSettings(NamedTuple):
    """What the predictor's environment is made of, and where."""

    environment: Literal["auto", "shared", "own"] = Settings.environment
    gpu_machine_type: str = Settings.gpu_machine_type
    dockerfile: str | None = Settings.dockerfile
    interpreter: str | None = Settings.interpreter
    build_args: Mapping[str, str] = Settings.build_args
    registries: Mapping[str, Mapping[str, str]] = Settings.registries
    compression: str | None = Settings.compression
    build_secrets: Mapping[str, str] = Settings.build_secrets
    exclude: Sequence[str] = Settings.exclude
    weights: Mapping[str, str | Weight] = Settings.weights
    data_cache: str | None = Settings.data_cache


class AppSettings(NamedTuple):
    """Everything that an App class says of itself, read once when the class is made.

    `declared` is which predictor is served; the class checks every value before this is made.
    """

    declared: ProjectSettings = ProjectSettings()
    host: HostSettings = HostSettings()
    engine: EngineSettings = EngineSettings()
    files: FileSettings = FileSettings()
    environment: EnvironmentSettings = EnvironmentSettings()

    @classmethod
    def of(cls, app: type[Settings]) -> AppSettings:
        """Read a class; what of fal's own settings cogfal heeds is read, too."""
        engine = EngineSettings(**_said(app, EngineSettings._fields))
        at_once: int | None = getattr(app, "max_multiplexing", None)
        return cls(
            ProjectSettings(**_said(app, ProjectSettings._fields)),
            HostSettings(**_said(app, HostSettings._fields)),
            engine._replace(max_concurrency=at_once),
            FileSettings(**_said(app, FileSettings._fields)),
            EnvironmentSettings(**_said(app, EnvironmentSettings._fields)),
        )

    @property
    def file_limits(self) -> FileLimits:
        """What a request's file inputs may be."""
        return FileLimits(
            max_files=self.files.max_files,
            max_file_bytes=self.files.max_file_bytes,
            max_request_bytes=self.files.max_request_bytes,
            total_seconds=self.files.download_timeout,
            allow_private_hosts=self.host.allow_private_hosts,
        )


NAMES = frozenset(get_type_hints(Settings))
"""Every setting of cogfal's."""


def _said(app: type[Settings], names: Sequence[str]) -> dict[str, Any]:
    return {name: getattr(app, name) for name in names if name in NAMES}


N = TypeVar("N", int, float)


def operated(settings: EngineSettings) -> EngineSettings:
    """Put the operator's wishes, in Cog's environment variables, above what an App says.

    Raises:
        SettingError: A variable is not a number that makes sense.
    """
    at_once = _variable("COG_MAX_CONCURRENCY", int, least=1)
    seconds = _variable("COG_SETUP_TIMEOUT", float, least=0)
    history = _variable("COG_STREAM_HISTORY_CAPACITY", int, least=0)
    return settings._replace(
        max_concurrency=at_once or settings.max_concurrency,
        setup_timeout=(settings.setup_timeout if seconds is None else seconds) or None,
        history=settings.history if history is None else history,
    )


def slot_count(settings: EngineSettings, spec: PredictorSpec) -> int:
    """Return how many predictions run at once."""
    return _wanted_at_once(settings, spec) if spec.shape.asynchronous else 1


def ignored_concurrency(settings: EngineSettings, spec: PredictorSpec) -> int | None:
    """Return how many predictions at once were asked for where only one can run."""
    if spec.shape.asynchronous or spec.role is Role.TRAIN:
        return None
    wanted = _wanted_at_once(settings, spec)
    return wanted if wanted > 1 else None


def _wanted_at_once(settings: EngineSettings, spec: PredictorSpec) -> int:
    return settings.max_concurrency or spec.max_concurrency or 1


def _variable(name: str, kind: Callable[[str], N], *, least: int) -> N | None:
    text = os.environ.get(name, "")
    if not text:
        return None
    try:
        number = kind(text)
    except ValueError:
        number = kind("-1")
    if number < least:
        raise SettingError(
            f"{name} is {text!r}", remedy=f"give a number that is at least {least}, or unset it"
        )
    return number
