"""`cogfal deploy`: check the project and what would change for callers, then deploy with fal."""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
from pathlib import Path

import tomli

from cogfal.app_file import find_app_file
from cogfal.cli.check import LOG_IN, has_credentials, look_at
from cogfal.cli.console import BadArgument, Sign, say

EPILOG = """\
A project with errors is not deployed; `cogfal check` shows the rest.
What follows -- is given to fal: cogfal deploy -- --auth public --reset-scale

An app that is deployed already is compared first: a change that breaks its callers is asked about.
--verify runs the examples of examples.yaml that have an output once the app is deployed, and goes
back to the revision before where one of them answers otherwise.
"""


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
    from cogfal.cli.release import Release  # noqa: PLC0415  # imports fal

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
