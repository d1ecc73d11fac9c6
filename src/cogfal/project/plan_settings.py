"""What a plan is made with besides cog.yaml: the App's settings and facts of this machine."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

from cogfal.spec import Weight

PINNED: Final = ("fastapi", "pydantic", "tblib")
"""What fal installs on the runner in the deploying machine's version (its SERVE_REQUIREMENTS)."""


SERVER_REQUIREMENTS: Final = (
    "uvicorn",
    "starlette_exporter",
    "packaging",
    "structlog",
    "tomli",
    "tomli-w",
    "httpx>=0.20",
)
"""What fal installs besides, in whatever version fits."""

RESOLVE: Final = "COGFAL_RESOLVE"
"""Set to 0, keeps uv from being asked, over the network, whether both sides' packages agree."""

TRACING_PACKAGES: Final = ("opentelemetry-sdk", "opentelemetry-exporter-otlp-proto-http")
"""What sends spans, installed only where cog.yaml enables tracing."""

TRACING_REQUIREMENTS: Final = tuple(f"{name}>=1.27" for name in TRACING_PACKAGES)
"""The same in fal's process."""

OLDEST_PYTHON: Final = (3, 10)
"""The oldest Python of fal's process and cogfal's."""


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


def minor(version: str) -> str:
    """Return a version without its patch."""
    return ".".join(version.split(".")[:2])


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
    num_gpus: int | None = None
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
