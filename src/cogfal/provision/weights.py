"""Fetch large weights on the runner: once to the persistent disk, checked, linked into place."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from typing import Any, Final

import anyio
from anyio.abc import Process

from cogfal.errors import SetupError
from cogfal.files.cache import FileCache
from cogfal.files.fetching import HttpFetcher
from cogfal.files.limits import OPERATORS, FetchBudget, FetchError
from cogfal.spec import Weight

HUB: Final = "hf://"
"""What the address of a repository on the Hugging Face Hub begins with."""

_AT_ONCE: Final = 4
_REPOSITORY: Final = re.compile(
    r"hf://(?:(?P<kind>datasets|spaces)/)?(?P<id>[\w.-]+/[\w.-]+)(?:@(?P<revision>[^/]+))?"
    r"(?:/(?P<path>.+))?"
)


def place_weights(weights: Iterable[tuple[str, Weight]], project: Path, *, store: Path) -> None:
    """Put every weight at its path in the project, several at once.

    What was fetched to `store` is not fetched again; runners that start at the same time may each
    fetch it, and the last one wins, with the same bytes. A fetch that is interrupted leaves nothing
    behind under the final name. A repository of the Hugging Face Hub fills a directory, and goes
    on where it was interrupted.

    Raises:
        SetupError: One cannot be fetched, or its bytes are not those of its `sha256`.
    """
    wanted = [(_inside(relative, project), weight) for relative, weight in weights]
    anyio.run(_place_all, wanted, store)


async def _place_all(wanted: list[tuple[Path, Weight]], store: Path) -> None:
    limit = anyio.CapacityLimiter(_AT_ONCE)
    failures: list[SetupError] = []

    async def place(target: Path, weight: Weight) -> None:
        async with limit:
            try:
                await _place(target, weight, store)
            except SetupError as error:
                # Raised only when the others are there: the next start finds what they fetched.
                failures.append(error)

    async with anyio.create_task_group() as group:
        for target, weight in wanted:
            group.start_soon(place, target, weight)
    if failures:
        raise failures[0]


async def _place(target: Path, weight: Weight, store: Path) -> None:
    if weight.url.startswith(HUB):
        await _place_repository(target, weight, store)
    elif not await anyio.Path(target).exists():
        _link(await _fetch(weight.url, store, weight.sha256), target)


async def _place_repository(target: Path, weight: Weight, store: Path) -> None:
    """Link the files of a repository, or of a directory or file in it, below the target."""
    match = _REPOSITORY.fullmatch(weight.url)
    if match is None:
        raise SetupError(
            f"{weight.url} names no repository", remedy="write it as hf://owner/name@revision/path"
        )
    path = (match["path"] or "").strip("/")
    snapshot = Path(await _snapshot(match, path, weight, store))
    found = snapshot / path
    if found.is_file():
        _link(found.resolve(), target)
        return
    files = [file for file in found.rglob("*") if file.is_file()]
    if not files:
        raise SetupError(f"{weight.url} has no such files", remedy="correct its path or patterns")
    for file in files:
        place = target / file.relative_to(found)
        if not place.exists():
            _link(file.resolve(), place)


async def _snapshot(match: re.Match[str], path: str, weight: Weight, store: Path) -> str:
    allowed = [str(PurePosixPath(path, each)) for each in weight.include or ("*",)]
    given: dict[str, Any] = {
        "repo_id": match["id"],
        "repo_type": (match["kind"] or "models").removesuffix("s"),
        "revision": match["revision"],
        "cache_dir": str(store / "hub"),
        "allow_patterns": [*allowed, path] if path else allowed,
        "ignore_patterns": [str(PurePosixPath(path, each)) for each in weight.exclude],
    }
    program = Path(__file__).with_name("hub.py")
    async with await anyio.open_process(
        [sys.executable, str(program)], stdin=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        out, said = await _talk(process, json.dumps(given))
    if process.returncode == 0:
        return out
    last = (said.strip().splitlines() or ["it did not say why"])[-1]
    missing = "No module named 'huggingface_hub'" in last
    raise SetupError(
        f"{weight.url} cannot be fetched: {last}",
        remedy="run `pip install huggingface_hub`" if missing else None,
    )


async def _talk(process: Process, given: str) -> tuple[str, str]:
    """Give a process its task, and pass on what it says while it works."""
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None
    await process.stdin.send(f"{given}\n".encode())
    said = b""
    async for part in process.stderr:
        sys.stderr.write(part.decode(errors="replace"))
        said = (said + part)[-4000:]
    out = b"".join([part async for part in process.stdout])
    return out.decode(), said.decode(errors="replace")


def _inside(relative: str, project: Path) -> Path:
    """Return where weights belong, with the links on the way followed.

    The last step is followed only to a directory: a link to a file is that of an earlier start,
    and leads to the store.
    """
    path = Path(os.path.normpath(project.resolve() / relative))
    target = path.resolve() if path.is_dir() else path.parent.resolve() / path.name
    if not target.is_relative_to(project.resolve()):
        raise SetupError(f"the weights {relative} would lie outside the project")
    return target


def fetch_once(url: str, store: Path) -> Path:
    """Return the local copy of a URL, fetching it first where there is none.

    Raises:
        SetupError: It cannot be fetched.
    """
    return anyio.run(_fetch, url, store, None)


async def _fetch(url: str, store: Path, sha256: str | None) -> Path:
    cache = FileCache(store, HttpFetcher(OPERATORS, hashes=True))
    try:
        return await cache.once(url, FetchBudget(OPERATORS), sha256=sha256)
    except (FetchError, OSError) as error:
        raise SetupError(f"{url} cannot be fetched: {error}") from error


def _link(source: Path, target: Path) -> None:
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.is_symlink() and not target.exists():  # what it led to is gone
            target.unlink()
        target.symlink_to(source)
    except FileExistsError:
        return
    except OSError:
        shutil.copyfile(source, target)
