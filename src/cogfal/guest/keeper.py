"""Stand between the server and the author's process, and end all that it started.

A program of its own, run by path: `python -I -S keeper.py LIFE MARK PROGRAM ARGUMENTS...`. LIFE is
the descriptor of a socket to the server, MARK a variable, `NAME=VALUE`, that this process has not
and the author's has. The author's process is started with what else was inherited.
When it ends, when the server says so or dies, or on SIGTERM, every process below this one is killed
until none is left, those in sessions of their own included; then it is told in words how the
author's process ended, and this one ends. Where there is no Linux, those that have lost their
parent are not found.
"""

from __future__ import annotations

import ctypes
import os
import select
import signal
import sys
import time
from contextlib import suppress

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
NOTED = (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT)
PAUSE = 0.002
"""Seconds between two looks for processes that are still there."""


def keep(life: int, mark: str, command: list[str]) -> None:
    """Start the author's process and watch over it to the end."""
    # Whoever loses its parent below this process becomes its child, and can be found.
    prctl(PR_SET_CHILD_SUBREAPER, 1)
    name, _, value = mark.partition("=")
    if name:
        os.environ[name] = value
    # All that wakes `wait` is there before the child is: its end may come at once.
    woken, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake)
    for number in NOTED:
        signal.signal(number, _note)
    child = start(command, [life, woken, wake])
    status = wait(child, life, woken)
    ended = end_all(child)
    told = describe(ended if status is None else status)
    with suppress(OSError):  # the server is gone
        os.write(life, told.encode())


def prctl(option: int, value: int) -> None:
    """Set one of Linux's attributes of this process, on Linux."""
    function = getattr(ctypes.CDLL(None), "prctl", None)
    if function is not None:
        function(option, value, 0, 0, 0)


def start(command: list[str], ours: list[int]) -> int:
    """Start a program that inherits all descriptors but ours, and dies with this process."""
    child = os.fork()
    if child:
        return child
    try:
        signal.set_wakeup_fd(-1)
        for number in NOTED:
            signal.signal(number, signal.SIG_DFL)
        os.setsid()
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        for descriptor in ours:
            os.close(descriptor)
        os.execv(command[0], command)  # noqa: S606  # no shell is wanted
    except OSError as error:
        os.write(2, f"{command[0]}: {error.strerror}\n".encode())
    os._exit(127)


def wait(child: int, life: int, woken: int) -> int | None:
    """Wait until the child ends and return its status, or None where it is to be ended."""
    while True:
        readable, _, _ = select.select([life, woken], [], [])
        if woken in readable:
            numbers = os.read(woken, 4096)
            if any(number != signal.SIGCHLD for number in numbers):
                return None
        status = reap(child)
        if status is not None:
            return status
        if life in readable:  # an order to end it, or the end of the server
            return None


def reap(child: int) -> int | None:
    """Collect processes that have ended; return the child's status if it is among them."""
    found = None
    while True:
        try:
            process, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return found
        if process == 0:
            return found
        if process == child:
            found = status


def end_all(child: int) -> int:
    """Kill every process below this one, again and again until none is left."""
    status = signal.SIGKILL.value
    while True:
        for process in descendants():
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        while True:
            try:
                process, found = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                # No child is left, so there is no descendant either: it would be a child of this.
                return status
            if process == 0:
                break
            if process == child:
                status = found
        time.sleep(PAUSE)


def descendants() -> list[int]:
    """Return the processes below this one, whoever is below them."""
    parents = parents_of_proc() if os.path.isdir("/proc/self") else parents_of_ps()
    found = [os.getpid()]
    for process in found:
        found.extend(each for each, parent in parents.items() if parent == process)
    return found[1:]


def parents_of_proc() -> dict[int, int]:
    """Return the parent of each process, as Linux tells it."""
    parents = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open(f"/proc/{name}/stat", "rb") as file:
                    parents[int(name)] = int(file.read().rpartition(b")")[2].split()[1])
            except (OSError, LookupError, ValueError):
                continue  # it has ended meanwhile
    return parents


def parents_of_ps() -> dict[int, int]:
    """Return the parent of each process, as every other system tells it."""
    import subprocess  # noqa: PLC0415  # Linux has no use for it

    told = subprocess.check_output(["ps", "-A", "-o", "pid=,ppid="])  # noqa: S607  # the system's
    pairs = (line.split() for line in told.splitlines())
    return {int(process): int(parent) for process, parent in pairs}


def describe(status: int) -> str:
    """Say how a process ended."""
    if not os.WIFSIGNALED(status):
        return f"ended with exit code {os.WEXITSTATUS(status)}"
    number = os.WTERMSIG(status)
    try:
        return f"was killed by {signal.Signals(number).name}"
    except ValueError:  # a real-time signal
        return f"was killed by signal {number}"


def _note(_number: int, _frame: object) -> None:
    """Let a signal reach the wakeup descriptor."""


if __name__ == "__main__":
    keep(int(sys.argv[1]), sys.argv[2], sys.argv[3:])
