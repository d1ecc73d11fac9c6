"""Find the directory and the cog.yaml of a project, and read its text files."""

from __future__ import annotations

from pathlib import Path
from typing import Final, NamedTuple

from cogfal.errors import ConfigError, PredictorError
from cogfal.spec import Location

MOST_BYTES: Final = 4 << 20
COG_YAML = "cog.yaml"


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
