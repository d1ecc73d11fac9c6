"""Find the author's files and read them as syntax, wherever `import` would find them."""

from __future__ import annotations

import ast
import io
import tokenize
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING

from cogfal.errors import PredictorError
from cogfal.spec import Location

if TYPE_CHECKING:
    from cogfal.inspection.values import Scope

MAX_BYTES = 8_000_000


class Progress(Enum):
    """How far the reading of a module has come."""

    FOUND = "found"
    RUNNING = "running"
    READ = "read"


@dataclass(eq=False, slots=True)
class Module:
    """A file of the project; a folder without `__init__.py` is a module without text."""

    name: str
    path: Path
    relative: str
    tree: ast.Module
    text: str = ""
    progress: Progress = Progress.FOUND
    folder: Path | None = None
    """Where submodules lie, None for a plain module."""
    lines: list[str] = field(default_factory=list)
    scope: Scope | None = None
    """Its names, once its reading has begun."""

    def location(self, node: ast.AST) -> Location:
        """Return the place of `node`."""
        return Location(self.relative, getattr(node, "lineno", 1))

    def segment(self, node: ast.AST) -> str:
        """Return the text of `node` on one line, shortened to 200 characters."""
        if isinstance(node, ast.stmt):
            self.lines = self.lines or self.text.splitlines()
            text = self.lines[node.lineno - 1] if node.lineno <= len(self.lines) else ""
        else:
            text = ast.get_source_segment(self.text, node) or ""
        text = " ".join(text.split())
        return text if len(text) <= 200 else f"{text[:199]}…"


class Project:
    """The author's files below `root`, parsed once each."""

    def __init__(self, root: Path) -> None:
        self.root = root.absolute()
        self.folders = [self.root]
        self._modules: dict[Path, Module] = {}

    def open(self, relative: str) -> Module:
        """Return the module in the file `relative` to the root, which may have any name.

        Raises:
            PredictorError: There is no such file in the project, or it is not Python.
        """
        path = self.root / relative
        if not path.resolve().is_relative_to(self.root.resolve()) and ".." in Path(relative).parts:
            raise PredictorError(f"{relative} lies outside the project {self.root}")
        if not path.is_file():
            raise PredictorError(
                f"there is no file {relative} in {self.root}",
                remedy='name the predictor as "path/to/file.py:Name", relative to the project',
            )
        if path.parent not in self.folders:
            self.folders.append(path.parent)
        return self._file(path, path.stem, None)

    def find(self, name: str) -> Module | None:
        """Return the project's module with that dotted name, None if it lies outside."""
        namespace = None
        for folder in self.folders:
            module = self.below(folder, name)
            if module is not None and module.text:
                return module
            namespace = namespace or module
        return namespace

    def below(self, folder: Path, name: str) -> Module | None:
        """Return the module with the dotted name below `folder`, an empty name for the folder."""
        *packages, last = name.split(".")
        place = folder.joinpath(*packages, last) if name else folder
        init, plain = place / "__init__.py", place.with_name(f"{place.name}.py")
        if _is(Path.is_file, init):
            return self._file(init, name, place)
        if name and _is(Path.is_file, plain):
            return self._file(plain, name, None)
        if _is(Path.is_dir, place):
            return self._namespace(place, name)
        return None

    def _namespace(self, place: Path, name: str) -> Module:
        module = self._modules.get(place)
        if module is None:
            empty = ast.Module(body=[], type_ignores=[])
            module = Module(name, place, self._relative(place), empty, folder=place)
            self._modules[place] = module
        return module

    def _file(self, path: Path, name: str, folder: Path | None) -> Module:
        module = self._modules.get(path)
        if module is None:
            relative = self._relative(path)
            text = _decode(path, relative)
            module = Module(name, path, relative, _parse(text, relative), text or "\n")
            module.folder = folder
            self._modules[path] = module
        return module

    def _relative(self, path: Path) -> str:
        if path.is_relative_to(self.root):
            return path.relative_to(self.root).as_posix()
        return path.as_posix()


def _is(kind: Callable[[Path], bool], path: Path) -> bool:
    """Ask about a path that was made of a name in the text, which may be too long for one."""
    try:
        return kind(path)
    except OSError:
        return False


def _decode(path: Path, relative: str) -> str:
    try:
        data = path.read_bytes()
        if len(data) > MAX_BYTES:
            raise PredictorError(f"larger than {MAX_BYTES:,} bytes", where=relative)
        encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
        return data.decode(encoding)
    except OSError as error:
        raise PredictorError(f"cannot be read: {error.strerror}", where=relative) from error
    except (SyntaxError, UnicodeDecodeError, LookupError) as error:
        raise PredictorError(
            f"the text cannot be decoded: {error}",
            where=Location(relative, 1),
            remedy="save the file as UTF-8",
        ) from error


def _parse(text: str, relative: str) -> ast.Module:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(text)
            compile(
                tree, relative, "exec", dont_inherit=True
            )  # a `return` in a class, and the like
            return tree
    except SyntaxError as error:
        where = Location(relative, max(error.lineno or 1, 1))
        line = (error.text or "").strip()[:200]
        shown = f": `{line}`" if line else ""
        raise PredictorError(
            f"not valid Python ({error.msg}){shown}",
            where=where,
            remedy="correct the line; notebook magics such as `!pip` or `%cd` are not Python",
        ) from error
    except (ValueError, RecursionError, MemoryError) as error:
        raise PredictorError(f"not valid Python ({error})", where=Location(relative, 1)) from error
