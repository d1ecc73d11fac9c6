"""Where a command's output goes, looked at before the model runs."""

from __future__ import annotations

import os
from pathlib import Path

from cogfal.cli.inputs import BadArgument

STEM = "output"


class Destination:
    """The file or directory of `-o`; without one, files in the working directory.

    A lone file becomes `output.png`, those of a list `output.0.png` and so on, those of an object
    `output.NAME.png`; `stem` is what stands for `output`. A file's name replaces it; in a
    directory, which is named by a slash at its end or is there already, files keep the names that
    the predictor gave them, and twins are numbered.

    Raises:
        BadArgument: Nothing can be written there.
    """

    def __init__(self, named: str | None, stem: str = STEM) -> None:
        self.named = named is not None
        self._path = Path(named or stem).expanduser()
        self._folder = named is not None and (named.endswith(os.sep) or self._path.is_dir())
        self._given: set[Path] = set()
        if self._folder:
            _make(self._path)
        elif self._path.name in ("", "..") or not self._path.parent.is_dir():
            raise BadArgument(
                f"-o {named}: there is no directory {self._path.parent}; make it, or end the path "
                "of a directory with a slash"
            )
        _look(self._path if self._folder else self._path.parent, named or ".")

    @property
    def text_file(self) -> Path | None:
        """The file for an output that has none of its own; None where it goes to stdout."""
        if not self.named:
            return None
        return self._path / f"{STEM}.txt" if self._folder else self._path

    def place(self, made: Path, loc: tuple[str | int, ...]) -> Path:
        """Return the place of a file that the predictor made, at `loc` in the output."""
        if self._folder:
            return self._unique(self._path / made.name)
        if self.named and not loc:
            path = self._path
            return path if path.suffix else path.with_name(path.name + made.suffix)
        parts = [self._path.stem, *(str(step).replace(os.sep, "_") for step in loc)]
        return self._path.with_name(".".join(parts) + made.suffix)

    def _unique(self, path: Path) -> Path:
        number, found = 1, path
        while found in self._given:
            number += 1
            found = path.with_stem(f"{path.stem}-{number}")
        self._given.add(found)
        return found


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadArgument(f"-o {folder}: it cannot be made: {error.strerror}") from error


def _look(folder: Path, named: str) -> None:
    """Refuse a directory in which nothing can be made, such as `/proc`."""
    probe = folder / f".cogfal-{os.getpid()}"
    try:
        probe.touch(exist_ok=False)
        probe.unlink()
    except OSError as error:
        raise BadArgument(f"-o {named}: nothing can be written there: {error.strerror}") from error
