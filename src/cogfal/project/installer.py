"""Requirements as arguments for fal's installer, and as lines of a file for an image.

fal hands an app's requirements to `uv pip install` as command line arguments. A command line has no
hashes and no constraints file, and uv looks a package up in the first index that has it, where pip
takes the best version of all.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from packaging.markers import default_environment
from packaging.requirements import Requirement

from cogfal.errors import ConfigError
from cogfal.project.report import Report
from cogfal.project.requirements import (
    Line,
    Link,
    Local,
    Option,
    Package,
    RequirementSet,
    shows_credentials,
    without_credentials,
)
from cogfal.version import minor

PROJECT_DIRECTORY: Final = "/src"
"""Where the project lies in an image; Cog's own place, which authors write into their code."""

COG_PACKAGES: Final = frozenset({"cog", "coglet"})
"""Cog's runtime, whose place cogfal takes."""

_DROPPED: Final = {
    "--prefer-binary": "uv prefers wheels already",
    "--use-feature": "it is a switch of pip itself",
}


def install_arguments(
    requirements: RequirementSet, root: Path, report: Report, python: str
) -> tuple[str, ...]:
    """Return the arguments that install the requirements on fal's own runtime, with its Python.

    Options come first, as fal's documentation asks; a flag and its value are two strings.
    """
    options = [line for line in requirements.lines if isinstance(line, Option)]
    arguments = _option_arguments(options, report)
    named = [
        _argument(line, root, report)
        for line in _with_constraints(requirements, report, python)
        if not isinstance(line, Option)
    ]
    return (*arguments, *dict.fromkeys(named))


def file_lines(requirements: RequirementSet, root: Path) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the lines of a requirements file and of a constraints file for pip, in an image.

    Local requirements are left out; directories of packages are named by where the image has them.
    """
    place = Path(PROJECT_DIRECTORY)
    lines = [
        (file_line(line, root, place), line.where)
        for line in requirements.lines
        if not isinstance(line, Local)
    ]
    limits = [(str(package.requirement), package.where) for package in requirements.constraints]
    for text, where in (*lines, *limits):
        if shows_credentials(text):
            raise ConfigError(
                f"credentials are written into {without_credentials(text)!r}",
                where=where or "the requirements",
                remedy="put them into a fal secret and write ${NAME} in their place",
            )
    return tuple(text for text, _ in lines), tuple(text for text, _ in limits)


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


def without_cog(requirements: RequirementSet, report: Report) -> RequirementSet:
    """Leave out Cog itself, for which cogfal stands in."""
    kept = []
    for line in requirements.lines:
        if isinstance(line, Package) and line.name in COG_PACKAGES:
            report.changed(
                line.requirement.name,
                "left out of the requirements",
                "cogfal provides `import cog`, and Cog's server would bring its own pins",
                where=line.where,
            )
        else:
            kept.append(line)
    return requirements._replace(lines=tuple(kept))


def _option_arguments(options: Iterable[Option], report: Report) -> list[str]:
    arguments: list[str] = []
    for option in options:
        dropped = _dropped(option)
        if dropped:
            report.changed(option.name, "left out", dropped, where=option.where)
            continue
        arguments += [option.name] if option.value is None else [option.name, option.value]
        if option.value and shows_credentials(option.value):
            report.changed(
                option.name,
                f"{without_credentials(option.value)} travels with its credentials",
                "write ${NAME} instead, and it is built as an image with the fal secret NAME",
                where=option.where,
            )
    if "--extra-index-url" in arguments:
        arguments += ["--index-strategy", "unsafe-best-match"]
        report.changed(
            "--extra-index-url",
            "searched as pip does, best version of all indexes",
            "uv alone would stop at the first index that has the package",
        )
    return arguments


def _dropped(option: Option) -> str | None:
    """Why an option cannot go on the command line, None where it can."""
    if option.directory is not None:
        return "fal's own runtime installs before the project's files are there"
    if option.name == "--require-hashes":
        return "hashes cannot be given on a command line"
    return _DROPPED.get(option.name)


def _argument(line: Package | Link | Local, root: Path, report: Report) -> str:
    match line:
        case Package():
            return _package_argument(line, root, report)
        case Link():
            return _link_text(line)
        case Local():
            return _local_argument(line, root, report)


def _package_argument(line: Package, root: Path, report: Report) -> str:
    name = str(line.requirement)
    if line.hashes:
        report.changed(
            line.requirement.name,
            "installed without checking its hashes",
            'a command line has no hashes; set kind = "container" to have them checked',
            where=line.where,
        )
    if line.options:
        report.unsupported(
            line.requirement.name,
            f"{', '.join(line.options)} left out",
            'set kind = "container", where pip reads the file itself',
            where=line.where,
        )
    directory = root / name.partition("[")[0]
    if line.requirement.specifier or line.requirement.url or not directory.is_dir():
        return name
    report.changed(
        name,
        f"written as {name}>=0",
        "fal would take the bare name for the project's directory of the same name",
        where=line.where,
    )
    return f"{name}>=0"


def _link_text(line: Link) -> str:
    url = line.url
    if len(line.hashes) == 1 and "#" not in url and not re.match(r"\w+\+", url):
        url = f"{url}#{line.hashes[0].replace(':', '=', 1)}"
    return f"{url} ; {line.marker}" if line.marker else url


def _local_argument(line: Local, root: Path, report: Report) -> str:
    inside = line.path.is_relative_to(root)
    path = (line.path.relative_to(root).as_posix() if inside else line.path.as_posix()) or "."
    what = "installed" if not line.editable else "installed, but not editable"
    report.changed(
        f"{path}{line.extras}",
        f"built here as a source distribution and {what}",
        "fal's runtime cannot see this machine's files",
        where=line.where,
    )
    return f"{path}{line.extras}"


def _with_constraints(
    requirements: RequirementSet, report: Report, python: str
) -> tuple[Line, ...]:
    """Fold constraints into the requirements they concern; the others become requirements."""
    limits: dict[str, list[Package]] = {}
    for package in applying(requirements, python).constraints:
        limits.setdefault(package.name, []).append(package)
    lines: list[Line] = [
        _constrained(line, limits) if isinstance(line, Package) else line
        for line in requirements.lines
    ]
    named = {package.name for package in requirements.packages()}
    for name, packages in limits.items():
        if name not in named:
            lines.extend(packages)
            report.changed(
                packages[0].requirement.name,
                "installed, although only constrained",
                'a command line has no constraints; set kind = "container" for the exact meaning',
                where=packages[0].where,
            )
    return tuple(lines)


def _constrained(line: Package, limits: dict[str, list[Package]]) -> Package:
    requirement = Requirement(str(line.requirement))
    for package in limits.get(line.name, []):
        if requirement.url is None:
            requirement.specifier &= package.requirement.specifier
    return Package(requirement, line.hashes, line.options, line.where)


def file_line(line: Line, root: Path, place: Path) -> str:
    """Return a line of a requirements file.

    Args:
        line: The requirement or option.
        root: The project's directory on this machine.
        place: Where the project lies when the file is read.
    """
    match line:
        case Package():
            hashes = [f"--hash={value}" for value in line.hashes]
            return " ".join([str(line.requirement), *line.options, *hashes])
        case Link():
            return " ".join([_link_text(line), *(f"--hash={h}" for h in line.hashes[1:])])
        case Option(name, value, directory=directory):
            named = value if directory is None else _moved(directory, root, place)
            return name if named is None else f"{name} {named}"
        case Local(path, extras, editable):
            return f"{'-e ' if editable else ''}{_moved(path, root, place)}{extras}"


def _moved(path: Path, root: Path, place: Path) -> Path:
    return place / path.relative_to(root) if path.is_relative_to(root) else path
