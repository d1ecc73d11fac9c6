"""What Cog's environment variables say about the engine instead of the App."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TypeVar

from cogfal.errors import SettingError
from cogfal.settings import EngineSettings
from cogfal.spec import PredictorSpec, Role

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
