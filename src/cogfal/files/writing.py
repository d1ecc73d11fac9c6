"""Write a file on a thread while its next bytes arrive."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import BinaryIO, Final

import anyio
from typing_extensions import Self

from cogfal.files.blocking import to_the_end

WRITE_SIZE: Final = 1024 * 1024  # bytes; as many are held while they are written, and as many more


class Writer:
    """Writes what it is given to `file`, all of it when its block ends.

    However the block ends, nothing is being written any more then.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._waiting = bytearray()
        self._work: asyncio.Future[int] | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if kind is None:
            await self._settle()
            self._file.write(self._waiting)
        elif self._work is not None:
            with anyio.CancelScope(shield=True):
                await asyncio.gather(self._work, return_exceptions=True)

    async def add(self, piece: bytes) -> None:
        """Take `piece`; raise `OSError` if what came before it cannot be written."""
        self._waiting += piece
        if len(self._waiting) >= WRITE_SIZE:
            await self._settle()
            full, self._waiting = self._waiting, bytearray()
            self._work = asyncio.ensure_future(to_the_end(self._file.write, full))

    async def _settle(self) -> None:
        """Wait until the last piece is written; cancelling this waits as well."""
        if self._work is not None:
            await self._work
            self._work = None
