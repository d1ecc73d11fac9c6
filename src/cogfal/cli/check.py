"""`cogfal check`: find out everything that can be known before deploying."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from cogfal import __version__
from cogfal.cli.console import Mark, say, stderr, write_json
from cogfal.cli.planning import signature
from cogfal.errors import ProjectError
from cogfal.local import LocalProject, find_project
from cogfal.project.environment import plan_environment
from cogfal.project.report import Status
from cogfal.schema import document
from cogfal.spec import JSON, Role

FILE_LIMIT: Final = 1024**3  # bytes, fal's limit for one of the app's files
PYTHON: Final = "build.python_version"  # told by its own finding
LARGE: Final = 256 * 1024**2  # bytes of code and data that are worth a thought


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    mark: Mark
    what: str
    where: str | None = None
    remedy: str | None = None

    def json(self) -> JSON:
        """Return it for programs."""
        status = {Mark.GOOD: "ok", Mark.NOTE: "warning", Mark.BAD: "error"}[self.mark]
        return {"status": status, "what": self.what, "where": self.where, "remedy": self.remedy}

    def show(self) -> None:
        """Say it."""
        place = f"{self.where}: " if self.where else ""
        say(f"{place}{self.what}", self.mark)
        if self.remedy:
            stderr().print(f"    [green]remedy:[/] {self.remedy}", markup=True)


@dataclass(slots=True)
class Findings:
    """What was found so far."""

    all: list[Finding] = field(default_factory=list)

    def attempt(self, look: Callable[[], Iterator[Finding]]) -> None:
        """Add what a look finds; what it cannot get past is a finding too."""
        try:
            self.all.extend(look())
        except ProjectError as error:
            where = None if error.where is None else str(error.where)
            self.all.append(Finding(Mark.BAD, error.what, where, error.remedy))

    @property
    def failed(self) -> bool:
        """Whether something would not work."""
        return any(finding.mark is Mark.BAD for finding in self.all)


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("directory", nargs="?", type=Path, default=Path(), help="the project")
    parser.add_argument("--json", action="store_true", help="print the findings as JSON")


def run(arguments: argparse.Namespace) -> int:
    """Look at everything; 1 where something would not work."""
    findings = look_at(arguments.directory)
    if arguments.json:
        write_json([finding.json() for finding in findings.all])
    else:
        for finding in findings.all:
            finding.show()
    return 1 if findings.failed else 0


def look_at(directory: Path) -> Findings:
    """Return what there is to say about a project; nothing of it is imported or run."""
    project = find_project(directory)
    findings = Findings()
    findings.attempt(lambda: _predictor(project, Role.PREDICT))
    if project.config.train:
        findings.attempt(lambda: _predictor(project, Role.TRAIN))
    findings.attempt(lambda: _environment(project))
    findings.attempt(lambda: _app(project))
    findings.attempt(_credentials)
    return findings


def _predictor(project: LocalProject, role: Role) -> Iterator[Finding]:
    spec = project.read(role)
    document(spec, title=spec.name, version=__version__)
    count = len(signature(spec))
    yield Finding(Mark.GOOD, f"{spec.ref}: {count} input{'' if count == 1 else 's'} read")
    if spec.deploy_time:
        names = ", ".join(spec.deploy_time)
        yield Finding(
            Mark.NOTE,
            f"its signature depends on {names} as set here",
            spec.path,
            "deploy with the same values, or write the values into the signature",
        )


def _environment(project: LocalProject) -> Iterator[Finding]:
    environment = plan_environment(project.config, project.root)
    machine = environment.machine_type
    yield Finding(
        Mark.GOOD,
        f"{environment.kind}, Python {environment.python_version}, "
        f"{machine if isinstance(machine, str) else ' or '.join(machine)}",
    )
    if environment.python_conflict is not None:
        error = environment.python_conflict
        yield Finding(Mark.BAD, error.what, str(error.where), error.remedy)
    for line in environment.report:
        if line.status is Status.KEPT or line.key == PYTHON:
            continue
        changed = line.status is Status.CHANGED
        text = f"{line.key}: {line.what}" + (f" ({line.why})" if changed and line.why else "")
        where = None if line.where is None else str(line.where)
        yield Finding(Mark.NOTE, text, where, None if changed else line.why)
    yield from _files(project, environment.files.names, environment.files.size)
    for mount, secret in environment.build_secrets:
        name = secret.removeprefix("$")
        yield Finding(
            Mark.NOTE,
            f"the build reads the secret {mount} from fal's {name}",
            remedy=f"set it once with `fal secrets set {name}=...`",
        )


def _files(project: LocalProject, names: tuple[str, ...], size: int) -> Iterator[Finding]:
    huge = [name for name in names if (project.root / name).stat().st_size > FILE_LIMIT]
    for name in huge:
        yield Finding(
            Mark.BAD,
            "is larger than 1 GiB, which fal does not take",
            name,
            "name where the runner gets it from in `weights`, or download it in setup()",
        )
    mark = Mark.NOTE if size > LARGE else Mark.GOOD
    remedy = "leave out what the runner does not need with .dockerignore"
    text = f"{len(names)} files, {size / 1024**2:.1f} MiB, go to the runner"
    yield Finding(mark, text, remedy=remedy if mark is Mark.NOTE else None)


def _app(project: LocalProject) -> Iterator[Finding]:
    if (project.root / "app.py").is_file():
        yield Finding(Mark.GOOD, "app.py is there")
    else:
        yield Finding(Mark.BAD, "there is no app.py", remedy="run `cogfal migrate`")


def _credentials() -> Iterator[Finding]:
    """Look for fal's credentials where fal looks; they are not tried."""
    home = Path(os.environ.get("FAL_HOME_DIR") or Path.home() / ".fal")
    keys = bool(os.environ.get("FAL_KEY") or os.environ.get("FAL_KEY_ID"))
    if keys or (home / "auth0_token").exists() or _has_key(home / "config.toml"):
        yield Finding(Mark.GOOD, "fal credentials are there")
        return
    yield Finding(
        Mark.NOTE,
        "there are no fal credentials here; running locally needs none",
        remedy="`fal auth login`, or set FAL_KEY",
    )


def _has_key(path: Path) -> bool:
    return path.is_file() and "key" in path.read_text("utf-8")
