"""`cogfal check`: find out everything that can be known before deploying."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator
from contextlib import redirect_stdout
from pathlib import Path
from typing import Final

from cogfal.app_file import FAL_APP_FILE
from cogfal.cli.console import Finding, Findings, Sign, write_json
from cogfal.cli.given_inputs import validate
from cogfal.cli.migrate import fix
from cogfal.cli.sizes import downloads, travelling
from cogfal.cli.targets import Target, find_target
from cogfal.errors import InvalidInput
from cogfal.examples import EXAMPLES, find_examples
from cogfal.files.progress import counted
from cogfal.local.session import USUAL_FILES
from cogfal.project.place import roots_outside
from cogfal.project.plan import PlannedEnvironment
from cogfal.project.report import SettingStatus
from cogfal.schema.document import document
from cogfal.schema.validation import unfit_defaults
from cogfal.spec import PredictorSpec
from cogfal.version import __version__

LOG_IN: Final = "`fal auth login`, or set FAL_KEY"
PYTHON: Final = "build.python_version"
DECISION: Final = "environment"
"""Lines of the report about which there are findings of their own."""
SHOWN: Final = (
    "machine_type",
    "num_gpus",
    "keep_alive",
    "min_concurrency",
    "max_concurrency",
    "max_multiplexing",
    "output_name",
    "isolate",
    "secrets",
)
"""The attributes that decide most, told where the App sets them."""
EPILOG = """\
The App's file is executed, as fal does; nothing of the predictor is imported or run.
examples:
  cogfal check
  cogfal check models/painter
  cogfal check app.py::Painter
"""


def add_check(parser: argparse.ArgumentParser) -> None:
    """Declare `cogfal check`."""
    parser.epilog = EPILOG
    parser.add_argument(
        "project",
        nargs="?",
        default=".",
        metavar="DIR|FILE[::CLASS]",
        help="the project, or the file of its App (default: the working directory, "
        "with its app.py or fal_app.py)",
    )
    parser.add_argument("--json", action="store_true", help="print the findings as JSON")
    parser.add_argument(
        "-v", "--verbose", action="store_true", help="list every file that goes to the runner"
    )
    parser.add_argument(
        "--sizes",
        action="store_true",
        help="ask how much is downloaded for the packages and weights; needs the network",
    )
    parser.add_argument(
        "--fix",
        action="store_true",
        help="write the App's file, app.py, and .dockerignore where they are missing",
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print all findings; the exit status is 1 where something would not work."""
    if arguments.fix:
        fix(Path(arguments.project))
    findings, wanted = Findings(), {"verbose": arguments.verbose, "sizes": arguments.sizes}
    findings.attempt(lambda: look_at(arguments.project, **wanted).all)
    if arguments.json:
        write_json([finding.json() for finding in findings.all])
    else:
        for finding in findings.all:
            finding.show()
    return 1 if findings.failed else 0


def look_at(project: str, *, verbose: bool = False, sizes: bool = False) -> Findings:
    """Return what there is to say about a project, as its App serves it where it has one.

    Raises:
        ProjectError: There is no such project, or its cog.yaml cannot be read.
    """
    findings = Findings()
    target = find_target(project)
    named = (target.project.config.name, *USUAL_FILES)
    if not (target.app or target.failure or any((target.root / n).is_file() for n in named)):
        target.project.read()  # it says that there is no project, which is all there is to say
    findings.attempt(lambda: check_predictor(target.predictor))
    findings.attempt(lambda: check_predictor(target.trainer) if target.trainer else ())
    findings.attempt(lambda: check_examples(target.root, target.predictor))
    findings.attempt(lambda: _imports(target))
    findings.attempt(lambda: _environment(target, verbose=verbose))
    findings.attempt(lambda: downloads(target.environment, ask=sizes))
    findings.attempt(lambda: _app(target))
    findings.attempt(find_credentials)
    return findings


def check_predictor(spec: PredictorSpec) -> Iterator[Finding]:
    """Find how many inputs a predictor has, and what its callers should know of them."""
    document(spec, title=spec.name, version=__version__)  # what it could not describe is an error
    yield Finding(Sign.GOOD, f"{spec.ref}: {counted(len(spec.inputs), 'input')} read")
    for each, reason in unfit_defaults(spec):
        yield Finding(
            Sign.NOTE,
            f"the default of {each.name!r} is {each.default!r}, which no caller could send: "
            f"{reason}",
            None if each.location is None else str(each.location),
            "correct the default, the type or the limits; until then predict() gets it as it is",
        )
    if spec.deploy_time:
        names = ", ".join(spec.deploy_time)
        yield Finding(
            Sign.NOTE,
            f"its signature depends on {names} as set here",
            spec.path,
            "deploy with the same values, or write the values into the signature",
        )


def _imports(target: Target) -> Iterator[Finding]:
    """Tell what is imported from where nothing travels from."""
    for place, directory in roots_outside(target.predictor.path, target.root):
        yield Finding(
            Sign.NOTE,
            f"what it imports from {directory} lies outside of the project, and does not travel",
            str(place),
            "put it into the project, or name it in the App's app_files, with an "
            "app_files_context_dir above both",
        )


def _environment(target: Target, *, verbose: bool) -> Iterator[Finding]:
    environment = target.environment
    machine = environment.machine_type
    machines = machine if isinstance(machine, str) else " or ".join(machine)
    if "image" in target.declared:  # the App's own, which is not looked into
        yield Finding(Sign.GOOD, f"the App's own image, machine {machines}")
        yield from travelling(target.root, environment.files.names, verbose=verbose)
        return
    model, reasons = environment.model, "; ".join(environment.decision.reasons)
    python = environment.python_version if model is None else model.python
    yield Finding(Sign.GOOD, f"{environment.kind}, Python {python}, machine {machines}")
    yield Finding(Sign.GOOD, f"environment: {environment.decision.mode} ({reasons})")
    yield from _report(environment)
    yield from travelling(target.root, environment.files.names, verbose=verbose)
    for mount, secret in environment.build_secrets:
        name = secret.removeprefix("$")
        yield Finding(
            Sign.NOTE,
            f"the build reads the secret {mount} from fal's {name}",
            remedy=f"set it once with `fal secrets set {name}=...`",
        )


def _report(environment: PlannedEnvironment) -> Iterator[Finding]:
    """Tell what becomes another thing on fal, or nothing."""
    for line in environment.report:
        changed = line.status is SettingStatus.CHANGED
        told = line.key == PYTHON or (changed and line.key == DECISION)
        if line.status is not SettingStatus.KEPT and not told:
            text = f"{line.key}: {line.what}" + (f" ({line.why})" if changed and line.why else "")
            where = None if line.where is None else str(line.where)
            yield Finding(Sign.NOTE, text, where, None if changed else line.why)


def _app(target: Target) -> Iterator[Finding]:
    """Tell what the App says itself; its mistakes that the steps before have met are told once."""
    if target.failure is not None:
        raise target.failure
    if target.app is None:
        there = (target.root / target.wanted).is_file()
        text = f"{target.wanted} has no App of cogfal's, and is not run to find out more"
        remedy = f"`cogfal migrate -o {FAL_APP_FILE}` writes one beside it"
        missing = f"there is no {target.wanted}", None, "run `cogfal migrate`"
        yield Finding(Sign.BAD, *((text, None, remedy) if there else missing))
        return
    declared = target.declared
    wanted = ", ".join(f"{name} {declared[name]!r}" for name in SHOWN if name in declared)
    yield Finding(Sign.GOOD, f"{target.app}: {wanted or 'all settings are the default'}")
    for name in declared.get("secrets") or ():
        if name in os.environ:
            continue
        yield Finding(
            Sign.NOTE,
            f"the App names the secret {name}, which is not set here",
            target.app,
            f"set it on fal once with `fal secrets set {name}=...`, and as a variable to run here",
        )


def check_examples(root: Path, spec: PredictorSpec) -> Iterator[Finding]:
    """Tell of each example that a caller could not send; its files are there, or this raises.

    Raises:
        ExamplesError: The file cannot be used.
    """
    examples, names, wrong = find_examples(root), {each.name for each in spec.inputs}, 0
    for example in examples:
        problems = [f"there is no input {name}" for name in example.input if name not in names]
        try:
            validate({n: value for n, value in example.input.items() if n in names}, spec)
        except InvalidInput as error:
            problems += map(str, error.problems)
        wrong += len(problems)
        for problem in problems:
            where = f"{EXAMPLES}, {example.name}"
            yield Finding(Sign.BAD, problem, where, "correct the example, or the signature")
    if examples and not wrong:
        fit = "fits" if len(examples) == 1 else "fit"
        yield Finding(Sign.GOOD, f"{EXAMPLES}: {counted(len(examples), 'example')} {fit}")


def find_credentials() -> Iterator[Finding]:
    """Find whether there are credentials of fal's."""
    if has_account():
        yield Finding(Sign.GOOD, "fal credentials are there")
    else:
        text = "there are no fal credentials here; running locally needs none"
        yield Finding(Sign.NOTE, text, remedy=LOG_IN)


def has_account() -> bool:
    """Tell whether fal finds credentials; what it says of a wrong key goes to stderr."""
    from cogfal.fal_files import has_credentials  # noqa: PLC0415  # loads fal

    with redirect_stdout(sys.stderr):
        return has_credentials()
