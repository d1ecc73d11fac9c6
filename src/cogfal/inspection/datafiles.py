"""Read the data files of the project that a module opens while it is imported."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

from cogfal.inspection.places import inside
from cogfal.inspection.values import OpenFile, Raised, Unresolved, Value
from cogfal.inspection.world import World

MAX_BYTES: Final = 1_000_000


def open_file(
    world: World, place: Value, mode: Value = "r", *_: Value, encoding: Value = None, **__: Value
) -> OpenFile:
    """Return a file of the project, opened for reading text.

    Raises:
        Unresolved: It is written, lies outside the project or is too large.
        Raised: There is no such file.
    """
    if mode not in ("r", "rt"):
        raise Unresolved("only text files that are read are opened")
    return OpenFile(read_text(world, place))


def read_text(world: World, place: Value) -> str:
    """Return the text of a file of the project."""
    return _text(inside(world, place))


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise Unresolved("the file is too large")
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise Raised("FileNotFoundError", f"there is no file {path.name}") from None
    except OSError as error:
        raise Raised("OSError", f"{path.name}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise Unresolved(f"{path.name} is not UTF-8") from error


def load_json(world: World, file: Value, **_: Value) -> Value:
    """Return what a JSON file holds."""
    if not isinstance(file, OpenFile):
        raise Unresolved("the file is not known")
    return json.loads(file.text)


def file_method(file: OpenFile, name: str) -> Value:
    """Return what a reading method of an open file gives."""
    match name:
        case "read":
            return file.text
        case "readlines":
            return file.text.splitlines(keepends=True)
        case "close":
            return None
    raise Unresolved(f"the method {name!r} of a file is not evaluated")
