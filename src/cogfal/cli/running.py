"""Run a predictor or trainer in this process and show what it does as it does it."""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
import tempfile
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from rich.console import Console

from cogfal.cli.inputs import add_input_options, read_inputs, read_variables
from cogfal.cli.results import ResultWriter
from cogfal.engine.prediction import Log, Output, Prediction
from cogfal.errors import PredictionCancelled, PredictorFailed, SetupError
from cogfal.files import FileLimits, HttpFetcher
from cogfal.local import LocalProject, Session, find_project, open_session
from cogfal.spec import IteratorType, PredictorSpec, Role

INTERRUPTED = 130


@dataclass(frozen=True, slots=True)
class Streams:
    """The terminal itself, whatever the predictor does to stdout and stderr."""

    out: TextIO
    err: TextIO


def add_project_options(parser: argparse.ArgumentParser, role: Role) -> None:
    """Declare the options that predict and train share."""
    add_input_options(parser)
    parser.add_argument(
        "-o", "--output", type=Path, metavar="PATH", help="where the output goes, or a directory"
    )
    parser.add_argument(
        "-C",
        "--directory",
        type=Path,
        default=Path(),
        metavar="DIR",
        help="the project (default: the working directory)",
    )
    name = "training function" if role is Role.TRAIN else "predictor"
    parser.add_argument("--ref", metavar="FILE.py:NAME", help=f"the {name}, if not cog.yaml's")


def run_here(arguments: argparse.Namespace, role: Role) -> int:
    """Bring the project up in this process, run it once, and return the exit status."""
    project = find_project(arguments.directory)
    spec = project.read(role, arguments.ref)
    values = read_inputs(arguments, spec)
    os.environ.update(project.variables | read_variables(arguments))
    with own_streams() as streams:
        writer = ResultWriter(streams.out, arguments.output)
        try:
            asyncio.run(_run(project, spec, values, writer, streams))
        except PredictionCancelled:
            return INTERRUPTED
        except (PredictorFailed, SetupError) as error:
            if error.__cause__ is not None:
                traceback.print_exception(error.__cause__, file=streams.err)
            raise
    return 0


@contextmanager
def own_streams() -> Iterator[Streams]:
    """Keep the terminal for the command: what the predictor prints on stdout goes to stderr."""
    sys.stdout.flush()
    with os.fdopen(os.dup(1), "w") as out, os.fdopen(os.dup(2), "w") as err:
        os.dup2(2, 1)
        try:
            yield Streams(out, err)
        finally:
            out.flush()
            os.dup2(out.fileno(), 1)


async def _run(
    project: LocalProject,
    spec: PredictorSpec,
    values: dict[str, Any],
    writer: ResultWriter,
    streams: Streams,
) -> None:
    network = HttpFetcher(FileLimits(allow_private_hosts=True))
    with tempfile.TemporaryDirectory(prefix="cogfal-") as folder, _waiting(streams) as waiting:
        waiting.update("Setting up")
        session_here = open_session(spec, project.root, Path(folder), network=network)
        async with session_here as session:
            waiting.update("Running")
            prediction = session.submit(values)
            asyncio.get_running_loop().add_signal_handler(signal.SIGINT, prediction.cancel)
            await _follow(prediction, session, writer, waiting)
            writer.whole(session.files.with_paths(await prediction.result()))


async def _follow(
    prediction: Prediction, session: Session, writer: ResultWriter, waiting: Waiting
) -> None:
    kind = session.spec.output
    async for event in prediction.events():
        match event:
            case Output(chunk, index) if isinstance(kind, IteratorType):
                waiting.stop()
                writer.piece(session.files.with_paths(chunk), index, joined=kind.concatenate)
            case Log():
                waiting.stop()
            case _:
                pass
    waiting.stop()


class Waiting:
    """A sign of life on a terminal, until there is something else to see."""

    def __init__(self, console: Console) -> None:
        self._status = console.status("Starting") if console.is_terminal else None
        if self._status is not None:
            self._status.start()

    def update(self, text: str) -> None:
        """Say what is going on."""
        if self._status is not None:
            self._status.update(f"{text}…")

    def stop(self) -> None:
        """End for good; harmless when repeated."""
        if self._status is not None:
            self._status.stop()


@contextmanager
def _waiting(streams: Streams) -> Iterator[Waiting]:
    waiting = Waiting(Console(file=streams.err))
    try:
        yield waiting
    finally:
        waiting.stop()
