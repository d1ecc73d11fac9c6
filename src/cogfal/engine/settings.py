"""What can be set about the engine, and what Cog's environment variables say instead."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, TypeVar

from cogfal.errors import SettingError
from cogfal.files import FileLimits
from cogfal.settings import Settings
from cogfal.spec import PredictorSpec, Role

N = TypeVar("N", int, float)


class EngineSettings(NamedTuple):
    """How predictions are run.

    Attributes:
        max_concurrency: cog.yaml's `concurrency.max`, which wins over the author's `@concurrent`.
            Sync predictors always run one at a time.
        queue_limit: How many submissions may wait for a slot.
        isolate: Whether the predictor runs in a child process that can be killed.
        isolate_grace: Seconds between a cancellation and the kill of an isolated predictor.
        stuck_after: Seconds that a cancelled prediction may go on for before the service counts as
            unhealthy.
        setup_timeout: Seconds for import and setup; None is no limit.
        history: How many events a prediction keeps for late watchers.
        log_limit: How many characters of logs a prediction keeps.
        workspace_parent: Where predictions' directories are made; None is a temporary directory of
            the service's own.
    """

    max_concurrency: int | None = None
    queue_limit: int = 100
    isolate: bool = False
    isolate_grace: float = 10.0
    stuck_after: float = 300.0
    setup_timeout: float | None = None
    history: int = 1024
    log_limit: int = 4 * 1024**2
    workspace_parent: Path | None = None


def engine_settings(app: type[Settings]) -> EngineSettings:
    """Return what an App class says about how predictions are run."""
    return EngineSettings(
        max_concurrency=getattr(app, "max_multiplexing", None),
        queue_limit=app.queue_limit,
        isolate=app.isolate,
        isolate_grace=app.isolate_grace,
        stuck_after=app.stuck_after,
    )


def refuse_isolation(given: object, app: type[Settings]) -> None:
    """Refuse to isolate a predictor that no file of its own could be imported from.

    Raises:
        SettingError: The App asks for it.
    """
    if given is not None and app.isolate:
        raise SettingError(
            "a predictor of the App's own file cannot be isolated",
            remedy="move it to a file of its own, or unset isolate",
        )


def file_limits(app: type[Settings]) -> FileLimits:
    """Return what an App class says about file inputs."""
    return FileLimits(
        max_file_bytes=app.max_file_bytes,
        max_request_bytes=app.max_request_bytes,
        total_seconds=app.download_timeout,
        allow_private_hosts=app.allow_private_hosts,
    )


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
