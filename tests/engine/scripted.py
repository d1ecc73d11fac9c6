"""A predictor that does, step by step, what a test tells it."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Iterator
from typing import Any

from cogfal.cog import current_scope

Step = tuple[str, Any]

steps: defaultdict[str, deque[Step]] = defaultdict(deque)
"""What each prediction, by its name, is still to do."""

closed: list[str] = []
"""The predictions whose cleanup code ran, by name."""

SYNC = """
from typing import Iterator
from cog import BasePredictor
from tests.engine import scripted

class Predictor(BasePredictor):
    def predict(self, name: str) -> Iterator[str]:
        yield from scripted.perform(name)
"""
ASYNC = """
from cog import AsyncIterator, BasePredictor
from tests.engine import scripted

class Predictor(BasePredictor):
    async def predict(self, name: str) -> AsyncIterator[str]:
        async for piece in scripted.perform_async(name):
            yield piece
"""


def perform(name: str) -> Iterator[str]:
    """Do the steps of a prediction as they come."""
    try:
        while True:
            while not steps[name]:
                time.sleep(0.0002)
            kind, value = steps[name].popleft()
            if kind == "finish":
                return
            yield from act(kind, value)
    finally:
        closed.append(name)


async def perform_async(name: str) -> AsyncIterator[str]:
    """Do the steps of a prediction as they come."""
    try:
        while True:
            while not steps[name]:  # noqa: ASYNC110  # another thread writes them
                await asyncio.sleep(0.0002)
            kind, value = steps[name].popleft()
            if kind == "finish":
                return
            for piece in act(kind, value):
                yield piece
    finally:
        closed.append(name)


def act(kind: str, value: Any) -> Iterator[str]:
    """Do one step."""
    match kind:
        case "yield":
            yield value
        case "burst":
            for piece in value:
                print(piece)  # noqa: T201  # it is captured
                yield piece
        case "print":
            print(value)  # noqa: T201  # it is captured
        case "record":
            current_scope().record_metric("seen", value, mode="append")
        case "fail":
            raise ValueError(value)
