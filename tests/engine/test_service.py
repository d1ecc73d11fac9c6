"""Slots, ids, health, failures of the device, shutdown: what the service answers for."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Iterator
from contextlib import suppress
from contextvars import ContextVar
from pathlib import Path
from typing import Any

import pytest

from cogfal.engine.lifecycle import Grace, HealthStatus
from cogfal.engine.prediction import (
    Completed,
    HistoryGone,
    Output,
    Prediction,
    Started,
    Status,
    Submission,
)
from cogfal.engine.service import Service
from cogfal.errors import (
    AlreadyRunning,
    DeviceError,
    NotReady,
    OutputError,
    SettingError,
)
from cogfal.files.workspace import Workspace
from cogfal.guest.encoding import Encoded
from cogfal.settings import EngineSettings
from tests.engine.stage import (
    LONG,
    Door,
    Passing,
    Plain,
    at_once,
    ended,
    events_of,
    our_threads,
    project,
    run,
    serving,
    submit,
    until,
)

CALLER: ContextVar[str] = ContextVar("CALLER")
WAITING = """
import asyncio
from cog import BasePredictor, concurrent

class Predictor(BasePredictor):
    @concurrent(max=3)
    async def predict(self) -> str:
        print("running")
        await asyncio.Event().wait()
        return "done"
"""
QUICK = """
from cog import BasePredictor

class Predictor(BasePredictor):
    def predict(self) -> str:
        return "done"
"""
LISTING = QUICK.replace("-> str:", "-> list:").replace('"done"', '["done"]')
STUCK = """
import ctypes
from cog import BasePredictor

class Predictor(BasePredictor):
    def predict(self, seconds: int) -> str:
        print("running")
        ctypes.CDLL(None).sleep(seconds)
        return "done"
"""
COUNTS: dict[str, tuple[str | None, int | None, int]] = {
    "decorator": (None, None, 3),
    "setting": (None, 2, 2),
    "environment": ("4", 2, 4),
}


@pytest.mark.parametrize(("variable", "setting", "total"), COUNTS.values(), ids=COUNTS)
def test_number_of_slots(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    variable: str | None,
    setting: int | None,
    total: int,
) -> None:
    """COG_MAX_CONCURRENCY, read by setup, wins over the setting, and that over the decorator."""
    settings = EngineSettings(max_concurrency=setting)
    service = Service(project(tmp_path, WAITING), tmp_path, Passing(), settings=settings)
    if variable is not None:
        monkeypatch.setenv("COG_MAX_CONCURRENCY", variable)

    async def main() -> None:
        await service.setup()
        assert service.slots.total == total
        await service.shutdown(at_once())

    run(main)


def test_a_bad_variable_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable that is no number is an error that names it."""
    monkeypatch.setenv("COG_MAX_CONCURRENCY", "many")

    async def main() -> None:
        with pytest.raises(SettingError, match="COG_MAX_CONCURRENCY is 'many'; give a number"):
            async with serving(tmp_path, WAITING):
                pass

    run(main)


def test_slot_is_free_before_the_end_is_seen(tmp_path: Path) -> None:
    """Whoever sees the end, by whatever way, finds a free slot."""

    async def watch(service: Service, prediction: Prediction) -> None:
        async for event in prediction.events():
            if event == Completed():
                assert service.slots.taken == 0
                service.submit(Submission({}, Plain, wait=False)).cancel()

    async def main() -> None:
        async with serving(tmp_path, QUICK) as service:
            for _ in range(20):
                prediction = service.submit(Submission({}, Plain, wait=False))
                await watch(service, prediction)
                await until(lambda: service.slots.taken == 0)

    run(main)


def test_who_gets_a_slot_at_once_has_begun(tmp_path: Path) -> None:
    """Whoever submits finds the event of the beginning there; who waits for a slot does not."""

    async def main() -> None:
        async with serving(tmp_path, QUICK) as service:
            first, second = submit(service), submit(service)
            watches = [first.events(), second.events()]

            assert [watch.take() for watch in watches] == [[Started()], []]
            assert (first.status, second.status) == (Status.PROCESSING, Status.STARTING)
            await ended(second)
            assert await events_of(second) == [Started(), Output("done", 0), Completed()]

    run(main)


def test_an_id_runs_once(tmp_path: Path) -> None:
    """An id that is running is refused at its door, and free at another, and again later."""

    async def main() -> None:
        async with serving(tmp_path, WAITING) as service:
            first = service.submit(Submission({}, Plain, id="x", api="fal"))
            second = service.submit(Submission({}, Plain, id="x", api="cog"))

            with pytest.raises(AlreadyRunning, match="'x' is already running"):
                service.submit(Submission({}, Plain, id="x", api="fal"))
            first.cancel()
            await ended(first)
            third = service.submit(Submission({}, Plain, id="x", api="fal"))

            assert service.find("x", "fal") is third
            assert service.find("x", "cog") is second

    run(main)


def test_output_that_cannot_be_delivered(tmp_path: Path) -> None:
    """An upload that fails fails the prediction with its reason."""

    class Failing:
        async def deliver(self, value: Any, workspace: Workspace, release: Any) -> Any:
            raise OutputError("out.png does not exist")

    async def main() -> None:
        async with serving(tmp_path, LISTING) as service:
            prediction = await ended(submit(service, Failing()))

            assert (prediction.status, prediction.error) == (
                Status.FAILED,
                "out.png does not exist",
            )
            with pytest.raises(OutputError):
                await prediction.result()

    run(main)


@pytest.mark.parametrize("kind", ["list", "Iterator[list]"])
def test_results_are_delivered_in_the_context_of_their_request(tmp_path: Path, kind: str) -> None:
    """So a store finds what the caller wants of it, whoever had the slot before."""
    source = f"""
    from typing import Iterator
    from cog import BasePredictor

    class Predictor(BasePredictor):
        def predict(self) -> {kind}:
            {"return" if kind == "list" else "yield"} [1]
    """
    found: list[str] = []

    class Asking(Plain):
        def __init__(self) -> None:
            found.append(CALLER.get())

        async def deliver(self, value: Encoded, workspace: Workspace, release: Any) -> Any:
            found.append(CALLER.get())
            return await super().deliver(value, workspace, release)

    async def request(service: Service, caller: str) -> Prediction:
        CALLER.set(caller)
        return service.submit(Submission({}, Asking))

    async def main() -> None:
        async with serving(tmp_path, source) as service:
            both = [await asyncio.create_task(request(service, name)) for name in ("a", "b")]
            for prediction in both:
                await ended(prediction)

    run(main)

    assert found == ["a", "a", "b", "b"]


def test_history_that_is_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A late watcher learns that events are gone; one that came early loses nothing."""
    monkeypatch.setenv("COG_STREAM_HISTORY_CAPACITY", "2")
    source = """
    from typing import Iterator
    from cog import BasePredictor

    class Predictor(BasePredictor):
        def predict(self) -> Iterator[int]:
            yield from range(5)
    """

    async def main() -> None:
        async with serving(tmp_path, source) as service:
            prediction = submit(service)
            early = prediction.events()
            await ended(prediction)

            seen = [event async for event in early]
            assert [event.chunk for event in seen if isinstance(event, Output)] == list(range(5))
            assert await events_of(prediction) == [HistoryGone(5)]
            assert await events_of(prediction, after=5) == [Output(4, 4), Completed()]
            assert await events_of(prediction, after=7) == []

    run(main)


HEALTH = {
    "well": ("def healthcheck(self): return True", None),
    "well, async": ("async def healthcheck(self): return True", None),
    "not well": (
        "def healthcheck(self): return False",
        "Healthcheck failed: user-defined healthcheck returned False",
    ),
    "raises": (
        "def healthcheck(self): raise OSError('no disk')",
        "Healthcheck failed: OSError: no disk",
    ),
    "raises, async": (
        "async def healthcheck(self): raise OSError('no disk')",
        "Healthcheck failed: OSError: no disk",
    ),
    "exits": ("def healthcheck(self): raise SystemExit", "Healthcheck failed: SystemExit: "),
}
CHECKED = """
import time
from cog import BasePredictor

class Predictor(BasePredictor):
    {method}
    def predict(self) -> str:
        print("running")
        while True:
            time.sleep(0.0005)
"""


@pytest.mark.parametrize("isolate", [False, True], ids=["here", "isolated"])
@pytest.mark.parametrize(("method", "reason"), HEALTH.values(), ids=HEALTH)
def test_healthcheck(tmp_path: Path, method: str, reason: str | None, isolate: bool) -> None:
    """The author's healthcheck is asked while a prediction runs, too."""

    async def main() -> None:
        settings = EngineSettings(isolate=isolate)
        async with serving(tmp_path, CHECKED.format(method=method), settings) as service:
            idle = await service.health()
            prediction = submit(service)
            await until(lambda: prediction.logs)
            during = await service.health()

            well = reason is None
            assert idle.status is (HealthStatus.READY if well else HealthStatus.UNHEALTHY)
            assert during.status is (HealthStatus.BUSY if well else HealthStatus.UNHEALTHY)
            assert idle.error == during.error == reason

    run(main)


def test_no_healthcheck_needed(tmp_path: Path) -> None:
    """Without a healthcheck, the slots alone decide."""

    async def main() -> None:
        async with serving(tmp_path, QUICK) as service:
            assert (await service.health()).status is HealthStatus.READY

    run(main)


DEVICE = {
    "torch.cuda.OutOfMemoryError": ("raise OutOfMemoryError('CUDA out of memory')", True, False),
    "torch.AcceleratorError": ("raise AcceleratorError('CUDA error: assert')", True, True),
    "torch's words before 1.13": ("raise RuntimeError('CUDA out of memory. Tried')", True, False),
    "an author's text": ("raise RuntimeError('no CUDA kernel: out of memory')", False, False),
    "an author's class": ("raise Mine('CUDA out of memory')", False, False),
}
TORCH = """
import sys, types
from cog import BasePredictor

sys.modules.setdefault("torch", types.ModuleType("torch"))

class OutOfMemoryError(RuntimeError):
    __module__ = "torch.cuda"

class AcceleratorError(RuntimeError):
    __module__ = "torch"

class Mine(Exception):
    pass

class Predictor(BasePredictor):
    def predict(self) -> str:
        {statement}
        return "done"
"""


@pytest.fixture
def without_torch() -> Iterator[None]:
    """Leave no module of that name that a predictor in this process has made."""
    yield
    sys.modules.pop("torch", None)


@pytest.mark.usefixtures("without_torch")
@pytest.mark.parametrize(("statement", "device", "broken"), DEVICE.values(), ids=DEVICE)
def test_device_errors(tmp_path: Path, statement: str, device: bool, broken: bool) -> None:
    """A device's own exceptions are told from words by their classes."""

    async def main() -> None:
        source = TORCH.format(statement=statement)
        async with serving(tmp_path, source) as service:
            prediction = await ended(submit(service))

            assert isinstance(prediction.exception, DeviceError) is device
            status = (await service.health()).status
            assert status is (HealthStatus.DEFUNCT if broken else HealthStatus.READY)

    run(main)


def test_shutdown_lets_predictions_end(tmp_path: Path) -> None:
    """Within the grace period what runs and what waits goes on to its end; new work is refused."""

    async def main() -> None:
        async with serving(tmp_path, LISTING) as service:
            door = Door()
            running, waiting = submit(service, door), submit(service)
            await door.reached.wait()

            shutdown = asyncio.ensure_future(service.shutdown(Grace(5 * LONG)))
            await asyncio.sleep(0)
            with pytest.raises(NotReady, match="shut down"):
                submit(service)
            door.opened.set()
            await shutdown

            assert running.status is waiting.status is Status.SUCCEEDED

    run(main)


TORN = """
import threading
from pathlib import Path
from cog import BasePredictor

class Predictor(BasePredictor):
    def setup(self):
        self.thread = threading.get_ident()

    def predict(self) -> list:
        return ["done"]

    def teardown(self):
        Path("torn").write_text(str(self.thread == threading.get_ident()))
"""


@pytest.mark.parametrize("isolate", [False, True], ids=["here", "isolated"])
def test_shutdown_runs_teardown(tmp_path: Path, isolate: bool) -> None:
    """The author's teardown runs last, on the predictor's thread."""

    async def main() -> None:
        async with serving(tmp_path, TORN, EngineSettings(isolate=isolate)):
            pass
        assert (tmp_path / "torn").read_text() == "True"

    run(main)


class Unending(Door):
    """A deliverer that no cancellation ends."""

    async def deliver(self, value: Encoded, workspace: Workspace, release: Any) -> Any:
        delivering = asyncio.ensure_future(super().deliver(value, workspace, release))
        while not delivering.done():
            with suppress(asyncio.CancelledError):
                await asyncio.wait({delivering})
        return delivering.result()


def test_shutdown_runs_teardown_though_something_is_uploaded(tmp_path: Path) -> None:
    """The predictor's thread is free then."""

    async def main() -> None:
        async with serving(tmp_path, TORN) as service:
            door = Unending()
            prediction = submit(service, door)
            await door.reached.wait()

            await service.drain(at_once(0.1))
            await service.shutdown(at_once())

            assert not prediction.status.terminal
            assert (tmp_path / "torn").read_text() == "True"
            door.opened.set()
            await ended(prediction)

    run(main)


def test_code_that_cannot_be_interrupted_is_given_up(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """A shutdown does not wait for ever for author's code inside a C call."""

    async def main() -> None:
        async with serving(tmp_path, STUCK) as service:
            prediction = submit(service, seconds=1)
            await until(lambda: prediction.logs)
            await service.drain(at_once(0.1))
            await service.shutdown(at_once())

            assert prediction.status is Status.CANCELED
            assert f"prediction {prediction.id} does not stop" in capfd.readouterr().err
            await until(lambda: not our_threads())

    run(main)


def test_one_line_of_json_for_each_prediction(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """The runner's log says how long each phase took, and the prediction knows it."""

    async def main() -> Prediction:
        async with serving(tmp_path, QUICK) as service:
            return await ended(submit(service))

    prediction = run(main)
    (line,) = [line for line in capfd.readouterr().err.splitlines() if line.startswith("{")]
    assert json.loads(line)["prediction"] == prediction.id
    assert set(json.loads(line)["timings"]) == {"queue", "download", "predict", "upload"}
    assert prediction.timings.keys() == json.loads(line)["timings"].keys()


def test_workspace_outlives_predict_and_nothing_else(tmp_path: Path) -> None:
    """Materialiser and deliverer see one directory, which is gone at the end."""
    seen: list[Path] = []

    class Looking:
        async def materialise(self, values: Any, workspace: Workspace) -> dict[str, Any]:
            seen.append(workspace.directory)
            (workspace.directory / "file").write_text("x")
            return dict(values)

        async def deliver(self, value: Any, workspace: Workspace, release: Any) -> Any:
            seen.append(workspace.directory)
            assert (workspace.directory / "file").exists()
            return value

    async def main() -> None:
        async with serving(tmp_path, LISTING, materialiser=Looking()) as service:
            await ended(submit(service, Looking()))

            assert seen[0] == seen[1]
            assert not seen[0].exists()

    run(main)
