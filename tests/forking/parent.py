"""Import fal and cogfal once, and fork for every command that is asked for.

Run by path: `parent.py LISTENER`, the number of a descriptor; who asks before it has imported waits
there. There is one thread and no event loop, so a fork is as good as a new interpreter. It ends
when its standard input does.
"""

from __future__ import annotations

import array
import ast
import atexit
import gc
import importlib
import importlib.util
import io
import os
import runpy
import select
import signal
import socket
import sys
import tempfile
import threading
import warnings
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any, Final

ENTRY_POINTS: Final = {"cogfal": ("cogfal.__main__", "main"), "fal": ("fal.cli", "main")}
"""What each command calls; `python` runs code, a module or a file."""
IMPORTED: Final = (
    "fal.cli.main",
    "fal.toolkit",
    "cogfal.__main__",
    "cogfal.app",
    "cogfal.app_making.app_class",
    "cogfal.local.session",
    "cogfal.cli.check",
    "cogfal.cli.migrate",
    "cogfal.cli.predict",
    # What fal, uvicorn, httpx and anyio import as late as they need it.
    "anyio._backends._asyncio",
    "certifi.core",
    "dateparser.date_parser",
    "dateparser.data.date_translation_data.en",
    "encodings.idna",
    "fal.cli._result_handlers",
    "fastapi.middleware.cors",
    "httpcore",
    "starlette_exporter",
    "uvicorn.lifespan.on",
    "uvicorn.protocols.http.auto",
    "uvicorn.protocols.websockets.auto",
    "uvicorn.protocols.websockets.websockets_sansio_impl",
)
SHARED: Final = str(Path(__file__).with_name("shared.py"))
INPUT: Final = 0


@dataclass
class Running:
    """A fork, and the connection over which its end is told."""

    pid: int
    connection: socket.socket


class Parent:
    """Forks on request, reaps, and ends those whose starter went away."""

    def __init__(self, listener: socket.socket) -> None:
        self._listener = listener
        self._running: list[Running] = []
        self._woken, waker = os.pipe()
        os.set_blocking(waker, False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(waker, warn_on_full_buffer=False)

    def serve(self) -> Callable[[], int] | None:
        """Serve until the input ends; in a fork return what it is to do."""
        while True:
            connections = [each.connection for each in self._running]
            ready, _, _ = select.select([INPUT, self._listener, self._woken, *connections], [], [])
            if INPUT in ready:
                return None
            if self._woken in ready:
                os.read(self._woken, 512)
                self._reap()
            self._end_deserted(ready)
            if self._listener in ready:
                work = self._fork()
                if work is not None:
                    return work

    def _fork(self) -> Callable[[], int] | None:
        connection, _ = self._listener.accept()
        try:
            wish, descriptors = _receive(connection)
        except (OSError, ValueError, SyntaxError):  # whoever asked has gone
            connection.close()
            return None
        pid = os.fork()
        if pid == 0:
            self._forget()
            connection.close()
            return _prepared(wish, descriptors)
        for descriptor in descriptors:
            os.close(descriptor)
        self._running.append(Running(pid, connection))
        _tell(connection, pid)
        return None

    def _forget(self) -> None:
        """Be nobody's parent, in a fork."""
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.close(self._woken)
        self._listener.close()
        for each in self._running:
            each.connection.close()

    def _reap(self) -> None:
        for each in list(self._running):
            pid, status = os.waitpid(each.pid, os.WNOHANG)
            if pid:
                self._running.remove(each)
                with each.connection:
                    _tell(each.connection, os.waitstatus_to_exitcode(status))

    def _end_deserted(self, ready: list[Any]) -> None:
        for each in self._running:
            if each.connection in ready:  # it never says anything: it is closed
                with suppress(ProcessLookupError):  # it is no session's leader yet, or has ended
                    os.killpg(each.pid, signal.SIGKILL)


def _tell(connection: socket.socket, number: int) -> None:
    with suppress(OSError):  # nobody waits for it any more
        connection.sendall(b"%d\n" % number)


def _receive(connection: socket.socket) -> tuple[dict[str, Any], list[int]]:
    descriptors = array.array("i")
    length, ancillary, _, _ = connection.recvmsg(8, socket.CMSG_SPACE(3 * descriptors.itemsize))
    for _, _, data in ancillary:
        descriptors.frombytes(data)
    with connection.makefile("rb") as stream:
        text = stream.read(int.from_bytes(length, "big")).decode()
    wish: dict[str, Any] = ast.literal_eval(text)
    return wish, list(descriptors)


def _prepared(wish: dict[str, Any], descriptors: list[int]) -> Callable[[], int]:
    """Become the process that was asked for; return what it does."""
    os.setsid()
    for number, descriptor in enumerate(descriptors):
        os.dup2(descriptor, number)
        os.close(descriptor)
    os.environ.clear()
    os.environ.update(wish["environ"])
    sys.path[1:1] = filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))
    tempfile.tempdir = None  # what TMPDIR said to the parent
    os.chdir(wish["cwd"])
    _open_streams(unbuffered=bool(os.environ.get("PYTHONUNBUFFERED")))
    if os.environ.get("PYTHONWARNINGS") == "error":
        warnings.simplefilter("error")
        sys.warnoptions[:] = ["error"]
    if wish["name"] == "python":
        return partial(_run_python, *wish["arguments"])
    module, function = ENTRY_POINTS[wish["name"]]
    script = Path(sys.executable).parent / wish["name"]
    sys.path[0] = str(script.parent)
    sys.argv[:] = [str(script), *wish["arguments"]]
    work: Callable[[], int] = getattr(importlib.import_module(module), function)
    return work


def _run_python(first: str, *arguments: str) -> int:
    """Be `python -c CODE`, `python -m MODULE` or `python FILE`, with arguments."""
    sys.path[0] = "" if first.startswith("-") else str(Path(first).resolve().parent)
    match first:
        case "-c":
            sys.argv[:] = ["-c", *arguments[1:]]
            sys.modules["__main__"] = main_module = ModuleType("__main__")
            exec(compile(arguments[0], "<string>", "exec"), main_module.__dict__)
        case "-m":
            sys.argv[:] = arguments
            runpy.run_module(arguments[0], run_name="__main__", alter_sys=True)
        case _:
            sys.argv[:] = [first, *arguments]
            runpy.run_path(first, run_name="__main__")
    return 0


def _open_streams(*, unbuffered: bool) -> None:
    """Open the standard streams as the interpreter does when it starts."""
    sys.stdin = sys.__stdin__ = open(0, encoding="utf-8", closefd=False)  # type: ignore[misc] # noqa: SIM115
    for number, name in ((1, "stdout"), (2, "stderr")):
        raw = open(number, "wb", buffering=0 if unbuffered else -1, closefd=False)  # noqa: SIM115
        stream = io.TextIOWrapper(
            raw,
            encoding="utf-8",
            errors="backslashreplace" if number == 2 else "strict",
            line_buffering=number == 2 or os.isatty(number),
            write_through=unbuffered,
        )
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)


def main() -> int:
    """Serve; or, in a fork, be the command."""
    for module in filter(importlib.util.find_spec, IMPORTED):  # not every environment has all
        importlib.import_module(module)
    for name in ("share_authorities", "share_package_metadata"):
        runpy.run_path(SHARED)[name]()
    sys.modules["fal.cli.main"].parse_args(["apps", "list"])  # fills the caches of what reads dates
    gc.freeze()
    with socket.socket(fileno=int(sys.argv[1])) as listener:
        work = Parent(listener).serve()
    return 0 if work is None else _done(work)


def _done(work: Callable[[], int | None]) -> int:
    """Do the work and end; only what fails here is told, and ended, by the interpreter.

    It would take apart every module on its way out, and so copy what is shared with the parent.
    """
    try:
        status = work() or 0
    except SystemExit as ended:
        if not isinstance(ended.code, int | None):
            raise
        status = ended.code or 0
    threading_module: Any = threading
    threading_module._shutdown()
    atexit._run_exitfuncs()
    gc.collect()  # what was left behind may have something to say
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except OSError:  # nobody reads any more
        return status
    os._exit(status)


if __name__ == "__main__":
    sys.exit(main())
