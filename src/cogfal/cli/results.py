"""Write what a predictor answered: text and JSON on stdout, files under Cog's names."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO, TypeAlias

from cogfal.cli.destination import Destination
from cogfal.cli.display import Display

Loc: TypeAlias = "tuple[str | int, ...]"


class ResultWriter:
    """Writes one result, whole or piece by piece.

    Args:
        out: Where text and JSON go that have no file.
        destination: Where everything else goes.
        display: Told of the files; makes way for text on a terminal.
    """

    def __init__(self, out: TextIO, destination: Destination, display: Display) -> None:
        self._out = out
        self._destination = destination
        self._display = display
        self._streamed = False

    def piece(self, value: Any, index: int, *, joined: bool) -> None:
        """Write one piece of an iterator's output as it arrives."""
        if self._destination.named and not list(_files(value, ())):
            return
        self._streamed = True
        placed = self._place(value, (index,))
        if joined:
            self._write(str(placed))
        elif not isinstance(value, Path):
            self._write(f"{_as_text(placed, indent=None)}\n")

    def whole(self, value: Any) -> None:
        """Write the whole output; after pieces only the end of the last line is left to write."""
        if self._streamed:
            if isinstance(value, str) and not value.endswith("\n"):
                self._write("\n")
            return
        placed = self._place(value, ())
        if isinstance(value, Path) or (value and _only_files(value)):
            return
        text = _as_text(placed, indent=2) + "\n"
        file = self._destination.text_file
        if file is not None and not list(_files(value, ())):
            file.write_text(text, encoding="utf-8")
            self._tell(file)
            return
        self._write(text)

    def _write(self, text: str) -> None:
        self._display.quiet()
        self._out.write(text)
        self._out.flush()

    def _tell(self, path: Path) -> None:
        self._display.tell(f"Written output to {path}")

    def _place(self, value: Any, loc: Loc) -> Any:
        """Copy the files in `value` to their places; return it with these places as text."""
        places = {path: self._destination.place(path, at) for at, path in _files(value, loc)}
        for path, place in places.items():
            shutil.copyfile(path, place)
            self._tell(place)
        return _with_names(value, {path: str(place) for path, place in places.items()})


def _files(value: Any, loc: Loc) -> Iterator[tuple[Loc, Path]]:
    match value:
        case Path():
            yield loc, value
        case list():
            for index, one in enumerate(value):
                yield from _files(one, (*loc, index))
        case dict():
            for name, one in value.items():
                yield from _files(one, (*loc, name))


def _only_files(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(one, Path) for one in value)


def _with_names(value: Any, names: dict[Path, str]) -> Any:
    match value:
        case Path():
            return names[value]
        case list():
            return [_with_names(one, names) for one in value]
        case dict():
            return {name: _with_names(one, names) for name, one in value.items()}
        case _:
            return value


def _as_text(value: Any, indent: int | None) -> str:
    if isinstance(value, str):
        return value
    return json.dumps(value, indent=indent, ensure_ascii=False)
