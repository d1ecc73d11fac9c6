"""Run a project's predictor or trainer in this process, and show what it does as it does it."""

from __future__ import annotations

import argparse
import asyncio
import codecs
import os
import re
import select
import shutil
import signal
import sys
import tempfile
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, TextIO

from packaging.utils import canonicalize_name
from typing_extensions import Self

from cogfal.app_file import open_project
from cogfal.cli.console import CommandFailed
from cogfal.cli.display import Display, open_display
from cogfal.cli.options import obey_here, tell_of_cogs_own
from cogfal.engine.prediction import Event, Log
from cogfal.errors import AdvisedError, CogfalError, PredictorFailed, SetupError
from cogfal.files.fetching import Fetcher, HttpFetcher
from cogfal.files.limits import FileLimits
from cogfal.local.session import LocalProject, Session, find_project, open_session
from cogfal.provision import provide
from cogfal.spec import PredictorSpec

CHUNK: Final = 65536  # bytes read at once
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
        self.relay.lead(self.display.log)
        self.display.phase("Setting up")
        with tempfile.TemporaryDirectory(prefix="cogfal-") as folder:
            try:
                async with open_session(
                    self._project,
                    self.spec,
                    Path(folder),
                    network=self._fetcher,
                    log_limit=log_limit,
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
        self.relay.lead(_nothing)  # the prediction's log has it as well
        try:
            async for event in prediction.events():
                if isinstance(event, Log):
                    self.display.log(event.data)
                elif tell is not None:
                    tell(event)
        finally:
            self.relay.lead(self.display.log)
        return session.files.with_paths(await prediction.result())

    def _fetcher(self, limits: FileLimits) -> Fetcher:
        """Return a fetcher that may reach this machine, and shows what it fetches."""
        limits = replace(limits, allow_private_hosts=True)
        return HttpFetcher(limits, progress=self.display.transfer)


@contextmanager
def local_run(
    arguments: argparse.Namespace,
    project: LocalProject,
    spec: PredictorSpec,
    variables: Mapping[str, str],
) -> Iterator[LocalRun]:
    """Give the author's code what it expects, and take over what is printed, for a block.

    Raises:
        SetupError: Weights cannot be fetched.
        AdvisedError: What the block raises, with what brings the module or program that it lacks.
    """
    bars = arguments.progress in ("auto", "tty") and arguments.json_input is None
    withdraw = provide(project.provided(spec).with_variables(variables), project.root)
    try:
        with Relay() as relay, open_display(relay.err, bars=bars) as display:
            yield LocalRun(spec, relay, display, project)
    except (SetupError, PredictorFailed) as error:
        raise _advised(error, project) from error.__cause__
    finally:
        withdraw()


def _advised(error: CogfalError, project: LocalProject) -> CogfalError:
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
    module, top = found[1], found[1].partition(".")[0]
    name = _DISTRIBUTIONS.get(module) or _DISTRIBUTIONS.get(top) or top.replace("_", "-")
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


def prepare_project(arguments: argparse.Namespace) -> LocalProject:
    """Return the project as its App has it, or as another cog.yaml says, to be run here."""
    obey_here(arguments)
    tell_of_cogs_own(arguments)
    if arguments.setup_timeout is not None:
        os.environ["COG_SETUP_TIMEOUT"] = f"{arguments.setup_timeout:g}"
    if arguments.file is None:
        return open_project(arguments.directory, arguments.ref)
    file = arguments.directory / arguments.file
    if not file.is_file():
        raise CommandFailed(f"-f {arguments.file}: there is no such file in {arguments.directory}")
    return replace(find_project(file), named=arguments.ref)


class Relay:
    """Takes over stdout and stderr: what is written to them is passed to `receive`, in order.

    `out` and `err` are where they led before: the terminal itself.
    """

    def __init__(self) -> None:
        self.receive: Callable[[str], object] = _nothing
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._read, name="cogfal-relay", daemon=True)
        self.out: TextIO
        self.err: TextIO

    def __enter__(self) -> Self:
        # What a buffer holds goes where it was to go, before the streams lead elsewhere.
        sys.stdout.flush()
        sys.stderr.flush()
        self.out, self.err = (os.fdopen(os.dup(n), "w", encoding="utf-8") for n in (1, 2))
        self._end, entrance = os.pipe()
        os.set_blocking(self._end, False)
        self._wake = os.pipe()
        os.dup2(entrance, 1)
        os.dup2(entrance, 2)
        os.close(entrance)
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        # First all that was written is passed on, then the streams lead back to where they led:
        # so nothing is lost, and nothing that is written later comes before it.
        sys.stdout.flush()
        sys.stderr.flush()
        os.write(self._wake[1], b"x")
        self._thread.join()
        self.drain()
        os.dup2(self.out.fileno(), 1)
        os.dup2(self.err.fileno(), 2)
        for number in (self._end, *self._wake):
            os.close(number)
        for stream in (self.out, self.err):
            with suppress(OSError):  # what cannot be written was told when it was
                stream.close()

    def lead(self, receive: Callable[[str], object]) -> None:
        """Pass what has been written so far to where it was to go, and the rest to `receive`."""
        self.drain()
        self.receive = receive

    def drain(self) -> None:
        """Pass on everything that has been written."""
        with self._lock:
            while data := self._chunk():
                self.receive(self._decoder.decode(data))

    def _read(self) -> None:
        poll = select.poll()
        poll.register(self._wake[0], select.POLLIN)
        poll.register(self._end, select.POLLIN)
        while self._wake[0] not in dict(poll.poll()):
            self.drain()

    def _chunk(self) -> bytes:
        try:
            return os.read(self._end, CHUNK)
        except BlockingIOError:
            return b""


def _nothing(_text: str) -> None:
    """Receive text that nobody wants."""
