"""Run a predictor or trainer in this process and show what it does as it does it."""

from __future__ import annotations

import argparse
import asyncio
import os
import re
import shutil
import signal
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from packaging.utils import canonicalize_name

from cogfal.app_file import open_project
from cogfal.cli.console import Relay
from cogfal.cli.display import Display, open_display
from cogfal.cli.given_inputs import add_input_options, read_inputs, read_variables
from cogfal.cli.options import add_cogs_own, add_here, add_root, obey_here, tell_of_cogs_own
from cogfal.cli.results import Destination, ResultWriter
from cogfal.engine.prediction import Event, Log, Output
from cogfal.errors import (
    AdvisedError,
    CogfalError,
    PredictionCancelled,
    PredictorFailed,
    SetupError,
)
from cogfal.files import Fetcher, FileLimits, HttpFetcher
from cogfal.local.session import GIVEN, LocalProject, Session, find_project, open_session
from cogfal.nested import map_leaves
from cogfal.provision import provide
from cogfal.schema.core_types import Dialect
from cogfal.schema.validation import Validator
from cogfal.spec import IteratorType, PredictorSpec, Role

INTERRUPTED: Final = 130
STEMS: Final = {Role.PREDICT: "output", Role.TRAIN: "weights"}
"""What a lone file of the output is called, as with Cog."""
_MODULE: Final = re.compile(r"No module named '([\w.]+)'")
_PROGRAM: Final = re.compile(r"No such file or directory: '([\w.+-]+)'|([\w.+-]+): not found")
_DISTRIBUTIONS: Final = {
    "cv2": "opencv-python",
    "PIL": "pillow",
    "sklearn": "scikit-learn",
    "skimage": "scikit-image",
    "yaml": "pyyaml",
    "bs4": "beautifulsoup4",
    "dateutil": "python-dateutil",
    "dotenv": "python-dotenv",
    "OpenSSL": "pyopenssl",
    "Crypto": "pycryptodome",
    "google.protobuf": "protobuf",
}
"""Modules whose distribution has another name, among those that models import most."""


def add_project_options(parser: argparse.ArgumentParser, role: Role) -> None:
    """Declare the options that predict and train share."""
    add_input_options(parser, role)
    parser.add_argument(
        "-o",
        "--output",
        metavar="PATH",
        help="the file that the output goes to, or a directory for its files, made if it ends in /",
    )
    add_root(parser, "the project (default: the working directory)")
    parser.add_argument(
        "-f",
        "--file",
        metavar="COG_YAML",
        help="another cog.yaml, in the project's directory",
    )
    parser.add_argument(
        "--setup-timeout", type=float, metavar="SECONDS", help="for import and setup"
    )
    parser.add_argument(
        "--progress",
        choices=["auto", "plain", "tty", "quiet"],
        default="auto",
        help="how progress is shown: with bars on a terminal, in lines, or not at all",
    )
    add_here(parser)
    add_cogs_own(parser)
    name = "training function" if role is Role.TRAIN else "predictor"
    parser.add_argument(
        "--ref",
        metavar="REF",
        help=f"an App, app.py::App, whose settings hold, or another {name}, file.py:Name, with "
        "none (default: the App in app.py or fal_app.py, else cog.yaml)",
    )


def run_here(arguments: argparse.Namespace, role: Role) -> int:
    """Bring the project up in this process, run it once, and return the exit status."""
    project = prepare_project(arguments)
    spec = project.read(role)
    values = read_inputs(arguments, spec)
    variables = read_variables(arguments)
    refuse_unfit(spec, values)
    destination = Destination(arguments.output, STEMS[role])
    try:
        with local_run(arguments, project, spec, variables) as run:
            writer = ResultWriter(run.relay.out, destination, run.display)
            asyncio.run(_run_once(run, values, writer))
    except PredictionCancelled:
        return INTERRUPTED
    except (SetupError, PredictorFailed) as error:
        raise advise(error, project) from error.__cause__
    return 0


async def _run_once(run: LocalRun, values: Mapping[str, Any], writer: ResultWriter) -> None:
    kind = run.spec.output
    async with run.session(log_limit=2**40) as session:

        def write(event: Event) -> None:
            if isinstance(event, Output) and isinstance(kind, IteratorType):
                piece = session.files.with_paths(event.chunk)
                writer.piece(piece, event.number, joined=kind.concatenate)

        run.display.phase("Running")
        writer.whole(await run.predict(session, values, write))


@dataclass(frozen=True, slots=True)
class LocalRun:
    """A project that runs in this process, and the display that shows what it does.

    What the predictor prints while it predicts is shown where it stands among the outputs, in the
    order of the prediction's events; what setup and teardown print, as it comes.
    """

    spec: PredictorSpec
    relay: Relay
    display: Display
    _project: LocalProject

    @asynccontextmanager
    async def session(self, *, log_limit: int | None = None) -> AsyncIterator[Session]:
        """Set up, and tear down when the block ends; raises SetupError, whose trace is shown."""
        network = network_of(self.display)
        self.relay.lead(self.display.log)
        self.display.phase("Setting up")
        with tempfile.TemporaryDirectory(prefix="cogfal-") as folder:
            try:
                async with open_session(
                    self._project, self.spec, Path(folder), network=network, log_limit=log_limit
                ) as session:
                    yield session
            except SetupError as error:
                self.display.log(error.traceback)
                raise

    async def predict(
        self,
        session: Session,
        values: Mapping[str, Any],
        tell: Callable[[Event], None] | None = None,
    ) -> Any:
        """Run one prediction; return its output, files as paths. An interruption cancels it."""
        prediction = session.submit(values)
        asyncio.get_running_loop().add_signal_handler(signal.SIGINT, prediction.cancel)
        self.relay.lead(_told_as_an_event)
        try:
            async for event in prediction.events():
                if isinstance(event, Log):
                    self.display.log(event.data)
                elif tell is not None:
                    tell(event)
        finally:
            self.relay.lead(self.display.log)
        return session.files.with_paths(await prediction.result())


@contextmanager
def local_run(
    arguments: argparse.Namespace,
    project: LocalProject,
    spec: PredictorSpec,
    variables: Mapping[str, str],
) -> Iterator[LocalRun]:
    """Give the author's code what it expects, and take over what is printed, for a block."""
    bars = arguments.progress in ("auto", "tty") and arguments.json_input is None
    withdraw = provide(project.provided(spec).with_variables(variables), project.root)
    try:
        with Relay() as relay, open_display(relay.err, bars=bars) as display:
            yield LocalRun(spec, relay, display, project)
    finally:
        withdraw()


def prepare_project(arguments: argparse.Namespace) -> LocalProject:
    """Return the project as its App has it, or as another cog.yaml says, to be run here."""
    obey_here(arguments)
    tell_of_cogs_own(arguments)
    if arguments.setup_timeout is not None:
        os.environ["COG_SETUP_TIMEOUT"] = f"{arguments.setup_timeout:g}"
    if arguments.file is None:
        return open_project(arguments.directory, arguments.ref)
    return replace(find_project(arguments.directory / arguments.file), named=arguments.ref)


def network_of(display: Display) -> Callable[[FileLimits], Fetcher]:
    """Return what makes a fetcher that may reach this machine, and shows what it fetches."""
    return lambda limits: HttpFetcher(
        replace(limits, allow_private_hosts=True), progress=display.transfer
    )


def refuse_unfit(spec: PredictorSpec, values: Mapping[str, Any]) -> None:
    """Refuse inputs that do not fit before the model is set up; raises InvalidInput."""
    addressed = map_leaves(values, lambda each: GIVEN if isinstance(each, Path) else each)
    Validator(spec, Dialect.FAL).parse(addressed)


def _told_as_an_event(_text: str) -> None:
    """Drop what the prediction's log has as well."""


def advise(error: CogfalError, project: LocalProject) -> CogfalError:
    """Return an error that says what brings the module or program that is missing."""
    text = error.what if isinstance(error, AdvisedError) else str(error)
    remedy = _for_module(text, project) or _for_program(text, project)
    if remedy is None:
        return error
    advised = AdvisedError(text, remedy=remedy)
    advised.__cause__ = error.__cause__
    return advised


def _for_module(text: str, project: LocalProject) -> str | None:
    found = _MODULE.search(text)
    if found is None:
        return None
    name = _distribution(found[1])
    wanted = canonicalize_name(name)
    for place, line in _requirements(project):
        if canonicalize_name(re.split(r"[\s<>=!~;\[@(]", line, maxsplit=1)[0]) == wanted:
            return (
                f"{place} asks for {line}, which the present environment lacks: "
                f'`pip install "{line}"`, or run without --here'
            )
    return f"name {name} under build.python_packages in {project.config.name}"


def _for_program(text: str, project: LocalProject) -> str | None:
    found = _PROGRAM.search(text)
    program = found and (found[1] or found[2])
    if not program or "." in program or shutil.which(program):
        return None
    wanted = project.config.build.system_packages
    here = f"here `apt-get install {program}` brings it"
    if program in wanted:
        place = project.config.where(f"build.system_packages[{wanted.index(program)}]")
        return f"{place} asks for it; {here}"
    return f"name {program} under build.system_packages in {project.config.name}; {here}"


def _requirements(project: LocalProject) -> Iterator[tuple[str, str]]:
    """Yield the place and text of each line that asks for a package."""
    build = project.config.build
    for index, line in enumerate(build.python_packages):
        yield str(project.config.where(f"build.python_packages[{index}]")), line
    if build.python_requirements is not None:
        file = project.root / build.python_requirements
        lines = file.read_text("utf-8").splitlines() if file.is_file() else []
        for number, line in enumerate(lines, 1):
            yield f"{build.python_requirements}:{number}", line.strip()


def _distribution(module: str) -> str:
    top = module.partition(".")[0]
    return _DISTRIBUTIONS.get(module) or _DISTRIBUTIONS.get(top) or top.replace("_", "-")
