"""Cancel a prediction in every phase of its way, more than once, and too late."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path

import pytest

from cogfal.engine.prediction import Completed, Prediction, Status, Submission
from cogfal.engine.service import Service
from cogfal.errors import PredictionCancelled
from cogfal.settings import EngineSettings
from tests.engine.stage import (
    Door,
    Plain,
    cancelled_while_running,
    ended,
    events_of,
    run,
    serving,
    submit,
    until,
    workspaces,
)
from tests.guest.test_interruption import ON_LINUX
from tests.modes import MODES

SYNC = """
import time
from typing import Iterator
from cog import BasePredictor, CancelationException

class Predictor(BasePredictor):
    def predict(self, how: str = "run") -> Iterator[list]:
        print("running")
        try:
            if how == "run":
                while True:
                    time.sleep(0.0005)
            while True:
                yield ["piece"]
        except CancelationException:
            print("cancelled")
            if how == "break":
                raise ValueError("broken while cleaning up")
            if how == "swallow":
                yield ["one more"]
            else:
                raise
        finally:
            print("cleaned up")
"""
ASYNC = """
import asyncio
from cog import AsyncIterator, BasePredictor

class Predictor(BasePredictor):
    async def predict(self, how: str = "run") -> AsyncIterator[list]:
        print("running")
        try:
            if how == "run":
                await asyncio.Event().wait()
            while True:
                yield ["piece"]
        except asyncio.CancelledError:
            print("cancelled")
            if how == "break":
                raise ValueError("broken while cleaning up")
            if how == "swallow":
                yield ["one more"]
            else:
                raise
        finally:
            print("cleaned up")
"""
BOTH = pytest.mark.parametrize("source", [SYNC, ASYNC], ids=["sync", "async"])
OWN_MODES = [mode for mode in MODES if mode != "shared"]


async def well(service: Service) -> None:
    """Check that nothing is left of earlier predictions."""
    assert not workspaces(service)
    health = await service.health()
    assert health.status.value == "READY"


@BOTH
def test_while_running(tmp_path: Path, mode: str, source: str) -> None:
    """The author's code sees the cancellation, and its cleanup runs before the end."""

    async def main() -> None:
        async with serving(tmp_path, source) as service:
            prediction = await cancelled_while_running(service)

            assert prediction.status is Status.CANCELED
            assert prediction.logs == "running\ncancelled\ncleaned up\n"
            with pytest.raises(PredictionCancelled):
                await prediction.result()
            await well(service)

    run(main)


@BOTH
def test_while_delivering_a_piece(tmp_path: Path, mode: str, source: str) -> None:
    """A generator that rests sees the cancellation at its yield."""

    async def main() -> None:
        async with serving(tmp_path, source) as service:
            door = Door()
            prediction = submit(service, door, how="yield")
            await door.reached.wait()

            prediction.cancel()
            await ended(prediction)

            assert prediction.status is Status.CANCELED
            assert prediction.logs == "running\ncancelled\ncleaned up\n"
            assert prediction.output == []
            await well(service)

    run(main)


@BOTH
def test_while_waiting(tmp_path: Path, source: str) -> None:
    """A prediction in the line leaves it without having run, and the line goes on."""

    async def main() -> None:
        async with serving(tmp_path, source) as service:
            first, second, third = (submit(service) for _ in range(3))
            await until(lambda: "running" in first.logs)

            second.cancel()
            await ended(second)
            first.cancel()
            await until(lambda: "running" in third.logs)
            third.cancel()
            await ended(third)

            assert second.started_at is None
            assert second.logs == ""
            assert await events_of(second) == [Completed()]
            await well(service)

    run(main)


@BOTH
def test_while_materialising(tmp_path: Path, source: str) -> None:
    """A download is abandoned and predict never called."""

    async def main() -> None:
        door = Door()
        async with serving(tmp_path, source, materialiser=door) as service:
            prediction = submit(service)
            await door.reached.wait()

            prediction.cancel()
            await ended(prediction)

            assert prediction.status is Status.CANCELED
            assert prediction.logs == ""
            await well(service)

    run(main)


@BOTH
def test_before_it_begins(tmp_path: Path, mode: str, source: str) -> None:
    """Cancelling at once after submitting works too."""

    async def main() -> None:
        async with serving(tmp_path, source) as service:
            prediction = submit(service)

            prediction.cancel()
            prediction.cancel()
            await ended(prediction)

            assert prediction.status is Status.CANCELED
            await well(service)

    run(main)


@BOTH
def test_after_the_end(tmp_path: Path, mode: str, source: str) -> None:
    """A cancellation that comes too late changes nothing."""

    async def main() -> None:
        async with serving(tmp_path, source) as service:
            prediction = submit(service)
            await until(lambda: "running" in prediction.logs)
            prediction.cancel()
            prediction.cancel()
            await ended(prediction)
            logs = prediction.logs

            prediction.cancel()

            assert prediction.logs == logs
            await well(service)

    run(main)


@pytest.mark.parametrize(
    ("how", "told"),
    [
        ("swallow", ["caught the cancellation and went on", "cleaned up"]),
        ("break", ["broken while cleaning up"]),
    ],
    ids=["goes on", "fails"],
)
@BOTH
def test_cleanup_that_goes_wrong(
    tmp_path: Path, mode: str, source: str, how: str, told: list[str]
) -> None:
    """What goes on is closed, what is raised is logged; it ends as cancelled all the same."""

    async def main() -> None:
        async with serving(tmp_path, source) as service:
            door = Door()
            prediction = submit(service, door, how=how)
            await door.reached.wait()

            prediction.cancel()
            await ended(prediction)

            assert prediction.status is Status.CANCELED
            assert all(each in prediction.logs for each in told)
            await well(service)

    run(main)


def test_swallowed_by_a_function(tmp_path: Path, mode: str) -> None:
    """A function that returns a result though cancelled is reported; its result is not used."""
    source = """
    import time
    from cog import BasePredictor

    class Predictor(BasePredictor):
        def predict(self) -> str:
            try:
                print("running")
                while True:
                    time.sleep(0.0005)
            except BaseException:
                return "kept on"
    """

    async def main() -> None:
        async with serving(tmp_path, source) as service:
            prediction = await cancelled_while_running(service)

            assert (prediction.status, prediction.output) == (Status.CANCELED, None)
            assert "caught the cancellation and went on" in prediction.logs

    run(main)


def test_coroutine_of_a_sync_looking_predictor(tmp_path: Path, mode: str) -> None:
    """A coroutine that a plain function returns sees asyncio's own cancellation."""
    source = """
    import asyncio
    from cog import BasePredictor

    class Predictor(BasePredictor):
        def predict(self) -> str:
            return self.wait()

        async def wait(self):
            print("running")
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                print("cancelled")
                raise
    """

    async def main() -> None:
        async with serving(tmp_path, source) as service:
            prediction = await cancelled_while_running(service)

            assert prediction.status is Status.CANCELED
            assert prediction.logs == "running\ncancelled\n"

    run(main)


def test_the_real_cogs_exception(tmp_path: Path) -> None:
    """A predictor that holds the real package's exception class is interrupted by that class."""
    source = """
    import time
    from cog import BasePredictor
    from coglet import CancelationException

    class Predictor(BasePredictor):
        def predict(self) -> str:
            print("running")
            try:
                while True:
                    time.sleep(0.0005)
            except CancelationException:
                print("caught")
                raise
    """

    async def main() -> None:
        async with serving(tmp_path, source) as service:
            prediction = await cancelled_while_running(service)

            assert (prediction.status, prediction.logs) == (Status.CANCELED, "running\ncaught\n")

    run(main)


BUSY = {
    "sync": """
import time
from typing import Iterator
from cog import BasePredictor

class Predictor(BasePredictor):
    def predict(self, number: int) -> Iterator[str]:
        for step in range(8):
            print(number)
            time.sleep(0.0001)
            yield str(number)
""",
    "async": """
import asyncio
from cog import AsyncIterator, BasePredictor, concurrent

class Predictor(BasePredictor):
    @concurrent(max=4)
    async def predict(self, number: int) -> AsyncIterator[str]:
        for step in range(8):
            print(number)
            await asyncio.sleep(0.0001)
            yield str(number)
""",
}


@pytest.mark.parametrize("source", BUSY.values(), ids=BUSY)
def test_many_at_random_moments(tmp_path: Path, mode: str, source: str) -> None:
    """Many cancellations leave threads, descriptors, files and slots alone."""
    chance = random.Random(4)
    many = 1000 if mode == "shared" else 200

    async def cancel(prediction: Prediction) -> None:
        await asyncio.sleep(chance.random() * 0.006)
        prediction.cancel()
        await ended(prediction)

    async def one(service: Service, number: int) -> Prediction:
        prediction = service.submit(Submission({"number": number}, Plain))
        await cancel(prediction)
        return prediction

    async def main() -> None:
        settings = EngineSettings(queue_limit=10)
        async with serving(tmp_path, source, settings) as service:
            for batch in range(0, many, 5):
                numbers = range(batch, batch + 5)
                predictions = await asyncio.gather(*(one(service, n) for n in numbers))

                for number, prediction in zip(numbers, predictions, strict=True):
                    events = await events_of(prediction)
                    assert events.count(Completed()) == 1
                    assert events[-1] == Completed()
                    assert set(prediction.output or []) <= {str(number)}
                    assert set(prediction.logs.split()) <= {str(number)}
                await well(service)

    run(main)


SLEEPING = """
import time, threading
from cog import BasePredictor

class Predictor(BasePredictor):
    def predict(self, how: str) -> str:
        print("running")
        if how == "sleep":
            time.sleep(600)
        elif how == "wait":
            threading.Event().wait(600)
        else:
            import subprocess
            subprocess.run(["sleep", "600"])
        return "done"
"""


@pytest.mark.parametrize("how", ["sleep", "wait", "child"])
@pytest.mark.parametrize("mode", OWN_MODES, indirect=True)
def test_what_sleeps_or_waits_ends_at_once(tmp_path: Path, mode: str, how: str) -> None:
    """On the main thread a cancellation ends a system call, too."""

    async def main() -> None:
        async with serving(tmp_path, SLEEPING) as service:
            prediction = await cancelled_while_running(service, how=how)

            assert prediction.status is Status.CANCELED
            await well(service)

    run(main)


CALLING = """
import ctypes
from cog import BasePredictor

class Predictor(BasePredictor):
    async def predict(self) -> str:
        print("running", flush=True)
        print("the system call returned", ctypes.CDLL(None).poll(None, 0, 500))
        return "done"
"""


@pytest.mark.parametrize("mode", OWN_MODES, indirect=True)
def test_no_signal_comes_to_coroutines(tmp_path: Path, mode: str) -> None:
    """It would end the system call of another one, and is of no use."""

    async def main() -> None:
        async with serving(tmp_path, CALLING) as service:
            prediction = await cancelled_while_running(service)

            assert prediction.logs == "running\nthe system call returned 0\n"

    run(main)


KEEPING = """
import os, sys
from cog import BasePredictor

class Predictor(BasePredictor):
    def predict(self) -> str:
        interval = sys.getswitchinterval()
        sys.setswitchinterval(600)
        try:
            os.write(1, b"running\\n")
            while True:
                pass
        finally:
            sys.setswitchinterval(interval)
"""
FORKING = """
import os, time
from cog import BasePredictor, CancelationException

class Predictor(BasePredictor):
    def predict(self) -> str:
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(writing)
            os.read(reading, 1)
            os._exit(0)
        print("running")
        try:
            time.sleep(600)
        except CancelationException:
            os.close(writing)
            print("the child ended with", os.waitpid(child, 0)[1])
            raise
"""


@ON_LINUX
@pytest.mark.parametrize("mode", OWN_MODES, indirect=True)
def test_what_keeps_the_interpreter_to_itself_is_interrupted(tmp_path: Path, mode: str) -> None:
    """The signal comes from the system: no other thread of the process has to run for it."""

    async def main() -> None:
        async with serving(tmp_path, KEEPING) as service:
            for _ in range(3):
                prediction = await cancelled_while_running(service)

                assert prediction.status is Status.CANCELED

    run(main)


@pytest.mark.parametrize("mode", OWN_MODES, indirect=True)
def test_a_fork_hears_nothing_of_a_cancellation(tmp_path: Path, mode: str) -> None:
    """The signal is the author's process's alone."""

    async def main() -> None:
        async with serving(tmp_path, FORKING) as service:
            prediction = await cancelled_while_running(service)

            assert prediction.logs == "running\nthe child ended with 0\n"

    run(main)
