"""What a fork of the author's has of the server's where both are in one process: nothing."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from cogfal.engine.leftovers import marking
from cogfal.guest.forks import watch_forks
from tests.engine.stage import serving, submit, until
from tests.engine.test_isolation import lives

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


CLOSES = """
import os, signal, time
from cog import BasePredictor

class Predictor(BasePredictor):
    def predict(self) -> int:
        saved = [(number, os.dup(number)) for number in (1, 2)]
        for number, _ in saved:
            os.close(number)
        worker = os.fork()
        if not worker:
            time.sleep(20)
            os._exit(0)
        for number, copy in saved:
            os.dup2(copy, number)
            os.close(copy)
        os.kill(worker, signal.SIGTERM)
        return os.waitpid(worker, 0)[1]
"""


def test_a_fork_without_standard_descriptors_can_be_terminated(tmp_path: Path, mode: str) -> None:
    """Its prints have nowhere to go, which is no reason not to hear a signal."""

    async def main() -> None:
        async with serving(tmp_path, CLOSES) as service:
            assert await submit(service).result() == signal.SIGTERM

    asyncio.run(main())


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_fork_hears_signals_whatever_fails_there(handled: list[int]) -> None:
    """What is to be done in a fork may raise; those that came meanwhile are not lost."""

    def fail() -> None:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGTERM)
        raise OSError

    stop = watch_forks(fail)
    worker = os.fork()
    if not worker:
        os._exit(0)
    _, status = os.waitpid(worker, 0)
    stop()

    assert os.WTERMSIG(status) == signal.SIGTERM
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


LEAVES = """
import multiprocessing, subprocess, threading, time
from cog import BasePredictor

class Predictor(BasePredictor):
    def predict(self) -> list[int]:
        thread = threading.Thread(target=self.fork)
        thread.start()
        thread.join()
        detached = subprocess.Popen(["sleep", "600"], start_new_session=True)
        return [self.forked.pid, detached.pid]

    def fork(self):
        self.forked = multiprocessing.get_context("fork").Process(target=time.sleep, args=(600,))
        self.forked.start()
"""
SERVES = """
import asyncio, sys
from pathlib import Path
from cogfal.engine.service import Service
from cogfal.reading import read_predictor
from cogfal.server.lifespan import provide_on_runner
from cogfal.spec import ProjectSpec
from tests.engine.stage import Passing, submit

root = Path(sys.argv[1])
spec = read_predictor("predict.py", root)

async def main():
    service = Service(spec, root, Passing())
    await service.setup()
    print(*await submit(service).result(), flush=True)
    await asyncio.Event().wait()

provide_on_runner(ProjectSpec(spec, None, str(root), str(root)), root)
asyncio.run(main())
"""


@pytest.fixture
def neighbour() -> Iterator[int]:
    """A process that a server which lives has started."""
    command = ["sleep", "600"]
    with subprocess.Popen(command, env={**os.environ, **marking()}) as process:
        yield process.pid
        process.kill()


def test_what_a_killed_server_leaves_is_gone_before_the_next_setup(
    tmp_path: Path, neighbour: int
) -> None:
    """Forks of any thread at once, what they executed then; another server's is left alone."""
    (tmp_path / "predict.py").write_text(LEAVES)

    async def main() -> None:
        server = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", SERVES, str(tmp_path)),
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
            stdout=asyncio.subprocess.PIPE,
        )
        assert server.stdout is not None
        forked, detached = map(int, (await server.stdout.readline()).split())
        assert lives(detached)

        server.kill()
        await server.wait()

        await until(lambda: not lives(forked))
        async with serving(tmp_path, LEAVES):
            assert not lives(detached)
            assert lives(neighbour)

    asyncio.run(main())
