"""Say where output files go, where the App travels without fal's own stores."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from cogfal.files import DataUrlStore, LocalFile, Store, StoredFile
from cogfal.files.progress import write_line


class StoreChooser(Protocol):
    """Say where output files go; see `fal_files.choose_store`."""

    def __call__(self, files: Any, *, reserve: bool, local: Callable[[], Store]) -> Store:
        """Return the store that `files` means."""


def choose_without_fal(files: Any, *, reserve: bool, local: Callable[[], Store]) -> Store:  # noqa: ARG001  # StoreChooser's
    """Return the store of an App that needs none of fal's; see `app_class.settle`."""
    if files == "local":
        return local()
    return DataUrlStore() if files == "in_memory" else UndeclaredStore()


class UndeclaredStore:
    """Answer with data URLs for files of a predictor that declares none."""

    async def put(self, file: LocalFile) -> StoredFile:
        """Return the file as a data URL, and tell the author how to have it stored."""
        write_line(
            f"cogfal: the output {file.name} is a file, but its annotation declares none, so it is "
            "answered as a data URL; annotate it as Path to have it stored"
        )
        return await DataUrlStore().put(file)
