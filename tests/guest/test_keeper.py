"""What the keeper knows of processes, on Linux and elsewhere."""

from __future__ import annotations

import os
import shutil

import pytest

from cogfal.guest.keeper import parents_of_proc, parents_of_ps


@pytest.mark.skipif(shutil.which("ps") is None, reason="there is no ps")
def test_ps_tells_what_linux_tells() -> None:
    """The parent of each process that lives through both looks."""
    before, told, after = parents_of_proc(), parents_of_ps(), parents_of_proc()

    lasting = {pid for pid in before if before[pid] == after.get(pid)}
    assert os.getpid() in lasting
    assert {pid: told[pid] for pid in lasting} == {pid: before[pid] for pid in lasting}
