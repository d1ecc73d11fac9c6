"""What the author's code may do where it runs: in either mode what it may do under Cog."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
from pathlib import Path
from typing import Final

import pytest

from cogfal.engine.service import Service
from cogfal.reading import read_predictor
from tests.engine.stage import Passing, ended, submit
from tests.modes import MODES, interpreter_of
from tests.server.servers import RealCog

PROJECT: Final = Path(__file__).parents[1] / "projects" / "permitted"
PRINTS: Final = {"forks_print": "from a fork\n", "spawned_print": "from a spawned one\n"}
MAY: Final = (
    "arguments_are_the_programs_name",
    "command",
    "forks",
    "forks_are_ended_by_terminate",
    "forks_print",
    "forkservers",
    "one_module",
    "script",
    "spawned_print",
    "spawns",
    "stdin_is_empty",
    "sync_setup_has_no_loop",
    "what_it_defines_is_pickled",
)
"""What it may do in either mode, one method of the project each."""
ON_THE_MAIN_THREAD: Final = ("interval_timer", "main_thread", "signal_handler")
"""What takes the main thread, and so a process of its own."""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of the project."""
    return shutil.copytree(PROJECT, tmp_path / "project")


@pytest.mark.parametrize("mode", MODES)
def test_in_both_modes(project: Path, mode: str) -> None:
    """All of it, in one process after the other, and what children print is the prediction's."""
    rows = MAY if mode == "shared" else (*MAY, *ON_THE_MAIN_THREAD)
    before = list(sys.argv), os.environ.copy(), Path.cwd(), list(sys.path)
    outcomes = {}

    async def main() -> None:
        spec = read_predictor("predict.py", project)
        service = Service(spec, project, Passing(), interpreter=interpreter_of(mode))
        await service.setup()
        for row in rows:
            prediction = await ended(submit(service, what=row))
            outcomes[row] = (prediction.error or prediction.output, prediction.logs)
        await service.shutdown(0)

    asyncio.run(main())
    assert outcomes == {row: ("True", PRINTS.get(row, "")) for row in rows}
    assert (list(sys.argv), os.environ.copy(), Path.cwd(), list(sys.path)) == before


NOT_UNDER_COG: Final = {*ON_THE_MAIN_THREAD, "stdin_is_empty"}
"""What today's Cog does not allow: it calls `predict` on another thread, and stdin is its own."""


@pytest.mark.long
def test_under_the_real_cog(project: Path) -> None:
    """The real Cog allows the same, but for what the table says."""
    rows = [row for row in MAY if row not in NOT_UNDER_COG]
    server = RealCog(project, "predict.py:Predictor")
    try:
        server.until_health("READY")
        answers = {
            row: server.client.post("/predictions", json={"input": {"what": row}}).json()
            for row in rows
        }
    finally:
        server.stop()

    assert {row: answer["output"] for row, answer in answers.items()} == dict.fromkeys(rows, "True")
