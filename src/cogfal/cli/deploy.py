"""`cogfal deploy`: check the project and what would change for callers, then deploy with fal."""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import anyio
import tomli
from rich.console import Console

from cogfal.app_file import find_app_file, load_app, open_project, split_reference
from cogfal.cli.check import look_at
from cogfal.cli.console import Sign, confirm, say
from cogfal.cli.findings import LOG_IN, has_credentials
from cogfal.cli.options import BadArgument
from cogfal.cli.schema import document_of
from cogfal.compare.comparison import Comparison, Pair, compare, side_of
from cogfal.compare.compatibility import Verdict, verdict_of
from cogfal.compare.presentation import show
from cogfal.compare.recording import RecordedEndpoint
from cogfal.errors import CallFailed
from cogfal.examples import EXAMPLES, Example, find_examples
from cogfal.local.session import LocalProject

if TYPE_CHECKING:
    from cogfal.compare.deployed import Deployed

EPILOG = """\
A project with errors is not deployed; `cogfal check` shows the rest.
What follows -- is given to fal: cogfal deploy -- --auth public --reset-scale

An app that is deployed already is compared first: a change that breaks its callers is asked about.
--verify runs the examples of examples.yaml that have an output once the app is deployed, and goes
back to the revision before where one of them answers otherwise.
"""
TIMEOUT = 600.0  # seconds for each example
NAME_OPTION = "--app-name"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.epilog = EPILOG
    parser.add_argument(
        "app",
        nargs="?",
        metavar="FILE::CLASS|NAME",
        help="the App, or a name of pyproject.toml's tool.fal.apps "
        "(default: App in app.py or fal_app.py)",
    )
    parser.add_argument("--yes", action="store_true", help="deploy a breaking change unasked")
    parser.add_argument(
        "--verify",
        action="store_true",
        help="run the examples afterwards, and go back if they fail",
    )


def _file_of(app: str) -> str:
    """Return the reference of an App that pyproject.toml names; any other is one itself."""
    path = Path("pyproject.toml")
    if ".py" in app or not path.is_file():
        return app if ".py" in app else "."
    try:
        table = tomli.loads(path.read_text("utf-8")).get("tool", {}).get("fal", {}).get("apps", {})
    except tomli.TOMLDecodeError as error:
        raise BadArgument(f"{path} is not TOML: {error}") from error
    if app not in table:
        raise BadArgument(f"{path} names no app {app}; it has {', '.join(table) or 'none'}")
    return str(table[app].get("ref", "."))


def run(arguments: argparse.Namespace) -> int:
    """Check, and hand over to fal; a project with errors is not deployed."""
    if not has_credentials():
        raise BadArgument(f"deploying needs an account of fal's, and there is none here: {LOG_IN}")
    app = arguments.app or f"{find_app_file(Path())}::App"
    findings = look_at(_file_of(app))
    for finding in findings.all:
        if finding.mark is not Sign.GOOD:
            finding.show()
    if findings.failed:
        say("not deployed", Sign.BAD)
        return 1
    command = shutil.which("fal") or shutil.which("fal", path=str(Path(sys.executable).parent))
    if command is None:
        raise BadArgument("there is no `fal` command on the PATH; pip install fal")
    release = Release(_file_of(app), arguments.passed_on)
    examples = release.examples() if arguments.verify else []
    if not release.may_go_on(sure=arguments.yes):
        say("not deployed", Sign.BAD)
        return 1
    handed_over = [command, "deploy", app, *arguments.passed_on]
    status = subprocess.run(handed_over, check=False).returncode  # noqa: S603  # fal, as asked
    if status == 0 and arguments.verify:
        return release.verify(examples)
    return status


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
            say(f"{error}; what changes for callers is not known", Sign.NOTE)
            return True
        if self._before is None:
            return True
        if self._before.document is None:
            say(f"fal shows no schema of {self._before.app}; it is not compared", Sign.NOTE)
            return True
        changes = self._before.changes(document_of(self._project))
        for change in changes:
            breaks = change.verdict is Verdict.BREAKING
            say(f"{change.place}: {change.what}", Sign.BAD if breaks else Sign.NOTE)
        return sure or verdict_of(changes) is not Verdict.BREAKING or self._agreed()

    def _agreed(self) -> bool:
        assert self._before is not None
        question = f"this breaks callers of {self._before.app}"
        if not sys.stdin.isatty():
            say(f"{question}; deploy it all the same with --yes", Sign.BAD)
            return False
        return confirm(f"{question}. Deploy?")

    def verify(self, examples: Sequence[Example]) -> int:
        """Run the examples on what is deployed now; go back to what was where one fails."""
        from cogfal.compare.deployed import find_deployed, restore  # noqa: PLC0415  # imports fal

        deployed = find_deployed(self._name)
        if deployed is None:
            raise CallFailed(f"{self._name} is not among the deployed apps")
        result = anyio.run(self._compared, deployed.app, examples)
        show(result, Console(highlight=False))
        if result.same:
            say(f"{len(examples)} examples answer as they should", Sign.GOOD)
            return 0
        if self._before is None:
            say("there was no revision before, so this one stays", Sign.BAD)
            return 1
        restore(self._before)
        say(f"the revision before answers again: {self._before.revision}", Sign.BAD)
        return 1

    async def _compared(self, app: str, examples: Sequence[Example]) -> Comparison:
        side = side_of(f"app:{app}", TIMEOUT)
        expected = RecordedEndpoint(document_of(self._project), examples, {})
        async with side.open() as endpoint:
            pair = Pair((side, side), expected, endpoint)
            with tempfile.TemporaryDirectory(prefix="cogfal-") as folder:
                return await compare(pair, examples, [], runs=1, folder=Path(folder), tell=say)
