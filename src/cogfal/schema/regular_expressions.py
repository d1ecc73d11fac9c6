"""Match an author's regular expression without letting a caller's text hang the server.

Pydantic's engine (Rust) takes linear time, but knows no look-around and no back-references. A
pattern that needs them is matched by Python's engine, which can take exponential time and cannot
be interrupted; so it works in a process of its own, one for a request, which the system ends after
so much of the processor's time: a busy machine refuses no text that an idle one takes.
"""

from __future__ import annotations

import re
import select
import subprocess
import sys
from collections.abc import Callable
from typing import Any, Final

from pydantic_core import PydanticKnownError, SchemaError, SchemaValidator, core_schema
from typing_extensions import Self

from cogfal.concurrency import TURNS
from cogfal.errors import PredictorError

PROCESSOR_SECONDS: Final = 1.0
"""For all texts of one request together."""

PATIENCE: Final = 10.0
"""Seconds that are waited for one text, however busy the machine is."""

MAX_LENGTH: Final = 20_000
"""Longest text that a pattern of Python's engine is tried on."""

_PROGRAM: Final = f"""
import re, signal, sys
signal.signal(signal.SIGPROF, signal.SIG_DFL)
signal.setitimer(signal.ITIMER_PROF, {PROCESSOR_SECONDS})
read, write = sys.stdin.buffer, sys.stdout.buffer
write.write(b"r")
write.flush()
for line in read:
    pattern, text = (read.read(int(length)).decode() for length in line.split())
    write.write(b"y" if re.search(pattern, text) else b"n")
    write.flush()
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


def bounded_match(pattern: str) -> Callable[[str, core_schema.ValidationInfo], str]:
    """Return a validator whose context has to be a `Matcher`; it matches there."""

    def validate(text: str, info: core_schema.ValidationInfo) -> str:
        matcher: Any = info.context
        if len(text) > MAX_LENGTH or not matcher.matches(pattern, text):
            raise PydanticKnownError("string_pattern_mismatch", {"pattern": pattern})
        return text

    return validate


class Matcher:
    """Matches the texts of one request, in a process that begins with the first of them.

    What is not matched within `PROCESSOR_SECONDS`, of all texts together, does not match.
    """

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._over = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.communicate()

    def matches(self, pattern: str, text: str) -> bool:
        """Tell whether the pattern is found in a text; blocks until that is known."""
        if self._over:
            return False
        with TURNS.aside():  # others work while it begins, too
            if self._process is None:
                self._process = self._begin()
            answer = self._ask(self._process, pattern.encode(), text.encode())
        self._over = not answer
        return answer == b"y"

    @staticmethod
    def _begin() -> subprocess.Popen[bytes]:
        process = subprocess.Popen(  # noqa: S603 - our own program, its data on stdin
            [sys.executable, "-I", "-S", "-c", _PROGRAM],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        assert process.stdout is not None
        process.stdout.read(1)  # it has started; that takes none of the texts' time
        return process

    @staticmethod
    def _ask(process: subprocess.Popen[bytes], pattern: bytes, text: bytes) -> bytes:
        """Return its answer, nothing where it has been ended or lets one wait too long."""
        assert process.stdin is not None
        assert process.stdout is not None
        # It reads the whole question before it works on it, so that writing waits for nothing.
        process.stdin.write(b"%d %d\n%b%b" % (len(pattern), len(text), pattern, text))
        try:
            process.stdin.flush()
        except BrokenPipeError:  # its time was over after the text before
            return b""
        answers = select.poll()
        answers.register(process.stdout, select.POLLIN)
        return process.stdout.read(1) if answers.poll(PATIENCE * 1000) else b""
