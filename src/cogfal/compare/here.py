"""A project's directory: its model is served on this machine while the comparison lasts."""

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

from cogfal.compare.over_http import HttpEndpoint, HttpSide
from cogfal.compare.sides import SideUnreachable, bounded

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
