"""Find out how the author's `setup` wants its weights, and where they are."""

from __future__ import annotations

import inspect
import os
import pathlib
import typing
from collections.abc import Callable, Mapping
from typing import Any

from cogfal.cog.types import Path as CogPath

from .faults import SetupFailed

VARIABLE = "COG_WEIGHTS"
DIRECTORY = "weights"

NONE, TEXT, PATH, FILE = "none", "text", "path", "file"
"""No weights; as COG_WEIGHTS says; a path; a binary file."""


def weights_form(setup: Callable[..., Any] | None) -> str:
    """Read the parameters of `setup`.

    Raises:
        SetupFailed: It needs something other than weights.
    """
    if setup is None:
        return NONE
    parameters = inspect.signature(setup).parameters
    for name, parameter in parameters.items():
        if name != "weights" and _is_required(parameter):
            raise SetupFailed(
                f"setup() needs {name!r}, which nobody can give", "give the parameter a default"
            )
    return _form(setup) if "weights" in parameters else NONE


def weights_source(form: str, root: str, environ: Mapping[str, str]) -> str | None:
    """Return the URL or path of the weights: `COG_WEIGHTS`, else the project's own `weights`."""
    if form == NONE:
        return None
    source = environ.get(VARIABLE)
    if not source and form != TEXT and os.path.exists(os.path.join(root, DIRECTORY)):
        return DIRECTORY
    return source or None


def must_be_fetched(form: str, source: str | None) -> bool:
    """Tell whether the weights are a URL whose content `setup` wants."""
    return source is not None and form != TEXT and source.startswith(("http://", "https://"))


def weights_arguments(setup: Callable[..., Any], form: str, source: str | None) -> dict[str, Any]:
    """Return what to call `setup` with."""
    if form == NONE:
        return {}
    if source is None:
        required = _is_required(inspect.signature(setup).parameters["weights"])
        return {"weights": None} if required else {}
    if form == TEXT:
        return {"weights": source}
    if form == PATH:
        return {"weights": CogPath(source)}
    return {"weights": pathlib.Path(source).open("rb")}


def _is_required(parameter: inspect.Parameter) -> bool:
    return parameter.default is parameter.empty and parameter.kind not in (
        parameter.VAR_POSITIONAL,
        parameter.VAR_KEYWORD,
    )


def _form(setup: Callable[..., Any]) -> str:
    kinds = set(_members(_annotation(setup)))
    if not kinds or str in kinds:
        return TEXT
    if any(isinstance(kind, type) and issubclass(kind, os.PathLike) for kind in kinds):
        return PATH
    return FILE


def _annotation(setup: Callable[..., Any]) -> Any:
    try:
        return typing.get_type_hints(setup).get("weights")
    except (NameError, TypeError):  # written for a type checker only
        return None


def _members(annotation: Any) -> tuple[Any, ...]:
    if annotation is None or annotation is Any:
        return ()
    # `typing.get_args` is of 3.8; a plain class has no `__args__`.
    members = getattr(annotation, "__args__", None) or (annotation,)
    return tuple(member for member in members if member is not type(None))
