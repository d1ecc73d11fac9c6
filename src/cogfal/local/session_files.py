"""Files of a session on one's own machine: those that a caller gives, and those that come back."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import anyio.to_thread

from cogfal.files import Budget, Fetched, Fetcher, FetchError, Validators
from cogfal.files.names import input_name
from cogfal.files.store import LocalFile, StoredFile, stored
from cogfal.files.workspace import create_file
from cogfal.json_text import JsonText
from cogfal.nested import map_leaves
from cogfal.spec import JSON

GIVEN: Final = "https://given.invalid/"
"""Where the caller's own files seem to be; the name is reserved, so nothing real is meant."""


class NoNetwork:
    """The fetcher of a session that may not use the network."""

    async def fetch(self, url: str, directory: Path, budget: Budget) -> Fetched:  # noqa: ARG002  # the protocol's
        """Refuse."""
        raise FetchError(f"{url} is not fetched, as there is no network here; give a local file")

    async def fetch_if_changed(
        self,
        url: str,
        directory: Path,
        budget: Budget,
        known: Validators,  # noqa: ARG002  # the protocol's
    ) -> Fetched | None:
        """Refuse."""
        return await self.fetch(url, directory, budget)


class GivenFiles:
    """Fetches the caller's own files from this machine, and everything else from `others`."""

    def __init__(self, others: Fetcher) -> None:
        self._others = others
        self._paths: dict[str, Path] = {}

    def url_of(self, path: Path) -> str:
        """Return the URL under which a file may be given to the predictor."""
        url = f"{GIVEN}{len(self._paths)}/{quote(path.name)}"
        self._paths[url] = path
        return url

    async def fetch(self, url: str, directory: Path, budget: Budget) -> Fetched:
        """Copy a given file into `directory`: the predictor may do with it what it likes."""
        path = self._paths.get(url)
        if path is None:
            return await self._others.fetch(url, directory, budget)
        return await anyio.to_thread.run_sync(_copied, path, directory)

    async def fetch_if_changed(
        self, url: str, directory: Path, budget: Budget, known: Validators
    ) -> Fetched | None:
        """Do as `fetch`: local files are never cached."""
        if url in self._paths:
            return await self.fetch(url, directory, budget)
        return await self._others.fetch_if_changed(url, directory, budget, known)


def _copied(path: Path, directory: Path) -> Fetched:
    try:
        with path.open("rb") as source:
            copy, target = create_file(directory, input_name(path.name))
            with target:
                shutil.copyfileobj(source, target)
    except OSError as error:
        raise FetchError(f"{path} cannot be read: {error.strerror}") from error
    return Fetched(copy, copy.stat().st_size)


class KeptFiles:
    """The store of a session: keeps what would be uploaded in `folder`.

    `uploads` are the files in the order they were delivered.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._paths: dict[str, Path] = {}
        self.uploads: list[StoredFile] = []

    async def put(self, file: LocalFile) -> StoredFile:
        """Copy the file and call it by its path's URL."""
        directory = self._folder / str(len(self._paths))
        directory.mkdir(parents=True)
        path = directory / file.name
        url = path.as_uri()
        self._paths[url] = path
        await anyio.to_thread.run_sync(shutil.copyfile, file.path, path)
        self.uploads.append(stored(file, url))
        return self.uploads[-1]

    def with_paths(self, output: JSON) -> Any:
        """Return `output` with the path of each kept file in place of its URL."""

        def path_of(leaf: JSON) -> Any:
            if isinstance(leaf, JsonText):
                return self.with_paths(leaf.value())
            return self._paths.get(leaf, leaf) if isinstance(leaf, str) else leaf

        return map_leaves(output, path_of)
