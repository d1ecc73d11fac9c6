"""Find what a predictor's file adds to `sys.path` that lies outside of its project.

Such modules are found on the machine they lie on, and do not travel. Only the usual spellings are
understood: texts, `__file__`, and what `os.path` and `pathlib` make of them.
"""

from __future__ import annotations

import ast
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from cogfal.spec import Location

_UNCHANGED: Final = frozenset(
    {"abspath", "realpath", "normpath", "resolve", "absolute", "as_posix", "str", "Path"}
)


def roots_outside(path: str, root: Path) -> Iterator[tuple[Location, str]]:
    """Yield the place and the directory of each import root that lies outside of the project.

    Args:
        path: The predictor's file, relative to `root`.
        root: The project's directory.
    """
    file = root / path
    try:
        tree = ast.parse(file.read_bytes())
    except (OSError, SyntaxError, ValueError):
        return
    for node in ast.walk(tree):
        added = _added(node)
        found = None if added is None else _value(added, file)
        if found is None:
            continue
        directory = os.path.normpath(root / found)
        if not Path(directory).is_relative_to(root) and Path(directory).is_dir():
            yield Location(path, node.lineno), directory  # type: ignore[attr-defined]  # a call has one


def _added(node: ast.AST) -> ast.expr | None:
    """Return what a statement puts on `sys.path`."""
    match node:
        case ast.Call(
            func=ast.Attribute(
                value=ast.Attribute(value=ast.Name("sys"), attr="path"),
                attr="insert" | "append",
            ),
            args=[*_, added],
        ):
            return added
        case _:
            return None


def _value(node: ast.expr, file: Path) -> Path | None:  # noqa: PLR0911  # one per spelling
    match node:
        case ast.Constant(value=str(text)):
            return Path(text)
        case ast.Name("__file__"):
            return file
        case ast.Attribute(value=inner, attr="parent"):
            return _parent(_value(inner, file))
        case ast.Subscript(
            value=ast.Attribute(value=inner, attr="parents"), slice=ast.Constant(value=int(count))
        ):
            return _parent(_value(inner, file), count + 1)
        case ast.BinOp(left=left, op=ast.Div(), right=right):
            return _joined([left, right], file)
        case ast.Call(func=ast.Attribute(attr="dirname"), args=[inner]):
            return _parent(_value(inner, file))
        case ast.Call(func=ast.Attribute(attr="join"), args=parts):
            return _joined(parts, file)
        case ast.Call(func=ast.Attribute(attr=name) | ast.Name(id=name), args=[inner]) if (
            name in _UNCHANGED
        ):
            return _value(inner, file)
        case ast.Call(func=ast.Attribute(value=inner, attr=name), args=[]) if name in _UNCHANGED:
            return _value(inner, file)
        case _:
            return None


def _parent(path: Path | None, count: int = 1) -> Path | None:
    for _ in range(count):
        path = None if path is None else path.parent
    return path


def _joined(parts: list[ast.expr], file: Path) -> Path | None:
    values = [_value(part, file) for part in parts]
    known = [value for value in values if value is not None]
    return Path(*known) if len(known) == len(values) else None
