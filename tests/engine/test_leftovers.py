"""What is ended as a leftover of a server that is gone, and above all what is not."""

from __future__ import annotations

import asyncio
import os
import socket
import struct
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from cogfal.engine.leftovers import VARIABLE, OwnerMark, end_orphans
from cogfal.engine.process import ProcessChannel, _Life
from cogfal.server.lifespan import provide_on_runner
from cogfal.spec import ProjectSpec
from tests.engine.stage import descriptors_left, project, serving
from tests.engine.test_isolation import isolated, lives

SERVER = "from cogfal.engine.leftovers import marking; print(*marking().values())"
SOURCE = """
    import os
    from cog import BasePredictor

    class Predictor(BasePredictor):
        def predict(self) -> int:
            return os.getpid()
"""


def server() -> tuple[subprocess.Popen[str], OwnerMark]:
    """Start what calls itself a server; return it, which has ended or is about to, and its mark."""
    process = subprocess.Popen([sys.executable, "-c", SERVER], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    mark = OwnerMark.read(process.stdout.read().strip())
    assert mark is not None
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    return process, mark


@contextmanager
def sleeper(variables: dict[str, str]) -> Iterator[int]:
    """Start a process that has these variables, too."""
    with subprocess.Popen(["sleep", "600"], env={**os.environ, **variables}) as process:
        try:
            yield process.pid
        finally:
            process.kill()


def test_a_server_is_gone_once_it_has_ended() -> None:
    """Also where nobody has asked for its exit status, and where its number is another's."""
    process, mark = server()
    before = mark.orphaned
    process.communicate()

    assert before
    assert mark.orphaned
    assert OwnerMark.of_this_process()._replace(started="1").orphaned


def test_a_server_that_cannot_be_looked_up_is_not_gone() -> None:
    """Nothing can be opened here, it lives, or it is of another machine or another boot of it."""
    living = OwnerMark.of_this_process()
    process, gone = server()
    process.communicate()

    with descriptors_left(0):
        unknown = [living.orphaned, gone.orphaned]

    assert unknown == [False, False]
    assert not living.orphaned
    assert not gone._replace(place=f"0{gone.place}").orphaned
    assert OwnerMark.read(gone._replace(server=10**30).written()) is None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        (VARIABLE, "{0}-{0}-{0}-".format("9" * 5000)),
        ("V" * len(VARIABLE), "{0}-{0}-{0}-".format("9" * 5000)),
        (VARIABLE, "1-2-3"),
        (VARIABLE, ""),
        (f"{VARIABLE}_NOT", "{gone}"),
        (f"NOT_{VARIABLE}", "{gone}"),
    ],
)
def test_variables_that_are_no_mark_end_nobody(name: str, value: str) -> None:
    """Whatever another process has among its own, setups go on and leave it alone."""
    process, gone = server()
    process.communicate()
    variables = {VARIABLE: "", name: value.format(gone=gone.written())}

    with sleeper(variables) as other:
        asyncio.run(end_orphans())

        assert lives(other)


def test_the_loop_goes_on_while_orphans_are_ended() -> None:
    """They are gone afterwards, and something else has run meanwhile."""
    process, gone = server()
    process.communicate()

    async def main() -> bool:
        ending = asyncio.ensure_future(end_orphans())
        await asyncio.sleep(0)
        goes_on = not ending.done()
        await ending
        return goes_on

    with sleeper({VARIABLE: gone.written()}) as orphan:
        assert asyncio.run(main())
        assert not lives(orphan)


def test_the_mark_is_the_apps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is taken away with what else was provided, and what was there before is there again."""
    spec = project(tmp_path, SOURCE)
    monkeypatch.setenv(VARIABLE, "another's")

    provided = provide_on_runner(ProjectSpec(spec, None, str(tmp_path), str(tmp_path)), tmp_path)
    while_it_runs = os.environ[VARIABLE]
    provided.withdraw()

    assert while_it_runs == OwnerMark.of_this_process().written()
    assert os.environ[VARIABLE] == "another's"


def test_the_keeper_has_no_mark(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It ends what others leave, and is not ended itself, whatever the server's variables are."""
    monkeypatch.setenv(VARIABLE, OwnerMark.of_this_process().written())

    async def main() -> None:
        async with serving(tmp_path, SOURCE, isolated()) as service:
            channel = service._lifecycle.guest._channel
            assert isinstance(channel, ProcessChannel)

            assert VARIABLE.encode() not in environ(channel._process.pid)

    asyncio.run(main())


def environ(pid: int) -> bytes:
    """Return the variables that a process was started with."""
    return Path(f"/proc/{pid}/environ").read_bytes()


def test_an_order_to_a_keeper_that_is_gone_is_lost() -> None:
    """A system may refuse to close one side of a connection whose other end is closed."""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        with socket.create_server(("127.0.0.1", 0)) as listener:
            ours = socket.create_connection(listener.getsockname())
            theirs, _ = listener.accept()
        _, life = await loop.create_connection(_Life, sock=ours)
        theirs.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        theirs.close()

        life.order_end()

        life.hang_up()
        await life.told

    asyncio.run(main())
