"""`cogfal init` and `cogfal migrate`: write a new project, or what a Cog project needs for fal."""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Final

from rich.console import Console
from rich.markup import escape

from cogfal.app_file import APP_FILE, FAL_APP_FILE
from cogfal.cli.console import CommandFailed, Sign, confirm, say, write_json, write_table
from cogfal.cli.options import add_directory
from cogfal.cli.targets import Target, described
from cogfal.local.session import find_project
from cogfal.project.config import client_python
from cogfal.project.plan import app_name
from cogfal.project.report import ReportLine, SettingStatus
from cogfal.spec import PredictorSpec

STDOUT: Final = "-"
FROM_COG: Final = """\
import cogfal

App = cogfal.App.from_cog({cog_yaml})
"""
FROM_PREDICTOR: Final = """\
import cogfal


class App(cogfal.App):
    predictor = {ref}
"""
BARE_KEY: Final = re.compile(r"[A-Za-z0-9_-]+")  # what TOML takes without quotes
PYPROJECT: Final = """
[tool.fal.apps.{name}]
ref = "{file}::App"
"""
COLOURS: Final = MappingProxyType(
    {SettingStatus.KEPT: "green", SettingStatus.CHANGED: "yellow", SettingStatus.UNSUPPORTED: "red"}
)
DOCKERIGNORE: Final = ".dockerignore"
IGNORED: Final = """\
# What stays on this machine; read by Cog, and by cogfal for the files that go to the runner.
.git
.venv
venv
.env
**/__pycache__
**/*.pyc
**/.DS_Store
# What `cogfal predict` and `cog predict` wrote here.
output.*
!output.py
"""
COG_YAML: Final = """\
# What the predictor needs; see https://cog.run/yaml
build:
  python_version: "{python}"
  # gpu: true
  python_requirements: requirements.txt
  # system_packages:
  #   - ffmpeg
predict: "predict.py:Predictor"
"""
REQUIREMENTS: Final = """\
# The packages that the predictor imports, one a line; see https://pip.pypa.io
# torch==2.6.0
"""
PREDICT: Final = '''\
from cog import BasePredictor, Input


class Predictor(BasePredictor):
    def setup(self) -> None:
        """Load the model into memory; runs once."""
        self.greeting = "Hello"

    def predict(
        self,
        name: str = Input(description="Who to greet", default="world"),
        times: int = Input(description="How often", ge=1, le=10, default=1),
    ) -> str:
        """Run one prediction."""
        return " ".join([f"{self.greeting}, {name}!"] * times)
'''
FILES: Final = MappingProxyType(
    {
        "cog.yaml": COG_YAML,
        "requirements.txt": REQUIREMENTS,
        "predict.py": PREDICT,
        APP_FILE: FROM_COG.format(cog_yaml='"cog.yaml"'),
        DOCKERIGNORE: IGNORED,
    }
)
INIT_EPILOG = """\
Writes cog.yaml, requirements.txt, predict.py, app.py and .dockerignore, ready for `cogfal predict`,
`cogfal serve --playground` and `fal run --local app.py::App`.
"""
PROJECT_FILES: Final = ("cog.yaml", "predict.py", "run.py", APP_FILE)


def add_init(parser: argparse.ArgumentParser) -> None:
    """Declare `cogfal init`."""
    parser.epilog = INIT_EPILOG
    add_directory(parser, "where to make it")
    parser.set_defaults(run=init)


def init(arguments: argparse.Namespace) -> int:
    """Write the files of a new project that runs at once; nothing that exists is touched."""
    directory: Path = arguments.directory
    present = [name for name in PROJECT_FILES if (directory / name).exists()]
    if present:
        raise CommandFailed(
            f"there is a project in {directory} already ({', '.join(present)}); "
            "`cogfal migrate` adds app.py to a Cog project"
        )
    directory.mkdir(parents=True, exist_ok=True)
    python = client_python()
    for name, text in FILES.items():
        path = directory / name
        if not path.exists():
            path.write_text(text.format(python=python) if name == "cog.yaml" else text, "utf-8")
            say(f"{path}", Sign.GOOD)
    where = "" if directory == Path() else f" -C {directory}"
    say(f"Try it: cogfal predict{where} -i name=Ada")
    return 0


def add_migrate(parser: argparse.ArgumentParser) -> None:
    """Declare `cogfal migrate`."""
    add_directory(parser, "the Cog project")
    parser.add_argument(
        "-o",
        "--output",
        default=APP_FILE,
        metavar="FILE",
        help=f"the App's file, in the project's directory, or - for stdout (default: {APP_FILE})",
    )
    parser.add_argument(
        "-y", "--yes", action="store_true", help="replace the App's file without asking"
    )
    parser.add_argument(
        "--pyproject",
        nargs="?",
        const="",
        metavar="NAME",
        help="also add an entry to pyproject.toml, for `fal deploy NAME`",
    )
    parser.add_argument("--json", action="store_true", help="print the report as JSON")
    parser.set_defaults(run=migrate)


def migrate(arguments: argparse.Namespace) -> int:
    """Report what becomes of each setting, then write; nothing is replaced unasked."""
    found = _read_project(arguments.directory)
    if arguments.output == STDOUT:
        sys.stdout.write(app_text(found))
        return 0
    if arguments.json:
        inputs = {each.name: described(each) for each in found.predictor.inputs}
        report = [
            {
                "key": line.key,
                "status": line.status.value,
                "what": line.what,
                "why": line.why,
                "where": None if line.where is None else str(line.where),
            }
            for line in found.environment.report
        ]
        write_json({"report": report, "inputs": inputs})
    else:
        _show(found)
    root = found.root
    file = _choose_app_file(found, arguments.output)
    written = _write(root / file, app_text(found), replace=arguments.yes)
    _write_dockerignore(root / DOCKERIGNORE)
    if arguments.pyproject is not None:
        usual = found.environment.app_name or app_name(root.name) or "app"
        _add_entry(root / "pyproject.toml", arguments.pyproject or usual, file)
    if written:
        checked = "" if file in (APP_FILE, FAL_APP_FILE) else f" {file}"
        say(f"Next: cogfal check{checked}, then fal run --local {file}::App")
    return 0 if written else 1


def _read_project(directory: Path) -> Target:
    """Return a project, which has a predictor that can be read; raises ProjectError."""
    found = Target(find_project(directory))
    _ = found.predictor, found.trainer
    return found


def app_text(found: Target) -> str:
    """Return the text of the App's file for a project."""
    if (found.root / found.project.config.name).is_file():
        return FROM_COG.format(cog_yaml=json.dumps(found.project.config.name))
    return FROM_PREDICTOR.format(ref=json.dumps(found.predictor.ref))


def _choose_app_file(found: Target, wanted: str) -> str:
    """Return the App's file, another than wanted where the author's code is in that one.

    No answer to a question may cost the model, whichever way its file is named.

    Raises:
        CommandFailed: The author's code is in the other one, too.
    """
    holder = _whose_code(found, wanted)
    if holder is None:
        return wanted
    if _whose_code(found, FAL_APP_FILE) is not None:
        raise CommandFailed(
            f"{wanted} holds {holder.name}, and the App would replace it; name another file with "
            "`cogfal migrate -o FILE`"
        )
    say(f"{wanted} holds {holder.name}, so the App goes into {FAL_APP_FILE}", Sign.NOTE)
    return FAL_APP_FILE


def _whose_code(found: Target, name: str) -> PredictorSpec | None:
    """Return whose code is in a file of the project, None where it is nobody's."""
    root = found.root
    path = root / name
    specs = filter(None, (found.predictor, found.trainer))
    return next((s for s in specs if path.exists() and path.samefile(root / s.path)), None)


def _write_dockerignore(path: Path) -> None:
    """Name what should not travel, where the project does not say so itself."""
    if not path.exists():
        path.write_text(IGNORED, "utf-8")
        say(f"{path.name} written: what it names stays on this machine", Sign.GOOD)


def _write(path: Path, text: str, *, replace: bool) -> bool:
    if path.exists():
        if path.read_text("utf-8") == text:
            say(f"{path.name} is there already", Sign.GOOD)
            return True
        if not (replace or confirm(f"{path} exists. Replace it?")):
            say(
                f"{path.name} is left as it is; --yes replaces it, -o FILE writes another",
                Sign.NOTE,
            )
            return False
    path.write_text(text, "utf-8")
    say(f"{path.name} written", Sign.GOOD)
    return True


def _add_entry(path: Path, name: str, file: str) -> None:
    text = path.read_text("utf-8") if path.exists() else ""
    key = name if BARE_KEY.fullmatch(name) else json.dumps(name)
    if f"[tool.fal.apps.{key}]" in text:
        raise CommandFailed(
            f"{path} has an entry for {name} already; give --pyproject another NAME"
        )
    entry = PYPROJECT.format(name=key, file=file)
    with path.open("a", encoding="utf-8") as opened:  # what is there is never written anew
        opened.write(entry if text else entry.lstrip())
    say(f"{path.name}: fal deploy {name}", Sign.GOOD)


def _show(found: Target) -> None:
    report = [_row(line) for line in found.environment.report]
    _write_titled(
        found.project.config.name, ("", "setting", "on fal", "why, or what to do"), report
    )
    for spec in filter(None, (found.predictor, found.trainer)):
        inputs = [
            ("[green]kept[/]", escape(each.name) + _dim(each.location), escape(described(each)))
            for each in spec.inputs
        ]
        _write_titled(spec.ref, ("", "input", "as"), inputs)


def _write_titled(title: str, headers: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Write a table below its title, which no narrow table may break into two lines."""
    Console(highlight=False, emoji=False).print(f"[bold]{escape(title)}[/]", soft_wrap=True)
    if rows:
        write_table(headers, rows)
    else:
        sys.stdout.write("no inputs\n")


def _row(line: ReportLine) -> tuple[str, str, str, str]:
    status = f"[{COLOURS[line.status]}]{line.status.value}[/]"
    key = escape(line.key) + _dim(line.where)
    return status, key, escape(line.what), escape(line.why or "")


def _dim(place: object) -> str:
    return "" if place is None else f" [dim]{escape(str(place))}[/]"


def fix(directory: Path) -> None:
    """Write the App's file and .dockerignore where they are missing.

    Nothing that is there is changed.

    Raises:
        ProjectError: The project cannot be read.
        CommandFailed: The author's code is in both files that an App is looked for in.
    """
    if not directory.is_dir():
        return
    found = _read_project(directory)
    app = found.root / _choose_app_file(found, APP_FILE)
    if not app.exists():
        _write(app, app_text(found), replace=False)
    _write_dockerignore(found.root / DOCKERIGNORE)
