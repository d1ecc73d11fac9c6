"""Find the author's files and read them as syntax, wherever `import` would find them."""

from __future__ import annotations

import ast
import contextlib
import importlib
import io
import json
import os
import sys
import tokenize
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from cogfal.errors import PredictorError
from cogfal.spec import Location

MAX_BYTES: Final = 8_000_000
MAX_LINES: Final = 50_000
MAX_NAMES: Final = 20_000

MODULES: Final = "sys.modules"
BUILTINS: Final = "builtins.__dict__"

LOADED: Final = frozenset(
    (
        "abc ast base64 builtins codecs collections contextlib copy copyreg dataclasses datetime "
        "dis enum functools importlib inspect io itertools json keyword linecache logging math "
        "operator os pathlib queue re select signal socket string struct sys textwrap threading "
        "time token tokenize traceback types typing urllib warnings weakref"
    ).split()
)
"""Modules of Python's library that are imported before the author's code, by Cog or the runner."""


def parsed(text: str, mode: str) -> Any:
    """Return the tree of a text that the program has, whose nodes have their places in it."""
    tree = ast.parse(text, mode=mode)
    for node in ast.walk(tree):
        vars(node)[_TEXT] = text
    return tree


def text_of(node: ast.AST) -> str:
    """Return the text that a node has its place in, empty where that is its module's file."""
    text: str = vars(node).get(_TEXT, "")
    return text


_TEXT: Final = "cogfal_text"

Find = Callable[[tuple[int, int]], Path | None]
"""Returns an interpreter of a version that is on this machine, None where there is none."""


@dataclass(eq=False, repr=False)
class Module:
    """A file of the project; a folder without `__init__.py` is a module without text."""

    name: str
    path: Path
    relative: str
    tree: ast.Module
    text: str = ""
    folder: Path | None = None
    """Where submodules lie, None for a plain module."""
    lines: list[str] = field(default_factory=list)
    postponed: bool = field(init=False)
    """Whether annotations are kept as text."""

    def __post_init__(self) -> None:
        taken = [node for node in self.tree.body if isinstance(node, ast.ImportFrom)]
        self.postponed = any(
            alias.name == "annotations"
            for node in taken if node.module == "__future__" for alias in node.names
        )  # fmt: skip

    def location(self, node: ast.AST) -> Location:
        """Return the place of `node`."""
        return Location(self.relative, getattr(node, "lineno", 1))

    def segment(self, node: ast.AST) -> str:
        """Return the text of `node` on one line, shortened to 200 characters."""
        if isinstance(node, ast.stmt):
            self.lines = self.lines or self.text.splitlines()
            text = self.lines[node.lineno - 1] if node.lineno <= len(self.lines) else ""
        else:
            text = ast.get_source_segment(text_of(node) or self.text, node) or ""
        text = " ".join(text.split())
        return text if len(text) <= 200 else f"{text[:199]}…"


class Project:
    """The author's files below `root`, parsed once each."""

    def __init__(self, root: Path, version: tuple[int, int], find: Find) -> None:
        self.root = root.absolute()
        self.version = version
        self._find = find
        self._modules: dict[tuple[Path, str], Module] = {}
        self._below: dict[tuple[Path, str, str], Module | None] = {}

    def open(self, relative: str) -> Module:
        """Return the module in the file `relative` to the root, which may have any name.

        Raises:
            PredictorError: There is no such file in the project, or it is not Python.
        """
        path = self.root / relative
        try:
            real, there = path.resolve(strict=False), path.is_file()
        except (OSError, RuntimeError) as error:
            raise PredictorError("a loop of symbolic links", where=relative) from error
        if not real.is_relative_to(self.root.resolve()):
            raise PredictorError(
                f"{relative} lies outside the project {self.root}",
                remedy="copy the file into the project, links out of it are not followed",
            )
        if not there:
            raise PredictorError(
                f"there is no file {relative} in {self.root}",
                remedy='name the predictor as "path/to/file.py:Name", relative to the project',
            )
        return self._file(path, path.stem, None)

    def may_hold(self, name: str) -> bool:
        """Whether a module of that name may lie in any folder of the project."""
        return self._names is None or name in self._names

    @cached_property
    def _names(self) -> set[str] | None:
        """What modules in all folders can be called, None where there are too many names."""
        names: set[str] = set()
        seen = 0
        for _, folders, files in os.walk(self.root, followlinks=True):
            seen += 1 + len(folders) + len(files)
            if seen > MAX_NAMES:
                return None
            names.update(folders, (file.removesuffix(".py") for file in files))
        return names

    def below(self, folder: Path, name: str, dotted: str) -> Module | None:
        """Return the module `name` in a folder, called `dotted`; None where there is none."""
        if (folder, name, dotted) not in self._below:
            self._below[folder, name, dotted] = self._found(folder, name, dotted)
        return self._below[folder, name, dotted]

    def _found(self, folder: Path, name: str, dotted: str) -> Module | None:
        place = folder / name
        with contextlib.suppress(OSError):  # a name in the text may be too long for a file's
            if (place / "__init__.py").is_file():
                return self._file(place / "__init__.py", dotted, place)
            if (folder / f"{name}.py").is_file():
                return self._file(folder / f"{name}.py", dotted, None)
            if place.is_dir():
                return self._file(place, dotted, place)
        return None

    def _file(self, path: Path, name: str, folder: Path | None) -> Module:
        key = (path, name)
        if key not in self._modules:
            inside = path.is_relative_to(self.root)
            relative = (path.relative_to(self.root) if inside else path).as_posix()
            tree, text = ast.Module([], []), ""
            if path != folder:
                data = _read(path, relative)
                text = _decoded(data, relative) or "\n"
                tree = self._tree(data, text, relative)
            self._modules[key] = Module(name, path, relative, tree, text, folder)
        return self._modules[key]

    def _tree(self, data: bytes, text: str, relative: str) -> ast.Module:
        try:
            try:
                return _parsed(text, relative, self.version)
            except SyntaxError:
                python = self._find(self.version) if self.version > sys.version_info[:2] else None
                if python is None:
                    raise
                return parse_with(python, data)
        except SyntaxError as error:
            line = (error.text or "").strip()[:200]
            shown = f": `{line}`" if line else ""
            raise PredictorError(
                f"not valid Python ({error.msg}){shown}",
                where=Location(relative, max(error.lineno or 1, 1)),
                remedy="correct the line; notebook magics such as `!pip` or `%cd` are not Python",
            ) from error
        except (ValueError, RecursionError, MemoryError) as error:
            where = Location(relative, 1)
            raise PredictorError(f"not valid Python ({error})", where=where) from error


def _read(path: Path, relative: str) -> bytes:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise PredictorError(f"larger than {MAX_BYTES:,} bytes", where=relative)
        with path.open("rb") as file:
            data = file.read(MAX_BYTES)
    except OSError as error:
        raise PredictorError(f"cannot be read: {error.strerror}", where=relative) from error
    if data.count(b"\n") > MAX_LINES:
        raise PredictorError(f"longer than {MAX_LINES:,} lines", where=relative)
    return data


def _decoded(data: bytes, relative: str) -> str:
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
        return data.decode(encoding)
    except (SyntaxError, UnicodeDecodeError, LookupError) as error:
        raise PredictorError(
            f"the text cannot be decoded: {error}",
            where=Location(relative, 1),
            remedy="save the file as UTF-8",
        ) from error


def _parsed(text: str, relative: str, version: tuple[int, int]) -> ast.Module:
    older = version if version < sys.version_info[:2] else None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tree = ast.parse(text, feature_version=older)
        # A `return` in a class, and the like, are found by the compiler alone.
        compile(tree, relative, "exec", dont_inherit=True)
    return tree


SECONDS: Final = 30

_SCRIPT: Final = """
import ast, json, sys

def told(node):
    if isinstance(node, ast.AST):
        kinds = [kind.__name__ for kind in type(node).__mro__[:-2]]
        parts = {name: told(part) for name, part in vars(node).items()}
        return {"kinds": kinds, "fields": list(node._fields), "parts": parts}
    if isinstance(node, list):
        return [told(part) for part in node]
    if isinstance(node, (str, bool, type(None))):
        return {"plain": node}
    return {"literal": repr(node)}

try:
    tree = ast.parse(sys.stdin.buffer.read())
    compile(tree, "predict.py", "exec", dont_inherit=True)
    print(json.dumps(told(tree)))
except SyntaxError as error:
    print(json.dumps({"error": error.msg, "line": error.lineno, "text": error.text}))
"""


def parse_with(python: Path, data: bytes) -> ast.Module:
    """Return the syntax of a file as another Python reads it.

    Raises:
        SyntaxError: As that Python does, or it does not answer.
    """
    subprocess = importlib.import_module("subprocess")  # which few texts need
    try:
        done = subprocess.run(  # a Python of this machine, which runs ast alone
            [python, "-I", "-S", "-c", _SCRIPT], input=data, capture_output=True, check=True,
            timeout=SECONDS,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError) as error:
        raise SyntaxError(f"{python} does not parse it") from error
    found = json.loads(done.stdout)
    if "error" in found:
        raise SyntaxError(found["error"], ("", found["line"], 1, found["text"]))
    tree = _built(found)
    assert isinstance(tree, ast.Module)
    return tree


def _built(told: Any) -> Any:
    if isinstance(told, list):
        return [_built(part) for part in told]
    if "plain" in told:
        return told["plain"]
    if "literal" in told:
        return ... if told["literal"] == "Ellipsis" else ast.literal_eval(told["literal"])
    kind = _kind(told["kinds"], told["fields"])
    node = kind.__new__(kind)  # its parts follow; calling it without them is deprecated
    for name, part in told["parts"].items():
        setattr(node, name, _built(part))
    return node


def _kind(names: list[str], fields: list[str]) -> type[ast.AST]:
    """Return the class of a node; one that this Python has not gets a class of its own."""
    known = next((name for name in names if hasattr(ast, name)), "AST")
    kind: type[ast.AST] = getattr(ast, known)
    return kind if known == names[0] else type(names[0], (kind,), {"_fields": tuple(fields)})
