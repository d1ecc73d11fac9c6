"""Where work is measured: its plan, its notebook, and the arms that are up."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from benchmarks.arms import THIS_PYTHON, Server, cog_server, fal_app, old_cog_server
from benchmarks.http_client import Answer, Connection, Job
from benchmarks.notebook import COGFAL, Notebook
from benchmarks.plan import Plan
from tests.virtualenvs import alone

PROJECTS = Path(__file__).parent / "projects"
SYNC, ASYNC, COG = "hand-written sync", "hand-written async", "Cog"
PREDICTIONS = "cogfal /predictions"
OWN, OWN_PREDICTIONS = "cogfal, own", "cogfal /predictions, own"
OLD_COG, OLD_COG_PACKAGE = "Cog 0.16", "cog>=0.16,<0.17"

Each = TypeVar("Each")


@dataclass(frozen=True, slots=True)
class Arm:
    """A way to have work done: its name in reports, a server and what to ask of it."""

    name: str
    server: Server
    job: Job

    def once(self) -> Answer:
        """Ask once, on a connection of its own."""
        connection = Connection(self.server.port)
        try:
            return connection.post(self.job)
        finally:
            connection.close()


class Lab:
    """One run: knows the plan, keeps the notebook and clears its directory up."""

    def __init__(self, plan: Plan, notebook: Notebook, directory: Path) -> None:
        self.plan = plan
        self.notebook = notebook
        self.directory = directory
        self._copies = 0
        self._old_cog: str | None = None

    def project(self, name: str) -> Path:
        """Return a fresh copy of one of the projects."""
        return self._fresh(lambda target: shutil.copytree(PROJECTS / name, target))

    def written(self, files: Mapping[str, str]) -> Path:
        """Return a fresh project of these files."""
        return self._fresh(lambda target: _write(target, files))

    @property
    def old_cog(self) -> str | None:
        """A Python that has Cog 0.16, in an environment of its own; None where it cannot be had."""
        if OLD_COG not in self.notebook.unmeasured and self._old_cog is None:
            try:
                self._old_cog = str(alone(OLD_COG_PACKAGE))
            except AssertionError as error:
                self.notebook.leave_out(OLD_COG, f"{OLD_COG_PACKAGE} cannot be installed: {error}")
        return self._old_cog

    def _fresh(self, make: Callable[[Path], object]) -> Path:
        self._copies += 1
        target = self.directory / f"project-{self._copies}"
        make(target)
        return target

    def rounds(self, arms: Sequence[Each], rounds: int | None = None) -> Iterator[Each]:
        """Yield every arm once in each round, in an order that is rotated from round to round.

        Every other one is the other way round: where two arms are one server's, the second finds it
        warm, which has made a cancellation seem 0.1 ms quicker.
        """
        for turn in range(rounds or self.plan.rounds):
            start = turn % len(arms)
            order = [*arms[start:], *arms[:start]]
            yield from order if turn % 2 else reversed(order)


class Servers(ExitStack):
    """The servers of one kind of work, each on its own copy of a project; a block ends them."""

    def __init__(
        self,
        copy: Callable[[], Path],
        variables: Mapping[str, str] | None = None,
        python: str = THIS_PYTHON,
    ) -> None:
        super().__init__()
        self._copy = copy
        self._variables = variables
        self._python = python

    def fal(self, app: str) -> Server:
        """Start one of the project's Apps, named as `fal run` names it."""
        return self.enter_context(fal_app(self._copy(), app, self._variables, self._python))

    def own(self, app: str) -> Server:
        """Start one of them with the author's code in an environment and a process of its own."""
        directory = self._copy()
        file = directory / app.partition("::")[0]
        declared = "predictor = "
        own = f'environment = "own"\n    {declared}'
        file.write_text(file.read_text().replace(declared, own))
        return self.enter_context(fal_app(directory, app, self._variables, self._python))

    def old_cog(self, python: str) -> Server:
        """Start Cog 0.16, which that Python has."""
        return self.enter_context(old_cog_server(self._copy(), python))

    def cog(self) -> Server:
        """Start the real Cog."""
        return self.enter_context(cog_server(self._copy(), self._variables, self._python))


def _write(target: Path, files: Mapping[str, str]) -> None:
    target.mkdir()
    for name, text in files.items():
        (target / name).write_text(text)


def checked(arms: Sequence[Arm], expected: Callable[[Arm, Any], bool]) -> None:
    """Refuse to measure an arm that does not do the work."""
    for arm in arms:
        answer = arm.once()
        if answer.status != 200 or not expected(arm, answer.json()):
            raise RuntimeError(
                f"{arm.name} answered {answer.status}: {answer.body[:500]!r}\n{arm.server.log()}"
            )


__all__ = [
    "ASYNC",
    "COG",
    "COGFAL",
    "OLD_COG",
    "OWN",
    "OWN_PREDICTIONS",
    "PREDICTIONS",
    "SYNC",
    "Arm",
    "Lab",
    "Servers",
    "checked",
]
