"""Read what the author's code needs of Python, and describe an environment that has it.

That is the requirements of cog.yaml, and what its shell commands install with pip.
"""

from __future__ import annotations

import os
import posixpath
import re
import shlex
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Final

from packaging.requirements import InvalidRequirement, Requirement

from cogfal.environments import ModelEnvironment, state_of_sources
from cogfal.errors import ConfigError
from cogfal.project.config import TELEMETRY_KEYS, TRACING_PACKAGES, CogConfig, Key, client_python
from cogfal.project.installer import file_line, without_cog
from cogfal.project.report import Report
from cogfal.project.requirements import (
    Local,
    Option,
    Package,
    RequirementSet,
    pin_of_wheel,
    read_packages,
    read_requirements,
)

_PIP: Final = re.compile(r"pip(3(\.\d+)?)?")
_PYTHON: Final = re.compile(r"python(3(\.\d+)?)?")
_OWN: Final = re.compile(r"(/usr(/local)?/bin|/root/\.pyenv|\$\(pyenv prefix\))/|~/\.pyenv/")
"""Where the image's own Python has its programs; a pip elsewhere installs for another one."""

_OPERATORS: Final = frozenset("();&|<>")
_BUILD_FLAG: Final = re.compile(r"--(mount|network|security)(=|$)")
_ELSEWHERE: Final = ("-t", "--target", "--prefix", "--root")
"""Options that keep packages out of the environment that serves."""

_INDEXES: Final = frozenset({"-i", "--index-url", "--extra-index-url", "-f", "--find-links"})

_VALUED: Final = frozenset(
    _INDEXES
    | {"-c", "--constraint"}
    | {"-r", "--requirement", "-e", "--editable", "--no-binary", "--only-binary", "--trusted-host"}
    | {"--progress-bar", "--platform", "--python-version", "--cache-dir", "--log", "--timeout"}
    | {"--retries", "--proxy", "--cert", "--src", "--upgrade-strategy", "--config-settings", "-C"}
    | {"--global-option", "--use-feature", "--root-user-action", "--python", "-p"}
)
"""pip's and uv's options that are followed by a value."""

_OF_THE_PROJECT: Final = frozenset(
    {"-r", "--requirement", "-c", "--constraint", "-e", "--editable"}
)


def read_model_requirements(
    config: CogConfig, root: Path, environ: Mapping[str, str]
) -> RequirementSet:
    """Read the requirements that cog.yaml names or lists.

    Raises:
        ConfigError: A file is missing or leads out of the project, or a line is not pip's.
    """
    build = config.build
    if build.python_requirements:
        where = config.where("build.python_requirements")
        path = root / build.python_requirements
        return read_requirements(path, environ, root=root, where=where)
    places = {
        text: config.where(f"build.python_packages[{i}]")
        for i, text in enumerate(build.python_packages)
    }
    return read_packages(places, root, environ)


def check_telemetry(
    config: CogConfig, root: Path, travelling: Collection[str] | None = None
) -> None:
    """Look whether the author's `telemetry.py` will be there; cog.yaml need not name one.

    Args:
        config: Names it, relative to the project.
        root: The project's directory.
        travelling: The files that go to the runner, None where that is not the question.

    Raises:
        ConfigError: It is not in the project, or does not travel.
    """
    own = config.observability.config if config.observability is not None else None
    if own is None or not config.traces:
        return
    what = f"{own}, which makes the provider of traces,"
    where = config.at(*TELEMETRY_KEYS).where
    inside = (root / own).resolve().is_relative_to(root.resolve())
    if not inside or not (root / own).is_file() or Path(own).is_absolute():
        raise ConfigError(
            f"{what} is not in the project",
            where=where,
            remedy="give the path of a file in the project, relative to cog.yaml, or remove "
            "`config`",
        )
    if travelling is not None and posixpath.normpath(own) not in travelling:
        raise ConfigError(
            f"{what} does not go to the runner",
            where=where,
            remedy="except it in .dockerignore, with a ! in front of its path; a link has to be a "
            "file",
        )


def with_tracing(requirements: RequirementSet, config: CogConfig) -> RequirementSet:
    """Add what the author's own spans need, in whatever version suits the rest."""
    if not config.traces:
        return requirements
    where = config.where("observability")
    named = {each.name for each in requirements.packages()}
    missing = [name for name in TRACING_PACKAGES if name not in named]
    added = [Package(Requirement(name), where=where) for name in missing]
    return requirements._replace(lines=(*requirements.lines, *added))


def local_model(
    config: CogConfig, root: Path
) -> tuple[ModelEnvironment, tuple[tuple[Key, str], ...]]:
    """Describe the environment that a project's own machine is to make for its model.

    Returns:
        The environment, and the commands of `run` and `pre_install` that are more than a plain
        `pip install` and are not run here, each with its key.

    Raises:
        ConfigError: The requirements cannot be read, or `telemetry.py` is not there.
    """
    asked = read_model_requirements(config, root, os.environ)
    check_telemetry(config, root)
    requirements = with_tracing(without_cog(asked, Report()), config)
    installs: list[tuple[str, ...]] = []
    not_run: list[tuple[Key, str]] = []
    for key, each in config.commands("run", "pre_install"):
        plain = None if each.mounts else plain_installs(each.command)
        if plain is None:
            not_run.append((key, each.command))
        installs += plain or ()
    python = config.build.python_version or client_python()
    return model_environment(python, requirements, root, installs), tuple(not_run)


def model_environment(
    python: str,
    requirements: RequirementSet,
    directory: Path,
    installs: Iterable[tuple[str, ...]] = (),
    *,
    root: Path | None = None,
) -> ModelEnvironment:
    """Describe an environment that holds the requirements.

    Args:
        python: Its version.
        requirements: What it holds.
        directory: Where the project's files lie on the machine that makes it.
        installs: What follows on them, the words behind `pip install`.
        root: Where the project's files lie here; by default there.
    """
    root = root or directory
    return ModelEnvironment(
        python,
        requirements=tuple(file_line(line, root, directory) for line in requirements.lines),
        constraints=tuple(str(package.requirement) for package in requirements.constraints),
        installs=tuple(installs),
        state=state_of_sources(line.path for line in requirements.lines if isinstance(line, Local)),
    )


def packages_of_commands(config: CogConfig) -> Iterator[Package]:
    """Yield what the commands of cog.yaml install by themselves."""
    for each in requirements_of_commands(config):
        yield from each.packages()


def requirements_of_commands(config: CogConfig) -> Iterator[RequirementSet]:
    """Yield what each `pip install` in the commands of cog.yaml asks for, and where it looks."""
    for key, each in config.commands("pre_install", "run"):
        for words in _installs(each.command):
            packages = (Package(found, where=key.where) for found in _requirements(words))
            yield RequirementSet((*_sources(words), *packages))


def installed(command: str) -> Iterator[Requirement]:
    """Yield the requirements that a command gives to pip, for the environment that serves.

    What its shell would make of variables, files and pipes is not known here.
    """
    for words in _installs(command):
        yield from _requirements(words)


def _installs(command: str) -> Iterator[list[str]]:
    """Yield the words behind each `pip install` of a command."""
    for words, _ in _commands(command):
        install = _install(words)
        if install is not None:
            yield install


def plain_installs(command: str) -> tuple[tuple[str, ...], ...] | None:
    """Return the words behind each `pip install` of a command that does nothing else.

    None where it does anything else, where the shell would have a part in it, or where it needs
    the project's files, which are not there yet when Cog runs it.
    """
    found = []
    for words, joint in _commands(command):
        install = _install(words)
        if install is None or joint not in ("", "&&") or any(map(_unclear, install)):
            return None
        found.append(tuple(install))
    return tuple(found) or None


def _unclear(word: str) -> bool:
    name = word.partition("=")[0]
    local = word.startswith((".", "/", "~")) and not word.startswith("--")
    return local or name in _OF_THE_PROJECT or name in _ELSEWHERE or bool(re.search(r"[$`*]", word))


def _commands(command: str) -> Iterator[tuple[list[str], str]]:
    """Yield the words of each simple command, and the operator behind it."""
    for line in command.replace("\\\n", " ").strip().splitlines():
        yield from _simple(line)


def _simple(line: str) -> Iterator[tuple[list[str], str]]:
    """Split a line, leaving out the variables set in front of a command and Docker's flags."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    lexer.commenters = ""  # else the fragment of a URL would be one
    words: list[str] = []
    try:
        for word in lexer:
            if word and _OPERATORS.issuperset(word):
                if words:
                    yield words, word
                words = []
            elif words or not ("=" in word or _BUILD_FLAG.match(word)):
                words.append(word)
    except ValueError:  # a quotation that goes on in another line
        return
    if words:
        yield words, ""


def _install(words: Sequence[str]) -> list[str] | None:
    """Return what stands behind `pip install`, however pip is called; None for anything else."""
    rest = list(words)
    if rest[:1] == ["sudo"]:
        rest = rest[1:]
        while rest and rest[0].startswith("-"):
            rest = rest[1:]
    program = PurePosixPath(rest[0] if rest else "")
    name = program.name if str(program.parent) == "." or _OWN.match(rest[0]) else ""
    if name == "uv" and rest[1:2] == ["pip"]:
        rest = rest[2:]
    elif _PIP.fullmatch(name):
        rest = rest[1:]
    elif _PYTHON.fullmatch(name) and "-m" in rest[:4]:
        rest = rest[rest.index("-m") + 1 :]
        if rest[:1] not in (["pip"], ["uv"]):
            return None
        rest = rest[2:] if rest[0] == "uv" else rest[1:]
    else:
        return None
    while rest and rest[0].startswith("-"):  # pip's own options, before its command
        rest = rest[1:]
    return rest[1:] if rest[:1] == ["install"] else None


def _sources(words: Sequence[str]) -> Iterator[Option]:
    for word, value in zip(words, (*words[1:], ""), strict=False):
        name, equals, given = word.partition("=")
        if name in _INDEXES:
            yield Option("--extra-index-url", given if equals else value)


def _requirements(words: Sequence[str]) -> Iterator[Requirement]:
    if any(word.partition("=")[0] in _ELSEWHERE for word in words):
        return
    left = iter(words)
    for word in left:
        if word in _VALUED:
            next(left, None)
            continue
        wheel = pin_of_wheel(word)
        try:
            yield wheel or Requirement(word)
        except InvalidRequirement:
            continue  # an option or a path
