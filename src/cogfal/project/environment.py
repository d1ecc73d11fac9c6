"""Plan what fal needs for a Cog project: environment, machine, files, and the report of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from cogfal.project.report import ReportLine


@dataclass(frozen=True, slots=True)
class Files:
    """The project's files on their way to the runner.

    `context` is their directory on this machine; `include` and `ignore` are `app_files` and
    `app_files_ignore` (regular expressions) for fal's own runtime; `dockerignore` is the same
    choice as patterns for `ContainerImage`. `directory` is where they land on the runner. Sizes
    are in bytes.
    """

    context: str
    include: tuple[str, ...] = (".",)
    ignore: tuple[str, ...] = ()
    dockerignore: tuple[str, ...] = ()
    directory: str = "/app"
    count: int = 0
    size: int = 0


@dataclass(frozen=True, slots=True)
class Environment:
    """Everything that fal has to know of a project.

    `requirements` are installer arguments, flags and their values as separate strings. For
    `kind == "container"`, `dockerfile` is the text and `build_secrets` maps secret mounts to
    `$NAME` references of fal secrets. `variables` are set on the runner before the author's code
    is imported; `secrets` are the fal secrets that the plan relies on. `app_name` is a hint.
    """

    kind: Literal["virtualenv", "container"]
    requirements: tuple[str, ...]
    python_version: str
    machine_type: str | tuple[str, ...]
    num_gpus: int | None
    max_multiplexing: int | None
    files: Files
    dockerfile: str | None = None
    build_secrets: tuple[tuple[str, str], ...] = ()
    variables: tuple[tuple[str, str], ...] = ()
    secrets: tuple[str, ...] = ()
    app_name: str | None = None
    predict: str | None = None
    train: str | None = None
    report: tuple[ReportLine, ...] = field(default=(), compare=False)
