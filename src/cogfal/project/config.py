"""What a project is planned from: what cog.yaml says, and what its App and this machine add.

All of it is plain values; `config_reader` makes a `CogConfig` of a cog.yaml's text.
"""

from __future__ import annotations

import os
import platform
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal, NamedTuple

from cogfal.spec import Location, Weight
from cogfal.version import minor

COG_YAML: Final = "cog.yaml"

TRACES: Final = ("traces", "tracing")
"""What the settings of traces may be called under `observability`."""

TELEMETRY_KEYS: Final = ("observability.config", *(f"observability.{x}.config" for x in TRACES))
"""The keys that may name the author's `telemetry.py`."""

TRACING_PACKAGES: Final = ("opentelemetry-sdk", "opentelemetry-exporter-otlp-proto-http")
"""What sends spans, installed only where cog.yaml enables tracing."""

IN_IMAGES: Final = {
    "HOME": "/root",
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
}
"""What an image knows before cog.yaml adds to it."""

PINNED: Final = ("fastapi", "pydantic", "tblib")
"""What fal installs on the runner in the deploying machine's version (its SERVE_REQUIREMENTS)."""

RESOLVE: Final = "COGFAL_RESOLVE"
"""Set to 0, keeps uv from being asked, over the network, whether both sides' packages agree."""

_OF_TRACING: Final = ("OTEL_", "COG_TRACE_", "COG_OBSERVABILITY_")
_REFERENCE: Final = re.compile(
    r"\\\$|\$(?P<name>[A-Za-z_]\w*)"
    r"|\$\{(?P<braced>[A-Za-z_]\w*)(?::(?P<operator>[-+])(?P<word>[^}]*))?\}"
)


class Mount(NamedTuple):
    """A build secret named `id` that a command reads as the file `target`."""

    id: str
    target: str


class Command(NamedTuple):
    """One command of `build.run` or `build.pre_install`."""

    command: str
    mounts: tuple[Mount, ...] = ()


class WeightSource(NamedTuple):
    """One source of an entry of `weights`: what is fetched from `source` to `target`.

    `include` and `exclude` are patterns of names, for a source that holds several files; `key` is
    the entry's.
    """

    source: str
    target: str | None = None
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    key: str = "weights"

    def place(self, *, several: bool) -> str | None:
        """Return its path in the project, None where it cannot be fetched or has no place there.

        Args:
            several: Whether other sources share its target, which is a directory then.
        """
        if self.target is None or not self.source.startswith(("https://", "http://", "hf://")):
            return None
        target = self.target.removeprefix("/src/").removeprefix("/src") or "."
        if target.startswith("/") or ".." in target.split("/"):
            return None
        if self.source.startswith("hf://") or not (several or target.endswith(("/", "."))):
            return target.rstrip("/")
        name = self.source.partition("?")[0].rstrip("/").rpartition("/")[2]
        return f"{target.rstrip('/')}/{name}"


class Observability(NamedTuple):
    """What is traced: the settings under `observability`, None where one is absent.

    `config` is the path of the author's `telemetry.py` in the project.
    """

    enabled: bool = True
    sampler: str | None = None
    sampler_arg: str | None = None
    header: str | None = None
    header_format: str | None = None
    config: str | None = None

    def variables(self) -> tuple[tuple[str, str], ...]:
        """Return the variables by which Cog hands the settings to what runs in the image."""
        given = {
            "COG_TRACE_CONFIGURED": "true",
            "COG_TRACE_ENABLED": "true" if self.enabled else "false",
            "COG_TRACE_SAMPLER": self.sampler,
            "COG_TRACE_SAMPLER_ARG": self.sampler_arg,
            "COG_TRACE_HEADER": self.header,
            "COG_TRACE_HEADER_FORMAT": self.header_format,
            "COG_OBSERVABILITY_CONFIG": self.config,
        }
        return tuple((name, value) for name, value in given.items() if value is not None)


class Build(NamedTuple):
    """The `build` stanza; None or empty where a key is absent."""

    gpu: bool = False
    cuda: str | None = None
    cudnn: str | None = None
    python_version: str | None = None
    python_packages: tuple[str, ...] = ()
    python_requirements: str | None = None
    python_overrides: str | None = None
    system_packages: tuple[str, ...] = ()
    run: tuple[Command, ...] = ()
    pre_install: tuple[Command, ...] = ()
    environment: tuple[tuple[str, str], ...] = ()
    fast: bool = False
    cog_runtime: bool = False


class Key(NamedTuple):
    """A key of cog.yaml, such as `build.run[2]`, and its line; the file where it is absent."""

    name: str
    where: Location | str


@dataclass(frozen=True, slots=True)
class CogConfig:
    """A whole cog.yaml.

    `predict` is the reference under `predict` or its newer spelling `run`, `image` the name under
    `image` or its newer one, `model`. `unknown` are the keys that are none of Cog's;
    `locations` maps a dotted key to its line.
    """

    build: Build = field(default_factory=Build)
    predict: str | None = None
    train: str | None = None
    image: str | None = None
    max_concurrency: int | None = None
    environment: tuple[tuple[str, str], ...] = ()
    weights: tuple[WeightSource, ...] = ()
    observability: Observability | None = None
    sdk_version: str | None = None
    tests: bool = False
    unknown: tuple[str, ...] = ()
    name: str = COG_YAML
    locations: Mapping[str, Location] = field(default_factory=dict, compare=False)

    def at(self, *spellings: str) -> Key:
        """Return the key in the spelling that the file has; in the last one where it has none."""
        key = next((each for each in spellings if each in self.locations), spellings[-1])
        return Key(key, self.where(key))

    def at_variable(self, name: str) -> Key:
        """Return the key of a variable, in whichever of the two stanzas it stands."""
        return self.at(f"build.environment.{name}", f"environment.{name}")

    def where(self, key: str) -> Location | str:
        """Return the line of a dotted key, or the file's name where the key is absent."""
        return self.locations.get(key, self.name)

    def commands(self, *keys: Literal["run", "pre_install"]) -> tuple[tuple[Key, Command], ...]:
        """Return the commands under these keys of `build`, each with its own key."""
        return tuple(
            (self.at(f"build.{key}[{i}]"), command)
            for key in keys
            for i, command in enumerate(getattr(self.build, key))
        )

    def variables(self, known: Mapping[str, str] = IN_IMAGES) -> tuple[tuple[str, str], ...]:
        """Return the variables, those of the build first, with what they refer to put in.

        Before them stand those by which Cog hands on what is traced.

        A value in quotes is what stands between them. `$NAME`, `${NAME}`, `${NAME:-other}` and
        `${NAME:+other}` are looked up among `known` and the variables before; what is nowhere is
        empty.
        """
        found = dict(known)
        names = []
        for name, value in (*self._told(), *self.build.environment, *self.environment):
            found[name] = _expanded(value, found)
            names.append(name)
        return tuple((name, found[name]) for name in dict.fromkeys(names))

    def placed_weights(self) -> Iterator[tuple[WeightSource, str | None]]:
        """Yield each source of weights with its path in the project, None where it has none."""
        for each in self.weights:
            several = sum(other.key == each.key for other in self.weights) > 1
            yield each, each.place(several=several)

    def fetched_weights(self) -> tuple[tuple[str, Weight], ...]:
        """Return the weights that are fetched, each with its path in the project."""
        return tuple(
            (place, Weight(each.source, None, each.include, each.exclude))
            for each, place in self.placed_weights()
            if place is not None
        )

    @property
    def traces(self) -> bool:
        """Whether tracing is enabled."""
        return self.observability is not None and self.observability.enabled

    def tracing_requirements(self) -> tuple[str, ...]:
        """Return what sends the spans of fal's process; nothing where nothing is traced."""
        return tuple(f"{name}>=1.27" for name in TRACING_PACKAGES) if self.traces else ()

    def tracing_variables(self) -> tuple[tuple[str, str], ...]:
        """Return the variables that tell a process how to trace: Cog's, and OpenTelemetry's."""
        given = [each for each in self.variables() if each[0].startswith(_OF_TRACING)]
        return tuple(dict([*self._told(), *given]).items())

    def _told(self) -> tuple[tuple[str, str], ...]:
        return self.observability.variables() if self.observability is not None else ()


def _expanded(value: str, known: Mapping[str, str]) -> str:
    quote = value[:1]
    if len(value) > 1 and quote in ("'", '"') and value.endswith(quote):
        value = value[1:-1]
        if quote == "'":
            return value

    def put_in(match: re.Match[str]) -> str:
        name = match["name"] or match["braced"]
        if name is None:
            return "$"
        text, word = known.get(name, ""), match["word"] or ""
        if match["operator"] == "-":
            return text or word
        return (word if text else "") if match["operator"] == "+" else text

    return _REFERENCE.sub(put_in, value)


def client_pins() -> dict[str, str]:
    """Return the versions that fal will force on the runner, as they are installed here."""
    return {name: _version(name) for name in PINNED}


def _version(name: str) -> str:
    """Ask the module, as fal does, where it is imported; reading its metadata takes longer."""
    told: str | None = getattr(sys.modules.get(name), "__version__", None)
    if told:
        return told
    from importlib.metadata import version  # noqa: PLC0415  # 6 ms, for what is seldom asked

    return version(name)


def client_python() -> str:
    """Return this interpreter's minor version, `3.11`."""
    return minor(platform.python_version())


@dataclass(frozen=True, slots=True)
class PlanSettings:
    """What the App class asks for; a value here wins over cog.yaml.

    `environment` says whether the author's code has an environment of its own; `resolve` allows
    uv to be asked, which may use the network. `own_image` says that the App has an image of its
    author's, in which `interpreter` is the model's Python. `layers` are the App's own
    requirements, which are the model's.

    `gpu_machine_type` is the first choice for `gpu: true` where `machine_type` is None. `kind`
    "container" or "virtualenv" overrules what cog.yaml would need. `build_secrets` maps a secret
    mount's id to the name of the fal secret; the default is the id in capitals. `weights` maps
    paths in the project to where the runner gets them from. `asynchronous`
    says that the predictor can run several predictions at once.
    """

    environment: Literal["auto", "own", "shared"] = "auto"
    resolve: bool = field(default_factory=lambda: os.environ.get(RESOLVE) != "0")
    own_image: bool = False
    interpreter: str | None = None
    layers: tuple[tuple[str, ...], ...] = ()
    machine_type: str | tuple[str, ...] | None = None
    gpu_machine_type: str = "GPU-H100"
    kind: Literal["auto", "virtualenv", "container"] = "auto"
    python_version: str | None = None
    max_multiplexing: int | None = None
    requirements: tuple[str, ...] = ()
    asynchronous: bool = True
    dockerfile: Path | None = None
    exclude: tuple[str, ...] = ()
    build_secrets: Mapping[str, str] = field(default_factory=dict)
    weights: Mapping[str, Weight] = field(default_factory=dict)
    cache_directory: str | None = "/data/.cache"
    environ: Mapping[str, str] = field(default_factory=lambda: dict(os.environ), repr=False)
    pins: Mapping[str, str] = field(default_factory=client_pins)
    client_python: str = field(default_factory=client_python)
