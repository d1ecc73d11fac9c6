"""Drive a service through random histories and compare it with a simple model of it."""

from __future__ import annotations

import asyncio
import itertools
import tempfile
from collections.abc import Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from cogfal.engine.lifecycle import HealthStatus
from cogfal.engine.prediction import (
    Completed,
    Log,
    Metric,
    Output,
    Prediction,
    Started,
    Status,
    Submission,
)
from cogfal.engine.service import Service
from cogfal.errors import Busy, NotReady, UnknownPrediction
from cogfal.settings import EngineSettings
from tests import waiting
from tests.engine import scripted
from tests.engine.stage import (
    LONG,
    Passing,
    Plain,
    at_once,
    events_of,
    held,
    project,
    until,
    workspaces,
)

QUEUE = 2
NAMES = (f"p{number}" for number in itertools.count())


@dataclass
class Expected:
    """What the model knows of a prediction."""

    name: str
    prediction: Prediction
    outputs: list[str] = field(default_factory=list)
    printed: list[str] = field(default_factory=list)
    recorded: list[int] = field(default_factory=list)


class ServiceMachine(RuleBasedStateMachine):
    """Setup, submit, yield, print, finish, fail, cancel, watch, health, shutdown in any order."""

    source = scripted.SYNC
    slots = 1
    isolate = False

    def __init__(self) -> None:
        super().__init__()
        self.before = held()
        self.loop = asyncio.new_event_loop()
        self.directory = tempfile.TemporaryDirectory()
        self.root = Path(self.directory.name)
        self.running: list[Expected] = []
        self.waiting: list[Expected] = []
        self.down = False

    def do(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Let the loop run until some work is done."""
        return self.loop.run_until_complete(asyncio.wait_for(work, LONG))

    @initialize()
    def set_up(self) -> None:
        """Set the predictor up; before that nothing is accepted."""
        spec = project(self.root, self.source)
        options = EngineSettings(
            max_concurrency=self.slots,
            queue_limit=QUEUE,
            history=100_000,
        )
        self.service = Service(spec, self.root, Passing(), settings=options)
        with pytest.raises(NotReady):
            self.service.submit(Submission({"name": "early"}, Plain))
        assert self.do(self.service.health()).status is HealthStatus.STARTING
        self.do(self.service.setup())

    @rule(wait=st.booleans())
    def submit(self, wait: bool) -> None:
        """Submit; it runs, waits, or is refused."""
        name = next(NAMES)
        request = Submission({"name": name}, Plain, id=name, wait=wait)
        free = len(self.running) < self.slots
        if self.down:
            with pytest.raises(NotReady):
                self.do(self._submit(request))
        elif not free and (not wait or len(self.waiting) >= QUEUE):
            with pytest.raises(Busy):
                self.do(self._submit(request))
        else:
            expected = Expected(name, self.do(self._submit(request)))
            (self.running if free else self.waiting).append(expected)

    async def _submit(self, request: Submission) -> Prediction:
        return self.service.submit(request)

    @precondition(lambda self: self.running)
    @rule(data=st.data(), number=st.integers(0, 9))
    def hand_over(self, data: st.DataObject, number: int) -> None:
        """A running prediction yields."""
        one = self._one_running(data)
        text = f"{one.name}:{number}"
        scripted.steps[one.name].append(("yield", text))
        one.outputs.append(text)
        self.do(until(lambda: len(one.prediction.output or []) == len(one.outputs)))

    @precondition(lambda self: self.running)
    @rule(data=st.data(), count=st.integers(1, 200))
    def hand_over_quickly(self, data: st.DataObject, count: int) -> None:
        """A running prediction yields many pieces at once, and prints each."""
        one = self._one_running(data)
        pieces = [f"{one.name}:{number}" for number in range(count)]
        scripted.steps[one.name].append(("burst", pieces))
        one.outputs += pieces
        one.printed += pieces
        self.do(until(lambda: len(one.prediction.output or []) == len(one.outputs)))

    @precondition(lambda self: self.running)
    @rule(data=st.data(), count=st.integers(1, 200))
    def cancel_amid_pieces(self, data: st.DataObject, count: int) -> None:
        """Somebody cancels while pieces are on their way; those that came are the first ones."""
        one = self._one_running(data)
        pieces = [f"{one.name}:{number}" for number in range(count)]
        before = len(one.outputs)
        scripted.steps[one.name].append(("burst", pieces))
        self.do(until(lambda: len(one.prediction.output or []) > before))
        one.prediction.cancel()
        self.do(one.prediction.wait())
        one.outputs += pieces[: len(one.prediction.output) - before]
        printed = one.prediction.logs.split("Traceback")[0].splitlines()
        assert len(one.outputs) - before <= len(printed) - len(one.printed)
        one.printed += pieces[: len(printed) - len(one.printed)]
        self._expect_end(one, Status.CANCELED)

    @precondition(lambda self: self.running)
    @rule(data=st.data(), number=st.integers(0, 9))
    def print_something(self, data: st.DataObject, number: int) -> None:
        """A running prediction prints."""
        one = self._one_running(data)
        text = f"{one.name}:{number}"
        scripted.steps[one.name].append(("print", text))
        one.printed.append(text)
        self.do(until(lambda: one.prediction.logs.count("\n") == len(one.printed)))

    @precondition(lambda self: self.running)
    @rule(data=st.data(), number=st.integers(0, 9))
    def record(self, data: st.DataObject, number: int) -> None:
        """A running prediction records a metric."""
        one = self._one_running(data)
        scripted.steps[one.name].append(("record", number))
        one.recorded.append(number)
        self.do(until(lambda: len(one.prediction.metrics.get("seen", [])) == len(one.recorded)))

    @precondition(lambda self: self.running)
    @rule(data=st.data())
    def finish(self, data: st.DataObject) -> None:
        """A running prediction ends well."""
        one = self._one_running(data)
        scripted.steps[one.name].append(("finish", None))
        self._expect_end(one, Status.SUCCEEDED)

    @precondition(lambda self: self.running)
    @rule(data=st.data())
    def fail(self, data: st.DataObject) -> None:
        """A running prediction raises."""
        one = self._one_running(data)
        scripted.steps[one.name].append(("fail", f"{one.name} failed"))
        self._expect_end(one, Status.FAILED)
        assert one.prediction.error == f"{one.name} failed"

    @precondition(lambda self: self.running or self.waiting)
    @rule(data=st.data(), twice=st.booleans())
    def cancel(self, data: st.DataObject, twice: bool) -> None:
        """Somebody cancels, once or twice."""
        one = data.draw(st.sampled_from(self.running + self.waiting))
        one.prediction.cancel()
        if twice:
            one.prediction.cancel()
        self._expect_end(one, Status.CANCELED)

    @precondition(lambda self: self.running or self.waiting)
    @rule(data=st.data())
    def watch_for_a_while(self, data: st.DataObject) -> None:
        """A watcher comes and leaves again, which changes nothing."""
        one = data.draw(st.sampled_from(self.running + self.waiting))
        self.do(self._glance(one.prediction))

    async def _glance(self, prediction: Prediction) -> None:
        events = prediction.events()
        step = asyncio.ensure_future(anext(events))
        await asyncio.sleep(0)
        step.cancel()
        await asyncio.wait({step})

    @rule()
    def ask_for_health(self) -> None:
        """The health tells of a free slot, of none, or of the end."""
        busy = HealthStatus.BUSY if len(self.running) == self.slots else HealthStatus.READY
        expected = HealthStatus.DEFUNCT if self.down else busy
        assert self.do(self.service.health()).status is expected

    @rule(data=st.data())
    def shut_down(self, data: st.DataObject) -> None:
        """The service shuts down; whatever runs is cancelled."""
        if not data.draw(st.integers(0, 7)):
            self._shut_down()

    def _shut_down(self) -> None:
        left = self.running + self.waiting
        self.do(self.service.shutdown(at_once()))
        self.down = True
        self.running, self.waiting = [], []
        for one in left:
            self._check_end(one, Status.CANCELED)

    @invariant()
    def the_service_agrees_with_the_model(self) -> None:
        """Slots, directories and ids are those of the predictions that have not ended."""
        self.do(until(self._agrees))
        for one in self.running + self.waiting:
            assert self.service.find(one.name, "fal") is one.prediction
            assert not one.prediction.status.terminal

    def _agrees(self) -> bool:
        statistics = self.service.slots
        return (
            statistics.taken == len(self.running)
            and statistics.waiting == len(self.waiting)
            and len(workspaces(self.service)) == len(self.running)
            and all(one.prediction.status is Status.PROCESSING for one in self.running)
        )

    def _one_running(self, data: st.DataObject) -> Expected:
        return data.draw(st.sampled_from(self.running))

    def _expect_end(self, one: Expected, status: Status) -> None:
        self.do(one.prediction.wait())
        if one in self.running:
            self.running.remove(one)
            if self.waiting:
                self.running.append(self.waiting.pop(0))
        else:
            self.waiting.remove(one)
        self._check_end(one, status)

    def _check_end(self, one: Expected, status: Status) -> None:
        prediction = one.prediction
        events = self.do(events_of(prediction))
        assert prediction.status is status
        assert events.count(Completed()) == 1
        assert events[-1] == Completed()
        assert Started() not in events[1:]
        outputs = [(event.number, event.chunk) for event in events if isinstance(event, Output)]
        assert outputs == list(enumerate(one.outputs))
        logs = "".join(event.data for event in events if isinstance(event, Log))
        assert logs.split("Traceback")[0].splitlines() == one.printed
        assert [event.value for event in events if isinstance(event, Metric)] == one.recorded
        with pytest.raises(UnknownPrediction):
            self.service.find(one.name, "fal")

    def teardown(self) -> None:
        """Shut down, and look for anything left."""
        if not self.down and hasattr(self, "service"):
            self._shut_down()
        self.loop.run_until_complete(self.loop.shutdown_asyncgens())
        assert not asyncio.all_tasks(self.loop)
        self.loop.close()
        self.directory.cleanup()
        assert waiting.until(lambda: held() <= self.before)  # threads end after what they tell


class AsyncMachine(ServiceMachine):
    """The same with several slots."""

    source = scripted.ASYNC
    slots = 3


@pytest.mark.parametrize("histories", [30, pytest.param(150, marks=pytest.mark.long)])
@pytest.mark.parametrize("machine", [ServiceMachine, AsyncMachine], ids=["sync", "async"])
def test_any_history(machine: type[ServiceMachine], histories: int) -> None:
    """Whatever happens in whatever order, the service does as its model says."""
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=histories,
            stateful_step_count=30,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
