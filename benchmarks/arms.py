"""The servers that are compared: a hand-written fal.App, cogfal, and Cog's own server.

Each is a process group of its own on loopback ports, serving a directory of its own, and is gone
with its block.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil

from cogfal import inspect_predictor
from cogfal.schema.document import document

START_LIMIT = 60.0  # seconds
STOP_LIMIT = 20.0  # seconds
POLL = 0.01  # seconds
FOREIGN = ("FAL_", "COG_", "COGFAL_", "PYTHON")
THIS_PYTHON: Final = sys.executable


@dataclass(frozen=True, slots=True)
class Server:
    """A running server: its port and process."""

    port: int
    process: subprocess.Popen[bytes]
    directory: Path

    def log(self) -> str:
        """Return the end of what it has logged."""
        return (self.directory / "log.txt").read_text(errors="replace")[-4000:]

    def resident_bytes(self) -> int:
        """Return the resident memory of the process and its children."""
        total = 0
        for process in family(self.process.pid):
            with suppress(psutil.NoSuchProcess):
                total += process.memory_info().rss
        return total


@contextmanager
def fal_app(
    directory: Path,
    app: str,
    variables: Mapping[str, str] | None = None,
    python: str = THIS_PYTHON,
) -> Iterator[Server]:
    """Serve an app of a directory, such as `app.py::App`, through `fal run --local`."""
    port = free_port()
    command = fal_command(app, port, python)
    with serving(command, directory, port, "/openapi.json", b"", variables) as server:
        yield server


def fal_command(app: str, port: int, python: str = THIS_PYTHON) -> list[str]:
    """Return the command that serves an app of the working directory."""
    command = [python, "-m", "fal", "run", "--local", app]
    return [*command, f"--exposed-port={port}", f"--exposed-metrics-port={free_port()}"]


@contextmanager
def cog_server(
    directory: Path,
    variables: Mapping[str, str] | None = None,
    python: str = THIS_PYTHON,
) -> Iterator[Server]:
    """Serve `predict.py:Predictor` of a directory by the real Cog."""
    port = free_port()
    _describe(directory)
    command = [python, "-m", "cog.server.http", "--host", "127.0.0.1"]
    with serving(command, directory, port, "/health-check", b'"READY"', variables) as server:
        yield server


@contextmanager
def old_cog_server(directory: Path, python: str) -> Iterator[Server]:
    """Serve `predict.py:Predictor` of a directory by a Cog that reads cog.yaml itself."""
    port = free_port()
    (directory / "cog.yaml").write_text('predict: "predict.py:Predictor"\nbuild: {}\n')
    command = [python, "-m", "cog.server.http", "--host", "127.0.0.1"]
    with serving(command, directory, port, "/health-check", b'"READY"') as server:
        yield server


@contextmanager
def serving(
    command: list[str],
    directory: Path,
    port: int,
    path: str,
    ready: bytes,
    variables: Mapping[str, str] | None = None,
) -> Iterator[Server]:
    """Run a server for the length of the block, once `path` answers with `ready`."""
    with running(command, directory, port, variables) as process:
        server = Server(port, process, directory)
        _await_ready(server, path, ready)
        yield server


@contextmanager
def running(
    command: list[str], directory: Path, port: int, variables: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a command in a process group that ends with the block."""
    with (directory / "log.txt").open("wb") as log:
        process = subprocess.Popen(
            command,
            cwd=directory,
            env=environment(directory, command[0], PORT=str(port), **(variables or {})),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            yield process
        finally:
            _end(process)


def environment(home: Path, python: str, **variables: str) -> dict[str, str]:
    """Return this process's variables without an account's, and without Python's settings.

    A user's Python keeps byte code; a machine that builds software may be told not to. What is
    left in the temporary directory goes with the lab's.
    """
    temporary = home.parent / "temporary"
    temporary.mkdir(exist_ok=True)
    kept = {k: v for k, v in os.environ.items() if not k.startswith(FOREIGN) or k == "PYTHONPATH"}
    ours = {
        "COG_PREDICT_TYPE_STUB": "predict.py:Predictor",
        "HOME": str(home),
        "NO_COLOR": "1",
        "TMPDIR": str(temporary),
        # Cog's server starts its worker as `python`.
        "PATH": os.pathsep.join([str(Path(python).parent), os.environ["PATH"]]),
    }
    return {**kept, **ours, **variables}


def _describe(directory: Path) -> None:
    """Write the schema that `cog build` writes; without it Cog checks no input and streams none."""
    spec = inspect_predictor("predict.py:Predictor", directory)
    described = document(spec, title="model", version="1")
    (directory / ".cog").mkdir()
    (directory / ".cog" / "openapi_schema.json").write_text(json.dumps(described))


def free_port() -> int:
    """Return a port on loopback that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def family(pid: int) -> list[psutil.Process]:
    """Return a process and its descendants, as far as they still run."""
    try:
        parent = psutil.Process(pid)
        return [parent, *parent.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def _end(process: subprocess.Popen[bytes]) -> None:
    members = family(process.pid)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    _, alive = psutil.wait_procs(members, STOP_LIMIT)
    for member in alive:
        with suppress(psutil.NoSuchProcess):
            member.kill()
    process.wait()


def _await_ready(server: Server, path: str, ready: bytes) -> None:
    url, limit = f"http://127.0.0.1:{server.port}{path}", time.monotonic() + START_LIMIT
    while server.process.poll() is None and time.monotonic() < limit:
        failures = (urllib.error.URLError, ConnectionError, TimeoutError)
        with suppress(*failures), urllib.request.urlopen(url, timeout=5) as answer:
            if ready in answer.read():
                return
        time.sleep(POLL)
    raise RuntimeError(f"{url} never became ready:\n{server.log()}")
