"""Complete `-i` in the shell: the inputs' names and choices, read from the predictor's text."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from cogfal.errors import CogfalError
from cogfal.local import LocalProject, find_project
from cogfal.spec import (
    BooleanType,
    EnumType,
    FileType,
    InputSpec,
    ListType,
    LiteralType,
    OptionalType,
    PathType,
    PredictorSpec,
    Role,
    Type,
    holds,
)


class InputCompleter:
    """Offers what may follow `-i`: `name=`, then the values that the input may have.

    The project is found as the command does, from `-C` and `--ref`, but no app.py is executed. In a
    project that cannot be read nothing is offered.
    """

    def __init__(self, role: Role = Role.PREDICT) -> None:
        self._role = role

    def __call__(self, prefix: str, parsed_args: argparse.Namespace, **_: object) -> Iterable[str]:
        """Return the completions of `prefix`."""
        spec = self._spec(parsed_args)
        if spec is None:
            return []
        name, equals, value = prefix.partition("=")
        if not equals:
            return [f"{each.name}=" for each in spec.inputs if not each.deprecated]
        chosen = next((each for each in spec.inputs if each.name == name), None)
        return [] if chosen is None else [f"{name}={each}" for each in _values(chosen, value)]

    def _spec(self, arguments: argparse.Namespace) -> PredictorSpec | None:
        try:
            project = find_project(Path(getattr(arguments, "directory", None) or "."))
            return LocalProject(project.root, project.config, named=_named(arguments)).read(
                self._role
            )
        except CogfalError:
            return None  # the command itself tells what is wrong


def _named(arguments: argparse.Namespace) -> str | None:
    ref = getattr(arguments, "ref", None)
    return ref if ref and "::" not in ref else None


def _values(each: InputSpec, begun: str) -> list[str]:
    if holds(each.type, PathType, FileType):
        return _files(begun)
    return list(map(_shown, each.choices or _of(each.type)))


def _of(kind: Type) -> tuple[Any, ...]:
    """Return the values that a type has, where they can be listed."""
    match kind:
        case BooleanType():
            return (True, False)
        case LiteralType(values):
            return values
        case EnumType(_, members):
            return tuple(value for _, value in members)
        case OptionalType(inner) | ListType(inner):
            return _of(inner)
        case _:
            return ()


def _shown(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _files(begun: str) -> list[str]:
    """Offer files, as `@path`."""
    path = begun.removeprefix("@")
    folder, slash, _ = path.rpartition("/")
    place = Path(f"{folder}/" if slash else ".")
    found = sorted(place.iterdir()) if place.is_dir() else []
    ends = [(each.name, "/" if each.is_dir() else "") for each in found if each.name[0] != "."]
    return [f"@{folder}{slash}{name}{end}" for name, end in ends]
