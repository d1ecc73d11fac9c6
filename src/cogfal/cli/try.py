"""`cogfal try`: from somebody's repository to an answer, with one command."""

from __future__ import annotations

import argparse
import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Final, NamedTuple

from cogfal.cli import main
from cogfal.cli.check import check_predictor
from cogfal.cli.console import CommandFailed, Findings, Sign, confirm, say
from cogfal.cli.given_inputs import refuse_missing
from cogfal.cli.options import add_here, add_input_options, add_root, obey_here, port_number
from cogfal.cli.targets import described
from cogfal.local.model_python import install_line
from cogfal.local.session import LocalProject, find_project
from cogfal.project.config import client_python
from cogfal.project.environment_choice import decide_here
from cogfal.project.model_environment import local_model
from cogfal.spec import PredictorSpec
from cogfal.user_cache import user_cache

DECLINED = 1
EPILOG = """\
Nothing of a repository is executed before you are asked; --yes answers beforehand.
examples:
  cogfal try github:owner/repository -i prompt="a red square"
  cogfal try https://example.com/owner/model.git --playground
  cogfal try . -i image=@photo.png
"""
_SHORT: Final = re.compile(r"github:([\w.-]+/[\w.-]+?)(?:\.git)?/?")
_SCP: Final = re.compile(r"[\w.-]+@[\w.-]+:[^:]+")
_SCHEMES: Final = ("https://", "ssh://", "file://")
_ALLOWED: Final = "https:ssh:file"


def add_try(parser: argparse.ArgumentParser) -> None:
    """Declare `cogfal try`."""
    parser.epilog = EPILOG
    parser.add_argument(
        "source", metavar="SOURCE", help="github:OWNER/REPOSITORY, a git URL, or a directory"
    )
    add_input_options(parser)
    parser.add_argument(
        "-o",
        "--into",
        type=Path,
        metavar="DIR",
        help="where the clone is kept (default: in ~/.cache/cogfal/projects)",
    )
    add_root(parser, "the project's directory in the repository, where it is not the top")
    parser.add_argument(
        "--playground", action="store_true", help="serve the page to try it on, instead of a run"
    )
    parser.add_argument(
        "-p", "--port", type=port_number, default=8080, help="the page's port (default 8080)"
    )
    parser.add_argument("--yes", action="store_true", help="run it without asking")
    add_here(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Clone, look, ask, and run it once or serve its page."""
    url = repository_url(arguments.source)
    cloned = None if url is None else clone(url, arguments.into)
    place = Path(arguments.source) if cloned is None else cloned.path
    project = find_project(place / arguments.directory)
    spec = project.read()
    _show(project, spec)
    if not arguments.playground and not arguments.json_input:  # which is looked at later
        given = [pair.partition("=")[0] for pair in arguments.input]
        refuse_missing(given, spec, ", or --playground")
    obey_here(arguments)
    _tell_environment(project)
    if cloned is not None and not _agreed(cloned, spec, yes=arguments.yes):
        return DECLINED
    given = [f"--env={pair}" for pair in arguments.env]
    if arguments.playground:
        os.chdir(project.root)
        return main(["serve", "--playground", f"--port={arguments.port}", *given])
    given += [f"--input={pair}" for pair in arguments.input]
    given += [f"--json={arguments.json_input}"] if arguments.json_input else []
    given += ["--allow-unknown"] if arguments.allow_unknown else []
    return main(["predict", f"--directory={project.root}", *given])


def _show(project: LocalProject, spec: PredictorSpec) -> None:
    findings = Findings()
    findings.attempt(lambda: check_predictor(spec))
    for finding in findings.all:
        finding.show()
    for each in spec.inputs:
        say(f"    -i {each.name}=  {described(each)}")
    if not project.config.predict:
        say(f"cog.yaml names no predictor; {spec.path} has one", Sign.NOTE)


def _tell_environment(project: LocalProject) -> None:
    """Say what will be made, and what a machine of one's own does not do."""
    environment, not_run = local_model(project.config, project.root)
    decision = decide_here(environment, client_python())
    made = "in an environment of its own" if decision.own else "in the present environment"
    say(f"it runs {made}: {'; '.join(decision.reasons)}", Sign.GOOD)
    for key, command in not_run:
        say(f"{key.where}: not run on this machine: {command}", Sign.NOTE)
    missing = install_line(project.config.build.system_packages, environment.requirements)
    if missing:
        say(f"it may need system packages: {missing}", Sign.NOTE)


def _agreed(cloned: Clone, spec: PredictorSpec, *, yes: bool) -> bool:
    say(
        f"{cloned.url} at {cloned.commit}: {spec.ref}, and the packages that it asks for, will run "
        f"on this machine with your rights; read the code in {cloned.path}",
        Sign.NOTE,
    )
    if yes or confirm("Run it?"):
        return True
    say("nothing was run; `--yes` runs it without asking", Sign.BAD)
    return False


class Clone(NamedTuple):
    """A repository on this machine: where it came from, where it is, and the commit."""

    url: str
    path: Path
    commit: str


def repository_url(source: str) -> str | None:
    """Return the address of a repository, None where `source` names something else.

    Raises:
        CommandFailed: It is an address that git is not asked for.
    """
    if (short := _SHORT.fullmatch(source)) is not None:
        return f"https://github.com/{short[1]}.git"
    if source.startswith(_SCHEMES) or _SCP.fullmatch(source):
        return source
    if "://" in source or "::" in source or source.startswith("github:"):
        raise CommandFailed(
            f"{source} is not fetched; write github:OWNER/REPOSITORY, an https, ssh or file "
            "address, or the path of a directory"
        )
    return None


def clone(url: str, into: Path | None) -> Clone:
    """Clone the newest commit, by default into the user's cache; what is there stays as it is.

    Raises:
        CommandFailed: git cannot have it, or `into` holds something else.
    """
    name = re.sub(r"[^\w.-]", "-", url.rstrip("/").rpartition("/")[2].removesuffix(".git"))
    digest = hashlib.sha256(url.encode()).hexdigest()[:8]
    place = into or user_cache() / "projects" / f"{name}-{digest}"
    if (place / ".git").is_dir():
        if into is not None and _git("-C", str(place), "remote", "get-url", "origin") != url:
            raise CommandFailed(f"{into} holds another repository; name another directory with -o")
        say(f"{place} is there already, and is used as it is; without it, it is cloned anew")
    elif place.exists() and (not place.is_dir() or any(place.iterdir())):
        raise CommandFailed(f"{place} is there already, and no clone; name another place with -o")
    else:
        say(f"cloning {url}")
        place.parent.mkdir(parents=True, exist_ok=True)
        # Beside the place, and renamed: an interrupted clone is never taken for a whole one.
        with tempfile.TemporaryDirectory(prefix=".cogfal-", dir=place.parent) as folder:
            aside = Path(folder, "clone")
            _git("clone", "--quiet", "--depth", "1", "--no-tags", "--", url, str(aside))
            aside.rename(place)
    return Clone(url, place, _git("-C", str(place), "rev-parse", "--short", "HEAD"))


def _git(*words: str) -> str:
    """Run git, which asks for no password, and return what it prints."""
    git = shutil.which("git")
    if git is None:
        raise CommandFailed("git is not installed; install it, or name a directory")
    environ = {**os.environ, "GIT_ALLOW_PROTOCOL": _ALLOWED, "GIT_TERMINAL_PROMPT": "0"}
    done = subprocess.run(  # noqa: S603  # git, with an address of an allowed kind
        [git, *words],
        env=environ,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    if done.returncode:
        said = done.stderr.strip().splitlines()
        raise CommandFailed(
            f"git {words[0]}: {said[-1] if said else 'failed'}; check the address and your access"
        )
    return done.stdout.strip()
