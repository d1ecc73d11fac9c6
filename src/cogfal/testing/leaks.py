"""Find what a prediction leaves behind that a later one could see.

def test_keeps_nothing(predictor):
    predictor.run(text="warm up")
    with no_leaks(predictor):
        predictor.run(text="Ada")
"""

from __future__ import annotations

import gc
import os
import sys
import tempfile
import threading
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from fnmatch import fnmatch
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any, Final

from cogfal.testing.project import ProjectClient

DEPTH: Final = 3
"""How deep containers are compared; below that by identity."""

WIDTH: Final = 1000
"""How many elements of a container are compared."""

POOLED: Final = ("AnyIO worker thread", "asyncio_")
"""How the threads of shared pools are called, which come and go as files are moved."""

_PLAIN: Final = (str, bytes, int, float, complex, bool, type(None))


class StateLeak(AssertionError):
    """Report what changed; `changes` has one line for each thing, named as `ignore` names it."""

    def __init__(self, changes: Collection[str]) -> None:
        self.changes = tuple(changes)
        listed = "\n".join(f"  {each}" for each in self.changes)
        super().__init__(f"the prediction left something behind:\n{listed}")


@contextmanager
def no_leaks(client: ProjectClient, *, ignore: Collection[str] = ()) -> Iterator[None]:
    """Fail where the predictions of the block leave something behind.

    Compared are the globals of the project's modules, the attributes of its objects, the project's
    files, temporary files, threads, the working directory, environment variables and `sys.path`.
    What other libraries keep for themselves is not seen, nor are files written elsewhere.

    Args:
        client: The project.
        ignore: Patterns, as of `fnmatch`, of what may change: `Predictor.cache`, `file out/*`.

    Raises:
        StateLeak: Something changed; the values of environment variables are not shown.
    """
    with tempfile.TemporaryDirectory(prefix="leaks-") as temporary, _temporary(temporary):
        state = _State(client.project.root.resolve(), Path(temporary))
        before = state.taken()
        yield
        after = state.taken()
    changes = []
    for name in sorted({*before, *after}):
        if not any(fnmatch(name, pattern) for pattern in ignore):
            if name not in before:
                changes.append(f"{name} is new")
            elif name not in after:
                changes.append(f"{name} is gone")
            elif before[name] != after[name]:
                changes.append(f"{name} has changed")
    if changes:
        raise StateLeak(changes)


@contextmanager
def _temporary(directory: str) -> Iterator[None]:
    """Let `tempfile` make everything in `directory`."""
    before = tempfile.tempdir
    tempfile.tempdir = directory
    try:
        yield
    finally:
        tempfile.tempdir = before


class _State:
    """Takes fingerprints; keeps what it saw alive, so that an identity is never used twice."""

    def __init__(self, root: Path, temporary: Path) -> None:
        self._root = root
        self._temporary = temporary
        self._seen: list[object] = []

    def taken(self) -> dict[str, object]:
        """Return the fingerprint of everything, by name."""
        found: dict[str, object] = {
            "working directory": str(Path.cwd()),
            "sys.path": tuple(sys.path),
        }
        found |= {f"variable {name}": value for name, value in os.environ.items()}
        found |= {f"thread {name}": number for name, number in _threads()}
        found |= {f"file {name}": state for name, state in _files(self._root)}
        found |= {f"temporary file {name}": state for name, state in _files(self._temporary)}
        for module in self._modules():
            found |= self._attributes(module.__name__, vars(module))
        for holder in self._objects():
            found |= self._attributes(type(holder).__name__, vars(holder))
        return found

    def _modules(self) -> list[ModuleType]:
        files = ((each, getattr(each, "__file__", None)) for each in list(sys.modules.values()))
        return [each for each, file in files if file and Path(file).is_relative_to(self._root)]

    def _objects(self) -> list[Any]:
        gc.collect()  # what nothing leads to any more is not left, an old predictor neither
        names = {module.__name__ for module in self._modules()}
        return [
            each for each in gc.get_objects()
            if type(each).__module__ in names and isinstance(getattr(each, "__dict__", None), dict)
        ]  # fmt: skip

    def _attributes(self, owner: str, values: Mapping[str, object]) -> dict[str, object]:
        return {
            f"{owner}.{name}": self._fingerprint(value, DEPTH)
            for name, value in list(values.items())
            if not (name.startswith("__") and name.endswith("__"))
        }

    def _fingerprint(self, value: object, depth: int) -> object:
        if isinstance(value, _PLAIN):
            return (type(value), value)
        if isinstance(value, ModuleType | type | FunctionType) or depth == 0:
            return self._identity(value)
        if isinstance(value, Mapping) and type(value).__module__ in ("builtins", "collections"):
            parts = [each for pair in list(value.items())[:WIDTH] for each in pair]
            return type(value), len(value), [self._fingerprint(e, depth - 1) for e in parts]
        if isinstance(value, list | tuple):
            parts = list(value[:WIDTH])
            return type(value), len(value), [self._fingerprint(e, depth - 1) for e in parts]
        if isinstance(value, set | frozenset):
            return (type(value), len(value))
        return self._identity(value)

    def _identity(self, value: object) -> object:
        self._seen.append(value)
        return (type(value), id(value))


def _threads() -> Iterator[tuple[str, int | None]]:
    """Return each thread but those of pools, by name and number."""
    for each in threading.enumerate():
        if not each.name.startswith(POOLED):
            yield each.name, each.ident


def _files(directory: Path) -> Iterator[tuple[str, object]]:
    """Return what is known of each file below a directory, except Python's caches."""
    for path in directory.rglob("*"):
        if "__pycache__" not in path.parts and not path.is_dir():
            state = path.lstat()
            yield path.relative_to(directory).as_posix(), (state.st_size, state.st_mtime_ns)
