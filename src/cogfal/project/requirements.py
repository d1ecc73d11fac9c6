"""What pip's requirements files ask for, as located values: `requirements_reader` makes them.

Nothing is resolved or fetched here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, NamedTuple, TypeAlias

from packaging.markers import default_environment
from packaging.requirements import Requirement

from cogfal.project.plan_settings import minor
from cogfal.spec import Location

VARIABLE: Final = re.compile(r"\$\{([A-Z0-9_]+)\}")
"""`${NAME}` in a line."""

_USER: Final = re.compile(r"://(?P<user>[^/\s:@]*)(?::(?P<password>[^/\s@]*))?@")


@dataclass(frozen=True, slots=True)
class Package:
    """A named requirement as `packaging` reads it; `hashes` are pip's `--hash` values."""

    requirement: Requirement
    hashes: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    where: Location | str | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Link:
    """A requirement that is only a URL: a wheel, an archive or a repository."""

    url: str
    marker: str | None = None
    hashes: tuple[str, ...] = ()
    where: Location | str | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Local:
    """A wheel, an archive or a project directory on this machine; `extras` as in `[a,b]`."""

    path: Path
    extras: str = ""
    editable: bool = False
    where: Location | str | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Option:
    """An installer's option, by its long name; a flag has no value.

    `directory` is set where the value is a directory of packages on this machine.
    """

    name: str
    value: str | None = None
    where: Location | str | None = field(default=None, compare=False)
    directory: Path | None = None


Line: TypeAlias = Package | Link | Local | Option


class RequirementSet(NamedTuple):
    """What the files ask for, in order, and the versions they constrain.

    `secrets` are the variables that stand in a URL's credentials: their `${NAME}` is left as it
    is, for a value that only the build may see.
    """

    lines: tuple[Line, ...] = ()
    constraints: tuple[Package, ...] = ()
    secrets: tuple[str, ...] = ()

    def packages(self) -> tuple[Package, ...]:
        """Return the named requirements."""
        return tuple(line for line in self.lines if isinstance(line, Package))


def applies(requirement: Requirement, python: str) -> bool:
    """Whether a requirement's marker holds on a runner, whose Python is `python`."""
    if requirement.marker is None:
        return True
    there = default_environment() | {
        "python_version": minor(python),
        "python_full_version": python if python.count(".") > 1 else f"{minor(python)}.0",
        "sys_platform": "linux",
        "platform_system": "Linux",
        "platform_machine": "x86_64",
        "os_name": "posix",
    }
    return requirement.marker.evaluate({key: str(value) for key, value in there.items()})


def applying(requirements: RequirementSet, python: str) -> RequirementSet:
    """Return what is meant for a runner's Python: what other ones are told is left out."""
    lines = (
        line
        for line in requirements.lines
        if not isinstance(line, Package) or applies(line.requirement, python)
    )
    limits = (each for each in requirements.constraints if applies(each.requirement, python))
    return requirements._replace(lines=tuple(lines), constraints=tuple(limits))


def has_credentials(text: str) -> bool:
    """Whether a text holds a URL with a password, or a token as user, that is written out."""
    for match in _USER.finditer(text):
        shown = match["user"] if match["password"] is None else match["password"]
        if VARIABLE.sub("", shown) not in ("", "git"):
            return True
    return False


def without_credentials(text: str) -> str:
    """Return a text that may be shown, with every URL's user name and password left out."""
    return re.sub(r"(://)[^/@\s]+@", r"\1***@", text)
