"""Every flavour of predictor, and what it may do instead of returning."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cogfal.engine.prediction import Output, Status
from cogfal.errors import PredictorFailed
from cogfal.guest.encoding import Encoded
from cogfal.guest.thread import TURN
from tests.engine.stage import ended, events_of, run, serving, submit, value_of

FLAVOURS: dict[str, tuple[str, Any]] = {
    "def": ("def predict(self) -> str:\n        return 'a'", "a"),
    "async def": ("async def predict(self) -> str:\n        return 'a'", "a"),
    "generator": (
        "def predict(self) -> Iterator[str]:\n        yield 'a'\n        yield 'b'",
        ["a", "b"],
    ),
    "async generator": (
        "async def predict(self) -> AsyncIterator[str]:\n        yield 'a'\n        yield 'b'",
        ["a", "b"],
    ),
    "concatenated": (
        "def predict(self) -> ConcatenateIterator[str]:\n        yield 'a'\n        yield 'b'",
        "ab",
    ),
    "concatenated async": (
        "async def predict(self) -> AsyncConcatenateIterator[str]:\n        yield 'ab'",
        "ab",
    ),
    "empty generator": (
        "def predict(self) -> Iterator[str]:\n        yield from ()",
        [],
    ),
    "generator returned": (
        "def predict(self) -> Iterator[str]:\n        return (x for x in 'ab')",
        ["a", "b"],
    ),
    "generator behind a decorator": (
        "@plain\n    def predict(self) -> Iterator[str]:\n        yield 'a'\n        yield 'b'",
        ["a", "b"],
    ),
    "coroutine behind a decorator": (
        "@plain\n    async def predict(self) -> str:\n        return 'a'",
        "a",
    ),
    "async generator behind a decorator": (
        "@plain\n    async def predict(self) -> AsyncIterator[str]:\n        yield 'a'",
        ["a"],
    ),
    "async generator returned": (
        "def predict(self) -> Iterator[str]:\n        return items()",
        ["a", "b"],
    ),
    "async iterator returned": (
        "def predict(self) -> Iterator[str]:\n        return Items()",
        ["a", "b"],
    ),
    "generator out of a coroutine": (
        "async def predict(self) -> AsyncIterator[str]:\n        return (x for x in 'ab')",
        ["a", "b"],
    ),
    "iterator out of a coroutine": (
        "async def predict(self) -> AsyncIterator[str]:\n        return iter('ab')",
        ["a", "b"],
    ),
    "none": ("def predict(self) -> None:\n        return None", None),
}
HEAD = """
import functools
from typing import Iterator
from cog import AsyncConcatenateIterator, AsyncIterator, BasePredictor, ConcatenateIterator

def plain(function):
    @functools.wraps(function)
    def wrapper(*args, **kwargs):
        return function(*args, **kwargs)
    return wrapper

async def items():
    yield "a"
    yield "b"

class Items:
    def __init__(self):
        self.left = ["b", "a"]

    def __aiter__(self):
        return self

    async def __anext__(self):
        if not self.left:
            raise StopAsyncIteration
        return self.left.pop()

class Predictor(BasePredictor):
    {method}
"""


@pytest.mark.parametrize(("method", "output"), FLAVOURS.values(), ids=FLAVOURS)
def test_output_of_every_flavour(tmp_path: Path, mode: str, method: str, output: Any) -> None:
    """Each flavour gives its output, and one event for each piece of it."""

    async def main() -> None:
        async with serving(tmp_path, HEAD.format(method=method)) as service:
            prediction = await ended(submit(service))

            assert prediction.error is None
            assert prediction.output == output
            chunks = [event for event in await events_of(prediction) if isinstance(event, Output)]
            assert [chunk.number for chunk in chunks] == list(range(len(chunks)))

    run(main)


OUTCOMES = {
    "an exception": ("raise ValueError('bad')", "bad"),
    "an exception without text": ("raise ValueError", "ValueError"),
    "sys.exit": ("sys.exit(3)", "the predictor called sys.exit(3)"),
    "SystemExit": ("raise SystemExit('over')", "the predictor called sys.exit('over')"),
    "KeyboardInterrupt": ("raise KeyboardInterrupt", "KeyboardInterrupt"),
    "MemoryError": ("raise MemoryError('no room')", "no room"),
    "StopIteration": ("raise StopIteration('early')", "early"),
    "a cancellation nobody asked for": (
        "raise __import__('cog').CancelationException()",
        "CancelationException",
    ),
    # With every argument given: CPython 3.13 before 3.13.8 bounds no recursion that relies on
    # defaults (python/cpython#132744).
    "a stack overflow": ("self.predict(good)", "maximum recursion depth exceeded"),
    "a missing key": ("{}['x']", "KeyError: 'x'"),
    "an exception whose text fails": ("raise Mute", "Mute (its text cannot be had: KeyError)"),
}
FAILING = """
import sys
from cog import BasePredictor

class Mute(Exception):
    def __str__(self):
        raise KeyError

class Predictor(BasePredictor):
    def predict(self, good: bool = False) -> str:
        if good:
            return "well"
        {statement}
"""


@pytest.fixture
def ordinary_stack() -> Iterator[None]:
    """Bound the stack as Python does by default; test tools may have raised the bound."""
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(1000)
    yield
    sys.setrecursionlimit(limit)


@pytest.mark.parametrize(("statement", "error"), OUTCOMES.values(), ids=OUTCOMES)
def test_what_is_raised_fails_that_prediction_only(
    tmp_path: Path, mode: str, ordinary_stack: None, statement: str, error: str
) -> None:
    """Whatever predict raises fails its prediction, and the next one works."""

    async def main() -> None:
        async with serving(tmp_path, FAILING.format(statement=statement)) as service:
            failed = await ended(submit(service, good=False))
            following = await ended(submit(service, good=True))

            assert (failed.status, following.status) == (Status.FAILED, Status.SUCCEEDED)
            assert failed.error is not None
            assert failed.error.startswith(error)
            assert "Traceback (most recent call last)" in failed.logs
            assert "cogfal/" not in failed.logs
            with pytest.raises(PredictorFailed):
                await failed.result()

    run(main)


def test_setup_and_predictions_share_one_thread(tmp_path: Path) -> None:
    """Import, setup and every sync prediction run on one thread, which is not the server's."""
    source = """
    import threading
    from cog import BasePredictor

    imported = threading.get_ident()

    class Predictor(BasePredictor):
        def setup(self):
            self.thread = threading.get_ident()

        def predict(self) -> list[int]:
            return [imported, self.thread, threading.get_ident()]
    """

    async def main() -> None:
        async with serving(tmp_path, source) as service:
            threads = [await submit(service).result() for _ in range(3)]

            assert len({thread for three in threads for thread in three}) == 1
            assert threads[0][0] != threading.get_ident()

    run(main)


def test_setup_and_predictions_share_one_loop(tmp_path: Path) -> None:
    """An async setup and every async prediction run on one event loop."""
    source = """
    import asyncio
    from cog import BasePredictor

    class Predictor(BasePredictor):
        async def setup(self):
            self.loop = asyncio.get_running_loop()
            self.ticks = 0
            self.task = asyncio.create_task(self.tick())

        async def tick(self):
            while True:
                self.ticks += 1
                await asyncio.sleep(0.001)

        async def predict(self) -> bool:
            ticks = self.ticks
            while self.ticks == ticks:
                await asyncio.sleep(0.001)
            return self.loop is asyncio.get_running_loop()
    """

    async def main() -> None:
        async with serving(tmp_path, source) as service:
            assert await submit(service).result() is True

    run(main)


def test_the_author_rests_until_a_piece_is_delivered(tmp_path: Path) -> None:
    """A generator goes on only when its last piece has been delivered."""
    source = """
    from typing import Iterator
    from cog import BasePredictor

    class Predictor(BasePredictor):
        def predict(self) -> Iterator[list]:
            piece = []
            for number in range(3):
                piece[:] = [number]
                yield piece
    """

    class Copying:
        async def deliver(self, value: Encoded, workspace: object, release: Any) -> list[int]:
            return list(value_of(value))

    async def main() -> None:
        async with serving(tmp_path, source) as service:
            assert await submit(service, Copying()).result() == [[0], [1], [2]]

    run(main)


def test_the_server_gets_its_turn_soon(tmp_path: Path) -> None:
    """While a predictor is up, Python code gives way quickly; afterwards as before."""
    before = sys.getswitchinterval()

    async def main() -> None:
        async with serving(tmp_path, HEAD.format(method=FLAVOURS["def"][0])):
            assert sys.getswitchinterval() == TURN < before
        assert sys.getswitchinterval() == before

    run(main)


def test_inputs_reach_predict_by_name_and_enums_as_members(tmp_path: Path) -> None:
    """Enum values arrive as members of the author's own class."""
    source = """
    from enum import Enum
    from cog import BasePredictor

    class Size(Enum):
        SMALL = "s"
        LARGE = "l"

    class Predictor(BasePredictor):
        def predict(self, size: Size, text: str) -> str:
            assert isinstance(size, Size)
            return f"{size.name} {text}"
    """

    async def main() -> None:
        async with serving(tmp_path, source) as service:
            assert await submit(service, text="x", size="l").result() == "LARGE x"

    run(main)
