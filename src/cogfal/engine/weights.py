"""Say what `setup(weights)` is called with, by the rules of Cog."""

from __future__ import annotations

import inspect
import os
import pathlib
from collections.abc import Callable
from enum import Enum
from typing import Any, Final, get_args, get_type_hints

from cogfal.cog.types import Path as CogPath
from cogfal.errors import SetupError

VARIABLE: Final = "COG_WEIGHTS"
DIRECTORY: Final = "weights"


class WeightsForm(Enum):
    """How the author's `setup` wants its weights."""

    NONE = "no weights"
    TEXT = "as COG_WEIGHTS says"
    PATH = "path"
    FILE = "binary file"


def weights_form(setup: Callable[..., Any] | None) -> WeightsForm:
    """Read the parameters of `setup`.

    Raises:
        SetupError: It needs something other than weights.
    """
    if setup is None:
        return WeightsForm.NONE
    parameters = inspect.signature(setup).parameters
    for name, parameter in parameters.items():
        if name != "weights" and _is_required(parameter):
            raise SetupError(
                f"setup() needs {name!r}, which nobody can give; give the parameter a default"
            )
    return _form(setup) if "weights" in parameters else WeightsForm.NONE


def weights_source(form: WeightsForm, root: pathlib.Path) -> str | None:
    """Return the URL or path of the weights: `COG_WEIGHTS`, else the project's own `weights`."""
    if form is WeightsForm.NONE:
        return None
    source = os.environ.get(VARIABLE)
    if not source and form is not WeightsForm.TEXT and (root / DIRECTORY).exists():
        return DIRECTORY
    return source or None


def is_remote(source: str) -> bool:
    """Tell a URL from a path."""
    return source.startswith(("http://", "https://"))


def weights_arguments(
    setup: Callable[..., Any], form: WeightsForm, source: str | None
) -> dict[str, Any]:
    """Return what to call `setup` with."""
    if form is WeightsForm.NONE:
        return {}
    if source is None:
        required = _is_required(inspect.signature(setup).parameters["weights"])
        return {"weights": None} if required else {}
    match form:
        case WeightsForm.TEXT:
            return {"weights": source}
        case WeightsForm.PATH:
            return {"weights": CogPath(source)}
        case WeightsForm.FILE:
            return {"weights": pathlib.Path(source).open("rb")}


def _is_required(parameter: inspect.Parameter) -> bool:
    return parameter.default is parameter.empty and parameter.kind not in (
        parameter.VAR_POSITIONAL,
        parameter.VAR_KEYWORD,
    )


def _form(setup: Callable[..., Any]) -> WeightsForm:
    kinds = set(_members(_annotation(setup)))
    if not kinds or str in kinds:
        return WeightsForm.TEXT
    if any(isinstance(kind, type) and issubclass(kind, os.PathLike) for kind in kinds):
        return WeightsForm.PATH
    return WeightsForm.FILE


def _annotation(setup: Callable[..., Any]) -> Any:
    try:
        return get_type_hints(setup).get("weights")
    except (NameError, TypeError):  # written for a type checker only
        return None


def _members(annotation: Any) -> tuple[Any, ...]:
    if annotation is None or annotation is Any:
        return ()
    members = get_args(annotation) or (annotation,)
    return tuple(member for member in members if member is not type(None))
