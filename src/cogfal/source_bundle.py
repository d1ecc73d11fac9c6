"""Carry cogfal's own source inside a pickle, and make it importable where the pickle is loaded.

fal sends an App class to its runner as a cloudpickle, and the runner has no cogfal. The classes
that name things from fal travel in that pickle by value; the rest of the package travels as source.
`WithSource` must come first among the bases of whatever needs cogfal on the other side: a class's
bases are rebuilt, one after the other and completely, before the class itself, so the source is in
place by the time the first reference to a `cogfal` module is read. What only some Apps need is the
state of those Apps' own classes, and joins the rest when they are rebuilt.

This module travels by value and therefore uses nothing but the standard library.
"""

from __future__ import annotations

import atexit
import importlib
import os
import pickle
import shutil
import sys
import tempfile
import zlib
from collections.abc import Callable, Collection
from pathlib import Path
from typing import ClassVar, Final

BY_VALUE = ["cogfal.app", "cogfal.app_base", "cogfal.source_bundle", "cogfal.fal_files"]
"""The modules that travel by value."""

LEFT_BEHIND = (
    "__main__.py",
    "app.py",
    "app_base.py",
    "app_file.py",
    "app_making",
    "source_bundle.py",
    "cli",
    "client",
    "compare",
    "examples.py",
    "gateway",
    "environments",
    "fal_files.py",
    "reading",
    "local",
    "playground",
    "project",
    "testing",
)
"""What a runner has no use for, gets by value, or gets only where an App takes it along."""

_LEVEL: Final = 5
"""zlib's; 6, its own, takes half as long again for a hundredth less."""


class SourceBundle:
    """The source of the package, packed whenever it is pickled; `unpacked` where it was loaded."""

    def __init__(self, *, unpacked: bool = False, directory: str | None = None) -> None:
        self.unpacked = unpacked
        self._directory = directory

    def discard(self) -> None:
        """Remove the unpacked files of a process that is about to end, additions included."""
        if self._directory is not None:
            shutil.rmtree(self._directory, ignore_errors=True)

    def __reduce__(self) -> tuple[Callable[[bytes], SourceBundle], tuple[bytes]]:
        return unpack_source, (pack_source(),)


class ExtraPackage:
    """One of the packages in `LEFT_BEHIND`, for the runners of the class that has this."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __reduce__(self) -> tuple[Callable[[str, bytes], ExtraPackage], tuple[str, bytes]]:
        return unpack_extra, (self.name, pack_extra(self.name))


def pack_source() -> bytes:
    """Pack the files of the running cogfal package, the same bytes each time."""
    return _packed(_package(), "cogfal", LEFT_BEHIND)


def pack_extra(name: str) -> bytes:
    """Pack the files of one of its packages."""
    return _packed(_package() / name, f"cogfal/{name}", ())


def _package() -> Path:
    return Path(importlib.import_module("cogfal").__file__ or "").parent


def _packed(directory: Path, prefix: str, left: Collection[str]) -> bytes:
    """Pack the files in a directory and, except for its `left` entries, below it."""
    files: dict[str, bytes] = {}
    for folder, folders, names in os.walk(directory):
        top = Path(folder) == directory
        stays = ("__pycache__", *left) if top else ("__pycache__",)
        folders[:] = sorted(each for each in folders if each not in stays)
        place = Path(prefix, os.path.relpath(folder, directory)).as_posix()
        for name in sorted(each for each in names if each not in stays):
            files[f"{place}/{name}"] = Path(folder, name).read_bytes()
    return zlib.compress(pickle.dumps(files, pickle.HIGHEST_PROTOCOL), _LEVEL)


def unpack_source(packed: bytes) -> SourceBundle:
    """Make cogfal importable from what `pack_source` made.

    The files go to a new directory at the front of `sys.path`, which is removed when the process
    ends. Where cogfal is imported already, that one stays.
    """
    if "cogfal" in sys.modules:
        return SourceBundle(unpacked=True)
    # Its removal is arranged before anything is written, and it is importable only when whole:
    # whoever imports meanwhile, or is killed, meets no half of a package.
    directory = tempfile.mkdtemp(prefix="cogfal-source-")
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    _unpack(packed, directory)
    sys.path.insert(0, directory)
    return SourceBundle(unpacked=True, directory=directory)


def unpack_extra(name: str, packed: bytes) -> ExtraPackage:
    """Put what `pack_extra` made beside the rest of cogfal, unless it is there."""
    package = _package()
    if not (package / name).exists():
        _unpack(packed, str(package.parent))
        # After the files are there: the import system remembers what a directory held before.
        importlib.invalidate_caches()
    return ExtraPackage(name)


def _unpack(packed: bytes, directory: str) -> None:
    files = pickle.loads(zlib.decompress(packed))  # noqa: S301 - it came in a pickle itself
    for name, data in files.items():
        file = Path(directory, name)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)


class WithSource:
    """Base that brings cogfal's source along when a subclass is pickled by value."""

    source: ClassVar[SourceBundle] = SourceBundle()

    extra_packages: ClassVar[tuple[ExtraPackage, ...]] = ()
    """What a subclass needs of cogfal besides; it may not be named in what is pickled."""
