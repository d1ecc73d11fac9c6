"""Fetch large weights on the runner: once to the persistent disk, checked, linked into place."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from functools import partial
from pathlib import Path

import anyio

from cogfal.errors import SetupError
from cogfal.files import Budget, FetchError, FileCache, HttpFetcher
from cogfal.files.limits import OPERATORS
from cogfal.spec import Weight


def place_weights(weights: Mapping[str, Weight], project: Path, *, store: Path) -> None:
    """Put every weight at its path in the project.

    A file already fetched to `store` is not fetched again; runners that start at the same time
    may each fetch it, and the last one wins, with the same bytes. A fetch that is interrupted
    leaves nothing behind under the final name.

    Raises:
        SetupError: One cannot be fetched, or its bytes are not those of its `sha256`.
    """
    for relative, weight in weights.items():
        target = (project / relative).resolve()
        if not target.is_relative_to(project.resolve()):
            raise SetupError(f"the weights {relative} would lie outside the project")
        if not target.exists():
            _link(fetch_once(weight.url, store, sha256=weight.sha256), target)


def fetch_once(url: str, store: Path, *, sha256: str | None = None) -> Path:
    """Return the local copy of a URL, fetching it first where there is none.

    Raises:
        SetupError: It cannot be fetched, or its bytes are not those of `sha256`.
    """
    cache = FileCache(store, HttpFetcher(OPERATORS, hashes=True))
    try:
        return anyio.run(partial(cache.once, url, Budget(OPERATORS), sha256=sha256))
    except (FetchError, OSError) as error:
        raise SetupError(f"{url} cannot be fetched: {error}") from error


def _link(source: Path, target: Path) -> None:
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.symlink_to(source)
    except FileExistsError:
        return
    except OSError:
        shutil.copyfile(source, target)
