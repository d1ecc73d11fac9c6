"""Read the text files of a project: regular ones, of a bounded size, that lie in it."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from cogfal.errors import ConfigError
from cogfal.spec import Location

MOST_BYTES: Final = 4 << 20


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
        if root is not None and not path.resolve().is_relative_to(root.resolve()):
            raise ConfigError(
                f"{path.name} leads out of the project",
                where=place,
                remedy="put a copy of the file into the project",
            )
        if not path.is_file():
            raise ConfigError(
                f"there is no file {path}",
                where=place,
                remedy="put the file there, or correct its path, which is relative to the file "
                "that names it",
            )
        if path.stat().st_size > MOST_BYTES:
            raise ConfigError(
                f"{path.name} is too large: more than {MOST_BYTES >> 20} MiB",
                where=place,
                remedy="name the right file",
            )
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
