"""What the pipe that ends the author's forks holds, and when it does not."""

from __future__ import annotations

import os
import signal
import sys
from contextvars import copy_context

from cogfal.guest.inheriting import Leash


def test_who_is_forked_while_it_is_let_go_ends() -> None:
    """At each step up to its end, and no fork keeps another alive."""
    forked: list[int] = []

    def fork(_frame: object, _event: str, what: object) -> None:
        if what is os.close:
            pid = os.fork()
            if pid == 0:
                signal.pause()
            forked.append(pid)

    def let_go() -> None:
        leash = Leash()
        leash.open()
        leash.hold()
        sys.setprofile(fork)
        leash.let_go()
        sys.setprofile(None)

    copy_context().run(let_go)
    *during, after = forked
    os.kill(after, signal.SIGTERM)

    assert len(during) == 3
    assert {os.waitpid(pid, 0)[1] for pid in during} == {signal.SIGKILL}
    assert os.waitpid(after, 0)[1] == signal.SIGTERM


def test_it_closes_its_own_descriptors_alone() -> None:
    """What has their numbers later stays open, here and in forks."""
    leash = Leash()
    leash.open()
    leash.let_go()
    others = os.pipe()

    leash.let_go()
    pid = os.fork()
    if pid == 0:
        os._exit(os.write(others[1], b"x") - 1)

    assert os.waitpid(pid, 0)[1] == 0
    assert os.read(others[0], 1) == b"x"
    for each in others:
        os.close(each)
