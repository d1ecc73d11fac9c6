"""What was a prediction's alone is removed before anybody can see its end."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from cogfal.engine.prediction import Status
from cogfal.files.workspace import Workspace
from tests.engine.stage import LONG, ended, run, serving, submit, workspaces

SOURCE = """
class Predictor:
    def predict(self) -> bool:
        return True
"""
BOTH = pytest.mark.parametrize(
    "source", [SOURCE, SOURCE.replace("def predict", "async def predict")], ids=["sync", "async"]
)


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
        self.reached = threading.Event()
        self._open = threading.Event()

    def __call__(self) -> None:
        """Wait."""
        self.reached.set()
        self._open.wait(LONG)

    def open(self) -> None:
        """Let all through."""
        self._open.set()


@BOTH
@pytest.mark.parametrize("cancelled", [False, True], ids=["whole", "cancelled"])
def test_nothing_is_left_when_the_end_is_seen(tmp_path: Path, source: str, cancelled: bool) -> None:
    """Until all is removed the prediction goes on, though it was cancelled, and has its slot."""
    gate = Gate()

    async def main() -> None:
        async with serving(tmp_path, source, materialiser=Ending(gate)) as service:
            prediction = submit(service)
            await asyncio.to_thread(gate.reached.wait)
            if cancelled:
                prediction.cancel()
            assert (prediction.status, service.slots.taken) == (Status.PROCESSING, 1)
            assert len(workspaces(service)) == 1

            gate.open()
            await ended(prediction)

            assert prediction.status is (Status.CANCELED if cancelled else Status.SUCCEEDED)
            assert not workspaces(service)

    run(main)


@pytest.mark.parametrize("kind", [OSError, ValueError], ids=["disk", "author"])
def test_a_removal_that_fails_fails_no_prediction(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], kind: type[Exception]
) -> None:
    """The answer was right; the log says what stays, and the next prediction works."""

    def fail() -> None:
        raise kind("it does not close")

    async def main() -> None:
        async with serving(tmp_path, SOURCE, materialiser=Ending(fail)) as service:
            for _ in range(2):
                assert (await ended(submit(service))).status is Status.SUCCEEDED
            assert not workspaces(service)

    run(main)
    assert capfd.readouterr().err.count(f"{kind.__name__}: it does not close") == 2
