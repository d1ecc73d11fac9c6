"""What an App's own `app_files` settings add to the files of its project.

The project's files always travel, with what .dockerignore leaves out left out; what the App names
comes in addition, and what it ignores stays behind in addition.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from cogfal.errors import SettingError
from cogfal.project.plan import PlannedFiles

_SECRETS: Final = r"(^|/)\.env$"
"""What no directory that the App names may bring along."""

_GLOB_CHARACTER: Final = re.compile(r"[*?\[\]!# \\]")


def with_declared_files(
    files: PlannedFiles, declared: Mapping[str, Any], app_file: Path, *, in_image: bool
) -> PlannedFiles:
    """Return the project's files with what the App says of them.

    Args:
        files: The project's; their context is its directory.
        declared: What the App's class sets itself.
        app_file: Its file, to which its paths are relative.
        in_image: Whether they go into an image, of the project's directory.

    Raises:
        SettingError: A path is not there, or the context does not hold the project.
    """
    ignore: Sequence[str] = declared.get("app_files_ignore") or ()
    if not (ignore or declared.get("app_files") or declared.get("app_files_context_dir")):
        return files
    root = Path(files.context)
    base = _base(declared, app_file, root)
    named = [_there(base / each, app_file) for each in declared.get("app_files") or ()]
    context = base if declared.get("app_files_context_dir") else root
    context = Path(os.path.commonpath([context, root, *named]))
    if in_image:
        return _in_image(files, named, ignore, app_file)
    prefix = root.relative_to(context)
    kept = [_exempting(_below(rule, prefix), named, context) for rule in files.ignore]
    rules = (*kept, _SECRETS, *ignore)
    further = [each for each in named if not each.is_relative_to(root)]
    include = [prefix.as_posix(), *(each.relative_to(context).as_posix() for each in further)]
    names = tuple(_names([root, *further], context, rules))
    return files._replace(
        context=str(context),
        include=tuple(include),
        ignore=rules,
        directory=str(Path(files.directory, prefix)),
        names=names,
        size=sum((context / name).stat().st_size for name in names),
    )


def _base(declared: Mapping[str, Any], app_file: Path, root: Path) -> Path:
    """Return what the App's paths are relative to."""
    named = declared.get("app_files_context_dir")
    base = (app_file.parent / (named or ".")).resolve()
    if named is not None and not root.is_relative_to(base):
        raise SettingError(
            f"app_files_context_dir is {named!r}, which does not hold the project {root}",
            where=app_file.name,
            remedy="name a directory above the project, or remove it",
        )
    return base


def _there(path: Path, app_file: Path) -> Path:
    if not path.exists():
        raise SettingError(
            f"app_files names {path}, which is not there",
            where=app_file.name,
            remedy="correct the path, which is relative to the App's file or to "
            "app_files_context_dir",
        )
    return path.parent.resolve() / path.name  # a link belongs where it lies


def _below(rule: str, prefix: Path) -> str:
    """Move a rule that begins at the project's directory to where that is in the context."""
    if not rule.startswith("^") or prefix == Path():
        return rule
    return f"^{re.escape(prefix.as_posix())}/{rule[1:]}"


def _exempting(rule: str, named: Iterable[Path], context: Path) -> str:
    """Let a rule that leaves out all of a named path not hold for it."""
    if not rule.startswith("^"):
        return rule
    for each in named:
        path = each.relative_to(context).as_posix()
        if re.match(rule, f"{path}/") or re.match(rule, path):
            rule = f"^(?!{re.escape(path)}(?:/|$)){rule[1:]}"
    return rule


def _names(places: Iterable[Path], context: Path, rules: Sequence[str]) -> Iterator[str]:
    left_out = [re.compile(rule) for rule in rules]
    for place in places:
        for path in sorted(place.rglob("*")) if place.is_dir() else [place]:
            name = path.relative_to(context).as_posix()
            if path.is_file() and not any(rule.search(name) for rule in left_out):
                yield name


def _in_image(
    files: PlannedFiles, named: list[Path], ignore: Sequence[str], app_file: Path
) -> PlannedFiles:
    """Say the same in the notation of a .dockerignore."""
    root = Path(files.context)
    patterns = list(files.dockerignore)
    for each in named:
        if not each.is_relative_to(root):
            raise SettingError(
                f"app_files names {each}, and an image is built of the project {root}",
                where=app_file.name,
                remedy="move it into the project",
            )
        path = f"/{each.relative_to(root).as_posix()}"
        patterns = [rule for rule in patterns if rule not in (path, f"{path}/")]
    left_out = [re.compile(rule) for rule in ignore]
    stays = {name for name in files.names if any(rule.search(name) for rule in left_out)}
    exact = ("/" + _GLOB_CHARACTER.sub(r"\\\g<0>", name) for name in sorted(stays))
    names = tuple(name for name in files.names if name not in stays)
    return files._replace(
        dockerignore=(*patterns, *exact),
        names=names,
        size=sum((root / name).stat().st_size for name in names),
    )
