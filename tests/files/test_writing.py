"""Writing a file while its next bytes arrive."""

from __future__ import annotations

import asyncio
import io
import threading
from typing import Any

import pytest

from cogfal.files.writing import WRITE_SIZE, Writer


class Slow(io.BytesIO):
    """A file whose writes wait at a gate."""

    def __init__(self) -> None:
        super().__init__()
        self.begun = threading.Event()
        self.gate = threading.Event()

    def write(self, data: Any) -> int:
        self.begun.set()
        assert self.gate.wait(10)
        return super().write(data)


class Full(io.BytesIO):
    """A file on a disk that is full."""

    def write(self, _data: Any) -> int:
        raise OSError("no space left")


@pytest.mark.parametrize("size", [0, 1, 1000, WRITE_SIZE // 2 + 1, WRITE_SIZE, 3 * WRITE_SIZE])
def test_all_is_written_in_order(size: int) -> None:
    """In whatever pieces it came."""
    file = io.BytesIO()
    pieces = [bytes([number]) * size for number in range(5)]

    async def main() -> None:
        async with Writer(file) as writer:
            for piece in pieces:
                await writer.add(piece)

    asyncio.run(main())

    assert file.getvalue() == b"".join(pieces)


def test_the_next_piece_is_taken_while_the_last_is_written() -> None:
    """But no third: what is in memory stays bounded."""
    file = Slow()

    async def main() -> None:
        async with Writer(file) as writer:
            await writer.add(b"a" * WRITE_SIZE)
            await asyncio.to_thread(file.begun.wait, 10)
            await writer.add(b"b")
            third = asyncio.ensure_future(writer.add(b"c" * WRITE_SIZE))
            await asyncio.sleep(0)
            assert not third.done()
            file.gate.set()
            await third

    asyncio.run(main())

    assert file.getvalue() == b"a" * WRITE_SIZE + b"b" + b"c" * WRITE_SIZE


@pytest.mark.parametrize("pieces", [1, 2])
def test_failing_to_write_is_an_error(pieces: int) -> None:
    """At the latest when the block ends."""

    async def main() -> None:
        async with Writer(Full()) as writer:
            for _ in range(pieces):
                await writer.add(b"a" * WRITE_SIZE)

    with pytest.raises(OSError, match="no space left"):
        asyncio.run(main())


@pytest.mark.parametrize("error", [ValueError, asyncio.CancelledError])
def test_a_block_that_fails_waits_for_the_writing(error: type[BaseException]) -> None:
    """The file may be closed and removed then."""
    file = Slow()

    async def block() -> None:
        async with Writer(file) as writer:
            await writer.add(b"a" * WRITE_SIZE)
            raise error

    async def main() -> None:
        task = asyncio.ensure_future(block())
        await asyncio.to_thread(file.begun.wait, 10)
        await asyncio.sleep(0)
        assert not task.done()
        file.gate.set()
        with pytest.raises(error):
            await task
        assert file.tell() == WRITE_SIZE

    asyncio.run(main())


def test_cancelling_waits_for_the_writing() -> None:
    """However often."""
    file = Slow()

    async def block() -> None:
        async with Writer(file) as writer:
            while True:
                await writer.add(b"a" * WRITE_SIZE)

    async def main() -> None:
        task = asyncio.ensure_future(block())
        await asyncio.to_thread(file.begun.wait, 10)
        for _ in range(3):
            task.cancel()
            await asyncio.sleep(0)
            assert not task.done()
        file.gate.set()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert file.tell() == WRITE_SIZE

    asyncio.run(main())
