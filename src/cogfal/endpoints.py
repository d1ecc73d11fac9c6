"""Look at what an App class adds to cogfal's own endpoints, before it hides one of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from cogfal.app_state import AppState
from cogfal.errors import SettingError
from cogfal.settings import NAMES
from cogfal.settings_validation import place_of

HEALTH: Final = "check_health"
OPEN: Final = frozenset({HEALTH, "app_file", "given"})
"""What a class may have of its own although cogfal's has it, beside what is fal's."""
COG_PATHS: Final = frozenset(
    {"/predictions", "/trainings", "/health-check", "/openapi.json", "/shutdown", "/health"}
)


def check_endpoints(cls: type[AppState], base: type[AppState]) -> None:
    """Refuse attributes and endpoints that would take the place of cogfal's own.

    Raises:
        SettingError: The name or the path of one is taken, or it is a second health check.
    """
    assert cls.app_file is not None
    app_file, taken = Path(cls.app_file), _own_names(base)
    routes = {*COG_PATHS, *_paths(base)}
    for name, value in vars(cls).items():
        path = _path(value)
        if name in taken:
            kind = "an endpoint" if path else "an attribute"
            raise SettingError(
                f"{name} is the name of cogfal's own, and {kind} would take its place",
                where=place_of(name, app_file),
                remedy=f"use another name; taken are {', '.join(sorted(taken))}",
            )
        if name == HEALTH or path is None:
            continue
        if value.route_signature.health_check is not None:
            raise SettingError(
                f"{name} is a second health check, and fal takes one",
                where=place_of(name, app_file),
                remedy=f"name it {HEALTH}, await super().{HEALTH}() in it, and leave its path "
                "at /health",
            )
        if path in routes:
            raise SettingError(
                f"{name} has the path {path}, which cogfal serves itself",
                where=place_of(name, app_file),
                remedy=f"use another path; taken are {', '.join(sorted(routes))}",
            )
    _keep_health_check(cls, base)


def _keep_health_check(cls: type[AppState], base: type[AppState]) -> None:
    """Let an overriding health check that names no path have cogfal's."""
    own = vars(cls).get(HEALTH)
    if own is not None and _path(own) is None:
        own.route_signature = getattr(base, HEALTH).route_signature


def _own_names(base: type[AppState]) -> frozenset[str]:
    """Return the public names of cogfal's classes that are neither settings nor fal's nor open."""
    ours = {name for each in base.__mro__ if _is_ours(each) for name in vars(each)}
    fals = {name for each in base.__mro__ if not _is_ours(each) for name in vars(each)}
    return frozenset(name for name in ours - fals - NAMES - OPEN if not name.startswith("_"))


def _is_ours(each: type) -> bool:
    return each.__module__.startswith("cogfal.")


def _paths(base: type[AppState]) -> Iterator[str]:
    for each in base.__mro__:
        yield from filter(None, map(_path, vars(each).values()))


def _path(value: object) -> str | None:
    signature: Any = getattr(value, "route_signature", None)
    return None if signature is None else str(signature.path)
