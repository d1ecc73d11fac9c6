"""Decide whether the author's code runs in fal's environment or in one of its own, and say why.

fal adds `fastapi`, `pydantic` and `tblib` to every app's requirements in the versions of the
deploying machine (`SERVE_REQUIREMENTS` in fal/api/api.py).
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final, Literal, NamedTuple, TypeAlias

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

from cogfal.environments import ModelEnvironment
from cogfal.errors import ConfigError
from cogfal.project.config import PlanSettings
from cogfal.project.installer import applies
from cogfal.project.report import Report
from cogfal.project.requirements import Option, Package, RequirementSet
from cogfal.spec import Location
from cogfal.user_cache import user_cache
from cogfal.version import minor

Wanted: TypeAlias = Literal["auto", "own", "shared"]

HERE: Final = "COGFAL_HERE"
"""Set to 1, runs the author's code in the environment that cogfal is in, whatever cog.yaml says."""

SERVER_REQUIREMENTS: Final = (
    "uvicorn",
    "starlette_exporter",
    "packaging",
    "structlog",
    "tomli",
    "tomli-w",
    "httpx>=0.20",
)
"""What fal installs besides its pins, in whatever version fits."""

_OLDEST_PYTHON: Final = (3, 10)  # of fal's process and cogfal's
_INDEXES: Final = ("--index-url", "--extra-index-url", "--find-links")
_ALSO_NEEDED: Final[dict[str, str]] = {"httpx": ">=0.20", "pillow": ">=10"}
_PATIENCE: Final = 60.0  # seconds for uv to find versions
_KEPT_FOR: Final = 86_400.0  # seconds; other versions appear
_BOUND: Final = 400  # characters of uv's explanation


class Decision(NamedTuple):
    """Where the author's code runs: `own` environment or fal's, with the reasons.

    `doubt` says what could not be found out, None where everything was.
    """

    own: bool
    reasons: tuple[str, ...] = ()
    doubt: str | None = None

    @property
    def mode(self) -> Literal["own", "shared"]:
        """The value of the setting `environment` that asks for it."""
        return "own" if self.own else "shared"


def decide_here(model: ModelEnvironment, python: str, wanted: Wanted = "auto") -> Decision:
    """Decide where the author's code runs on one's own machine.

    Args:
        model: What cog.yaml asks for.
        python: The minor version of the interpreter that cogfal runs in.
        wanted: The App's setting.
    """
    if os.environ.get(HERE) == "1":
        return Decision(False, ("the present environment is asked for",))
    if wanted != "auto":
        return Decision(wanted == "own", (f'environment = "{wanted}"',))
    reasons = []
    if minor(model.python) != python:
        reasons.append(f"it wants Python {model.python}, and this is {python}")
    if model.packages:
        reasons.append(f"it names {model.counted()}")
    return Decision(bool(reasons), tuple(reasons) or ("it names no package and no other Python",))


def decide_on_fal(
    requirements: RequirementSet,
    packages: Sequence[Package],
    python: str,
    settings: PlanSettings,
    where: Location | str,
) -> Decision:
    """Decide where the author's code runs on fal's runners.

    Args:
        requirements: The project's.
        packages: The named ones, and those that commands install.
        python: The version of Python that the project asks for.
        settings: What the App asks for, and what this machine has.
        where: What names that version, for messages.

    Raises:
        ConfigError: `environment = "shared"` is asked for, and cannot be.
    """
    if settings.own_image:
        return _in_own_image(settings)
    if settings.environment == "shared":
        _check_python(python, settings, where)
        check_pins(packages, settings.pins, python, settings.requirements)
    if settings.environment != "auto":
        return Decision(settings.environment == "own", (f'environment = "{settings.environment}"',))
    return _at_best(requirements, packages, python, settings)


def _at_best(
    requirements: RequirementSet, packages: Sequence[Package], python: str, settings: PlanSettings
) -> Decision:
    """Share fal's environment unless something tells that it cannot be shared."""
    if settings.dockerfile is not None:
        return Decision(True, (f"{settings.dockerfile.name} brings a Python of its own",))
    if minor(python) != settings.client_python:
        why = f"it wants Python {python}, and the App travels from {settings.client_python}"
        return Decision(True, (why,))
    try:
        check_pins(packages, settings.pins, python, settings.requirements)
    except ConfigError as error:
        return Decision(True, (error.what,))
    return _resolved(requirements, python, settings)


def _in_own_image(settings: PlanSettings) -> Decision:
    """In an image of the author's own, the model's Python is another only where it is named."""
    if settings.interpreter is None and settings.environment != "own":
        return Decision(False, ("the App's own image has one Python",))
    if settings.interpreter is None:
        raise ConfigError(
            "which Python of the App's own image is the model's is not known",
            where='environment = "own"',
            remedy='set `interpreter = "/usr/bin/python3"` on the App, to its path in the image',
        )
    return Decision(True, (f"the App names {settings.interpreter}",))


def _check_python(python: str, settings: PlanSettings, where: Location | str) -> None:
    """Refuse a Python older than fal's, or another than the one that the App travels from."""
    numbers = tuple(map(int, minor(python).split(".")))
    if numbers >= _OLDEST_PYTHON and minor(python) == settings.client_python:
        return
    raise ConfigError(
        f"the project wants Python {python}, and fal's process has Python "
        f"{settings.client_python}, that of this machine",
        where=where,
        remedy='remove environment = "shared", so that the model has an environment of its own',
    )


def report_decision(
    decision: Decision, python: str, settings: PlanSettings, report: Report
) -> None:
    """Report where the author's code runs, and why."""
    reasons = "; ".join(decision.reasons)
    if not decision.own:
        report.kept("environment", f"shared with fal's: {reasons}")
    else:
        what = f"the model's own, Python {python}, beside fal's, Python {settings.client_python}"
        report.changed("environment", what, reasons)
    if decision.doubt is not None:
        remedy = 'set environment = "own" on the App where its packages do not go with fal\'s'
        report.unsupported("environment", decision.doubt, remedy)


def _resolved(requirements: RequirementSet, python: str, settings: PlanSettings) -> Decision:
    """Ask uv whether one environment can hold what both sides need."""
    lines = [*_index_lines(requirements)]
    if not any(not line.startswith("-") for line in lines):
        return Decision(False, ("nothing that it asks for contradicts fal's packages",))
    if not settings.resolve:
        return _direct("uv was not asked")
    fal = [f"{name}=={pin}" for name, pin in settings.pins.items()]
    fal += [*SERVER_REQUIREMENTS, *settings.requirements]
    kept = _Kept([python, lines, fal])
    answer = kept.read() or _ask_uv(lines, fal, python)
    kept.write(answer)
    match answer:
        case ("contradiction", why):
            return Decision(True, (f"its packages contradict fal's: {why}",))
        case ("unknown", why):
            return _direct(why)
        case _:
            return Decision(False, ("uv finds versions that suit both fal and the model",))


def _direct(doubt: str) -> Decision:
    return Decision(
        False,
        ("no requirement contradicts fal's packages directly",),
        f"{doubt}: whether what the requirements need in turn contradicts fal's is not known",
    )


def _index_lines(requirements: RequirementSet) -> Iterable[str]:
    """Yield what can be looked up without fetching and building anything."""
    for line in requirements.lines:
        if isinstance(line, Package) and line.requirement.url is None:
            yield str(line.requirement)
        elif isinstance(line, Option) and line.directory is None and line.name in _INDEXES:
            yield f"{line.name} {line.value}"


def _ask_uv(lines: Sequence[str], fal: Sequence[str], python: str) -> tuple[str, str]:
    """Return `fits`, or `contradiction` or `unknown` with uv's words.

    What cannot be resolved together may be what cannot be resolved at all, or not from here: so
    the model's own side is tried alone before a contradiction is told.
    """
    together = _compile([*lines, *fal], python)
    if together is None:
        return "fits", ""
    alone = _compile(lines, python)
    return ("contradiction", together) if alone is None else ("unknown", alone)


def _compile(lines: Sequence[str], python: str) -> str | None:
    """Return why uv finds no versions for the lines, None where it does."""
    from cogfal.environments.uv import resolve  # noqa: PLC0415  # on one's own machine nobody asks

    return resolve(lines, minor(python), "--no-header", seconds=_PATIENCE, longest=_BOUND).trouble


class _Kept:
    """An answer of uv's that is kept, as asking takes seconds; what is unknown is asked again."""

    def __init__(self, question: object) -> None:
        key = hashlib.sha256(json.dumps(question).encode()).hexdigest()[:32]
        self._path = user_cache() / "decisions" / f"{key}.json"

    def read(self) -> tuple[str, str] | None:
        try:
            if time.time() - self._path.stat().st_mtime > _KEPT_FOR:
                return None
            verdict, why = json.loads(self._path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        return verdict, why

    def write(self, answer: tuple[str, str]) -> None:
        if answer[0] == "unknown":
            return
        from tempfile import TemporaryDirectory  # noqa: PLC0415  # as `resolve`

        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            # Written aside, then renamed: whoever reads meanwhile has all of it or nothing.
            with TemporaryDirectory(dir=self._path.parent) as directory:
                aside = Path(directory, "answer")
                aside.write_text(json.dumps(answer), encoding="utf-8")
                aside.replace(self._path)
        except OSError:
            return  # asked again next time


def check_pins(
    packages: Iterable[Package],
    pins: Mapping[str, str],
    python_version: str,
    needed: Iterable[str] = (),
) -> None:
    """Refuse requirements that the runner cannot meet.

    Args:
        packages: What is required.
        pins: The versions that fal installs.
        python_version: The runner's Python.
        needed: What else is required in the same environment, with its bounds.

    Raises:
        ConfigError: A requirement excludes a version that fal installs; with both versions and
            the ways out.
    """
    more = map(Requirement, needed)
    ranges = _ALSO_NEEDED | {canonicalize_name(each.name): str(each.specifier) for each in more}
    for package in packages:
        name = package.name
        if not applies(package.requirement, python_version):
            continue
        if name in pins and not package.requirement.specifier.contains(
            pins[name], prereleases=True
        ):
            raise _clash(package, pins[name])
        if name in ranges:
            _check_range(package, ranges[name])


def _clash(package: Package, pin: str) -> ConfigError:
    requirement = package.requirement
    return ConfigError(
        f"{requirement} contradicts {requirement.name}=={pin}, which fal installs on the runner "
        "because it is installed here",
        where=package.where,
        remedy=_remedy(requirement.name, requirement.specifier, pin),
    )


def _remedy(name: str, specifier: SpecifierSet, pin: str) -> str:
    if name.lower() == "pydantic" and not specifier.contains("2.99"):
        exact = [s.version for s in specifier if s.operator in ("==", "~=")]
        if not exact or Version(exact[0].rstrip(".*")).major < 2:
            return "port the project to pydantic 2, and its requirement with it"
    return (
        f"widen the requirement to allow {pin}, or deploy from an environment whose {name} "
        f"fits {specifier}"
    )


def _check_range(package: Package, needed: str) -> None:
    """Only an exact pin can be told to miss a range."""
    allowed = SpecifierSet(needed)
    exact = [s.version for s in package.requirement.specifier if s.operator in ("==", "===")]
    for version in exact:
        if not version.endswith("*") and not allowed.contains(version, prereleases=True):
            raise ConfigError(
                f"{package.requirement} is older than {package.requirement.name}{needed}, "
                "which the runner needs",
                where=package.where,
                remedy="raise the pin",
            )
