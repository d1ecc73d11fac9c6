"""Deliveries that go on while the author's code makes the next piece."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cogfal.engine.deliveries import AHEAD, Deliveries
from cogfal.engine.prediction import Prediction, Status
from cogfal.engine.service import Service
from cogfal.errors import OutputError
from cogfal.files.workspace import Workspace
from cogfal.guest.encoding import Encoded
from cogfal.settings import EngineSettings
from tests.engine.stage import LONG, ended, run, serving, submit, until, value_of, workspaces


class Store:
    """A deliverer that puts every piece aside, and delivers it when it is told to."""

    def __init__(self, *, releasing: bool = True) -> None:
        self.under_way: dict[int, asyncio.Future[None]] = {}
        self.begun: list[int] = []
        self.stopped: list[int] = []
        self._releasing = releasing

    async def deliver(
        self, value: Encoded, workspace: Workspace, release: Callable[[], None] | None
    ) -> int:
        """Deliver a list of one number as that number."""
        number: int = value_of(value)[0]
        self.begun.append(number)
        self.under_way[number] = asyncio.get_running_loop().create_future()
        if release is not None and self._releasing:
            release()
        try:
            await self.under_way[number]
        except asyncio.CancelledError:
            self.stopped.append(number)
            raise
        finally:
            del self.under_way[number]
        return number

    def succeed(self, number: int) -> None:
        """End a delivery well."""
        self.under_way[number].set_result(None)

    def fail(self, number: int) -> None:
        """End a delivery badly."""
        self.under_way[number].set_exception(OutputError(f"{number} was not delivered"))


SOURCES = {
    "sync": """
from typing import Iterator
from cog import BasePredictor

class Predictor(BasePredictor):
    def predict(self, count: int, fails: bool = False) -> Iterator[list]:
        piece = []
        try:
            for number in range(count):
                piece[:] = [number]
                print("made", number)
                yield piece
            if fails:
                raise ValueError("predict failed")
        finally:
            print("cleaned up")
""",
    "async": """
from cog import AsyncIterator, BasePredictor

class Predictor(BasePredictor):
    async def predict(self, count: int, fails: bool = False) -> AsyncIterator[list]:
        piece = []
        try:
            for number in range(count):
                piece[:] = [number]
                print("made", number)
                yield piece
            if fails:
                raise ValueError("predict failed")
        finally:
            print("cleaned up")
""",
}
EVERYWHERE = pytest.mark.parametrize(
    ("source", "isolate"),
    [(SOURCES["sync"], False), (SOURCES["async"], False), (SOURCES["sync"], True)],
    ids=["sync", "async", "isolated"],
)


@asynccontextmanager
async def streaming(
    root: Path, source: str, isolate: bool, *, releasing: bool = True
) -> AsyncIterator[tuple[Service, Store]]:
    """Serve it, with or without isolation; what it makes goes into a store."""
    settings = EngineSettings(isolate=isolate)
    async with serving(root, source, settings) as service:
        yield service, Store(releasing=releasing)


def made(prediction: Prediction) -> int:
    """Count the pieces that the author's code has made."""
    return prediction.logs.count("made")


@EVERYWHERE
def test_the_author_goes_on_while_pieces_are_delivered(
    tmp_path: Path, source: str, isolate: bool
) -> None:
    """By a few pieces, and no more; they are told in order, whichever is delivered first."""

    async def main() -> None:
        async with streaming(tmp_path, source, isolate) as (service, store):
            prediction = submit(service, store, count=AHEAD + 3)
            await until(lambda: len(store.under_way) == AHEAD + 1)

            store.succeed(2)
            store.succeed(1)
            await until(lambda: len(store.under_way) == AHEAD - 1)
            assert prediction.output == []
            assert made(prediction) == AHEAD + 1
            store.succeed(0)
            await until(lambda: len(store.begun) == AHEAD + 3)
            assert prediction.output == [0, 1, 2]
            for number in range(AHEAD + 2, 2, -1):
                store.succeed(number)
            await ended(prediction)

            assert prediction.status is Status.SUCCEEDED
            assert prediction.output == list(range(AHEAD + 3))

    run(main)


@EVERYWHERE
def test_without_release_the_author_waits(tmp_path: Path, source: str, isolate: bool) -> None:
    """A piece that is not put aside is delivered before the next is made."""

    async def main() -> None:
        async with streaming(tmp_path, source, isolate, releasing=False) as (service, store):
            prediction = submit(service, store, count=5)
            for number in range(5):
                await until(lambda number=number: number in store.under_way)  # type: ignore[misc]
                assert (made(prediction), prediction.output) == (number + 1, list(range(number)))
                store.succeed(number)

            assert (await ended(prediction)).output == list(range(5))

    run(main)


@EVERYWHERE
def test_a_delivery_that_fails_ends_the_prediction(
    tmp_path: Path, source: str, isolate: bool
) -> None:
    """With its error and what came before it; the generator is closed and the others stop."""

    async def main() -> None:
        async with streaming(tmp_path, source, isolate) as (service, store):
            prediction = submit(service, store, count=100)
            await until(lambda: len(store.under_way) == AHEAD + 1)
            store.fail(1)
            store.succeed(0)
            await ended(prediction)

            assert prediction.status is Status.FAILED
            assert prediction.error == "1 was not delivered"
            assert prediction.output == [0]
            assert prediction.logs.endswith("cleaned up\n")
            assert sorted(store.stopped) == store.begun[2:]
            assert not workspaces(service)

    run(main)


@EVERYWHERE
def test_predict_fails_after_its_pieces_are_delivered(
    tmp_path: Path, source: str, isolate: bool
) -> None:
    """What was yielded before an exception is delivered, and its own failure comes first."""

    async def main() -> None:
        async with streaming(tmp_path, source, isolate) as (service, store):
            prediction = submit(service, store, count=3, fails=True)
            await until(lambda: "cleaned up" in prediction.logs)
            for number in (2, 1, 0):
                assert not prediction.status.terminal
                store.succeed(number)
            await ended(prediction)
            second = submit(service, store, count=1, fails=True)
            await until(lambda: "cleaned up" in second.logs)
            store.fail(0)
            await ended(second)

            assert (prediction.error, prediction.output) == ("predict failed", [0, 1, 2])
            assert (second.error, second.output) == ("0 was not delivered", [])

    run(main)


@EVERYWHERE
def test_a_cancellation_stops_every_delivery(tmp_path: Path, source: str, isolate: bool) -> None:
    """What was told stays told; nothing else is, and nothing is left."""

    async def main() -> None:
        async with streaming(tmp_path, source, isolate) as (service, store):
            prediction = submit(service, store, count=100)
            await until(lambda: len(store.under_way) == AHEAD + 1)
            store.succeed(0)
            store.succeed(2)
            await until(lambda: len(store.under_way) == AHEAD)
            prediction.cancel()
            await ended(prediction)

            assert prediction.status is Status.CANCELED
            assert prediction.output == [0]
            assert prediction.logs.endswith("cleaned up\n")
            assert not store.under_way
            assert not workspaces(service)

    run(main)


@settings(max_examples=150, deadline=None)
@given(
    count=st.integers(0, 9),
    failing=st.sampled_from([None, *range(9)]),
    ranks=st.permutations(range(9)),
    turns=st.lists(st.integers(0, 6), min_size=9, max_size=9),
    releasing=st.booleans(),
    plain=st.sets(st.integers(0, 8)),
)
def test_any_order(
    *,
    count: int,
    failing: int | None,
    ranks: list[int],
    turns: list[int],
    releasing: bool,
    plain: set[int],
) -> None:
    """Whatever ends when, pieces are told in order up to the first failure, which is raised."""

    async def author(deliveries: Deliveries) -> None:
        for number in range(count):
            if number in plain:
                await deliveries.pass_on([number])
            else:
                await deliveries.begin(Encoded((b"[%d]" % number,)))
        await deliveries.finish()

    async def main() -> None:
        told: list[Any] = []
        store, ends = Store(releasing=releasing), [*turns]
        with Workspace() as workspace:
            deliveries = Deliveries(lambda: store, workspace, told.append)
            work = asyncio.ensure_future(author(deliveries))
            await asyncio.sleep(0)
            while not work.done():
                for _ in range(ends.pop() if ends else 6):
                    await asyncio.sleep(0)
                pending = [n for n, end in store.under_way.items() if not end.done()]
                assert len(pending) <= AHEAD + 1
                if pending:
                    number = min(pending, key=ranks.__getitem__)
                    (store.fail if number == failing else store.succeed)(number)
                await asyncio.sleep(0)
            await deliveries.drop()

            fails = failing is not None and failing < count and failing not in plain
            assert told == list(range(failing if fails and failing is not None else count))
            assert (work.exception() is not None) == fails
            assert not store.under_way

    asyncio.run(asyncio.wait_for(main(), LONG))
