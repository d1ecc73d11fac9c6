"""Wait for the slot of a cancelled prediction, and for no other."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from pathlib import Path

import pytest

from cogfal.engine import service as engine
from cogfal.engine.prediction import Submission
from cogfal.engine.service import Service
from cogfal.errors import Busy
from tests.engine.stage import Plain, ended, run, serving, submit, until

CLEANING = """
import asyncio
from pathlib import Path
from cog import BasePredictor

class Predictor(BasePredictor):
    async def predict(self, go: str = "") -> str:
        try:
            print("running")
            await asyncio.Event().wait()
        finally:
            while go and not Path(go).exists():
                await asyncio.sleep(0.001)
"""


@pytest.fixture
def go(tmp_path: Path) -> Path:
    """The file for which the predictor waits before it obeys."""
    return tmp_path / "go"


@pytest.fixture
def patience(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Set for how many seconds a request waits."""
    return lambda seconds: monkeypatch.setattr(engine, "LEAVING_SECONDS", seconds)


def release(go: Path) -> None:
    """Let the cancelled prediction end."""
    go.touch()


async def leaving(service: Service, go: Path) -> None:
    """Start a prediction and cancel it; it stays until it may go."""
    prediction = submit(service, go=str(go))
    await until(lambda: prediction.logs)
    prediction.cancel()


def test_room_is_made(tmp_path: Path, go: Path, patience: Callable[[float], None]) -> None:
    """A request that may not wait for a slot gets the one that a cancelled prediction leaves."""
    patience(math.inf)

    async def main() -> None:
        async with serving(tmp_path, CLEANING) as service:
            await leaving(service, go)
            wait_for_leaving = asyncio.ensure_future(service.wait_for_leaving())
            await asyncio.sleep(0)
            assert not wait_for_leaving.done()

            release(go)
            await wait_for_leaving

            service.submit(Submission({}, Plain, wait=False)).cancel()

    run(main)


def test_a_prediction_that_does_not_obey(
    tmp_path: Path, go: Path, patience: Callable[[float], None]
) -> None:
    """The wait has an end, after which every slot is taken as before."""
    patience(0)

    async def main() -> None:
        async with serving(tmp_path, CLEANING) as service:
            await leaving(service, go)

            await service.wait_for_leaving()

            with pytest.raises(Busy, match="all 1 slots are taken"):
                service.submit(Submission({}, Plain, wait=False))
            release(go)

    run(main)


def test_those_in_line_come_first(
    tmp_path: Path, go: Path, patience: Callable[[float], None]
) -> None:
    """Whoever waits in line gets the slot."""
    patience(math.inf)

    async def main() -> None:
        async with serving(tmp_path, CLEANING) as service:
            await leaving(service, go)
            waiting = submit(service)
            wait_for_leaving = asyncio.ensure_future(service.wait_for_leaving())
            release(go)
            await wait_for_leaving

            with pytest.raises(Busy):
                service.submit(Submission({}, Plain, wait=False))
            await until(lambda: waiting.logs)
            waiting.cancel()
            await ended(waiting)

    run(main)


@pytest.mark.parametrize("predictions", [0, 1], ids=["free", "taken"])
def test_nobody_waits_for_what_was_not_cancelled(tmp_path: Path, predictions: int) -> None:
    """With a free slot, or none that will be free soon, there is nothing to wait for."""

    async def main() -> None:
        async with serving(tmp_path, CLEANING) as service:
            running = [submit(service) for _ in range(predictions)]
            done = asyncio.ensure_future(service.wait_for_leaving())
            await asyncio.sleep(0)

            assert done.done()
            for prediction in running:
                prediction.cancel()
                await ended(prediction)

    run(main)
