"""Find a project: its directory, its cog.yaml, its text files, and what it imports from outside."""

from __future__ import annotations

import ast
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from cogfal.errors import ConfigError, PredictorError
from cogfal.project.config import COG_YAML
from cogfal.spec import Location

MOST_BYTES: Final = 4 << 20
_UNCHANGED: Final = frozenset(
    {"abspath", "realpath", "normpath", "resolve", "absolute", "as_posix", "str", "Path"}
)


def read_text(path: Path, *, root: Path | None = None, where: Location | str | None = None) -> str:
    """Return a file's text.

    Args:
        path: The file.
        root: The directory that it must lie in once links are followed; None for anywhere.
        where: What names the file, for messages.

    Raises:
        ConfigError: There is no such file, it lies outside, is too large, or is not UTF-8.
    """
    place = where or path.name
    try:
        # Before it is read: a link may lead out of the project, or to what never ends.
        _refuse_unusable(path, root, place)
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise ConfigError(
            f"{path.name} cannot be read: {error.strerror}",
            where=place,
            remedy="make it a readable file",
        ) from error
    except (UnicodeDecodeError, RuntimeError) as error:  # the second for a loop of links
        raise ConfigError(
            f"{path.name} is not UTF-8 text" if isinstance(error, ValueError) else str(error),
            where=place,
            remedy="save it as UTF-8",
        ) from error


def _refuse_unusable(path: Path, root: Path | None, place: Location | str) -> None:
    if root is not None and not path.resolve().is_relative_to(root.resolve()):
        what = f"{path.name} leads out of the project"
        remedy = "put a copy of the file into the project"
    elif not path.is_file():
        what = f"there is no file {path}"
        whose = "its path, which is relative to the file that names it"
        remedy = f"put the file there, or correct {whose}"
    elif path.stat().st_size > MOST_BYTES:
        what = f"{path.name} is too large: more than {MOST_BYTES >> 20} MiB"
        remedy = "name the right file"
    else:
        return
    raise ConfigError(what, where=place, remedy=remedy)


class ProjectPlace(NamedTuple):
    """Where a project is: `root` is its directory here, `config` its cog.yaml if it has one."""

    root: Path
    config: Path | None = None

    def relative(self, file: Path) -> str:
        """Return the file's path below the root, with forward slashes."""
        return file.relative_to(self.root).as_posix()


def place_of_config(cog_yaml: str, app_dir: Path) -> ProjectPlace:
    """Return the project of a cog.yaml named relative to the App's file.

    Raises:
        ConfigError: There is no such file.
    """
    config = _absolute(app_dir / cog_yaml)
    if config.is_dir():
        config = config / COG_YAML
    if not config.is_file():
        raise ConfigError(
            f"there is no file {config}",
            where=cog_yaml,
            remedy="give the path of cog.yaml relative to the file that defines the App",
        )
    return ProjectPlace(config.parent, config)


def place_of_predictor(ref: str, app_dir: Path) -> tuple[ProjectPlace, str]:
    """Return the project of a predictor named relative to the App's file, and its ref in there.

    The project is the nearest directory at or above the predictor's that holds a cog.yaml, not
    looking above the App's own directory. Without one it is the App's directory where the
    predictor lies in it, else the predictor's own.

    Raises:
        PredictorError: There is no such file.
    """
    path, colon, name = ref.partition(":")
    file = _absolute(app_dir / path)
    if not file.is_file():
        raise PredictorError(
            f"there is no file {file}",
            where=ref,
            remedy='set `predictor = "path.py:Name"`, the path relative to the App\'s file',
        )
    place = _place_above(file.parent, app_dir)
    return place, f"{place.relative(file)}{colon}{name}"


def _place_above(directory: Path, app_dir: Path) -> ProjectPlace:
    inside = directory.is_relative_to(app_dir)
    for candidate in (directory, *directory.parents):
        config = candidate / COG_YAML
        if config.is_file():
            return ProjectPlace(candidate, config)
        if candidate == app_dir or (not inside and app_dir.is_relative_to(candidate)):
            break
    return ProjectPlace(app_dir if inside else directory)


def _absolute(path: Path) -> Path:
    """Make a path absolute without following links: a linked file belongs where the link is."""
    return path.parent.resolve() / path.name


def roots_outside(path: str, root: Path) -> Iterator[tuple[Location, str]]:
    """Yield the place and the directory of each import root that lies outside of the project.

    Such modules are found on the machine they lie on, and do not travel. Only the usual spellings
    are understood: texts, `__file__`, and what `os.path` and `pathlib` make of them.

    Args:
        path: The predictor's file, relative to `root`.
        root: The project's directory.
    """
    file = root / path
    try:
        tree = ast.parse(file.read_bytes())
    except (OSError, SyntaxError, ValueError):
        return
    for node in ast.walk(tree):
        match node:
            case ast.Call(
                func=ast.Attribute(
                    value=ast.Attribute(value=ast.Name("sys"), attr="path"),
                    attr="insert" | "append",
                ),
                args=[*_, added],
                lineno=line,
            ):
                found = _value(added, file)
            case _:
                continue
        directory = Path(os.path.normpath(root / (found or ".")))
        if not directory.is_relative_to(root) and directory.is_dir():
            yield Location(path, line), str(directory)


def _value(node: ast.expr, file: Path) -> Path | None:  # noqa: PLR0911  # one per spelling
    match node:
        case ast.Constant(value=str(text)):
            return Path(text)
        case ast.Name("__file__"):
            return file
        case ast.Attribute(value=inner, attr="parent"):
            return _parent(_value(inner, file))
        case ast.Subscript(
            value=ast.Attribute(value=inner, attr="parents"), slice=ast.Constant(value=int(count))
        ):
            return _parent(_value(inner, file), count + 1)
        case ast.BinOp(left=left, op=ast.Div(), right=right):
            return _joined([left, right], file)
        case ast.Call(func=ast.Attribute(attr="dirname"), args=[inner]):
            return _parent(_value(inner, file))
        case ast.Call(func=ast.Attribute(attr="join"), args=parts):
            return _joined(parts, file)
        case ast.Call(func=ast.Attribute(attr=name) | ast.Name(id=name), args=[inner]) if (
            name in _UNCHANGED
        ):
            return _value(inner, file)
        case ast.Call(func=ast.Attribute(value=inner, attr=name), args=[]) if name in _UNCHANGED:
            return _value(inner, file)
        case _:
            return None


def _parent(path: Path | None, count: int = 1) -> Path | None:
    return path if path is None or not count else _parent(path.parent, count - 1)


def _joined(parts: list[ast.expr], file: Path) -> Path | None:
    values = [_value(part, file) for part in parts]
    known = [value for value in values if value is not None]
    return Path(*known) if len(known) == len(values) else None
