"""The server's own lines reach the runner's log, and nobody waits for whoever reads that."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO

import pytest

from cogfal.guest.way_out import MOST, Unhurried, WayOut

LINE = "x" * 1_000 + "\n"


@pytest.fixture(params=["pipe", "socket"])
def ends(request: pytest.FixtureRequest) -> Iterator[tuple[int, int]]:
    """Both ends of something that is full after a while: where it is read, and written."""
    if request.param == "pipe":
        read, write = os.pipe()
    else:
        read, write = (each.detach() for each in socket.socketpair())
    yield read, write
    os.close(read)


def all_of(end: int) -> bytes:
    """Read to the end."""
    with os.fdopen(end, "rb", closefd=False) as file:
        return file.read()


def read_while_closing(unhurried: Unhurried, stream: IO[str], read: int) -> bytes:
    """Close both, while somebody reads to the end."""
    with ThreadPoolExecutor() as pool:
        found = pool.submit(all_of, read)
        unhurried.close()
        stream.close()
        return found.result()


def test_what_has_no_room_is_written_later(ends: tuple[int, int]) -> None:
    """All of it, in its order, once somebody reads; the descriptor itself is as it was."""
    read, write = ends
    with os.fdopen(write, "w", encoding="utf-8") as stream:
        unhurried = Unhurried(stream, write, threading.get_ident())
        written = "".join(f"{number} {LINE}" for number in range(500))

        for line in written.splitlines(keepends=True):
            unhurried.write(line)
        assert os.get_blocking(write)
        found = read_while_closing(unhurried, stream, read)

    assert found.decode() == written


def test_what_is_too_much_is_counted(ends: tuple[int, int]) -> None:
    """A line says how many are missing."""
    read, write = ends
    with os.fdopen(write, "w", encoding="utf-8") as stream:
        unhurried = Unhurried(stream, write, threading.get_ident())

        for _ in range(3 * MOST // len(LINE)):
            unhurried.write(LINE)
        found = read_while_closing(unhurried, stream, read)

    assert b"lines are missing here" in found


def test_the_author_may_break_threads(
    ends: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """None is begun once the author's code runs."""
    read, write = ends
    with os.fdopen(write, "w", encoding="utf-8") as stream:
        unhurried = Unhurried(stream, write, threading.get_ident())
        with monkeypatch.context() as broken:
            broken.setattr(threading, "excepthook", None)
            for _ in range(500):
                unhurried.write(LINE)
        found = read_while_closing(unhurried, stream, read)

    assert len(found) == 500 * len(LINE)


def test_others_write_to_the_stream_itself(ends: tuple[int, int]) -> None:
    """They have a thread that may wait."""
    read, write = ends
    with os.fdopen(write, "w", encoding="utf-8") as stream:
        unhurried = Unhurried(stream, write, home=0)

        unhurried.write("a\n")
        unhurried.flush()
        unhurried.close()

    assert all_of(read) == b"a\n"


def test_a_log_that_nobody_reads_any_more_is_no_error() -> None:
    """What is written goes nowhere."""
    read, write = os.pipe()
    way = WayOut(write)
    os.close(read)

    assert way.write(b"gone") == 4
    way.close()
    os.close(write)


def test_a_file_is_written_where_others_write(tmp_path: Path) -> None:
    """Its own place in the file would be the beginning."""
    path = tmp_path / "log"
    with path.open("wb", buffering=0) as file:
        file.write(b"first ")
        way = WayOut(file.fileno())
        way.write(b"second")
        way.close()
        file.write(b" third")

    assert path.read_bytes() == b"first second third"
