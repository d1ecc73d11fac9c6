"""Carry out the functions of `re`, with patterns that take no more than some work."""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING, Final

from cogfal.reading.standins import Handler
from cogfal.reading.unknown import Part, Value, known, refused

if TYPE_CHECKING:
    from cogfal.reading.interpreter import Interpreter

_MAX_REPEATS: Final = 10**8
_ONE_SUBJECT: Final = ("match", "search", "fullmatch", "findall", "finditer")
_MOST: Final = {"sub": 3, "subn": 3, "split": 2}
"""How many arguments other functions of `re` take at most, the last of them a number."""


class Patterns(Part):
    """Compiles and applies regular expressions."""

    def __init__(self, world: Interpreter) -> None:
        super().__init__(world)
        names = (*_ONE_SUBJECT, *_MOST)
        self.table: dict[str, Handler] = {
            "re.compile": self._pattern,
            **{f"re.{name}": partial(self._regular, name) for name in names},
        }
        """By dotted name."""

    def _pattern(self, pattern: Value, flags: Value = 0) -> Value:
        self._world.arguments.plain([pattern, flags])
        text = pattern if isinstance(pattern, str) else ""
        if not text or re.search(r"\)[*+{?]|[*+?}]\+|\\\d|\(\?[^:P]", text):
            raise refused("such a regular expression is not evaluated")
        return re.compile(pattern, flags)

    def _replacement(self, function: Value, match: re.Match[str]) -> Value:
        return known(self._world.calls.call(function, [match], {}))

    def _regular(
        self, name: str, pattern: Value, *rest: Value, flags: Value = 0, **named: Value
    ) -> Value:
        most = _MOST.get(name, 1)
        least = most - (name in _MOST)
        compiled = pattern
        if not isinstance(pattern, re.Pattern):
            *rest, flags = rest if len(rest) > most else (*rest, flags)  # type: ignore[assignment]
            compiled = self._pattern(pattern, flags)
        if not least <= len(rest) <= most:
            raise refused("such arguments of a regular expression are not evaluated")
        subject = rest[least - 1]
        repeats = len(re.findall(r"[*+{]", compiled.pattern))
        if max(len(subject), 2) ** max(repeats, 1) > _MAX_REPEATS:
            raise refused("too much work to evaluate")
        if least == 2 and callable(rest[0]):
            rest = (partial(self._replacement, rest[0]), *rest[1:])
        return self._world.arguments.native(getattr(compiled, name), "p", *rest, **named)
