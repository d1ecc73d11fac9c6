"""Read what the shell commands of cog.yaml install."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from typing import Final

from packaging.requirements import InvalidRequirement, Requirement

_INSTALLERS: Final = (
    ("pip", "install"),
    ("pip3", "install"),
    ("python", "-m", "pip", "install"),
    ("python3", "-m", "pip", "install"),
    ("uv", "pip", "install"),
)
_OPERATORS: Final = frozenset("();&|<>")
_ELSEWHERE: Final = ("-t", "--target", "--prefix", "--root")
"""Options that keep packages out of the environment that serves."""


def installed(command: str) -> Iterator[Requirement]:
    """Yield the requirements that a command gives to pip, for the environment that serves.

    What its shell would make of variables, files and pipes is not known here.
    """
    for line in command.replace("\\\n", " ").splitlines():
        for words in _simple(line):
            yield from _requirements(words)


def _simple(line: str) -> Iterator[list[str]]:
    """Yield the words of each simple command, without the variables set in front of it."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    lexer.commenters = ""  # else the fragment of a URL would be one
    words: list[str] = []
    try:
        for word in lexer:
            if word and _OPERATORS.issuperset(word):
                yield words
                words = []
            elif words or "=" not in word:
                words.append(word)
    except ValueError:  # a quotation that goes on in another line
        return
    yield words


def _requirements(words: Sequence[str]) -> Iterator[Requirement]:
    start = next((s for s in _INSTALLERS if tuple(words[: len(s)]) == s), None)
    if start is None or any(word.partition("=")[0] in _ELSEWHERE for word in words):
        return
    for word in words[len(start) :]:
        try:
            yield Requirement(word)
        except InvalidRequirement:  # noqa: PERF203  # an option or a path
            continue
