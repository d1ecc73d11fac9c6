"""Kill the author's process at any moment: nothing of it is left, and nothing of ours is lost."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from cogfal.engine.guest_python import GuestPython
from cogfal.engine.lifecycle import HealthStatus
from cogfal.engine.prediction import Prediction, Status
from cogfal.engine.service import Service
from cogfal.settings import EngineSettings
from tests.engine.stage import LONG, Door, ended, run, serving, submit, until, workspaces
from tests.interpreters import INTERPRETERS, NEWEST, OLDEST

SOURCE: Final = """
import multiprocessing, os, subprocess, sys, time
from typing import Iterator
from cog import BasePredictor, Path

SLEEP = [sys.executable, "-S", "-c", "import time; time.sleep(600)"]

class Predictor(BasePredictor):
    def setup(self):
        self.worker = subprocess.Popen(SLEEP)

    def healthcheck(self):
        time.sleep(0.001)
        return True

    def predict(self, workers: str, pieces: int) -> Iterator[list]:
        print("running", workers)
        if workers in ("fork", "spawn"):
            multiprocessing.get_context(workers).Process(target=time.sleep, args=(600,)).start()
        elif workers == "detached":
            subprocess.Popen(SLEEP, start_new_session=True)
        elif workers == "orphaned":
            os.system("(setsid sleep 600 &) >/dev/null 2>&1")
        for number in range(pieces):
            yield [str(number)]
            time.sleep(0.001)
"""
WORKERS: Final = ("none", "fork", "spawn", "detached", "orphaned")
MOMENTS: Final = (
    *("at once", "downloading", "running", "yielding", "uploading", "later"),
    *("cancelled", "checking", "twice", "unwatched"),
)
MARK: Final = "COGFAL_TEST_OF_KILLS"


def marked(token: str) -> Iterator[int]:
    """Find the processes that have inherited a variable."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                environ = (entry / "environ").read_bytes()
                alive = (entry / "stat").read_text().rpartition(")")[2].split()[0] not in "XZ"
            except OSError:
                continue
            if alive and f"{MARK}={token}".encode() in environ:
                yield int(entry.name)


def guest_of(service: Service) -> int | None:
    """Return the author's process: the one child of the keeper that was there first."""
    channel = service._lifecycle.guest._channel
    process = getattr(channel, "_process", None)
    if process is None:
        return None
    try:
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    except OSError:
        return None
    return min(map(int, children), default=None)


def kill(service: Service, token: str, *, keeper: bool = False) -> set[int]:
    """Kill the author's process, if there is one, or its keeper; return what lived there."""
    pid = guest_of(service)
    if pid is None:
        return set()
    alive = {*marked(token)}
    os.kill(service._lifecycle.guest._channel._process.pid if keeper else pid, signal.SIGKILL)  # type: ignore[union-attr]  # it has one
    return alive


async def one(
    service: Service, moment: str, entrance: Door, chance: random.Random, token: str
) -> set[int]:
    """Make predictions, and kill what makes them at a moment; return what has to be gone."""
    exit_ = Door()
    if moment == "downloading":
        entrance.reached.clear()
        entrance.opened.clear()
    predictions = [
        submit(
            service,
            exit_ if moment == "uploading" else None,
            workers=chance.choice(WORKERS),
            pieces=chance.randrange(1, 40),
        )
        for _ in range(2)
    ]
    await reach(moment, predictions[0], entrance, exit_)
    if moment == "later":
        await asyncio.sleep(chance.random() * 0.05)
    checked = asyncio.ensure_future(service.health()) if moment == "checking" else None
    alive = kill(service, token, keeper=moment == "unwatched")
    if moment == "twice":  # while it is being brought up again
        await until(lambda: service._lifecycle.reviving)
        await until(lambda: guest_of(service) is not None)
        kill(service, token)
    for door in (entrance, exit_):
        door.opened.set()
    for prediction in predictions:
        await whole(prediction, cancelled=moment == "cancelled" and prediction is predictions[0])
    if checked is not None:
        await checked
    # What is submitted before the death is seen belongs to the process that died.
    await until(lambda: guest_of(service) not in {None, *alive})
    return alive


async def reach(moment: str, first: Prediction, entrance: Door, exit_: Door) -> None:
    """Wait until a prediction is where its process is to be killed."""
    if moment == "downloading":
        await entrance.reached.wait()
    elif moment == "uploading":
        await until(lambda: exit_.reached.is_set() or first.status.terminal)
    elif moment == "yielding":
        await until(lambda: first.output or first.status.terminal)
    elif moment in ("running", "cancelled", "twice", "unwatched"):
        await until(lambda: first.logs or first.status.terminal)
    if moment == "cancelled":
        first.cancel()


async def whole(prediction: Prediction, *, cancelled: bool) -> None:
    """Check that a prediction has an answer, or says what became of the process."""
    await ended(prediction)
    if prediction.status is Status.FAILED:
        assert prediction.error is not None
        assert "predictor's process was killed" in prediction.error
    else:
        assert prediction.status in (Status.SUCCEEDED, *([Status.CANCELED] if cancelled else []))


@pytest.mark.parametrize(
    ("python", "kills"),
    [
        pytest.param(OLDEST, len(MOMENTS), id="oldest"),
        pytest.param(NEWEST, len(MOMENTS), id="newest"),
        *(
            pytest.param(
                path, 500 if path in (OLDEST, NEWEST) else 50, id=name, marks=pytest.mark.long
            )
            for name, path in INTERPRETERS.items()
        ),
    ],
)
@pytest.mark.timeout(3600)
def test_nothing_is_lost_or_left(tmp_path: Path, python: Path, kills: int) -> None:
    """No slot, file, descriptor, answer or process, whatever its workers do to live on."""
    chance, token = random.Random(kills), uuid.uuid4().hex
    interpreter = GuestPython(str(python), {**os.environ, MARK: token})
    settings = EngineSettings(history=64)

    async def main() -> None:
        entrance = Door()
        entrance.opened.set()
        options = {"interpreter": lambda: interpreter, "materialiser": entrance}
        async with serving(tmp_path, SOURCE, settings, **options) as service:
            for number in range(kills):
                moment = MOMENTS[number % len(MOMENTS)]
                gone = await one(service, moment, entrance, chance, token)
                assert await submit(service, workers="none", pieces=2).result() == [["0"], ["1"]]
                assert service.slots.taken == service.slots.waiting == 0
                assert (await service.health()).status is HealthStatus.READY
                assert not workspaces(service)
                assert gone.isdisjoint(marked(token))
                assert guest_of(service) in {*marked(token)}

    run(main)
    assert not [*marked(token)]


def test_a_server_that_is_killed_leaves_nothing(tmp_path: Path) -> None:
    """The keeper sees it, and ends all that the author's code had started."""
    token = uuid.uuid4().hex
    (tmp_path / "predict.py").write_text(SOURCE)
    program = f"""
import asyncio, os, sys
from pathlib import Path
from cogfal.engine.guest_python import GuestPython
from cogfal.engine.service import Service
from cogfal.reading import read_predictor
from tests.engine.stage import Passing, submit

async def main():
    root = Path({str(tmp_path)!r})
    interpreter = GuestPython({str(OLDEST)!r}, dict(os.environ))
    spec = read_predictor("predict.py", root)
    service = Service(spec, root, Passing(), interpreter=lambda: interpreter)
    await service.setup()
    for workers in {WORKERS!r}:
        await submit(service, workers=workers, pieces=1).result()
    print("ready", flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""

    async def main() -> None:
        server = await asyncio.create_subprocess_exec(
            sys.executable,
            "-c",
            program,
            env={**os.environ, MARK: token, "PYTHONPATH": str(Path(__file__).parents[2])},
            stdout=asyncio.subprocess.PIPE,
        )
        assert server.stdout is not None
        lines = [b""]
        while lines[-1] != b"ready\n":
            lines.append(await asyncio.wait_for(server.stdout.readline(), 3 * LONG))
            assert lines[-1], lines
        assert len([*marked(token)]) > 4
        server.kill()
        await server.wait()
        await until(lambda: not [*marked(token)])

    asyncio.run(main())
