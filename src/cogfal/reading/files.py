"""The project's files and folders, as modules read them while they are imported.

What is there is told; what is missing may be brought by the build or a download, so its absence
says nothing of the runner. Texts that begin with `HERE` stand for the project's folder.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import io
import pathlib
import posixpath
import re
from collections.abc import Callable, Iterator
from os import PathLike
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Final, NoReturn

from cogfal.reading.operators import HERE, of_machine
from cogfal.reading.standins import Handler, Known
from cogfal.reading.unknown import (
    Beyond,
    Named,
    Part,
    Touched,
    Unknown,
    Value,
    Values,
    known,
    refused,
    require_known,
)
from cogfal.reading.versions import check_attribute, check_same

if TYPE_CHECKING:
    from cogfal.reading.interpreter import Interpreter

COG_DIRECTORY: Final = "/src"
"""Where every project lies under Cog, so where authors expect their own files."""

MAX_BYTES: Final = 1_000_000
MAX_PARTS: Final = 8
_WILD: Final = re.compile(r"[*?\[]")
_PLAIN: Final = frozenset(
    (
        "as_posix with_suffix with_name with_stem joinpath is_absolute match __str__ __fspath__"
    ).split()
)
"""Methods of paths that look at no file."""


class Files(Part):
    """Reads files and lists folders of the project."""

    def __init__(self, world: Interpreter) -> None:
        super().__init__(world)
        self._located: dict[str, Path] = {}
        self.state = {"folder": HERE}
        """Where relative paths begin; `os.chdir` changes it."""
        self.missing: set[str] = set()
        """Files that a `try` looked for, and that are not there now."""
        self._written: dict[str, Value] = {}
        """By absolute path: what the text itself writes, moves or removes."""
        self._methods: dict[str, Handler] = {
            "open": self.open,
            "read_text": lambda path, encoding=None, errors=None: self.open(
                path, encoding=encoding, errors=errors).read(),
            "read_bytes": lambda path: self.open(path, "rb").read(),
            "iterdir": lambda path: self._like(path, "*"),
            "glob": self._like,
            "rglob": lambda path, pattern: self._like(path, f"**/{self.text(pattern)}"),
            "exists": self.is_there,
            "is_file": lambda path: self.is_there(path, kind=Path.is_file),
            "is_dir": lambda path: self.is_there(path, kind=Path.is_dir),
            "resolve": lambda path: type(path)(self.absolute(path)),
            "absolute": lambda path: type(path)(self.absolute(path)),
            "relative_to": self._relative_to,
            "expanduser": self._expanded,
            **dict.fromkeys(("hardlink_to", "rename", "replace", "rmdir", "symlink_to", "touch",
                             "unlink", "write_bytes", "write_text"), self.write),
            "mkdir": self.make,
        }  # fmt: skip

    # Paths

    def text(self, path: Value) -> str:
        """Return a path as text."""
        if isinstance(known(path), str | PurePath):
            return str(path)
        if isinstance(path, PathLike | bytes):
            raise refused("a path of this kind is not evaluated")
        raise TypeError(f"expected a path, not {type(path).__name__}")

    def kept(self, before: Value, after: Value) -> Value:
        """Return what was made of a path, unless it has left the project's folder."""
        if of_machine(before) and not of_machine(after):
            raise refused("the path depends on the machine")
        return after

    def absolute(self, path: Value) -> str:
        """Return a path from the root of the disk on."""
        joined = self.text(path)
        if not posixpath.isabs(joined):
            joined = posixpath.join(self.present(), joined)
        return str(self.kept(joined, posixpath.normpath(joined)))

    def present(self) -> str:
        """Return the folder in which relative paths begin."""
        return self.text(known(self._world.known(self.state))["folder"])

    def change(self, path: Value) -> None:
        """Begin relative paths in another folder, which a `try` may find missing."""
        text = self.absolute(path)
        try:
            found = self.located(text)
            if found.is_file():
                raise NotADirectoryError(20, "Not a directory", self.text(path))
            if self._world.choices.guarded and not found.exists():
                raise self._lack(found)
        except Touched as error:
            if text != "/":  # which is there on every machine
                self._world.expressions.raising(error.unknown)
        self._world.journal.bind(self.state, "folder", text)

    def write(self, *given: Value, **named: Value) -> NoReturn:
        """Take it as not known what lies at the paths that something of Python's is given."""
        for path in (*given, *named.values()):
            if isinstance(path, str | PurePath):
                self._world.journal.bind(self._written, self.absolute(path), path)
        raise refused("what is written to files is not evaluated")

    def make(self, path: Value, *given: Value, **named: Value) -> None:
        """Make a folder, if it is not there already."""
        try:
            there = self.located(path).is_dir()
        except Touched:
            there = False
        if not there or named.get("exist_ok") is not True:
            self.write(path)

    def check_unwritten(self, text: str) -> None:
        """Refuse to look at what the text itself has perhaps written."""
        for path in self._written if text else ():
            if f"{path}/".startswith(f"{text}/") or f"{text}/".startswith(f"{path}/"):
                raise refused("the text itself writes to it")

    def located(self, value: Value) -> Path:
        """Return where a path lies on this machine that is looked at."""
        self.check_unwritten(self.absolute(value))
        return self.placed(value)

    def placed(self, value: Value) -> Path:
        """Return where a path lies on this machine."""
        text, root = self.absolute(value), self._world.project.root
        for folder in (HERE, COG_DIRECTORY) if text not in self._located else ():
            found = root / text[len(folder) :].lstrip("/")
            inside = f"{text}/".startswith(f"{folder}/")
            if inside and found.resolve().is_relative_to(root.resolve()):
                self._located[text] = found
        if text not in self._located:
            raise refused("the file lies outside the project")
        return self._located[text]

    def carry_out(self, path: Value) -> NoReturn:
        """Follow no file of the project that is carried out by its path.

        What lies elsewhere changes nothing of the project's, as what a package imports.
        """
        why = Unknown("a file that is carried out by its path is not evaluated")
        try:
            self.check_unwritten(self.absolute(path))
        except Touched:
            raise Beyond(why) from None
        with contextlib.suppress(Touched):
            if self.placed(path).exists():
                raise Beyond(why)
        raise Touched(why)

    def attribute(self, path: PurePath, name: str) -> Value:
        """Return an attribute of a path."""
        check_attribute(self._world.version, type(path), name)
        if name in ("parts", "anchor", "suffixes"):
            self._world.texts.check_places(name, (path,))
        if name.startswith("_") and name not in ("__class__", *_PLAIN):
            raise refused(f"the attribute {name!r} of a path is not read")
        found = getattr(path, name)
        return self.kept(path, found) if name == "parent" else found

    def method(self, path: PurePath, name: str, positional: Values, keywords: Named) -> Value:
        """Return the result of a method of a path."""
        require_known([*positional, *keywords.values()])
        handler = self._methods.get(name)
        if name in _PLAIN:
            handler = functools.partial(self._plainly, name)
        if handler is None:
            raise refused(f"the method {name!r} of a path is not evaluated")
        return Known(f"Path.{name}", handler)(path, *positional, **keywords)

    def _plainly(self, name: str, path: PurePath, *positional: Value, **keywords: Value) -> Value:
        """Return the result of a method that looks at no file, where this Python takes the same."""
        method = getattr(path, name)
        return self.kept(path, Known(f"Path.{name}", method)(*positional, **keywords))

    def _relative_to(self, path: PurePath, other: Value, *more: Value, **keywords: Value) -> Value:
        if of_machine(path) != of_machine(other):
            raise refused("the path depends on the machine")
        return Known("Path.relative_to", path.relative_to)(other, *more, **keywords)

    def _expanded(self, path: PurePath) -> PurePath:
        if str(path).startswith("~"):
            raise refused("the home of the user is not known")
        return path

    def _like(self, path: PurePath, pattern: Value) -> Iterator[PurePath]:
        """Return what `glob`, `rglob` and `iterdir` give."""
        folder = self._folder(path)
        found = self._entries(folder, self.text(pattern))
        return iter([path / each.relative_to(folder).as_posix() for each in found])

    # Files

    def open(  # noqa: PLR0917 - as Python has it
        self, file: Value, mode: Value = "r", buffering: Value = -1, encoding: Value = None,
        errors: Value = None, newline: Value = None,
    ) -> Value:  # fmt: skip
        """Return a file of the project, opened for reading.

        Raises:
            FileNotFoundError: It is not there now, and a `try` around may say what then.
            Touched: It is written, lies outside the project, is too large or missing.
        """
        if mode not in ("r", "rt", "rb") or buffering != -1:
            if not isinstance(mode, str) or set(mode) & set("wax+"):
                self.write(file)
            raise refused("only files that are read, as usual, are opened")
        if newline in ("\r", "\r\n"):
            raise refused("such ends of lines are not evaluated")
        data = self._bytes(file)
        if mode == "rb":
            if (encoding, errors, newline) != (None, None, None):
                raise ValueError("binary mode doesn't take such an argument")
            return self._world.journal.born(io.BytesIO(data))
        # The default is the runner's, which is UTF-8.
        chosen = "utf-8" if encoding is None else encoding
        text = io.TextIOWrapper(io.BytesIO(data), chosen, errors, newline).read()
        return self._world.journal.born(io.StringIO(text, "" if newline == "" else "\n"))

    def _bytes(self, place: Value) -> bytes:
        path = self.located(place)
        try:
            if path.stat().st_size > MAX_BYTES or not path.is_file():
                raise refused("the file is too large, or no file")
            return path.read_bytes()
        except FileNotFoundError:
            raise self._lack(path) from None
        except OSError as error:
            raise refused(f"{path.name}: {error.strerror}") from None

    def _lack(self, path: Path) -> FileNotFoundError | Touched:
        """Return what is raised for a file or folder of the project that is not there now."""
        shown = self._shown(path)
        if not self._world.choices.guarded or shown in self._world.doubted:
            return refused(f"there is no {shown} in the project")
        self.missing.add(shown)
        return FileNotFoundError(2, "No such file or directory", shown)

    def _shown(self, path: Path) -> str:
        return path.relative_to(self._world.project.root).as_posix()

    # Folders

    def is_there(self, path: Value, *, kind: Callable[[Path], bool] = Path.exists) -> bool:
        """Return whether a file or folder of the project is one of that kind."""
        found = self.located(path)
        if not found.exists():
            raise refused("it is not there now, and may be on the runner")
        return kind(found)

    def names(self, path: Value = ".") -> list[str]:
        """Return what `os.listdir` gives, in one of the orders that Python may give it."""
        return [each.name for each in self._entries(self._folder(path), "*")]

    def modules(self, path: Value, prefix: Value = "") -> Iterator[Value]:
        """Return what `pkgutil.iter_modules` gives for one folder."""
        if not isinstance(path, list) or len(path) != 1:
            raise refused("modules of one folder alone are listed")
        packages = dict[str, bool]()
        for each in self._folder(path[0]).iterdir():
            own = (each / "__init__.py").is_file()
            if own or each.suffix == ".py":
                packages[each.stem] = own or packages.get(each.stem, False)
        finder = Unknown("what finds a module is not evaluated")
        info = importlib.import_module("pkgutil").ModuleInfo  # which few predictors need
        names = sorted(packages.keys() - {"__init__"})
        return iter([info(finder, prefix + n, packages[n]) for n in names])

    def like(self, pathname: Value, *, recursive: Value = False) -> list[str]:
        """Return what `glob.glob` gives."""
        text = self.text(pathname)
        wild = _WILD.search(text)
        if wild is None or "//" in text or ("**" in text and recursive is not True):
            raise refused("such a pattern is not evaluated")
        fixed = text[: text.rfind("/", 0, wild.start()) + 1]
        folder = self._folder(fixed or ".")
        found = self._entries(folder, text.removeprefix(fixed))
        shown = [path.relative_to(folder) for path in found]
        shown = [path for path in shown if not any(part[0] == "." for part in path.parts)]
        if not shown or re.search(r"/$|\*\*$|/\.", f"/{text.removeprefix(fixed)}"):
            raise refused("such a pattern is not evaluated")
        return [fixed + path.as_posix() for path in shown]

    def _folder(self, place: Value) -> Path:
        folder = self.located(place)
        if not folder.is_dir():
            raise refused(f"there is no folder {self._shown(folder)} in the project")
        return folder

    def _entries(self, folder: Path, pattern: str) -> list[Path]:
        parts = pathlib.PurePosixPath(pattern).parts
        if not parts or ".." in parts or pattern.startswith("/"):
            raise refused("such a pattern is not evaluated")
        if parts[-1] == "**":
            check_same(self._world.version, "Path.glob")
        if pattern.endswith("/"):
            check_same(self._world.version, "glob of folders")
        if len(parts) > MAX_PARTS or parts.count("**") > 1:
            raise refused("too much work to evaluate")
        found = list(self._world.budget.metered(sorted(folder.glob(pattern))))
        if not found:
            raise refused(f"nothing in {self._shown(folder)} is like {pattern} now")
        return self._world.orders.arranged(found)
