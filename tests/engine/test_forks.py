"""What a fork of the author's has of the server's where both are in one process: nothing."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engine.stage import serving, submit, until

SOURCE = """
import multiprocessing, time
from cog import BasePredictor

class Predictor(BasePredictor):
    def predict(self, ends: bool) -> int:
        worker = multiprocessing.get_context("fork").Process(target=time.sleep, args=(600,))
        worker.start()
        if not ends:
            return worker.pid
        worker.terminate()
        worker.join(20)
        return worker.exitcode
"""


def ended(worker: int) -> bool:
    """Tell whether a worker has ended, once."""
    return os.waitpid(worker, os.WNOHANG) != (0, 0)


@pytest.fixture
def handled() -> Iterator[list[int]]:
    """Handle SIGTERM as servers do; returns what was handled."""
    seen: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, _: seen.append(number))
    yield seen
    signal.signal(signal.SIGTERM, before)


def test_signals_are_the_forks_own(tmp_path: Path, handled: list[int]) -> None:
    """A worker that is told to terminate does, although the server handles that itself."""

    async def main() -> None:
        async with serving(tmp_path, SOURCE) as service:
            assert await submit(service, ends=True).result() == -signal.SIGTERM

    asyncio.run(main())
    assert handled == []


def test_a_fork_holds_no_port_and_ends_with_the_predictor(tmp_path: Path) -> None:
    """While it lives the server's port can be taken again; it dies with the predictor's thread."""

    async def main() -> None:
        async with serving(tmp_path, SOURCE) as service:
            server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
            address = server.sockets[0].getsockname()
            worker = await submit(service, ends=False).result()
            server.close()
            await server.wait_closed()

            await until(lambda: _is_free(address))  # the fork may be about to close it yet
            assert not ended(worker)
        await until(lambda: ended(worker))

    asyncio.run(main())


def _is_free(address: tuple[str, int]) -> bool:
    try:
        socket.create_server(address).close()
    except OSError:
        return False
    return True
