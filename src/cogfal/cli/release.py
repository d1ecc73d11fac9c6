"""Put an app in the place of the one that is deployed, without breaking who calls it unawares."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import anyio
from rich.console import Console

from cogfal.app_file import load_app, open_project, split_reference
from cogfal.cli.console import Mark, say, stderr
from cogfal.cli.inputs import BadArgument
from cogfal.cli.schema import document_of
from cogfal.compare.gate import Verdict, verdict_of
from cogfal.compare.naming import side_of
from cogfal.compare.recording import RecordedEndpoint
from cogfal.compare.report import show
from cogfal.compare.running import Comparison, Pair, compare
from cogfal.errors import CallFailed
from cogfal.examples import EXAMPLES, Example, find_examples
from cogfal.local import LocalProject

if TYPE_CHECKING:
    from cogfal.compare.deployed import Deployed

TIMEOUT = 600.0  # seconds for each example
NAME_OPTION = "--app-name"


class Release:
    """One deployment of the App that `reference` names, with what is `passed_on` to fal."""

    def __init__(self, reference: str, passed_on: Sequence[str]) -> None:
        self._reference = reference
        self._passed_on = passed_on
        self._before: Deployed | None = None

    @cached_property
    def _project(self) -> LocalProject:
        return open_project(Path(), None if self._reference == "." else self._reference)

    @cached_property
    def _name(self) -> str:
        """The app's name on fal."""
        if NAME_OPTION in self._passed_on[:-1]:
            return self._passed_on[self._passed_on.index(NAME_OPTION) + 1]
        return str(load_app(*split_reference(self._reference)).app_name)

    def examples(self) -> list[Example]:
        """Return the examples to verify with; raises BadArgument where none has an output."""
        examples = [each for each in find_examples(self._project.root) if each.recorded]
        if not examples:
            raise BadArgument(
                f"--verify needs an {EXAMPLES} beside cog.yaml with an output; "
                "`cogfal compare . --record DIR` makes one"
            )
        return examples

    def may_go_on(self, *, sure: bool) -> bool:
        """Show what changes for callers of what is deployed; ask where it breaks them."""
        from cogfal.compare.deployed import find_deployed  # noqa: PLC0415  # imports fal

        try:
            self._before = find_deployed(self._name)
        except CallFailed as error:
            say(f"{error}; what changes for callers is not known", Mark.NOTE)
            return True
        if self._before is None:
            return True
        if self._before.document is None:
            say(f"fal shows no schema of {self._before.app}; it is not compared", Mark.NOTE)
            return True
        changes = self._before.changes(document_of(self._project))
        for change in changes:
            breaks = change.verdict is Verdict.BREAKING
            say(f"{change.place}: {change.what}", Mark.BAD if breaks else Mark.NOTE)
        return sure or verdict_of(changes) is not Verdict.BREAKING or self._agreed()

    def _agreed(self) -> bool:
        assert self._before is not None
        question = f"this breaks callers of {self._before.app}"
        if not sys.stdin.isatty():
            say(f"{question}; deploy it all the same with --yes", Mark.BAD)
            return False
        stderr().print(f"{question}. Deploy? [y/N] ", end="", markup=False)
        return input().strip().lower() in ("y", "yes")

    def verify(self, examples: Sequence[Example]) -> int:
        """Run the examples on what is deployed now; go back to what was where one fails."""
        from cogfal.compare.deployed import find_deployed, restore  # noqa: PLC0415  # imports fal

        deployed = find_deployed(self._name)
        if deployed is None:
            raise CallFailed(f"{self._name} is not among the deployed apps")
        result = anyio.run(self._compared, deployed.app, examples)
        show(result, Console(highlight=False))
        if result.same:
            say(f"{len(examples)} examples answer as they should", Mark.GOOD)
            return 0
        if self._before is None:
            say("there was no revision before, so this one stays", Mark.BAD)
            return 1
        restore(self._before)
        say(f"the revision before answers again: {self._before.revision}", Mark.BAD)
        return 1

    async def _compared(self, app: str, examples: Sequence[Example]) -> Comparison:
        side = side_of(f"app:{app}", TIMEOUT)
        expected = RecordedEndpoint(document_of(self._project), examples, {})
        async with side.open() as endpoint:
            pair = Pair((side, side), expected, endpoint)
            with tempfile.TemporaryDirectory(prefix="cogfal-") as folder:
                return await compare(pair, examples, [], runs=1, folder=Path(folder), tell=say)
