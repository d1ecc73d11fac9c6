"""Serve in a process that is started again whenever a file of the project changes."""

from __future__ import annotations

import argparse
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Final, NoReturn

from cogfal.app_file import APP_FILE, split_reference
from cogfal.cli.console import Mark, say
from cogfal.cli.options import listener

INTERVAL: Final = 0.5  # seconds between two looks at the project
GRACE: Final = 10.0  # seconds for a server to end in
TERMINATED: Final = 143
_SUFFIXES: Final = frozenset({".py", ".yaml", ".yml", ".toml"})
_LEFT_OUT: Final = frozenset({"__pycache__", "node_modules", "venv", "env", "site-packages"})


def serve_reloading(arguments: argparse.Namespace) -> int:
    """Serve until interrupted, anew after every change.

    This process listens, so requests wait while the one that serves is started again.
    """
    signal.signal(signal.SIGTERM, _terminated)
    watched = Watched(split_reference(arguments.app or APP_FILE)[0].resolve().parent)
    with listener(arguments.host, arguments.port) as sock:
        while True:
            process = _started(arguments, sock)
            try:
                changed = _next_change(process, watched)
            finally:
                _end(process)
            say(f"{changed} changed: starting again", Mark.NOTE)


class Watched:
    """The files of a project that make a difference to what is served: code and settings.

    What a model writes there, pictures or texts, is no change.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._states = dict(self._look())

    def change(self) -> str | None:
        """Return the path of a file that changed, came or went since the last call, or None."""
        before, self._states = self._states, dict(self._look())
        both = sorted(before.items() ^ self._states.items())
        return both[0][0] if both else None

    def _look(self) -> Iterator[tuple[str, tuple[int, int]]]:
        for folder, folders, names in os.walk(self._root):
            folders[:] = [each for each in folders if each[0] != "." and each not in _LEFT_OUT]
            for name in filter(_counts, names):
                path = Path(folder, name)
                try:
                    status = path.stat()
                except FileNotFoundError:  # an editor replaces it
                    continue
                yield str(path.relative_to(self._root)), (status.st_mtime_ns, status.st_size)


def _counts(name: str) -> bool:
    if name.startswith("."):
        return False
    return Path(name).suffix in _SUFFIXES or (name.startswith("req") and name.endswith(".txt"))


def _started(arguments: argparse.Namespace, sock: socket.socket) -> subprocess.Popen[bytes]:
    words = [arguments.app] if arguments.app else []
    words += ["--playground"] if arguments.playground else []
    words += [f"--env={each}" for each in arguments.env]
    handed = ["--host", arguments.host, "--listener", str(sock.fileno())]
    return subprocess.Popen(  # noqa: S603  # this command
        [sys.executable, "-m", "cogfal", "serve", *words, *handed],
        pass_fds=[sock.fileno()],
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
            say("the server has ended; it starts again when a file changes", Mark.NOTE)
            ended = True
        time.sleep(INTERVAL)
    return changed


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(GRACE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _terminated(_signal: int, _frame: FrameType | None) -> NoReturn:
    sys.exit(TERMINATED)
