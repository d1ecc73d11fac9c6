"""Put a predictor, given as text, on stage: a service around it, with plain values in and out."""

from __future__ import annotations

import asyncio
import json
import os
import resource
import textwrap
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from cogfal.engine.guest_python import FindGuestPython
from cogfal.engine.lifecycle import Grace
from cogfal.engine.prediction import Prediction, Submission
from cogfal.engine.service import Service
from cogfal.files.workspace import Workspace
from cogfal.guest.encoding import Encoded
from cogfal.reading import read_predictor
from cogfal.settings import EngineSettings
from cogfal.spec import PredictorSpec
from tests import waiting

R = TypeVar("R")
interpreters: list[FindGuestPython | None] = [None]
"""What finds the interpreter of what is served; the last counts (see the fixture `mode`)."""

LONG = waiting.SOON
"""Seconds after which something that is waited for will not happen."""


def at_once(seconds: float = 20.0) -> Grace:
    """Give predictions no time to end by themselves, and all else enough; what hangs uses it up."""
    return Grace(seconds, running=0)


class Passing:
    """A materialiser whose values are what `predict` receives, and which leaves a file behind."""

    async def materialise(self, values: Mapping[str, Any], workspace: Workspace) -> dict[str, Any]:
        (workspace.directory / "input").touch()
        return dict(values)


class Plain:
    """A deliverer of results without files."""

    async def deliver(self, value: Encoded, workspace: Workspace, release: Any) -> Any:
        return value_of(value)


def value_of(encoded: Encoded) -> Any:
    """Return a result, with the path of each file in its place."""
    paths = [*(json.dumps(file.path or file.url).encode() for file in encoded.files), b""]
    pairs = zip(encoded.parts, paths, strict=True)
    return json.loads(b"".join(part for pair in pairs for part in pair))


@dataclass
class Door:
    """A materialiser or deliverer that stays closed until it is opened."""

    reached: asyncio.Event = field(default_factory=asyncio.Event)
    opened: asyncio.Event = field(default_factory=asyncio.Event)

    async def materialise(self, values: Mapping[str, Any], workspace: Workspace) -> dict[str, Any]:
        await self._pass()
        return dict(values)

    async def deliver(self, value: Encoded, workspace: Workspace, release: Any) -> Any:
        await self._pass()
        return value_of(value)

    async def _pass(self) -> None:
        self.reached.set()
        await self.opened.wait()


def project(root: Path, source: str, *, file: str = "predict.py") -> PredictorSpec:
    """Write a predictor's file and read its specification from the text."""
    path = root / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(textwrap.dedent(source))
    return read_predictor(file, root)


@asynccontextmanager
async def serving(
    root: Path, source: str, settings: EngineSettings | None = None, **options: Any
) -> AsyncIterator[Service]:
    """Set a predictor up, and shut it down afterwards."""
    service = Service(
        project(root, source),
        root,
        options.pop("materialiser", Passing()),
        settings=settings,
        interpreter=options.pop("interpreter", interpreters[-1]),
        **options,
    )
    try:
        await service.setup()
        yield service
    finally:
        await service.shutdown(at_once())


def submit(service: Service, deliverer: Any = None, **values: Any) -> Prediction:
    """Submit a prediction with these inputs."""
    return service.submit(Submission(values, lambda: deliverer or Plain()))


async def ended(prediction: Prediction) -> Prediction:
    """Wait for a prediction's end."""
    await asyncio.wait_for(prediction.wait(), LONG)
    return prediction


async def cancelled_while_running(service: Service, **values: Any) -> Prediction:
    """Submit a prediction, cancel it once it prints, and wait for its end."""
    prediction = submit(service, **values)
    await until(lambda: prediction.logs)
    prediction.cancel()
    return await ended(prediction)


async def until(condition: Callable[[], Any]) -> None:
    """Wait until something is so."""

    async def watch() -> None:
        while not condition():  # noqa: ASYNC110  # what is waited for has no event
            await asyncio.sleep(0.001)

    await asyncio.wait_for(watch(), LONG)


def run(main: Callable[[], Coroutine[Any, Any, R]]) -> R:
    """Run an asynchronous test, which may not leave threads or descriptors behind.

    A look for leftovers that is called off goes on to its end, on a thread of its own.
    """
    before = held()
    result = asyncio.run(main())
    assert waiting.until(lambda: held() <= before), held() - before
    return result


def held() -> set[str]:
    """Name what a process holds: its file descriptors and our threads.

    What an earlier test has left may go at any moment, so only what is new tells of a test.
    """
    return set(_descriptors()) | our_threads()


def our_threads() -> set[str]:
    """Name the threads of cogfal's that run in this process."""
    ours = (each for each in threading.enumerate() if each.name.startswith("cogfal"))
    return {f"{each.name} {each.ident}" for each in ours}


def _descriptors() -> Iterator[str]:
    for each in Path("/proc/self/fd").iterdir():
        with suppress(FileNotFoundError):  # the one that lists them
            yield f"{each.name} {each.readlink()}"


def workspaces(service: Service) -> list[Path]:
    """List the directories that predictions have; one for them all is not made for this."""
    path = service._scratch._path
    return [] if path is None else [*path.iterdir()]


@contextmanager
def descriptors_left(count: int) -> Iterator[None]:
    """Let this process open so many descriptors, and no more."""
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(limit[0], 1024), limit[1]))
    taken = []
    with suppress(OSError):
        while True:
            taken.append(os.dup(0))
    for _ in range(count):
        os.close(taken.pop())
    try:
        yield
    finally:
        for each in taken:
            os.close(each)
        resource.setrlimit(resource.RLIMIT_NOFILE, limit)


async def events_of(prediction: Prediction, after: int = 0) -> list[Any]:
    """Collect a prediction's events up to its end."""

    async def collect() -> list[Any]:
        return [event async for event in prediction.events(after)]

    return await asyncio.wait_for(collect(), LONG)


async def gathered(*waits: Awaitable[Any]) -> None:
    """Wait for several things at once."""
    await asyncio.wait_for(asyncio.gather(*waits), LONG)
