"""What predictions leave behind is removed without anybody waiting, but the next one."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from cogfal.engine.prediction import Status
from cogfal.engine.service import EngineSettings
from cogfal.files.workspace import Workspace
from tests.engine.stage import LONG, ended, rooms, run, serving, submit

SOURCE = """
from pathlib import Path

class Predictor:
    def predict(self, name: str = "") -> bool:
        return Path(name).exists()
"""
ASYNC = SOURCE.replace("def predict", "async def predict")


class Ending:
    """A materialiser whose workspaces end with what it was given."""

    def __init__(self, end: Callable[[], object]) -> None:
        self._end = end

    async def materialise(self, values: Mapping[str, Any], workspace: Workspace) -> dict[str, Any]:
        """Let a workspace be used."""
        workspace.directory.joinpath("input").touch()
        workspace.ends_with(self._end)
        return dict(values)


class Gate:
    """An end that takes until it is let through."""

    def __init__(self) -> None:
        self.reached = threading.Semaphore(0)
        self._open = threading.Event()

    def __call__(self) -> None:
        """Wait."""
        self.reached.release()
        self._open.wait(LONG)

    def open(self) -> None:
        """Let all through."""
        self._open.set()


def settings(root: Path, **options: Any) -> EngineSettings:
    """Make workspaces where they can be counted."""
    return EngineSettings(workspace_parent=rooms(root), **options)


def left(root: Path) -> int:
    """Count the workspaces."""
    return len(list(rooms(root).iterdir()))


async def some_turns() -> None:
    """Let everything go on that waits for nothing but the loop."""
    for _ in range(100):
        await asyncio.sleep(0)


@pytest.mark.parametrize("source", [SOURCE, ASYNC], ids=["sync", "async"])
def test_the_end_is_seen_before_the_workspace_is_gone(tmp_path: Path, source: str) -> None:
    """Its slot is free by then, and the next prediction waits until it is."""
    gate = Gate()

    async def main() -> None:
        async with serving(
            tmp_path, source, settings(tmp_path), materialiser=Ending(gate)
        ) as service:
            await ended(submit(service))
            await asyncio.to_thread(gate.reached.acquire)
            assert left(tmp_path) == 1
            assert service.slots.taken == 0

            following = submit(service)
            await some_turns()
            assert following.status is Status.STARTING
            assert left(tmp_path) == 1

            gate.open()
            await ended(following)
            await service.cleared()
            assert left(tmp_path) == 0

    run(main)


def test_the_next_prediction_may_write_the_same_file(tmp_path: Path) -> None:
    """What the one before has delivered is removed before its author's code is called again."""
    path = tmp_path / "out.png"
    gate = Gate()

    def remove() -> None:
        gate()
        path.unlink(missing_ok=True)

    async def main() -> list[Any]:
        async with serving(
            tmp_path, SOURCE, settings(tmp_path), materialiser=Ending(remove)
        ) as service:
            path.touch()
            first = await ended(submit(service, name=str(path)))
            await asyncio.to_thread(gate.reached.acquire)
            second = submit(service, name=str(path))
            await some_turns()
            gate.open()
            await ended(second)
            return [first.output, second.output]

    assert run(main) == [True, False]


def test_one_that_waits_for_the_removal_can_be_cancelled(tmp_path: Path) -> None:
    """It ends at once, and the one behind it takes its place."""
    gate = Gate()

    async def main() -> None:
        async with serving(
            tmp_path, SOURCE, settings(tmp_path), materialiser=Ending(gate)
        ) as service:
            await ended(submit(service))
            await asyncio.to_thread(gate.reached.acquire)
            waiting = submit(service)
            await some_turns()
            waiting.cancel()
            await ended(waiting)
            assert waiting.status is Status.CANCELED
            assert service.slots.taken == 0

            last = submit(service)
            gate.open()
            assert (await ended(last)).status is Status.SUCCEEDED

    run(main)


def test_no_more_workspaces_than_slots(tmp_path: Path) -> None:
    """However slow the disk is, it is not filled."""
    gate = Gate()

    async def main() -> None:
        async with serving(
            tmp_path, ASYNC, settings(tmp_path, max_concurrency=2), materialiser=Ending(gate)
        ) as service:
            first = [submit(service) for _ in range(2)]
            for each in first:
                await ended(each)
                await asyncio.to_thread(gate.reached.acquire)
            following = [submit(service) for _ in range(4)]
            await some_turns()
            assert service.slots.taken == 2
            assert left(tmp_path) == 2

            gate.open()
            for each in following:
                assert (await ended(each)).status is Status.SUCCEEDED
            await service.cleared()
            assert left(tmp_path) == 0

    run(main)


def test_a_removal_that_fails_fails_no_prediction(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """The answer was right; the log says what stays, and the next prediction works."""

    def fail() -> None:
        raise OSError("the disk is gone")

    async def main() -> None:
        async with serving(
            tmp_path, SOURCE, settings(tmp_path), materialiser=Ending(fail)
        ) as service:
            for _ in range(2):
                assert (await ended(submit(service))).status is Status.SUCCEEDED
            await service.cleared()
            assert left(tmp_path) == 0

    run(main)
    assert capfd.readouterr().err.count("OSError: the disk is gone") == 2


def test_shutting_down_waits_for_the_removal(tmp_path: Path) -> None:
    """When the service is down, nothing is left."""
    gate = Gate()

    async def main() -> None:
        async with serving(
            tmp_path, SOURCE, settings(tmp_path), materialiser=Ending(gate)
        ) as service:
            await ended(submit(service))
            await asyncio.to_thread(gate.reached.acquire)
            down = asyncio.ensure_future(service.shutdown(0))
            with suppress(asyncio.TimeoutError):
                await asyncio.wait_for(asyncio.shield(down), 0)
            assert left(tmp_path) == 1
            gate.open()
            await down
            assert left(tmp_path) == 0

    run(main)
