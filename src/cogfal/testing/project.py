"""A project under test: called from ordinary code, with its examples, or against a recording."""

from __future__ import annotations

import io
import os
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from contextvars import Context
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

import anyio
from anyio.from_thread import BlockingPortal, start_blocking_portal
from rich.console import Console

from cogfal.app_file import open_project
from cogfal.compare.comparison import Comparison, compare, open_pair
from cogfal.compare.measures import measure, tolerated
from cogfal.compare.presentation import show
from cogfal.compare.recording import RecordedEndpoint
from cogfal.compare.signatures import Verdict
from cogfal.engine.history import Watch
from cogfal.engine.prediction import Event, Output, Prediction, Status
from cogfal.errors import ProjectError
from cogfal.examples import Example
from cogfal.files.store import StoredFile
from cogfal.guest.descriptors import Outlets
from cogfal.guest.events import CallEvents
from cogfal.local.session import Discreet, LocalProject, Session, open_session
from cogfal.spec import JSON, PredictorSpec, Role

TIMEOUT = 600.0  # seconds for each example


class SharedCapture(Discreet):
    """A capture that takes the standard streams again when pytest has replaced them.

    pytest does so before every test and with each of its capturing fixtures.
    """

    _taken: TextIO | None = None

    def open(self, *, home: bool = True) -> None:
        """Begin to capture."""
        super().open(home=home)
        self._taken = sys.stdout

    def begin(self, events: CallEvents, context: Context) -> None:
        """Attribute what code in `context` prints to a call."""
        if sys.stdout is not self._taken:
            self.close()
            self.open()
        super().begin(events, context)


@dataclass(eq=False)
class RunningPrediction:
    """A prediction under way; every method may be called from any thread."""

    _prediction: Prediction
    _events: Watch[Event]
    _session: Session
    _portal: BlockingPortal

    @property
    def status(self) -> Status:
        """Its status, in Cog's words."""
        return self._prediction.status

    @property
    def logs(self) -> str:
        """What it has printed through Python so far."""
        return self._prediction.logs

    @property
    def metrics(self) -> dict[str, JSON]:
        """What it has recorded so far, and `predict_time` once it has ended."""
        return self._prediction.metrics

    def stream(self) -> Iterator[Any]:
        """Yield each piece of the output as the predictor yields it; raises as `output` does."""
        events = self._portal.call(self._events.again)
        try:
            while (piece := self._portal.call(_next, events)) is not None:
                yield self._session.files.with_paths(piece.chunk)
        finally:
            self._portal.call(events.close)
        self.output()

    def output(self) -> Any:
        """Wait for the end and return the output, files as paths.

        Raises:
            PredictorFailed: The predictor raised; its exception is the cause.
            PredictionCancelled: It was cancelled.
            FileInputError: A file input cannot be had.
            OutputError: What it returned cannot be delivered.
        """
        return self._session.files.with_paths(self._portal.call(self._prediction.result))

    def cancel(self) -> None:
        """Cancel it and wait until it has cleaned up; harmless after the end."""
        self._portal.call(self._prediction.cancel)
        self._portal.call(self._prediction.wait)


class ProjectClient:
    """A predictor or trainer that has been set up."""

    def __init__(self, project: LocalProject, session: Session, portal: BlockingPortal) -> None:
        self.project = project
        self._session = session
        self._portal = portal

    @property
    def spec(self) -> PredictorSpec:
        """What is known of its inputs and output."""
        return self._session.spec

    @property
    def uploads(self) -> list[StoredFile]:
        """Every file that was delivered so far, as it would have been uploaded."""
        return list(self._session.files.uploads)

    def run(self, **inputs: Any) -> Any:
        """Run it once and return its output, files as paths.

        Inputs are what a caller would send, with paths for files; those left out have their
        defaults. An iterator's output is the list of its pieces, or their text.

        Raises:
            InvalidInput: The inputs do not fit.
            PredictionError: As `RunningPrediction.output`.
        """
        return self.submit(**inputs).output()

    def stream(self, **inputs: Any) -> Iterator[Any]:
        """Run it once and yield each piece of its output as it comes."""
        return self.submit(**inputs).stream()

    def submit(self, **inputs: Any) -> RunningPrediction:
        """Start it and return at once; raises InvalidInput."""

        def start() -> tuple[Prediction, Watch[Event]]:
            prediction = self._session.submit(inputs)
            return prediction, prediction.events()  # before anything happens to it

        return RunningPrediction(*self._portal.call(start), self._session, self._portal)


@contextmanager
def open_predictor(
    directory: str | os.PathLike[str] = ".", *, ref: str | None = None
) -> Iterator[ProjectClient]:
    """Set up the predictor of a project, and tear it down when the block ends.

    Where the project has an app.py of cogfal's, what its App says of the predictor, of isolation,
    concurrency and file inputs holds here too. Until then the project is the working directory and
    its environment variables are set.

    Args:
        directory: The project, or its cog.yaml.
        ref: The App to follow, `app.py::App`, or a predictor that no App serves, `path.py:Name`.

    Raises:
        ProjectError: The project is wrong.
        SetupError: The predictor cannot be brought up.
    """
    with _opened(Path(directory), Role.PREDICT, ref) as client:
        yield client


@contextmanager
def open_trainer(
    directory: str | os.PathLike[str] = ".", *, ref: str | None = None
) -> Iterator[ProjectClient]:
    """Set up the trainer of a project, as `open_predictor` does the predictor."""
    with _opened(Path(directory), Role.TRAIN, ref) as client:
        yield client


@contextmanager
def _opened(directory: Path, role: Role, ref: str | None) -> Iterator[ProjectClient]:
    project = open_project(directory, ref)
    spec = project.read(role)
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="cogfal-"))
        stack.enter_context(_variables(project.variables))
        portal = stack.enter_context(start_blocking_portal("asyncio"))
        capture = SharedCapture(Outlets())
        opening = open_session(project, spec, Path(folder), capture=capture)
        session = stack.enter_context(portal.wrap_async_context_manager(opening))
        yield ProjectClient(project, session, portal)


@contextmanager
def _variables(wanted: Mapping[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in wanted}
    os.environ.update(wanted)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


async def _next(events: Watch[Event]) -> Output | None:
    async for event in events:
        if isinstance(event, Output):
            return event
    return None


def compare_with(project: str | os.PathLike[str], recording: str | os.PathLike[str]) -> Comparison:
    """Run every recorded example with a project, and compare the answers.

    The project is served in a process of its own. `cogfal compare PROJECT --record RECORDING`
    makes recordings; a tolerance for each field stands in their examples.yaml.

    Args:
        project: Its directory.
        recording: The recording's folder.

    Raises:
        AssertionError: An answer is another, or the signature breaks; the text is the report.
        ProjectError: One of the two is not what it should be.
    """
    result = anyio.run(_compared, os.fspath(project), os.fspath(recording))
    if not result.same or result.verdict is Verdict.BREAKING:
        text = io.StringIO()
        show(result, Console(file=text, width=100))
        raise AssertionError(text.getvalue())
    return result


async def _compared(project: str, recording: str) -> Comparison:
    async with open_pair(recording, project, TIMEOUT) as pair:
        if not isinstance(pair.before, RecordedEndpoint):
            raise ProjectError(
                "it is no recording",
                where=recording,
                remedy="make one with cogfal compare --record",
            )
        with tempfile.TemporaryDirectory(prefix="cogfal-") as folder:
            return await compare(pair, await pair.before.examples(), folder=Path(folder))


def run_all(client: ProjectClient, examples: Sequence[Example]) -> None:
    """Run every example; one that says what the model answered must be answered so again.

    Raises:
        AssertionError: An answer is further from the recorded one than the example tolerates.
        InvalidInput: The inputs of an example do not fit.
        PredictionError: The model failed.
    """
    for example in examples:
        output = client.run(**example.input)
        if not example.recorded:
            continue
        with tempfile.TemporaryDirectory(prefix="cogfal-") as folder:
            found = [
                str(each)
                for each in measure(example.output, output, Path(folder))
                if each.distance > tolerated(each.loc, example.tolerance)
            ]
        assert not found, f"{example.name}: {'; '.join(found)}"
