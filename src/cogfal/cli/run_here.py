"""Run a predictor or trainer in this process and show what it does as it does it."""

from __future__ import annotations

import argparse
import asyncio
import os
import re
import shutil
import signal
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from cogfal.app_file import open_project
from cogfal.cli.console import Relay
from cogfal.cli.display import Display, open_display
from cogfal.cli.given_inputs import add_input_options, read_inputs, read_variables
from cogfal.cli.options import add_cogs_own, add_here, obey_here, tell_of_cogs_own
from cogfal.cli.results import Destination, ResultWriter
from cogfal.engine.prediction import Log, Output, Prediction
from cogfal.errors import (
    AdvisedError,
    CogfalError,
    PredictionCancelled,
    PredictorFailed,
    SetupError,
)
from cogfal.files import Fetcher, FileLimits, HttpFetcher
from cogfal.local import LocalProject, Session, find_project, open_session
from cogfal.local_files import GIVEN
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
    parser.add_argument(
        "-C",
        "--directory",
        type=Path,
        default=Path(),
        metavar="DIR",
        help="the project (default: the working directory)",
    )
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
    wanted = project.provided(spec).with_variables(variables)
    withdraw = provide(wanted, project.root)
    try:
        with (
            Relay() as relay,
            open_display(relay.err, bars=bars_of(arguments)) as display,
        ):
            asyncio.run(_Run(project, spec, relay, display, destination).run(values))
    except PredictionCancelled:
        return INTERRUPTED
    except (SetupError, PredictorFailed) as error:
        raise advise(error, project) from error.__cause__
    finally:
        withdraw()
    return 0


class _Run:
    """One run, from setup to teardown.

    What the predictor prints while it predicts is shown where it stands among the outputs, in the
    order of the prediction's events; what setup and teardown print, as it comes.
    """

    def __init__(
        self,
        project: LocalProject,
        spec: PredictorSpec,
        relay: Relay,
        display: Display,
        destination: Destination,
    ) -> None:
        self._project = project
        self._spec = spec
        self._relay = relay
        self._display = display
        self._writer = ResultWriter(relay.out, destination, display)

    async def run(self, values: dict[str, Any]) -> None:
        """Set up, predict, write the output."""
        self._relay.lead(self._display.log)
        self._display.phase("Setting up")
        with tempfile.TemporaryDirectory(prefix="cogfal-") as folder:
            try:
                async with open_session(
                    self._project,
                    self._spec,
                    Path(folder),
                    network=network_of(self._display),
                    log_limit=2**40,
                ) as session:
                    await self._predict(session, values)
            except SetupError as error:
                self._display.log(error.traceback)
                raise

    async def _predict(self, session: Session, values: dict[str, Any]) -> None:
        self._display.phase("Running")
        prediction = session.submit(values)
        asyncio.get_running_loop().add_signal_handler(signal.SIGINT, prediction.cancel)
        self._relay.lead(_told_as_an_event)
        try:
            await self._follow(prediction, session)
        finally:
            self._relay.lead(self._display.log)
        self._writer.whole(session.files.with_paths(await prediction.result()))

    async def _follow(self, prediction: Prediction, session: Session) -> None:
        kind = self._spec.output
        async for event in prediction.events():
            match event:
                case Output(chunk, index) if isinstance(kind, IteratorType):
                    piece = session.files.with_paths(chunk)
                    self._writer.piece(piece, index, joined=kind.concatenate)
                case Log(_, text):
                    self._display.log(text)
                case _:
                    pass


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


def bars_of(arguments: argparse.Namespace) -> bool:
    """Whether progress may be shown with bars."""
    return arguments.progress in ("auto", "tty") and arguments.json_input is None


def refuse_unfit(spec: PredictorSpec, values: Mapping[str, Any]) -> None:
    """Refuse inputs that do not fit before the model is set up; raises InvalidInput."""
    Validator(spec, Dialect.FAL).parse({name: _standing_in(each) for name, each in values.items()})


def _standing_in(value: Any) -> Any:
    """Return a value with an address in place of each file."""
    match value:
        case Path():
            return GIVEN
        case list():
            return [_standing_in(one) for one in value]
        case _:
            return value


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
    for place, line in _requirements(project):
        if _named(line) == _canonical(name):
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


def _named(line: str) -> str:
    return _canonical(re.split(r"[\s<>=!~;\[@(]", line, maxsplit=1)[0])


def _canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
