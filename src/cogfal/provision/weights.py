"""Fetch large weights on the runner: once to the persistent disk, checked, linked into place."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import httpx

from cogfal.errors import SetupError
from cogfal.spec import Weight

_CHUNK: Final = 1 << 20
_TIMEOUT: Final = 60.0


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
    key = hashlib.sha256(f"{url}\n{sha256 or ''}".encode()).hexdigest()
    name = re.sub(r"[^\w.-]", "_", url.partition("?")[0].rpartition("/")[2]).lstrip(".") or "file"
    target = store / key[:32] / name
    if target.is_file():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=".partial-")
    os.close(handle)
    partial = Path(name)
    try:
        _check(url, _download(url, partial), sha256)
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)
    return target


def _download(url: str, target: Path) -> str:
    """Write the body to a file; returns its sha256."""
    digest = hashlib.sha256()
    try:
        with (
            httpx.stream("GET", url, follow_redirects=True, timeout=_TIMEOUT) as response,
            target.open("wb") as file,
        ):
            response.raise_for_status()
            for chunk in response.iter_bytes(_CHUNK):
                digest.update(chunk)
                file.write(chunk)
    except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
        raise SetupError(f"{url} cannot be fetched: {error}") from error
    return digest.hexdigest()


def _check(url: str, found: str, expected: str | None) -> None:
    if expected is not None and found != expected.lower():
        raise SetupError(f"{url} has the sha256 {found}, not {expected}")


def _link(source: Path, target: Path) -> None:
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.symlink_to(source)
    except FileExistsError:
        return
    except OSError:
        shutil.copyfile(source, target)
