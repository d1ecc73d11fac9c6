"""Write what a predictor answered, to stdout or where `-o` says, files under Cog's names."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any, TextIO

from cogfal.cli.console import CommandFailed
from cogfal.cli.display import Display
from cogfal.nested import Loc, leaves, map_leaves

STEM = "output"
BATCH_RESULTS = "results.jsonl"
"""What `--batch` writes, beside the directories of its items' files."""


class Destination:
    """The file or directory of `-o`; without one, files in the working directory.

    A lone file becomes `output.png`, those of a list `output.0.png` and so on, those of an object
    `output.NAME.png`; `stem` is what stands for `output`. A file's name replaces it; in a
    directory, which is named by a slash at its end or is there already, files keep the names that
    the predictor gave them, and twins are numbered.

    Raises:
        CommandFailed: Nothing can be written there.
    """

    def __init__(self, named: str | None, stem: str = STEM) -> None:
        self.named = named is not None
        self._path = Path(named or stem).expanduser()
        self._folder = named is not None and (named.endswith(os.sep) or self._path.is_dir())
        self._given: set[Path] = set()
        if self._folder:
            try:
                self._path.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise CommandFailed(
                    f"-o {self._path}: it cannot be made: {error.strerror}"
                ) from error
        elif self._path.name in ("", "..") or not self._path.parent.is_dir():
            raise CommandFailed(
                f"-o {named}: there is no directory {self._path.parent}; make it, or end the path "
                "of a directory with a slash"
            )
        _refuse_unwritable(self._path if self._folder else self._path.parent, named or ".")

    @property
    def text_file(self) -> Path | None:
        """The file for an output that has none of its own; None where it goes to stdout."""
        if not self.named:
            return None
        return self._path / f"{STEM}.txt" if self._folder else self._path

    def place(self, made: Path, loc: Loc) -> Path:
        """Return the place of a file that the predictor made, at `loc` in the output."""
        if self._folder:
            number, found = 1, self._path / made.name
            while found in self._given:
                number += 1
                found = (self._path / made.name).with_stem(f"{made.stem}-{number}")
            self._given.add(found)
            return found
        if self.named and not loc:
            path = self._path
            return path if path.suffix else path.with_name(path.name + made.suffix)
        parts = [self._path.stem, *(str(step).replace(os.sep, "_") for step in loc)]
        return self._path.with_name(".".join(parts) + made.suffix)


def _refuse_unwritable(folder: Path, named: str) -> None:
    """Refuse a directory in which nothing can be made, such as `/proc`."""
    probe = folder / f".cogfal-{os.getpid()}"
    try:
        probe.touch(exist_ok=False)
        probe.unlink()
    except OSError as error:
        raise CommandFailed(
            f"-o {named}: nothing can be written there: {error.strerror}"
        ) from error


class ResultWriter:
    """Writes one result, whole or piece by piece: text and JSON without a file to `out`.

    The display is told of files, and makes way for text on a terminal.
    """

    def __init__(self, out: TextIO, destination: Destination, display: Display) -> None:
        self._out = out
        self._destination = destination
        self._display = display
        self._streamed = False

    def piece(self, value: Any, index: int, *, joined: bool) -> None:
        """Write one piece of an iterator's output as it arrives."""
        if self._destination.named and not _files(value):
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
        only_files = isinstance(value, list) and all(isinstance(one, Path) for one in value)
        if isinstance(value, Path) or (value and only_files):
            return
        text = _as_text(placed, indent=2) + "\n"
        file = self._destination.text_file
        if file is not None and not _files(value):
            file.write_text(text, encoding="utf-8")
            self._tell(file)
            return
        self._write(text)

    def _write(self, text: str) -> None:
        self._display.quiet()
        if self._out.isatty():
            self._display.beside(text)
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
        return map_leaves(value, lambda each: str(places[each]) if isinstance(each, Path) else each)


def _files(value: Any, loc: Loc = ()) -> list[tuple[Loc, Path]]:
    return [(at, leaf) for at, leaf in leaves(value, loc) if isinstance(leaf, Path)]


def _as_text(value: Any, indent: int | None) -> str:
    if isinstance(value, str):
        return value
    return json.dumps(value, indent=indent, ensure_ascii=False)
