"""Run one function on the runner to its end, whether or not a client still watches."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from queue import SimpleQueue

import grpc
from isolate.server.definitions import BoundFunction, PartialRunResult

from tests.loopback.app_directory import AppDirectoryTaken, app_directory
from tests.loopback.engine import Engine, Task
from tests.loopback.records import StoredFile
from tests.waiting import until

PORTS = (8080, 9090)
"""Where fal's SDK serves an app and its metrics on a runner; neither can be changed."""


class Failed(Exception):
    """Report, with a gRPC status, why a function could not be run."""

    def __init__(self, code: grpc.StatusCode, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


class Execution(threading.Thread):
    """Runs `function` with `files` in `/app`; `logs` gets everything it prints.

    `src` is what lies in `/src` where there is an image.
    """

    def __init__(
        self,
        engine: Engine,
        function: BoundFunction,
        files: dict[str, StoredFile],
        logs: list[str],
        src: Path | None = None,
    ) -> None:
        super().__init__(daemon=True)
        self._engine = engine
        self._function = function
        self._files = files
        self._logs = logs
        self._src = src
        self._reports: SimpleQueue[PartialRunResult | Failed | None] = SimpleQueue()
        self._task: Task | None = None
        self._cancelled = False
        self._lock = threading.Lock()

    def run(self) -> None:
        """Do it; `reports` tells how it went."""
        try:
            with app_directory(self._files, self._src) as before:
                _refuse_taken_ports()
                with self._engine.task(self._function, before) as task, self._cancellable(task):
                    self._follow(task)
        except AppDirectoryTaken as error:
            self._reports.put(Failed(grpc.StatusCode.FAILED_PRECONDITION, str(error)))
        except Failed as error:
            self._reports.put(error)
        except grpc.RpcError as error:
            self._reports.put(Failed(error.code(), error.details()))
        finally:
            self._reports.put(None)

    @contextlib.contextmanager
    def _cancellable(self, task: Task) -> Iterator[None]:
        with self._lock:
            self._task = task
        try:
            yield
        finally:
            with self._lock:
                self._task = None

    def _follow(self, task: Task) -> None:
        if self._cancelled:
            return
        for report in task:
            self._logs.extend(log.message for log in report.logs)
            self._reports.put(report)

    def reports(self) -> Iterator[PartialRunResult]:
        """Yield what is reported, to the end; raises Failed."""
        while (report := self._reports.get()) is not None:
            if isinstance(report, Failed):
                raise report
            yield report

    def cancel(self) -> None:
        """Ask the function to end, as fal does; what it still prints is kept in the logs."""
        self._cancelled = True
        with self._lock, contextlib.suppress(grpc.RpcError):
            if self._task is not None:
                self._task.cancel()


def _refuse_taken_ports() -> None:
    """Wait for the ports, on which the app before may end yet."""
    for port in PORTS:
        if not until(partial(_is_free, port)):
            raise Failed(
                grpc.StatusCode.FAILED_PRECONDITION,
                f"port {port} is in use, and fal's SDK serves on no other; free it",
            )


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("0.0.0.0", port))
        except OSError:
            return False
    return True
