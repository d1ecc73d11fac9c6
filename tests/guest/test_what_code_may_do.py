"""What the author's code may do where it runs: one table for both modes and for the real Cogs."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final, TypeAlias

import pytest

from cogfal.engine.prediction import Prediction, Status
from cogfal.engine.service import Service
from cogfal.reading import read_predictor
from tests import waiting
from tests.engine.stage import Passing, at_once, ended, submit, until
from tests.modes import MODES, interpreter_of
from tests.processes import free_port
from tests.server.servers import RealCog, Server
from tests.virtualenvs import alone

PROJECT: Final = Path(__file__).parents[1] / "projects" / "permitted"
PRINTS: Final = {"forks_print": "from a fork\n", "spawned_print": "from a spawned one\n"}
SLEEPS: Final = "sleep_is_cancelled"
SYNC: Final = (
    "arguments_are_the_programs_name",
    "command",
    "forks",
    "forks_are_ended_by_terminate",
    "forks_of_forks",
    "forks_print",
    "forkservers",
    "interval_timer",
    "main_thread",
    "one_module",
    "script",
    "signal_handler",
    SLEEPS,
    "spawned_print",
    "spawns",
    "stdin_is_empty",
    "sync_setup_has_no_loop",
    "what_it_defines_is_pickled",
    "what_it_defines_is_spawned",
)
"""What a sync predictor may do, one method of the project each."""
ASYNC: Final = ("async_main_thread", "loop_runs_in_setup")
TABLE: Final = {"predict.py": SYNC, "asynchronous.py": ASYNC}

NOT_THE_MAIN_THREAD: Final = {"async_main_thread", "interval_timer", "main_thread"} | {
    "signal_handler",
    SLEEPS,
}
REFUSED: Final = {
    "shared": NOT_THE_MAIN_THREAD,
    "own": set[str](),
    "0.16": {"one_module", "what_it_defines_is_pickled", "what_it_defines_is_spawned"},
    "0.23": {*NOT_THE_MAIN_THREAD, "stdin_is_empty"},
}
"""What does not work, by mode, and by version of Cog."""
HANGS: Final = {"shared": {SLEEPS}, "0.23": {SLEEPS, "stdin_is_empty"}}
"""What of it is not tried: a sleep that has to be slept to its end, a terminal to read from."""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of the project."""
    return shutil.copytree(PROJECT, tmp_path / "project")


def tried(column: str, file: str) -> list[str]:
    """The rows of a file that are tried."""
    return [row for row in TABLE[file] if row not in HANGS.get(column, ())]


def allowed(column: str, file: str) -> dict[str, bool]:
    """What the table says of them."""
    return {row: row not in REFUSED[column] for row in tried(column, file)}


@pytest.mark.parametrize("mode", MODES)
def test_in_both_modes(project: Path, mode: str) -> None:
    """All of it, in one process after the other, and what children print is the prediction's."""
    before = list(sys.argv), os.environ.copy(), Path.cwd(), list(sys.path)
    column = mode.partition(" ")[0]

    for file in TABLE:
        outcomes = asyncio.run(outcomes_here(project, mode, file, tried(column, file)))

        assert {row: works for row, (works, _) in outcomes.items()} == allowed(column, file)
        assert {row: logs for row, (_, logs) in outcomes.items() if row in PRINTS} == {
            row: PRINTS[row] for row in outcomes if row in PRINTS
        }
    assert (list(sys.argv), os.environ.copy(), Path.cwd(), list(sys.path)) == before


async def outcomes_here(
    project: Path, mode: str, file: str, rows: list[str]
) -> dict[str, tuple[bool, str]]:
    """Try rows in a mode; return whether each works, and what it printed."""
    service = Service(
        read_predictor(file, project), project, Passing(), interpreter=interpreter_of(mode)
    )
    await service.setup()
    outcomes = {}
    for row in rows:
        prediction = submit(service, what=row)
        if row == SLEEPS:
            await until(partial(getattr, prediction, "logs"))
            prediction.cancel()
        await ended(prediction)
        outcomes[row] = (works(prediction, row), prediction.logs)
    await service.shutdown(at_once())
    return outcomes


def works(prediction: Prediction, row: str) -> bool:
    """Whether a row did what it is there for."""
    if row == SLEEPS:
        return prediction.status is Status.CANCELED
    return (prediction.status, prediction.output) == (Status.SUCCEEDED, "True")


Start: TypeAlias = Callable[[Path, str], Server]


def old_cog(project: Path, file: str) -> Server:
    """Start Cog 0.16, with no argument, as its images do."""
    text = f'build: {{python_version: "3.11"}}\npredict: "{file}:Predictor"\n'
    (project / "cog.yaml").write_text(text)
    port = free_port()
    python = str(alone("cog>=0.16,<0.17"))
    return Server([python, "-m", "cog.server.http"], port, project, PORT=str(port))


def present_cog(project: Path, file: str) -> Server:
    """Start the Cog that is installed here."""
    return RealCog(project, f"{file}:Predictor")


@pytest.mark.long
@pytest.mark.timeout(600)
@pytest.mark.parametrize(("column", "start"), [("0.16", old_cog), ("0.23", present_cog)])
@pytest.mark.parametrize("file", TABLE)
def test_under_the_real_cog(project: Path, column: str, start: Start, file: str) -> None:
    """Each Cog allows what the table says, which is never more than a process of its own does."""
    with start(project, file) as server:
        server.until_health("READY", timeout=120)

        outcomes = {row: asked(server, row) for row in tried(column, file)}

    assert outcomes == allowed(column, file)


def asked(server: Server, row: str) -> bool:
    """Try a row under a Cog."""
    body = {"input": {"what": row}}
    if row != SLEEPS:
        answer = server.client.post("/predictions", json=body, timeout=120).json()
        return (answer["status"], answer.get("output")) == ("succeeded", "True")
    server.client.put("/predictions/x", json=body, headers={"Prefer": "respond-async"})
    assert waiting.until(lambda: server.client.put("/predictions/x", json=body).json().get("logs"))
    server.client.post("/predictions/x/cancel")
    return "status" in server.until_health("READY")
