"""A generator that goes on by itself keeps all in order, is held back, and sees how it ends."""

from __future__ import annotations

import asyncio
import itertools
import random
from functools import partial
from pathlib import Path
from typing import Any, Final

import pytest

from cogfal.engine.deliveries import AHEAD
from cogfal.engine.prediction import MOST_BEHIND, Log, Output, Prediction, Started, Status
from cogfal.guest.call import MOST
from cogfal.guest.encoding import Encoded
from cogfal.settings import EngineSettings
from tests.engine.stage import (
    LONG,
    Door,
    Plain,
    ended,
    events_of,
    run,
    serving,
    submit,
    until,
    value_of,
)

QUICK = {
    "sync": """
from typing import Iterator
from cog import BasePredictor

class Predictor(BasePredictor):
    def predict(self) -> Iterator[int]:
        with open("made", "ab", buffering=0) as made:
            for number in range(1000):
                made.write(b".")
                print(number)
                yield number
""",
    "async": """
from cog import AsyncIterator, BasePredictor

class Predictor(BasePredictor):
    async def predict(self) -> AsyncIterator[int]:
        with open("made", "ab", buffering=0) as made:
            for number in range(1000):
                made.write(b".")
                print(number)
                yield number
""",
}
LAST: Final = 99
"""Of each hundred: the piece that has to be delivered, as a text or a number has not."""
MIXED = {
    name: source.replace("yield number", f"yield [number] if number % 100 == {LAST} else number")
    for name, source in QUICK.items()
}
BOTH = pytest.mark.parametrize("source", QUICK.values(), ids=QUICK)


@BOTH
@pytest.mark.parametrize("isolate", [False, True], ids=["here", "isolated"])
def test_prints_and_pieces_keep_their_order(tmp_path: Path, source: str, isolate: bool) -> None:
    """What is printed before a piece comes before it, and the rest behind, however quick it is."""

    async def main() -> None:
        settings = EngineSettings(isolate=isolate, history=4000)
        async with serving(tmp_path, source, settings) as service:
            events = await events_of(await ended(submit(service)))

            told = [event for event in events if isinstance(event, Log | Output)]
            expected = [(Log("stdout", f"{n}\n"), Output(n, n)) for n in range(1000)]
            assert told == [*itertools.chain.from_iterable(expected)]

    run(main)


@pytest.mark.parametrize("source", MIXED.values(), ids=MIXED)
def test_a_quick_generator_is_held_back(tmp_path: Path, source: str) -> None:
    """However slow the delivery is, only so many pieces are made before it."""
    leads: list[int] = []
    predictions: list[Prediction] = []

    class Slow:
        async def deliver(self, value: Encoded, workspace: object, release: Any) -> int:
            if release is not None:
                release()
            for _ in range(10):
                await asyncio.sleep(0.002)
                leads.append((tmp_path / "made").stat().st_size - len(predictions[0].output))
            (number,) = value_of(value)
            return int(number)

    async def main() -> None:
        async with serving(tmp_path, source, EngineSettings(history=4000)) as service:
            predictions.append(submit(service, Slow()))
            assert (await ended(predictions[0])).output == list(range(1000))

    run(main)
    # One that is delivered has as many behind it as may be under way, and as are made meanwhile.
    assert 0 < max(leads) <= AHEAD + MOST + 1


def test_a_file_that_is_named_by_a_text_is_read_in_time(tmp_path: Path) -> None:
    """Where texts name files, the next is not written before the last was read."""
    source = """
    from pathlib import Path
    from typing import Iterator
    from cog import BasePredictor
    from cog import Path as CogPath

    class Predictor(BasePredictor):
        def predict(self) -> Iterator[CogPath]:
            for number in range(200):
                Path("out.txt").write_text(str(number))
                yield "out.txt"
    """

    class Reading:
        async def deliver(self, value: Encoded, workspace: object, release: Any) -> str:
            return (tmp_path / str(value.files[0].path)).read_text()

    async def main() -> None:
        async with serving(tmp_path, source) as service:
            assert await submit(service, Reading()).result() == [str(n) for n in range(200)]

    run(main)


ENDLESS = {
    "sync": """
import itertools
from typing import Iterator
from cog import BasePredictor, CancelationException

class Predictor(BasePredictor):
    def predict(self) -> Iterator[str]:
        try:
            for number in itertools.count():
                yield str(number)
        except CancelationException:
            print("cancelled")
            raise
        finally:
            print("cleaned up")
""",
    "async": """
import asyncio, itertools
from cog import AsyncIterator, BasePredictor

class Predictor(BasePredictor):
    async def predict(self) -> AsyncIterator[str]:
        try:
            for number in itertools.count():
                yield str(number)
        except asyncio.CancelledError:
            print("cancelled")
            raise
        finally:
            print("cleaned up")
""",
}


def _has_yielded(prediction: Prediction, least: int) -> bool:
    return len(prediction.output or ()) >= least


@pytest.mark.parametrize("isolate", [False, True], ids=["here", "isolated"])
@pytest.mark.parametrize("source", ENDLESS.values(), ids=ENDLESS)
def test_a_quick_generator_sees_its_cancellation(
    tmp_path: Path, source: str, isolate: bool
) -> None:
    """Wherever the cancellation lands, between two pieces too, the generator sees it once."""
    chance = random.Random(7)

    async def main() -> None:
        settings = EngineSettings(isolate=isolate)
        async with serving(tmp_path, source, settings) as service:
            for _ in range(60):
                prediction = submit(service, Plain())
                least = chance.randrange(1, 400)
                await until(partial(_has_yielded, prediction, least))
                prediction.cancel()
                await ended(prediction)

                assert prediction.status is Status.CANCELED
                assert prediction.logs == "cancelled\ncleaned up\n"

    run(main)


@pytest.mark.parametrize("isolate", [False, True], ids=["here", "isolated"])
@pytest.mark.parametrize("source", ENDLESS.values(), ids=ENDLESS)
def test_a_quick_generator_is_closed_where_a_piece_cannot_be_delivered(
    tmp_path: Path, source: str, isolate: bool
) -> None:
    """A delivery that fails ends a generator that is ahead of it; nobody cancelled that."""

    class Failing:
        def __init__(self) -> None:
            self.left = 7
            self.last = 0

        async def deliver(self, value: Encoded, workspace: object, release: Any) -> str:
            self.left -= 1
            (self.last,) = value_of(value)
            if not self.left:
                raise ValueError("no more")
            return str(self.last)

    async def main() -> None:
        settings = EngineSettings(isolate=isolate)
        mixed = source.replace(
            "yield str(number)", "yield str(number) if number % 40 else [number]"
        )
        async with serving(tmp_path, mixed, settings) as service:
            for _ in range(5):
                failing = Failing()
                prediction = await ended(submit(service, failing))

                assert prediction.status is Status.FAILED
                assert "cleaned up" in prediction.logs
                assert "cancelled" not in prediction.logs
                assert prediction.output == [*map(str, range(failing.last))]

    run(main)


MANY = """
from typing import Iterator
from cog import BasePredictor

class Predictor(BasePredictor):
    def predict(self) -> Iterator[int]:
        yield from range(20_000)
"""


def test_a_slow_caller_holds_a_quick_generator_back(tmp_path: Path) -> None:
    """It is never more than so many events behind, and loses none."""
    lags: list[int] = []
    seen: list[Any] = []

    async def main() -> None:
        async with serving(tmp_path, MANY) as service:
            prediction = submit(service)
            watch = prediction.events(holds=True)
            while not watch.ended:
                await until(partial(_is_far_ahead, prediction, len(seen)))
                taken = watch.take(20_000)
                lags.append(len(taken))
                seen.extend(event.chunk for event in taken if isinstance(event, Output))

    run(main)
    assert seen == list(range(20_000))
    assert MOST_BEHIND <= max(lags) <= MOST_BEHIND + MOST + 2


def _is_far_ahead(prediction: Prediction, seen: int) -> bool:
    return prediction.status.terminal or len(prediction.output or ()) - seen >= MOST_BEHIND


def test_whoever_streams_hears_of_the_beginning_first(tmp_path: Path) -> None:
    """Nothing is done for a prediction before its caller has taken the event of its beginning."""
    door = Door()

    async def main() -> tuple[bool, list[Any]]:
        async with serving(tmp_path, MANY, materialiser=door) as service:
            watch = submit(service).events(holds=True)
            await watch.wait()
            begun, heard = door.reached.is_set(), watch.take()
            await asyncio.wait_for(door.reached.wait(), LONG)
            watch.close()
            return begun, heard

    assert run(main) == (False, [Started()])


@pytest.mark.parametrize(
    ("cancels", "status"),
    [(True, Status.CANCELED), (False, Status.SUCCEEDED)],
    ids=["cancels", "forgets"],
)
def test_a_caller_that_leaves_holds_nothing(tmp_path: Path, cancels: bool, status: Status) -> None:
    """A generator that is held back ends when it is cancelled, or goes on when nobody is there."""

    async def main() -> None:
        async with serving(tmp_path, MANY) as service:
            prediction = submit(service)
            watch = prediction.events(holds=True)
            await until(partial(_is_far_ahead, prediction, 0))
            if cancels:
                prediction.cancel()
            watch.close()
            await ended(prediction)

            assert prediction.status is status

    run(main)
