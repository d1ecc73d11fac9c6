"""An exception raised in another thread lands in its stretch of code or not at all."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from cogfal.cog.exceptions import CancelationException
from cogfal.guest.interruption import CALL, Interruption
from tests.interpreters import on_every_python, program_for
from tests.waiting import until


def test_fired_before_the_stretch() -> None:
    """The stretch does not begin."""
    interruption = Interruption(CancelationException)
    interruption.fire()

    with pytest.raises(CancelationException):
        interruption.run(lambda: pytest.fail("it ran"))
    assert interruption.landed


def test_fired_after_the_stretch() -> None:
    """Nothing happens any more."""
    interruption = Interruption(CancelationException)

    assert interruption.run(lambda: 3) == 3
    interruption.fire()
    assert not interruption.landed


def test_never_outside_of_the_stretch() -> None:
    """However close the race, code before and after the stretch is never interrupted."""
    current: list[Interruption] = []
    over = threading.Event()

    def fire() -> None:
        while not over.is_set():
            if current:
                current[-1].fire()

    outcomes = set()
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    firing = threading.Thread(target=fire)
    firing.start()
    try:
        for number in range(300_000):
            if number > 3000 and "interrupted" in outcomes:
                break
            interruption = Interruption(CancelationException)
            current.append(interruption)
            try:
                interruption.run(lambda: sum(range(number % 500)))  # noqa: B023  # it runs at once
                outcomes.add("ended")
            except CancelationException:
                outcomes.add("interrupted")
            current.pop()
            sum(range(20))
    finally:
        over.set()
        firing.join()
        sys.setswitchinterval(interval)
    assert "interrupted" in outcomes


def test_what_catches_it_is_known() -> None:
    """`landed` tells of an exception that the stretch swallowed."""
    interruption = Interruption(CancelationException)
    running = threading.Event()

    def stubborn() -> str:
        try:
            while True:
                running.set()
                time.sleep(0.0005)
        except CancelationException:
            return "kept on"

    def fire() -> None:
        running.wait()
        interruption.fire()

    firing = threading.Thread(target=fire)
    firing.start()

    assert interruption.run(stubborn) == "kept on"
    firing.join()
    assert interruption.landed


class Finalized:
    """Takes its time when it is collected, and says so."""

    def __init__(self, collected: threading.Event, fired: threading.Event) -> None:
        self.collected, self.fired = collected, fired

    def __del__(self) -> None:
        """Be interrupted here."""
        self.collected.set()
        self.fired.wait()
        while True:
            time.sleep(0.0005)


def test_what_python_ignores_is_raised_again() -> None:
    """Landing in a finalizer, where Python drops it, does not lose the exception."""
    Interruption.watch_ignored()
    interruption = Interruption(CancelationException)
    collected, fired = threading.Event(), threading.Event()

    def stretch() -> None:
        Finalized(collected, fired)
        while True:
            time.sleep(0.0005)

    def fire() -> None:
        collected.wait()
        interruption.fire()
        fired.set()

    firing = threading.Thread(target=fire)
    firing.start()

    with pytest.raises(CancelationException):
        interruption.run(stretch)
    firing.join()
    assert interruption.landed


TRACED = """
import sys
from tests.guest.test_interruption import test_never_outside_of_the_stretch

test_never_outside_of_the_stretch()
sys.settrace(lambda *_: None)
(lambda: None)()
print("traced")
"""


def test_nothing_stays_pending(request: pytest.FixtureRequest) -> None:
    """After many interruptions a debugger or a coverage tool can follow the code."""
    done = subprocess.run(
        [sys.executable, "-c", TRACED],
        cwd=request.config.rootpath,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert done.stdout == "traced\n", done.stderr


SIGNALLED = """
import os, resource, signal, socket, sys, threading, time
from cogfal.guest.interruption import CALL, SignalInterruption

class Cancelled(Exception):
    pass

ours, theirs = socket.socketpair()
heard, stretch = [], SignalInterruption(Cancelled)

def note(call):
    heard.append(call)
    if call == 7:
        stretch.request()

send, lost = signal.pthread_kill, []

def lose(*signalled):
    lost.append(signalled)
    if len(lost) > 3:
        send(*signalled)

if sys.argv[1] == "lost":
    signal.pthread_kill = lose

def cancel():
    running.wait()
    if sys.argv[1] != "alarm":
        stretch.fire()
    else:
        ours.send(CALL.pack(6))
        ours.send(CALL.pack(7))

running = threading.Event()
if sys.argv[2] == "full":
    resource.setrlimit(resource.RLIMIT_SIGPENDING, (0, 0))
give_back = SignalInterruption.install(theirs.fileno(), note)
threading.Thread(target=cancel).start()

def wait():
    running.set()
    while True:
        time.sleep(600 if sys.argv[1] == "lost" else 0.001)

try:
    stretch.run(wait)
except Cancelled:
    print("cancelled", stretch.landed, heard)
ours.send(CALL.pack(7))
while heard.count(7) < (2 if sys.argv[1] == "alarm" else 1):
    time.sleep(0.001)
give_back()
print("over", [each for each in signal.valid_signals() if callable(signal.getsignal(each))])
"""
ON_LINUX = pytest.mark.skipif(sys.platform != "linux", reason="no other system sends the signal")


@ON_LINUX
@pytest.mark.parametrize("room", ["room", "full"])
@pytest.mark.parametrize(("how", "heard"), [("fire", "[]"), ("lost", "[]"), ("alarm", "[6, 7]")])
def test_a_signal_interrupts_the_main_thread(
    request: pytest.FixtureRequest, how: str, heard: str, room: str
) -> None:
    """Whether a thread fires it or the alarm tells of the call; what is over is left alone.

    So it is also where the system can queue no signal for the user, and where the first ones come
    in the moment before a sleep, which then is not ended.
    """
    done = subprocess.run(
        [sys.executable, "-c", SIGNALLED, how, room],
        cwd=request.config.rootpath,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert done.stdout == f"cancelled True {heard}\nover [<Signals.SIGINT: 2>]\n", done.stderr


OUTLIVED = """
import ctypes, signal, sys
from cogfal.guest.interruption import SignalInterruption

SignalInterruption.install(int(sys.argv[1]), print)
print("installed", flush=True)
if sys.argv[2] == "finalized":  # what C code is to do at the end comes after all of Python's
    ctypes.pythonapi.Py_AtExit(ctypes.CDLL(None).pause)
else:
    for number in range(1, signal.NSIG):
        if callable(signal.getsignal(number)):
            signal.signal(number, signal.SIG_DFL)
    ctypes.CDLL(None).pause()
"""


@ON_LINUX
@on_every_python
@pytest.mark.parametrize("how", ["finalized", "reset"])
def test_a_process_outlives_the_signal_without_its_handler(python: Path, how: str) -> None:
    """A cancellation may come as the interpreter ends, or after the author reset all signals."""
    last = signal.SIGRTMAX  # of two signals that wait the lower one comes first
    ours, theirs = socket.socketpair()
    with ours, theirs:
        process = subprocess.Popen(
            [*program_for(python, OUTLIVED), str(theirs.fileno()), how],
            stdout=subprocess.PIPE,
            pass_fds=[theirs.fileno()],
        )
        with process:
            assert process.stdout is not None
            assert process.stdout.readline() == b"installed\n"
            assert until(lambda: not _catches_any(process.pid))
            ours.send(CALL.pack(7))
            process.send_signal(last)

    assert process.returncode == -last


def _catches_any(pid: int) -> bool:
    """Tell whether a process has a handler for any signal, from Python or its own runtime."""
    status = Path(f"/proc/{pid}/status").read_text()
    found = re.search(r"^SigCgt:\s*([0-9a-f]+)$", status, re.MULTILINE)
    assert found is not None
    return bool(int(found.group(1), 16))
