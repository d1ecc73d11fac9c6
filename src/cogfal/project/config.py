"""What a cog.yaml says, as plain values: `config_reader` makes them of its text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from cogfal.spec import Location

TRACES: Final = ("traces", "tracing")
"""What the settings of traces may be called under `observability`."""

TELEMETRY_KEYS: Final = ("observability.config", *(f"observability.{x}.config" for x in TRACES))
"""The keys that may name the author's `telemetry.py`."""


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


@dataclass(frozen=True, slots=True)
class CogConfig:
    """A whole cog.yaml.

    `predict` is the reference under `predict` or its newer spelling `run`, `image` the name under
    `image` or its newer one, `model`. `locations` maps a
    dotted key, `build.run[2]`, to its line, for messages about it.
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
    name: str = "cog.yaml"
    locations: Mapping[str, Location] = field(default_factory=dict, compare=False)

    def key_of(self, *spellings: str) -> str:
        """Return which spelling of a key the file has; the last one where it has none."""
        return next((each for each in spellings if each in self.locations), spellings[-1])

    def where(self, key: str) -> Location | str:
        """Return the line of a dotted key, or the file's name where the key is absent."""
        return self.locations.get(key, self.name)
