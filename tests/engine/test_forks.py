"""What a fork of the author's has of the server's where both are in one process: nothing."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from cogfal.engine.guest import DirectChannel
from cogfal.engine.leftovers import marking
from cogfal.engine.lifecycle import HealthStatus
from cogfal.guest.capture import Capture
from cogfal.guest.inheriting import watch_forks
from tests.engine.stage import LONG, descriptors_left, run, serving, submit, until
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
        worker.join(120)
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
    """While it lives the server's port can be taken again; it is killed when the server shuts down.

    The predictor's thread would not do for that: it ends by itself, and kills nothing.
    """

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


EVERYWHERE = """
import asyncio, multiprocessing, threading, time
from concurrent.futures import ThreadPoolExecutor
from cog import BasePredictor

class Predictor(BasePredictor):
    def setup(self):
        self.forked = []
        self.asked, self.done = threading.Event(), threading.Event()
        self.pool = ThreadPoolExecutor(1)
        self.pool.submit(int).result()
        self.threads = [threading.Thread(target=self.later)]
        self.threads[0].start()
        self.fork()

    async def healthcheck(self):
        self.fork()
        return True

    def predict(self) -> list[int]:
        self.asked.set()
        self.fork()
        self.pool.submit(self.fork).result()
        for thread in self.threads:
            thread.join()
        return self.forked

    def later(self):
        self.asked.wait()
        self.fork()

    def fork(self):
        process = multiprocessing.get_context("fork").Process(target=time.sleep, args=(600,))
        process.start()
        self.forked.append(process.pid)
"""
FORK: Final = multiprocessing.get_context("fork")


def test_the_authors_forks_end_and_nobody_elses(tmp_path: Path, handled: list[int]) -> None:
    """Wherever the author's code forks; others of this process keep their signal handlers, too."""
    others = [FORK.Process(target=_until_any, args=(handled,), daemon=True) for _ in range(2)]

    async def main() -> list[int]:
        async with serving(tmp_path, EVERYWHERE) as service, serving(tmp_path / "other", SOURCE):
            assert (await service.health()).status is HealthStatus.READY
            others[0].start()
            await asyncio.to_thread(others[1].start)
            return list(await submit(service).result())

    forked = asyncio.run(main())
    assert len(forked) == 5
    asyncio.run(until(lambda: not any(map(lives, forked))))
    for each in others:
        each.terminate()
        each.join()

    assert [each.exitcode for each in others] == [0, 0]


def _until_any(seen: list[int]) -> None:
    while not seen:
        time.sleep(0.001)
    os._exit(0)


def test_without_descriptors_there_is_no_predictor_and_nothing_left() -> None:
    """What was begun before they ran out is given back."""

    async def main() -> None:
        channel = DirectChannel(lambda _: lambda: False, Capture())
        with descriptors_left(0), pytest.raises(OSError, match="Too many open files"):
            await channel.open()

        assert await channel.close(LONG)

    run(main)


CLOSES_ALL = """
import multiprocessing, os
from cog import BasePredictor

class Predictor(BasePredictor):
    def predict(self) -> int:
        worker = multiprocessing.get_context("fork").Process(target=work)
        worker.start()
        worker.join()
        return worker.exitcode

def work():
    os.closerange(3, 256)
    reads, writes = os.pipe()
    for number in range(writes + 1, 256):
        os.dup2(reads, number)
    pid = os.fork()
    if pid == 0:
        os._exit(0 if [os.read(reads, 1), os.read(reads, 1)] == [b"x", b"y"] else 1)
    os.write(writes, b"x")  # who is to be signalled is, before there is more
    os.write(writes, b"y")
    os._exit(os.waitpid(pid, 0)[1])
"""


def test_a_worker_that_closes_everything_has_its_numbers_for_itself(tmp_path: Path) -> None:
    """What it opens then is its own: its forks read from it, whatever had that number before."""

    async def main() -> None:
        async with serving(tmp_path, CLOSES_ALL) as service:
            assert await submit(service).result() == 0

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
