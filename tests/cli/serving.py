"""`cogfal serve` as a process."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.cli.conftest import COMMAND, environment
from tests.processes import Process, free_port

APPS = """
import cogfal

class Greets(cogfal.App):
    predictor = "predict.py:Greets"

class Makes(cogfal.App):
    predictor = "predict.py:Makes"

class Streams(cogfal.App):
    predictor = "predict.py:Streams"

class Many(cogfal.App):
    predictor = "predict.py:Many"

class Copies(cogfal.App):
    predictor = "predict.py:Copies"
"""


def serve_command(port: int = 0, *arguments: str) -> list[str]:
    """Return the command that serves at a port, any by default."""
    return [*COMMAND, "serve", "--port", str(port), *arguments]


@contextmanager
def served(project: Path, home: Path, *arguments: str) -> Iterator[str]:
    """Serve in the project and yield the URL once the app answers."""
    port = free_port()
    command = serve_command(port, *arguments)
    with Process(command, cwd=project, env=environment(home)) as process:
        process.wait_for("serving at")
        yield f"http://127.0.0.1:{port}"
