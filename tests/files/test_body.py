"""A response's body: content encodings undone piece by piece, a file written meanwhile."""

from __future__ import annotations

import asyncio
import gzip
import io
import threading
import zlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cogfal.files.fetching import WRITE_SIZE, Writer, decoder_for
from cogfal.files.limits import FetchError


def decoded(encoding: str, *pieces: bytes) -> bytes:
    """Feed pieces to a decoder and finish it."""
    decoder = decoder_for(encoding)
    result = b"".join(out for piece in pieces for out in decoder.feed(piece))
    decoder.finish()
    return result


@given(st.binary(max_size=2000), st.integers(1, 50))
def test_gzip_is_undone_however_it_is_cut(data: bytes, size: int) -> None:
    """Pieces of any size decode to the same bytes."""
    packed = gzip.compress(data)
    pieces = [packed[start : start + size] for start in range(0, len(packed), size)]

    assert decoded("gzip", *pieces) == data


def test_encodings_are_known_by_their_names() -> None:
    """Also in capitals, with spaces, and none at all."""
    assert decoded("", b"a") == decoded(" Identity ", b"a") == b"a"
    assert decoded("X-GZIP", gzip.compress(b"a")) == b"a"
    assert decoded("deflate", zlib.compress(b"a")) == b"a"


def test_members_of_a_gzip_file_follow_each_other() -> None:
    """Concatenated gzip files are one file."""
    packed = gzip.compress(b"one ") + gzip.compress(b"two")

    assert decoded("gzip", packed) == decoded("gzip", packed[:25], packed[25:]) == b"one two"


def test_no_piece_is_large() -> None:
    """A bomb comes out in small pieces, so that counting can stop it."""
    decoder = decoder_for("gzip")

    pieces = [len(piece) for piece in decoder.feed(gzip.compress(bytes(10**7)))]

    assert sum(pieces) == 10**7
    assert max(pieces) <= 256 * 1024


@pytest.mark.parametrize("encoding", ["br", "zstd", "gzip, gzip", "compress"])
def test_other_encodings_are_refused(encoding: str) -> None:
    """What was not asked for and cannot be undone is an error."""
    with pytest.raises(FetchError, match="without being asked"):
        decoder_for(encoding)


@pytest.mark.parametrize(
    "data",
    [b"no gzip", gzip.compress(b"a" * 99)[:-3], gzip.compress(b"a")[:5]],
    ids=["other", "short", "begun"],
)
def test_damaged_data_is_an_error(data: bytes) -> None:
    """Neither a wrong beginning nor a missing end passes."""
    with pytest.raises(FetchError):
        decoded("gzip", data)


def test_nothing_encoded_is_nothing() -> None:
    """An empty body is an empty file."""
    assert decoded("gzip") == b""


def test_empty_members_come_in_short_steps() -> None:
    """A body of nothing but them is read bit by bit, with a break after each slice."""
    packed = gzip.compress(b"") * 100_000

    pieces = list(decoder_for("gzip").feed(packed))

    assert set(pieces) == {b""}
    assert len(pieces) > len(packed) // 20_000


class Slow(io.BytesIO):
    """A file whose writes wait at a gate."""

    def __init__(self) -> None:
        super().__init__()
        self.begun = threading.Event()
        self.gate = threading.Event()

    def write(self, data: Any) -> int:
        self.begun.set()
        assert self.gate.wait(120)
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
