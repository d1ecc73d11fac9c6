"""Run a command as a process whose output can be waited for."""

from __future__ import annotations

import contextlib
import os
import random
import re
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType

from typing_extensions import Self

GRACE = 60.0
"""Seconds a process may take to end after it was asked to."""


NEVER_GIVEN = range(10_000, 30_000)
"""Ports below those that systems give to whoever asks for any."""


def free_port() -> int:
    """Return a TCP port of this machine that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def lasting_port() -> int:
    """Return a TCP port on which nothing listens, and which the system gives to nobody who asks."""
    for port in random.sample(NEVER_GIVEN, 100):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise OSError("a hundred ports are taken")


class ProcessEnded(AssertionError):
    """Report a process that ended before it did what was waited for."""


class Process:
    """A running command; leaving the `with` block stops it and everything it started.

    `lines` holds what it has printed so far, stdout and stderr together; nobody reads what it
    prints while `reading` is cleared.
    """

    def __init__(self, command: Sequence[str | Path], *, cwd: Path, env: Mapping[str, str]) -> None:
        self.command = [str(part) for part in command]
        self.lines: list[str] = []
        self.reading = threading.Event()
        self.reading.set()
        self._changed = threading.Condition()
        self._closed = False
        self._process = subprocess.Popen(
            self.command,
            cwd=cwd,
            env=dict(env),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        stream = self._process.stdout
        assert stream is not None
        with stream:
            for line in stream:
                self.reading.wait()
                with self._changed:
                    self.lines.append(line.rstrip("\n"))
                    self._changed.notify_all()
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    @property
    def output(self) -> str:
        """Everything printed so far."""
        return "\n".join(self.lines)

    @property
    def pid(self) -> int:
        """The process's id."""
        return self._process.pid

    def wait_for(self, pattern: str, timeout: float = 300) -> re.Match[str]:
        """Return the first match of `pattern` in a line of the output, waiting for it.

        Raises ProcessEnded when the output ends without one.
        """
        found = self.wait_until(lambda: self._search(pattern), timeout)
        if found is None:
            raise ProcessEnded(f"no {pattern!r} in the output:\n{self._report()}")
        return found

    def wait_until(
        self, look: Callable[[], re.Match[str] | None], timeout: float
    ) -> re.Match[str] | None:
        """Return what `look` finds, trying again after every line; None when the output ends."""
        deadline = time.monotonic() + timeout
        with self._changed:
            while (found := look()) is None and not self._closed:
                if not self._changed.wait(deadline - time.monotonic()):
                    raise TimeoutError(f"{timeout} s passed:\n{self._report()}")
        return found

    def _search(self, pattern: str) -> re.Match[str] | None:
        return next((m for line in self.lines if (m := re.search(pattern, line))), None)

    def _report(self) -> str:
        return f"$ {' '.join(self.command)}\n" + "\n".join(self.lines[-80:])

    def wait(self, timeout: float = 300) -> int:
        """Return the exit status once the process has ended and its output is read."""
        try:
            status = self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise TimeoutError(f"still running after {timeout} s:\n{self._report()}") from None
        self._reader.join(GRACE)
        return status

    def succeed(self, timeout: float = 300) -> str:
        """Return the output of a process that ends with status 0; raise AssertionError if not."""
        status = self.wait(timeout)
        assert status == 0, f"exit status {status}:\n{self._report()}"
        return self.output

    def stop(self, grace: float = GRACE) -> int:
        """End the process with SIGTERM, after `grace` seconds with SIGKILL; return its status."""
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(grace)
            except subprocess.TimeoutExpired:
                self._kill_group()
        status = self._process.wait()
        self._kill_group()
        self._reader.join(GRACE)
        return status

    def _kill_group(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()
