"""A predictor in a process of its own behaves the same, and can be killed."""

from __future__ import annotations

import asyncio
import fcntl
import os
import subprocess
import sys
import tracemalloc
from array import array
from pathlib import Path
from termios import FIONREAD
from typing import Any

import pytest

from cogfal.engine.guest_python import GuestPython
from cogfal.engine.lifecycle import HealthStatus
from cogfal.engine.prediction import Completed, Output, Status, Submission
from cogfal.engine.process import ProcessChannel
from cogfal.engine.service import Service
from cogfal.errors import SetupError
from cogfal.files.workspace import Workspace
from cogfal.guest.capture import Capture
from cogfal.settings import EngineSettings
from tests import waiting
from tests.engine.stage import (
    Passing,
    Plain,
    at_once,
    cancelled_while_running,
    descriptors_left,
    ended,
    events_of,
    gathered,
    project,
    run,
    serving,
    submit,
    until,
    workspaces,
)

SOURCE = """
import collections, ctypes, itertools, os, signal, sys, time
from dataclasses import dataclass
from enum import Enum
from typing import Any, Iterator
from cog import BaseModel, BasePredictor, Path, current_scope

class Colour(Enum):
    RED = "red"

class Out(BaseModel):
    file: Path
    colour: Any

@dataclass
class Plain:
    number: int

class Predictor(BasePredictor):
    def setup(self):
        print("setting up")
        self.calls = 0

    def predict(self, how: str) -> Any:
        self.calls += 1
        print(how)
        match how:
            case "calls":
                return self.calls
            case "exit":
                os._exit(7)
            case "kill":
                os.kill(os.getpid(), signal.SIGKILL)
            case "segfault":
                ctypes.string_at(0)
            case "stuck":
                try:
                    os.write(1, b"stuck\\n")
                finally:  # the interpreter is not left to anybody from here on
                    collections.deque(itertools.repeat(None), maxlen=0)
            case "swallow":
                self.swallow()
            case "model":
                return Out(file=Path("x.png"), colour=Colour.RED)
            case "dataclass":
                return [Plain(3)]
            case "lambda":
                return lambda: 1
            case "raise":
                raise ValueError("bad")
            case "pieces":
                return self.pieces()
            case "child":
                os.system("echo from a child")
                current_scope().record_metric("a.b", 3)
                return current_scope().context["who"]

    def swallow(self):
        while True:
            try:
                time.sleep(0.0005)
            except BaseException:
                print("never mind")

    def pieces(self) -> Iterator[int]:
        try:
            yield 1
            yield 2
        finally:
            print("closed")
"""


def isolated(grace: float = 10.0) -> EngineSettings:
    """Return settings with isolation on."""
    return EngineSettings(isolate=True, isolate_grace=grace)


VALUES: dict[str, tuple[Any, str]] = {
    "model": ({"colour": "red"}, "model\n"),
    "dataclass": ([{"number": 3}], "dataclass\n"),
    "pieces": ([1, 2], "pieces\nclosed\n"),
    "calls": (1, "calls\n"),
}


@pytest.mark.parametrize("how", VALUES)
def test_values_come_back(tmp_path: Path, how: str) -> None:
    """Results of the author's own classes arrive as the data they hold, and import nothing."""
    value, logs = VALUES[how]

    async def main() -> None:
        async with serving(tmp_path, SOURCE, isolated()) as service:
            prediction = await ended(submit(service, how=how))

            assert prediction.error is None
            expected = {**value, "file": str(tmp_path / "x.png")} if how == "model" else value
            assert (prediction.output, prediction.logs) == (expected, logs)
            assert (await events_of(prediction))[-1] == Completed()
            files = [getattr(each, "__file__", None) or "" for each in sys.modules.values()]
            assert not [each for each in files if each.startswith(str(tmp_path))]

    run(main)


def test_logs_metrics_and_context(tmp_path: Path) -> None:
    """Prints, child processes, metrics and the request's context find their way."""

    async def main() -> None:
        async with serving(tmp_path, SOURCE, isolated()) as service:
            request = Submission({"how": "child"}, Plain, context={"who": "me"})
            prediction = await ended(service.submit(request))
            report = (await service.health()).setup

            assert prediction.output == "me"
            # The child's pipe may be read before the print's end of line has come.
            said = prediction.logs.replace("\n", "")
            assert said in {"childfrom a child", "from a childchild"}
            assert prediction.logs.count("\n") == 2
            assert prediction.metrics["a"] == {"b": 3}
            assert report is not None
            assert report.logs == "setting up\n"

    run(main)


RESTS = """
import os, time
from cog import BasePredictor

class Predictor(BasePredictor):
    def predict(self, text: str) -> int:
        print("here")
        while not os.path.exists("go"):
            time.sleep(0.001)
        return len(text)
"""


def test_large_inputs_are_the_predictors_alone(tmp_path: Path) -> None:
    """They are written once, piece by piece, and while it runs the server has none of them."""
    size = 20_000_000

    async def main() -> tuple[int, int]:
        async with serving(tmp_path, RESTS, isolated()) as service:
            tracemalloc.start()
            try:
                prediction = submit(service, text="x" * size)
                await until(lambda: prediction.logs)
                held = tracemalloc.get_traced_memory()
            finally:
                tracemalloc.stop()
            (tmp_path / "go").touch()

            assert (await ended(prediction)).output == size
            return held

    now, most = run(main)

    assert now < size / 10
    assert most < 2.5 * size  # the text, and how it is written


FAULTS = {
    "raise": "bad",
    "lambda": "output is a builtins.function, which has no JSON form",
    "exit": "the predictor's process ended with exit code 7",
    "kill": "the predictor's process was killed by SIGKILL",
    "segfault": "the predictor's process was killed by SIGSEGV",
}


def test_what_fails_fails_one_prediction(tmp_path: Path) -> None:
    """Whatever happens to the process, that prediction fails clearly and the next one works."""

    async def main() -> None:
        async with serving(tmp_path, SOURCE, isolated()) as service:
            for how, message in FAULTS.items():
                failed = submit(service, how=how)
                following = submit(service, how="calls")
                await gathered(failed.wait(), following.wait())

                assert failed.status is Status.FAILED
                assert failed.error is not None
                assert failed.error.startswith(message)
                assert following.status is Status.SUCCEEDED
                assert (await service.health()).status is HealthStatus.READY
                assert not workspaces(service)

    run(main)


@pytest.mark.parametrize("how", ["stuck", "swallow"])
def test_cancellation_that_is_not_obeyed_kills(tmp_path: Path, how: str) -> None:
    """After the grace period the process is killed, and set up again for the next prediction."""

    async def main() -> None:
        async with serving(tmp_path, SOURCE, isolated(grace=0.1)) as service:
            prediction = await cancelled_while_running(service, how=how)

            assert prediction.status is Status.CANCELED
            assert await submit(service, how="calls").result() == 1
            assert (await service.health()).status is HealthStatus.READY

    run(main)


def test_cancellation_that_is_obeyed_does_not_kill(tmp_path: Path) -> None:
    """A predictor that obeys keeps its process, and what setup made."""
    source = """
    import time
    from typing import Iterator
    from cog import BasePredictor, CancelationException

    class Predictor(BasePredictor):
        def setup(self):
            self.calls = 0

        def predict(self, how: str) -> Iterator[int]:
            self.calls += 1
            try:
                yield self.calls
                while how == "wait":
                    time.sleep(0.0005)
            except CancelationException:
                print("cancelled")
                raise
    """

    async def main() -> None:
        async with serving(tmp_path, source, isolated()) as service:
            prediction = submit(service, how="wait")
            await until(lambda: prediction.output)

            prediction.cancel()
            await ended(prediction)

            assert (prediction.status, prediction.logs) == (Status.CANCELED, "cancelled\n")
            assert await submit(service, how="go").result() == [2]

    run(main)


def test_inputs_travel(tmp_path: Path) -> None:
    """Paths, secrets and open files reach the isolated predictor."""
    source = """
    from typing import Any
    from cog import BasePredictor, File, Path, Secret

    class Predictor(BasePredictor):
        def predict(self, path: Path, secret: Secret, file: File) -> Any:
            return [path.read_text(), secret.get_secret_value(), file.read().decode()]
    """
    (tmp_path / "input.txt").write_text("content")

    class Opening:
        async def materialise(self, values: Any, workspace: Workspace) -> dict[str, Any]:
            file = str(tmp_path / "input.txt")
            return {"path": file, "secret": "s", "file": file}

    async def main() -> None:
        settings = isolated()
        async with serving(tmp_path, source, settings, materialiser=Opening()) as service:
            assert await submit(service).result() == ["content", "s", "content"]

    run(main)


def test_several_at_once(tmp_path: Path) -> None:
    """Async predictions run side by side in the process, their prints apart."""
    source = """
    import asyncio
    from cog import AsyncIterator, BasePredictor, concurrent

    class Predictor(BasePredictor):
        async def setup(self):
            self.met = 0

        @concurrent(max=3)
        async def predict(self, number: int) -> AsyncIterator[int]:
            self.met += 1
            while self.met < 3:
                await asyncio.sleep(0.001)
            for step in range(5):
                print(number)
                yield number
    """

    async def main() -> None:
        async with serving(tmp_path, source, isolated()) as service:
            predictions = [submit(service, number=number) for number in range(3)]
            await gathered(*(prediction.wait() for prediction in predictions))

            for number, prediction in enumerate(predictions):
                assert prediction.logs.split() == [str(number)] * 5
                outputs = [e for e in await events_of(prediction) if isinstance(e, Output)]
                assert outputs == [Output(number, index) for index in range(5)]

    run(main)


def test_what_a_process_said_before_its_end_counts(tmp_path: Path) -> None:
    """Its last answer, and how it ended, though meanwhile it was given orders it cannot hear."""
    source = """
    import os, threading, time
    from cog import BasePredictor

    def wait(name):
        while not os.path.exists(name):
            time.sleep(0.001)

    class Predictor(BasePredictor):
        def predict(self) -> str:
            print("running")
            wait("go")
            threading.Thread(target=self.end).start()
            return "x" * 50_000

        def end(self):
            wait("end")
            os._exit(7)
    """

    async def main() -> None:
        async with serving(tmp_path, source, isolated()) as service:
            channel = service._lifecycle.guest._channel
            assert isinstance(channel, ProcessChannel)
            prediction = submit(service)
            await until(lambda: prediction.logs)
            (tmp_path / "go").touch()
            # Without the loop, which would read it.
            assert waiting.until(lambda: unread(channel) > 50_000)
            (tmp_path / "end").touch()
            assert waiting.until(lambda: not lives(channel._process.pid))

            channel.send("cancel", 0)
            channel.kill()
            await ended(prediction)
            await until(lambda: channel.death is not None)

            assert prediction.status is Status.SUCCEEDED
            assert channel.death == "the predictor's process ended with exit code 7"

    run(main)


def unread(channel: ProcessChannel) -> int:
    """Count the bytes that a process has sent and nobody has read."""
    count = array("i", [0])
    fcntl.ioctl(channel._wire._transport.get_extra_info("socket").fileno(), FIONREAD, count)
    return count[0]


def test_setup_that_cannot_be_repeated(tmp_path: Path) -> None:
    """A predictor that does not come back is given up, which the health tells."""
    source = """
    import os
    from pathlib import Path
    from cog import BasePredictor

    class Predictor(BasePredictor):
        def setup(self):
            with open("lives", "x"):
                pass

        def predict(self) -> str:
            os._exit(1)
    """

    async def main() -> None:
        async with serving(tmp_path, source, isolated()) as service:
            failed, waiting = submit(service), submit(service)
            await gathered(failed.wait(), waiting.wait())
            health = await service.health()

            assert failed.status is waiting.status is Status.FAILED
            assert health.status is HealthStatus.DEFUNCT
            assert health.error is not None
            assert "FileExistsError" in health.error

    run(main)


def lives(pid: int) -> bool:
    """Tell whether a process exists and has not ended."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state.rpartition(")")[2].split()[0] not in "XZ"


def test_nothing_is_left_of_the_processes(tmp_path: Path) -> None:
    """The shutdown ends the process and the children that it started."""
    source = """
    import os, subprocess
    from cog import BasePredictor

    class Predictor(BasePredictor):
        def setup(self):
            self.child = subprocess.Popen(["sleep", "600"])

        def predict(self) -> list[int]:
            return [os.getpid(), self.child.pid]
    """

    async def main() -> list[int]:
        async with serving(tmp_path, source, isolated()) as service:
            pids: list[int] = await submit(service).result()
            return pids

    pids = run(main)

    assert waiting.until(lambda: not any(map(lives, pids)))


def test_where_cogfal_is_importable_by_path_only(tmp_path: Path) -> None:
    """The process finds cogfal where the runner has it on sys.path and nowhere else."""
    source = Path(sys.modules[Service.__module__].__file__ or "").parents[2]
    project(tmp_path, "class Predictor:\n    def predict(self) -> str: return 'a'")
    script = f"""
import asyncio, sys
sys.path[:0] = [{str(source)!r}, {str(Path.cwd())!r}]
from pathlib import Path
from cogfal.engine.service import Service
from cogfal.settings import EngineSettings
from cogfal.reading import read_predictor
from tests.engine.stage import Passing, at_once, submit

async def main():
    root = Path({str(tmp_path)!r})
    spec = read_predictor("predict.py", root)
    service = Service(spec, root, Passing(), settings=EngineSettings(isolate=True))
    await service.setup()
    sys.stdout.write(await submit(service).result())
    await service.shutdown(at_once())

asyncio.run(main())
"""
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}

    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd="/",
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert done.stdout == "a", done.stderr


PROGRAMS = {
    "not there": ("/nowhere/python", "ended with exit code 127"),
    "no Python": ("/bin/false", "ended with exit code 1"),
}


@pytest.mark.parametrize(("program", "message"), PROGRAMS.values(), ids=PROGRAMS)
def test_a_python_that_is_none(tmp_path: Path, program: str, message: str) -> None:
    """What cannot be started fails the setup, and nothing is left open."""
    spec = project(tmp_path, SOURCE)

    async def main() -> None:
        interpreter = GuestPython(program, dict(os.environ))
        service = Service(spec, tmp_path, Passing(), interpreter=lambda: interpreter)
        with pytest.raises(SetupError, match=message):
            await service.setup()
        await service.shutdown(at_once())

    run(main)


def test_a_directory_that_is_gone(tmp_path: Path) -> None:
    """A project that is not there fails the setup, and nothing is left open."""
    spec = project(tmp_path, SOURCE)

    async def main() -> None:
        service = Service(spec, tmp_path / "gone", Passing(), settings=EngineSettings(isolate=True))
        with pytest.raises(SetupError, match="cannot be started"):
            await service.setup()
        await service.shutdown(at_once())

    run(main)


def test_too_few_descriptors_for_a_process(tmp_path: Path) -> None:
    """Whichever of its ways cannot be opened, those before it are closed again."""

    async def main() -> None:
        for count in range(10):
            channel = ProcessChannel(
                lambda _: lambda: False,
                lambda _, __: None,
                pytest.fail,
                interpreter=GuestPython(sys.executable, dict(os.environ)),
                root=tmp_path,
                capture=Capture(),
            )
            with descriptors_left(count), pytest.raises(OSError, match="Too many open files"):
                await channel.open()
            assert await channel.close(0)

    run(main)


def test_a_setup_that_is_called_off_at_once(tmp_path: Path) -> None:
    """Wherever the start of the process is interrupted, nothing is left of it."""
    spec = project(tmp_path, SOURCE)

    async def main() -> None:
        for turns in range(12):
            service = Service(spec, tmp_path, Passing(), settings=EngineSettings(isolate=True))
            setup = asyncio.ensure_future(service.setup())
            for _ in range(turns):
                await asyncio.sleep(0)
            setup.cancel()
            await asyncio.wait({setup})
            await service.shutdown(at_once())

    run(main)
