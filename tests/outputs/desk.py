"""Where the tests hand outputs in: a store that remembers, and a deliverer for one value."""

from __future__ import annotations

import asyncio
import contextvars
import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cogfal.cog.types import Path as CogPath
from cogfal.files.store import LocalFile, StoredFile, StoreError, stored
from cogfal.files.workspace import Workspace
from cogfal.guest.encoding import Encoded, encode
from cogfal.outputs.delivery import Deliverer, Style
from cogfal.outputs.directories import OutputDirectories
from cogfal.spec import (
    AnyType,
    Type,
)
from tests.file_server import PNG


def encoded(value: Any, workspace: Workspace, kind: Type | None = None) -> Encoded:
    """Write a value as the author's side does before it hands it over."""
    return encode(
        value,
        kind or AnyType(),
        str(workspace.path),
        lambda handle: workspace.ends_with(handle.close),
    )


CALLER: contextvars.ContextVar[str] = contextvars.ContextVar("CALLER", default="nobody")


class Shelf:
    """A store that keeps what it was given, and who was calling."""

    def __init__(self) -> None:
        self.files: list[tuple[LocalFile, bytes]] = []
        self.callers: list[str] = []
        self.waiting = 0
        self.release: asyncio.Event | None = None
        self.all_here: Callable[[int], object] = lambda waiting: None

    async def put(self, file: LocalFile) -> StoredFile:
        """Keep a file, once it is released."""
        if file.name.startswith("bad"):
            raise StoreError("the shelf is full")
        self.waiting += 1
        self.all_here(self.waiting)
        if self.release is not None:
            await self.release.wait()
        self.files.append((file, file.path.read_bytes()))
        self.callers.append(CALLER.get())
        return stored(file, f"shelf://{file.name}")


@dataclass
class Desk:
    """Delivers values of one test."""

    project: Path
    workspace: Workspace
    shelf: Shelf
    directories: OutputDirectories

    def deliver(self, value: Any, kind: Type | None = None, style: Style = Style.MEDIA) -> Any:
        """Deliver one value."""

        async def main() -> Any:
            deliverer = Deliverer(self.shelf, style, self.directories)
            ready = value if isinstance(value, Encoded) else encoded(value, self.workspace, kind)
            return await deliverer.deliver(ready, self.workspace)

        return asyncio.run(main())

    def urls(self, value: Any, kind: Type | None = None) -> Any:
        """Deliver one value, files as URLs."""
        return self.deliver(value, kind, Style.URL)


GIF = b"GIF89a\x07\0\x05\0"
"""The head of a picture."""


def halfway(directory: Path) -> Any:
    """Return a file object that has been read to its end."""
    file = io.BytesIO(PNG)
    file.read()
    return file


def named(name: str, directory: Path) -> Any:
    """Return a file object with a name and no file."""
    file = io.BytesIO(GIF)
    file.name = name
    return file


def a_file(directory: Path, name: str = "a.png", content: bytes = PNG) -> CogPath:
    """Write a file."""
    path = directory / name
    path.write_bytes(content)
    return CogPath(path)
