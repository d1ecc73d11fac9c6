"""`cogfal deploy`: check the project and what would change for callers, then deploy with fal."""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Final

import anyio
import httpx
import tomli
from rich.console import Console

from cogfal.app_file import find_app_file, load_app, open_project, split_reference
from cogfal.cli.check import LOG_IN, has_account, look_at
from cogfal.cli.console import CommandFailed, Sign, confirm, say
from cogfal.cli.targets import document_of
from cogfal.compare.comparison import Comparison, Pair, compare, open_endpoint
from cogfal.compare.presentation import show
from cogfal.compare.recording import RecordedEndpoint
from cogfal.compare.signatures import Verdict, compare_signatures, signature_of, verdict_of
from cogfal.errors import CallFailed
from cogfal.examples import EXAMPLES, Example, find_examples
from cogfal.files.progress import counted
from cogfal.local.session import LocalProject
from cogfal.spec import JSON

if TYPE_CHECKING:
    from fal.sdk import FalServerlessConnection

EPILOG = """\
A project with errors is not deployed; `cogfal check` shows the rest.
What follows -- is given to fal: cogfal deploy -- --auth public --reset-scale

An app that is deployed already is compared first: a change that breaks its callers is asked about.
--verify runs the examples of examples.yaml that have an output once the app is deployed, and goes
back to the revision before where one of them answers otherwise.
"""
TIMEOUT: Final = 30.0  # seconds for fal to answer
EXAMPLE_TIMEOUT: Final = 600.0  # seconds
NAME_OPTION: Final = "--app-name"


def add_deploy(parser: argparse.ArgumentParser) -> None:
    """Declare `cogfal deploy`."""
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
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Check, and hand over to fal; a project with errors is not deployed."""
    if not has_account():
        raise CommandFailed(
            f"deploying needs an account of fal's, and there is none here: {LOG_IN}"
        )
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
        raise CommandFailed("there is no `fal` command on the PATH; pip install fal")
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


def _file_of(app: str) -> str:
    """Return the reference of an App that pyproject.toml names; any other is one itself."""
    path = Path("pyproject.toml")
    if ".py" in app:
        return app
    if not path.is_file():
        raise CommandFailed(f"there is no {path} that names {app}; name its file, as app.py::App")
    try:
        table = tomli.loads(path.read_text("utf-8")).get("tool", {}).get("fal", {}).get("apps", {})
    except tomli.TOMLDecodeError as error:
        raise CommandFailed(f"{path} is not TOML: {error}") from error
    if app not in table:
        raise CommandFailed(f"{path} names no app {app}; it has {', '.join(table) or 'none'}")
    if "ref" not in table[app]:
        raise CommandFailed(f'{path}: tool.fal.apps.{app} has no file; add ref = "app.py::App"')
    return str(table[app]["ref"])


class Release:
    """One deployment of the App that `reference` names, with what is `passed_on` to fal."""

    def __init__(self, reference: str, passed_on: Sequence[str]) -> None:
        self._reference = reference
        self._passed_on = passed_on
        self._before: Deployed | None = None

    @cached_property
    def _project(self) -> LocalProject:
        return open_project(Path(), self._reference)

    @cached_property
    def _name(self) -> str:
        """The app's name on fal."""
        if NAME_OPTION in self._passed_on[:-1]:
            return self._passed_on[self._passed_on.index(NAME_OPTION) + 1]
        return str(load_app(*split_reference(self._reference)).app_name)

    def examples(self) -> list[Example]:
        """Return the examples to verify with; raises CommandFailed where none has an output."""
        examples = [each for each in find_examples(self._project.root) if each.recorded]
        if not examples:
            raise CommandFailed(
                f"--verify needs an {EXAMPLES} beside cog.yaml with an output; "
                "`cogfal compare . --record DIR` makes one"
            )
        return examples

    def may_go_on(self, *, sure: bool) -> bool:
        """Show what changes for callers of what is deployed; ask where it breaks them."""
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
        now = signature_of(document_of(self._project))
        changes = compare_signatures(signature_of(self._before.document), now)
        for change in changes:
            breaks = change.verdict is Verdict.BREAKING
            say(f"{change.place}: {change.what}", Sign.BAD if breaks else Sign.NOTE)
        if sure or verdict_of(changes) is not Verdict.BREAKING:
            return True
        question = f"this breaks callers of {self._before.app}"
        if not sys.stdin.isatty():
            say(f"{question}; deploy it all the same with --yes", Sign.BAD)
            return False
        return confirm(f"{question}. Deploy?")

    def verify(self, examples: Sequence[Example]) -> int:
        """Run the examples on what is deployed now; go back to what was where one fails."""
        deployed = find_deployed(self._name)
        if deployed is None:
            raise CallFailed(f"{self._name} is not among the deployed apps")
        result = anyio.run(self._compared, deployed.app, examples)
        show(result, Console(highlight=False))
        if result.same:
            say(f"{counted(len(examples), 'example')} answered as expected", Sign.GOOD)
            return 0
        if self._before is None:
            say("there was no revision before, so this one stays", Sign.BAD)
            return 1
        restore(self._before)
        say(f"the revision before answers again: {self._before.revision}", Sign.BAD)
        return 1

    async def _compared(self, app: str, examples: Sequence[Example]) -> Comparison:
        expected = RecordedEndpoint(EXAMPLES, document_of(self._project), examples, {})
        with tempfile.TemporaryDirectory(prefix="cogfal-") as folder:
            async with open_endpoint(f"app:{app}", EXAMPLE_TIMEOUT) as endpoint:
                pair = Pair(expected, endpoint)
                return await compare(pair, examples, folder=Path(folder), tell=say)


@dataclass(frozen=True)
class Deployed:
    """An app that is deployed, `owner/name`, and its document as far as fal shows one."""

    app: str
    revision: str
    document: Mapping[str, JSON] | None


def find_deployed(name: str) -> Deployed | None:
    """Ask fal, without a runner, for the app of this name; None where none is deployed.

    Raises:
        CallFailed: fal cannot be asked.
    """
    from fal import auth, sdk  # noqa: PLC0415  # only who deploys waits for it

    try:
        headers = sdk.get_credentials().to_headers()
        with _connection() as connection:
            found = [each for each in connection.list_aliases() if each.alias == name]
        if not found:
            return None
        app = f"{auth.current_user_info(headers)['nickname']}/{name}"
    except Exception as error:  # gRPC's, fal's and urllib's, all about the same thing
        raise CallFailed(f"fal cannot be asked what is deployed: {error}") from error
    return Deployed(app, found[0].revision, _document(app, headers))


def restore(deployed: Deployed) -> None:
    """Let the revision answer again that was deployed before; raises CallFailed."""
    name = deployed.app.rpartition("/")[2]
    try:
        with _connection() as connection:
            connection.create_alias(name, deployed.revision, None)
    except Exception as error:  # as above
        raise CallFailed(
            f"the revision before cannot be restored: {error}; "
            f"`fal apps set-rev {name} {deployed.revision}` does it"
        ) from error


def _connection() -> FalServerlessConnection:
    """Connect to fal with the account that is logged in here."""
    from fal import flags, sdk  # noqa: PLC0415  # as above

    return sdk.FalServerlessClient(flags.GRPC_HOST, sdk.get_credentials()).connect()


def _document(app: str, headers: Mapping[str, str]) -> dict[str, JSON] | None:
    """Ask fal for what it keeps of an app."""
    from fal import flags  # noqa: PLC0415  # as above

    host = flags.FAL_RUN_HOST.replace("fal.run", "fal.ai")
    url, params = f"https://{host}/api/openapi/queue/openapi.json", {"endpoint_id": app}
    try:
        response = httpx.get(url, params=params, headers=dict(headers), timeout=TIMEOUT)
        found = response.json() if response.is_success else {}
        return found if "Input" in found["components"]["schemas"] else None
    except (httpx.HTTPError, ValueError, KeyError, TypeError):
        return None
