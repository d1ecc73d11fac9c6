"""Match an author's regular expression without letting a caller's text hang the server.

Pydantic's engine (Rust) takes linear time, but knows no look-around and no back-references. A
pattern that needs them is matched by Python's engine, which can take exponential time and cannot
be interrupted; so it works in a process of its own, with a deadline. That costs some 30 ms for
each value, and only such patterns pay it.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from typing import Final

from pydantic_core import PydanticKnownError, SchemaError, SchemaValidator, core_schema

from cogfal.errors import PredictorError

DEADLINE_SECONDS: Final = 1.0
MAX_LENGTH: Final = 20_000
"""Longest text that a pattern of Python's engine is tried on."""

_PROGRAM: Final = """
import re, sys
length = int(sys.stdin.buffer.readline())
pattern = sys.stdin.buffer.read(length).decode()
sys.exit(0 if re.search(pattern, sys.stdin.buffer.read().decode()) else 3)
"""


def is_linear(pattern: str) -> bool:
    """Return whether Pydantic's engine, which takes linear time, knows the pattern."""
    try:
        SchemaValidator(core_schema.str_schema(pattern=pattern))
    except SchemaError:
        return False
    return True


def check_pattern(pattern: str, name: str) -> None:
    """Refuse a pattern that neither engine knows.

    Raises:
        PredictorError: It is no regular expression.
    """
    try:
        re.compile(pattern)
    except re.error as error:
        if not is_linear(pattern):
            raise PredictorError(
                f"the regex of {name!r} is not a regular expression: {error}",
                remedy="correct regex= in its Input()",
            ) from error


def bounded_match(pattern: str) -> Callable[[str], str]:
    """Return a validator that matches in a process of its own, with a deadline."""

    def validate(text: str) -> str:
        if len(text) > MAX_LENGTH or not _matches(pattern, text):
            raise PydanticKnownError("string_pattern_mismatch", {"pattern": pattern})
        return text

    return validate


def _matches(pattern: str, text: str) -> bool:
    encoded = pattern.encode()
    try:
        done = subprocess.run(  # noqa: S603 - our own program, its data on stdin
            [sys.executable, "-I", "-S", "-c", _PROGRAM],
            input=b"%d\n%b%b" % (len(encoded), encoded, text.encode()),
            timeout=DEADLINE_SECONDS,
            check=False,
            stderr=subprocess.DEVNULL,
        )
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0
