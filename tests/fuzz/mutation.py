"""Change texts at random, in ways that reach further than noise; the same for the same seed."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Final

TOKENS: Final = (
    "\0", "\n", "\r\n", "\t", " ", "\\", '"', "'", "`", "$(", "${X}", "%00", "%2e%2e%2f", "../",
    "/", "//", ":", ";", ",", "=", "@", "#", "?", "&", "*", "|", "<", ">", "{", "}", "[", "]", "(",
    ")", "\ufeff", "\u202e", "\ud800", "\U0001f600", "\x85", "\u2028", "é", "null", "None", "NaN",
    "Infinity", "1e999", "-0", "9" * 400, "0x10", "1_000", "true", "data:", "base64", "http://",
    "file:", "[::1]", "127.0.0.1", "!!python/object:os.system", "&a", "*a", "<<: *a", "---\n", "- ",
    "lambda: ", "yield ", "await ", "async ", "def f(): ", "class A: ", "*args", "**", ":=", "...",
    "-> ", "@x\n", "import os\n", "__import__('os')", "eval('1')", "f'{x}'", "\\\n", "# ", "--",
    "-r x", "-e .", "--hash=", "FROM x", "filename*=", "filename=", "''",
)  # fmt: skip
LONGEST: Final = 20_000


def mutated(random: Random, seeds: Sequence[str]) -> str:
    """Return one of the seeds with a few changes: one as a rule, seldom more than five."""
    text = random.choice(seeds)
    for _ in range(1 + int(random.expovariate(0.7))):
        text = random.choice(_CHANGES)(random, text, seeds)[:LONGEST]
    return text


def _span(random: Random, text: str) -> tuple[int, int]:
    start = random.randint(0, len(text))
    return start, min(len(text), start + int(random.expovariate(0.2)))


def _cut(random: Random, text: str, _: Sequence[str]) -> str:
    start, end = _span(random, text)
    return text[:start] + text[end:]


def _doubled(random: Random, text: str, _: Sequence[str]) -> str:
    start, end = _span(random, text)
    return text[:end] + text[start:end] * random.choice([1, 2, 50]) + text[end:]


def _moved(random: Random, text: str, _: Sequence[str]) -> str:
    start, end = _span(random, text)
    rest = text[:start] + text[end:]
    place = random.randint(0, len(rest))
    return rest[:place] + text[start:end] + rest[place:]


def _token(random: Random, text: str, _: Sequence[str]) -> str:
    start, end = _span(random, text)
    if random.random() < 0.5:
        end = start
    return text[:start] + random.choice(TOKENS) + text[end:]


def _character(random: Random, text: str, _: Sequence[str]) -> str:
    place = random.randint(0, len(text))
    limit = random.choice([0x7F, 0xFF, 0x10FFFF])
    return text[:place] + chr(random.randint(0, limit)) + text[place + 1 :]


def _line(random: Random, text: str, _: Sequence[str]) -> str:
    """Remove, double or swap lines."""
    lines = text.splitlines(keepends=True) or [""]
    first, second = random.randrange(len(lines)), random.randrange(len(lines))
    lines[first], lines[second] = lines[second], random.choice(["", lines[first]])
    return "".join(lines)


def _crossed(random: Random, text: str, seeds: Sequence[str]) -> str:
    other = random.choice(seeds)
    return text[: random.randint(0, len(text))] + other[random.randint(0, len(other)) :]


def _nested(random: Random, text: str, _: Sequence[str]) -> str:
    start, end = _span(random, text)
    opening, closing = random.choice([("[", "]"), ("{", "}"), ("(", ")"), ('"', '"'), ("'", "'")])
    times = random.choice([1, 3, 200])
    return text[:start] + opening * times + text[start:end] + closing * times + text[end:]


def _indented(random: Random, text: str, _: Sequence[str]) -> str:
    lines = text.splitlines(keepends=True) or [""]
    place = random.randrange(len(lines))
    lines[place] = random.choice([" ", "    ", "\t", "- "]) + lines[place]
    return "".join(lines)


_CHANGES = (
    _cut, _doubled, _moved, _token, _token, _character, _line, _crossed, _nested, _indented,
)  # fmt: skip
