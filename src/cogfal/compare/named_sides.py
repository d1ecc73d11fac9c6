"""Make a side of a word of the command line; a directory is served in a process of its own."""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import anyio
from anyio.abc import Process
from anyio.streams.text import TextReceiveStream

from cogfal.compare.on_replicate import ReplicateSide
from cogfal.compare.over_http import HttpEndpoint, HttpSide
from cogfal.compare.recording import RecordingSide, is_recording
from cogfal.compare.sides import Side, SideUnreachable, bounded
from cogfal.errors import ProjectError

READY: Final = re.compile(r"serving at (http://\S+?):? ")
LAST_LINES: Final = 30
GRACE: Final = 20.0  # seconds for the model's teardown


@dataclass(frozen=True)
class DirectorySide:
    """The project in `directory`, by `cogfal serve`; each call has `timeout` seconds.

    It has a process of its own, so that two projects do not share a working directory, and the
    environment that `cogfal serve` gives it.
    """

    directory: Path
    timeout: float
    paid: bool = False

    @property
    def label(self) -> str:
        """The directory as the user wrote it."""
        return str(self.directory)

    @asynccontextmanager
    async def open(self) -> AsyncIterator[HttpEndpoint]:
        """Set the model up; raises SideUnreachable where that fails, with what it printed last."""
        command = [sys.executable, "-m", "cogfal", "serve", "--port", "0"]
        process = await anyio.open_process(
            command, cwd=self.directory, stdin=subprocess.DEVNULL, stderr=subprocess.STDOUT
        )
        async with process:
            try:
                lines = _lines(process)
                url = await self._ready(lines)
                # A task group would wrap what the comparison raises, for the sake of this reader.
                reading = asyncio.create_task(_drain(lines))
                async with HttpSide(url, self.timeout).open() as endpoint:
                    yield endpoint
                reading.cancel()
            finally:
                with anyio.CancelScope(shield=True):
                    await _end(process)

    async def _ready(self, lines: AsyncIterator[str]) -> str:
        last: deque[str] = deque(maxlen=LAST_LINES)
        async for line in lines:
            last.append(line)
            found = READY.search(line)
            if found is not None:
                return found[1]
        raise SideUnreachable(f"{self.label} cannot be served:\n{bounded(chr(10).join(last))}")


async def _lines(process: Process) -> AsyncIterator[str]:
    assert process.stdout is not None
    rest = ""
    async for text in TextReceiveStream(process.stdout, errors="replace"):
        *whole, rest = (rest + text).split("\n")
        for line in whole:
            yield line
    yield rest


async def _drain(lines: AsyncIterator[str]) -> None:
    """Read on, so that the model never waits for somebody to read what it prints."""
    async for _ in lines:
        pass


async def _end(process: Process) -> None:
    if process.returncode is None:
        process.terminate()
    with anyio.move_on_after(GRACE):
        await process.wait()
        return
    process.kill()


def side_of(word: str, timeout: float) -> Side:
    """Return the side that a word names.

    It is the URL of a Cog server or an app, `app:owner/name` on fal, `replicate:owner/name` with
    or without `:version`, a recording's folder, or a project's directory.

    Raises:
        ProjectError: It is none of these.
    """
    kind, colon, rest = word.partition(":")
    if rest.startswith("//") and kind in ("http", "https"):
        return HttpSide(word, timeout)
    if colon and kind in ("app", "replicate"):
        return _account_side(kind, rest, timeout)
    folder = Path(word)
    if not folder.is_dir():
        raise ProjectError(
            "there is no such directory",
            where=word,
            remedy="name a directory, a URL, app:OWNER/NAME, or replicate:OWNER/NAME[:VERSION]",
        )
    return RecordingSide(folder) if is_recording(folder) else DirectorySide(folder, timeout)


def _account_side(kind: str, name: str, timeout: float) -> Side:
    model, _, version = name.partition(":")
    if model.count("/") != 1 or not all(_is_name(part) for part in model.split("/")):
        raise ProjectError(
            f"{name!r} is no OWNER/NAME", where=kind, remedy=f"write {kind}:OWNER/NAME"
        )
    if kind == "replicate":
        return ReplicateSide(model, version or None, timeout)
    try:
        from cogfal.compare.on_fal import FalSide  # noqa: PLC0415  # needs an optional extra
    except ImportError as error:
        raise ProjectError(
            f"app: needs {error.name}", remedy='pip install "cogfal[client]"'
        ) from error
    return FalSide(name, timeout)


def _is_name(part: str) -> bool:
    return bool(part) and all(each.isalnum() or each in "-_." for each in part) and part != ".."
