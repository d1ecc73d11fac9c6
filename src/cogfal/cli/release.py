"""One deployment: what is deployed on fal already, what changes for its callers, and going back."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

import anyio
import httpx
from fal import flags
from fal.auth import current_user_info
from fal.sdk import FalServerlessClient, get_credentials
from rich.console import Console

from cogfal.app_file import load_app, open_project, split_reference
from cogfal.cli.console import BadArgument, Sign, confirm, say
from cogfal.cli.targets import document_of
from cogfal.compare.comparison import Comparison, Pair, compare, side_of
from cogfal.compare.compatibility import Verdict, compare_signatures, verdict_of
from cogfal.compare.presentation import show
from cogfal.compare.recording import RecordedEndpoint
from cogfal.compare.signatures import signature_of
from cogfal.errors import CallFailed
from cogfal.examples import EXAMPLES, Example, find_examples
from cogfal.files.progress import counted
from cogfal.local.session import LocalProject
from cogfal.spec import JSON

TIMEOUT: Final = 30.0  # seconds
EXAMPLE_TIMEOUT: Final = 600.0  # seconds
NAME_OPTION: Final = "--app-name"


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
        side = side_of(f"app:{app}", EXAMPLE_TIMEOUT)
        expected = RecordedEndpoint(document_of(self._project), examples, {})
        async with side.open() as endpoint:
            pair = Pair((side, side), expected, endpoint)
            with tempfile.TemporaryDirectory(prefix="cogfal-") as folder:
                return await compare(pair, examples, [], runs=1, folder=Path(folder), tell=say)


@dataclass(frozen=True)
class Deployed:
    """An app that is deployed.

    Attributes:
        app: Its name on fal, `owner/name`.
        revision: What answers its callers now.
        document: The OpenAPI document that fal keeps of it, None where fal shows none.
    """

    app: str
    revision: str
    document: Mapping[str, JSON] | None


def find_deployed(name: str) -> Deployed | None:
    """Return the app of this name of the current account, None where none is deployed.

    Raises:
        CallFailed: fal cannot be asked.
    """
    try:
        credentials = get_credentials()
        with FalServerlessClient(flags.GRPC_HOST, credentials).connect() as connection:
            found = [each for each in connection.list_aliases() if each.alias == name]
        if not found:
            return None
        app = f"{current_user_info(credentials.to_headers())['nickname']}/{name}"
    except Exception as error:  # gRPC's, fal's and urllib's, all about the same thing
        raise CallFailed(f"fal cannot be asked what is deployed: {error}") from error
    return Deployed(app, found[0].revision, _document(app, credentials.to_headers()))


def restore(deployed: Deployed) -> None:
    """Let the revision answer again that was deployed before; raises CallFailed."""
    name = deployed.app.rpartition("/")[2]
    try:
        with FalServerlessClient(flags.GRPC_HOST, get_credentials()).connect() as connection:
            connection.create_alias(name, deployed.revision, None)
    except Exception as error:  # as above
        raise CallFailed(
            f"the revision before cannot be restored: {error}; "
            f"`fal apps set-rev {name} {deployed.revision}` does it"
        ) from error


def _document(app: str, headers: Mapping[str, str]) -> dict[str, JSON] | None:
    """Ask fal for what it keeps of an app."""
    host = flags.FAL_RUN_HOST.replace("fal.run", "fal.ai")
    url = f"https://{host}/api/openapi/queue/openapi.json"
    try:
        response = httpx.get(
            url, params={"endpoint_id": app}, headers=dict(headers), timeout=TIMEOUT
        )
        found = response.json() if response.is_success else None
    except (httpx.HTTPError, ValueError):
        return None
    described = isinstance(found, dict) and "Input" in found.get("components", {}).get(
        "schemas", {}
    )
    return found if described else None
