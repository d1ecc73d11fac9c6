"""`cogfal serve`: serve the app on this machine, reachable from this machine alone."""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Final

import uvicorn
from fal import app as fal_app

from cogfal.app import App
from cogfal.app_file import APP_FILE, defines_app, find_app_file, load_app, split_reference
from cogfal.cli.console import Sign, say
from cogfal.cli.given_inputs import read_variables
from cogfal.cli.options import add_address, add_here, add_variables, listener, obey_here, url_of
from cogfal.errors import CogfalError, SetupError
from cogfal.guest.faults import author_traceback
from cogfal.playground import PATH
from cogfal.server.connections import guard

PORT: Final = 8080
COG_YAML: Final = Path("cog.yaml")
INTERVAL: Final = 0.5  # seconds between two looks at the project
GRACE: Final = 10.0  # seconds for a server to end in
TERMINATED: Final = 143
_SUFFIXES: Final = frozenset({".py", ".yaml", ".yml", ".toml"})
_LEFT_OUT: Final = frozenset({"__pycache__", "node_modules", "venv", "env", "site-packages"})


def add_serve(parser: argparse.ArgumentParser) -> None:
    """Declare `cogfal serve`."""
    parser.add_argument(
        "app",
        nargs="?",
        metavar="FILE[::CLASS]",
        help="the App (default: that of app.py or fal_app.py, else from cog.yaml)",
    )
    add_address(parser, PORT)
    parser.add_argument(
        "--playground", action="store_true", help="serve a page at /playground to try the app on"
    )
    parser.add_argument(
        "--reload", action="store_true", help="start again whenever a file of the project changes"
    )
    parser.add_argument("--listener", type=int, help=argparse.SUPPRESS)  # whose server this is
    add_variables(parser)
    add_here(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Serve until interrupted."""
    obey_here(arguments)
    if arguments.reload:
        return serve_reloading(arguments)
    variables = read_variables(arguments)
    os.environ.update(variables)  # the file of the App may read them
    app = _load(arguments.app)
    app.project = app.project and app.project.with_variables(variables)
    settings = app.checked_settings
    shown = arguments.playground or settings.host.playground
    host = settings.host._replace(allow_private_hosts=True, playground=shown)
    app.checked_settings = settings._replace(host=host)
    handed = arguments.listener is not None
    with (
        socket.socket(fileno=arguments.listener)
        if handed
        else listener(arguments.host, arguments.port)
    ) as sock:
        server = _AppServer(app(_allow_init=True), url_of(arguments.host, sock))
        try:
            server.run(sockets=[sock])
        except SetupError as error:
            sys.stderr.write(error.traceback)
            raise
        return 0 if server.started else 1


class _AppServer(uvicorn.Server):
    """A server that answers while the predictor is set up, and says where it is once that is over.

    It enters the app's lifespan itself: uvicorn would set up before it listens, log a failure of it
    as a traceback through everything that serves, and end with no error for anybody to tell.
    """

    def __init__(self, app: App, url: str) -> None:
        built = app._build_app()  # noqa: SLF001  # fal's own serve binds every address
        super().__init__(uvicorn.Config(built, http="h11", lifespan="off", log_level="warning"))
        # fal lists every package here before our first line, and has no setting for it.
        fal_app._print_python_packages = lambda: None  # noqa: SLF001
        self._lifespan = built.router.lifespan_context(built)
        self._app = app
        self._url = url
        self._setting_up: asyncio.Task[None] | None = None
        self._entered = False
        self._failure: CogfalError | None = None

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begin to end what is under way, setup too, as on fal."""
        super().handle_exit(sig, frame)
        self._app.handle_exit()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, and begin to set up; until that is over, health is STARTING."""
        guard(asyncio.get_running_loop())
        await super().startup(sockets)
        self._setting_up = asyncio.ensure_future(self._set_up())

    async def _set_up(self) -> None:
        try:
            await self._lifespan.__aenter__()
        except CogfalError as error:
            self._failure = error
        except Exception as error:  # an override of the author's raised it
            self._failure = SetupError(f"the App cannot be set up: {type(error).__name__}: {error}")
            self._failure.traceback = author_traceback(error)
            self._failure.__cause__ = error
        if self._failure is not None:
            self._failure = None if self.should_exit else self._failure
            self.should_exit = True
            return
        self._entered = True
        say(f"serving at {self._url}: POST / to predict, Ctrl-C to stop", Sign.GOOD)
        if self._app.checked_settings.host.playground:
            say(f"try it in a browser at {self._url}{PATH}", Sign.GOOD)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop serving, and tear down; raises SetupError: the predictor could not be set up."""
        # Requests end before that which answers them is torn down, and setup before it, too.
        await super().shutdown(sockets)
        if self._setting_up is not None:
            await self._setting_up
        if self._entered:
            await self._lifespan.__aexit__(None, None, None)
        if self._failure is not None:
            raise self._failure


def _load(reference: str | None) -> type[App]:
    """Return the App class of a file; where none is named and there is none, cog.yaml's."""
    path, name = split_reference(reference or str(find_app_file(Path())))
    if reference is None and not defines_app(path) and COG_YAML.is_file():
        return App.from_cog(str(COG_YAML.resolve()))
    return load_app(path, name)


def serve_reloading(arguments: argparse.Namespace) -> int:
    """Serve until interrupted, anew after every change.

    This process listens, so requests wait while the one that serves is started again.
    """
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(TERMINATED))
    watched = Watched(split_reference(arguments.app or APP_FILE)[0].resolve().parent)
    with listener(arguments.host, arguments.port) as sock:
        while True:
            process = _start_server(arguments, sock)
            try:
                changed = _next_change(process, watched)
            finally:
                _end_server(process)  # before the next begins: a GPU may not hold the model twice
            say(f"{changed} changed: starting again", Sign.NOTE)


class Watched:
    """The files of a project that make a difference to what is served: code and settings.

    What a model writes there, pictures or texts, is no change.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._states = dict(self._scan())

    def change(self) -> str | None:
        """Return the path of a file that changed, came or went since the last call, or None."""
        before, self._states = self._states, dict(self._scan())
        both = sorted(before.items() ^ self._states.items())
        return both[0][0] if both else None

    def _scan(self) -> Iterator[tuple[str, tuple[int, int]]]:
        for folder, folders, names in os.walk(self._root):
            folders[:] = [each for each in folders if each[0] != "." and each not in _LEFT_OUT]
            for path in (Path(folder, name) for name in names if name[0] != "."):
                listed = path.name.startswith("req") and path.suffix == ".txt"
                if not (listed or path.suffix in _SUFFIXES):
                    continue
                try:
                    status = path.stat()
                except FileNotFoundError:  # an editor replaces it
                    continue
                yield str(path.relative_to(self._root)), (status.st_mtime_ns, status.st_size)


def _start_server(arguments: argparse.Namespace, sock: socket.socket) -> subprocess.Popen[bytes]:
    words = [arguments.app] if arguments.app else []
    words += ["--playground"] if arguments.playground else []
    words += [f"--env={each}" for each in arguments.env]
    handed = ["--host", arguments.host, "--listener", str(sock.fileno())]
    return subprocess.Popen(  # noqa: S603  # this command
        [sys.executable, "-m", "cogfal", "serve", *words, *handed], pass_fds=[sock.fileno()]
    )


def _next_change(process: subprocess.Popen[bytes], watched: Watched) -> str:
    """Wait for a change; a server that has ended is told of once."""
    ended = False
    while (changed := watched.change()) is None:
        try:
            process.wait(INTERVAL)
        except subprocess.TimeoutExpired:
            continue
        if not ended:
            say("the server has ended; it starts again when a file changes", Sign.NOTE)
            ended = True
        time.sleep(INTERVAL)
    return changed


def _end_server(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(GRACE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
