"""Read what the shell commands of cog.yaml install with pip."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath
from typing import Final

from packaging.requirements import InvalidRequirement, Requirement

_PIP: Final = re.compile(r"pip(3(\.\d+)?)?")
_PYTHON: Final = re.compile(r"python(3(\.\d+)?)?")
_OWN: Final = re.compile(r"(/usr(/local)?/bin|/root/\.pyenv|\$\(pyenv prefix\))/|~/\.pyenv/")
"""Where the image's own Python has its programs; a pip elsewhere installs for another one."""

_OPERATORS: Final = frozenset("();&|<>")
_BUILD_FLAG: Final = re.compile(r"--(mount|network|security)(=|$)")
_ELSEWHERE: Final = ("-t", "--target", "--prefix", "--root")
"""Options that keep packages out of the environment that serves."""

_VALUED: Final = frozenset(
    {"-i", "--index-url", "--extra-index-url", "-f", "--find-links", "-c", "--constraint"}
    | {"-r", "--requirement", "-e", "--editable", "--no-binary", "--only-binary", "--trusted-host"}
    | {"--progress-bar", "--platform", "--python-version", "--cache-dir", "--log", "--timeout"}
    | {"--retries", "--proxy", "--cert", "--src", "--upgrade-strategy", "--config-settings", "-C"}
    | {"--global-option", "--use-feature", "--root-user-action", "--python", "-p"}
)
"""pip's and uv's options that are followed by a value."""

_OF_THE_PROJECT: Final = frozenset(
    {"-r", "--requirement", "-c", "--constraint", "-e", "--editable"}
)


def installed(command: str) -> Iterator[Requirement]:
    """Yield the requirements that a command gives to pip, for the environment that serves.

    What its shell would make of variables, files and pipes is not known here.
    """
    for words, _ in _commands(command):
        install = _install(words)
        if install is not None:
            yield from _requirements(install)


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
    text = command.replace("\\\n", " ").strip()
    for line in text.splitlines():
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


def _requirements(words: Sequence[str]) -> Iterator[Requirement]:
    if any(word.partition("=")[0] in _ELSEWHERE for word in words):
        return
    left = iter(words)
    for word in left:
        if word in _VALUED:
            next(left, None)
            continue
        try:
            yield Requirement(word)
        except InvalidRequirement:
            continue  # an option or a path
