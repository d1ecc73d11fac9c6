"""Find a Cog project on the deploying machine, and again on the runner."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from cogfal.errors import ConfigError, PredictorError

COG_YAML = "cog.yaml"


class Place(NamedTuple):
    """Where a project is: `root` is its directory here, `config` its cog.yaml if it has one."""

    root: Path
    config: Path | None = None

    def relative(self, file: Path) -> str:
        """Return the file's path below the root, with forward slashes."""
        return file.relative_to(self.root).as_posix()


def place_of_config(cog_yaml: str, app_dir: Path) -> Place:
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
    return Place(config.parent, config)


def place_of_predictor(ref: str, app_dir: Path) -> tuple[Place, str]:
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


def _place_above(directory: Path, app_dir: Path) -> Place:
    inside = directory.is_relative_to(app_dir)
    for candidate in (directory, *directory.parents):
        config = candidate / COG_YAML
        if config.is_file():
            return Place(candidate, config)
        if candidate == app_dir or (not inside and app_dir.is_relative_to(candidate)):
            break
    return Place(app_dir if inside else directory)


def _absolute(path: Path) -> Path:
    """Make a path absolute without following links: a linked file belongs where the link is."""
    return path.parent.resolve() / path.name
