"""What may become text: nothing of this machine, of Python's version, or of an open order."""

from __future__ import annotations

import enum
from collections.abc import Iterable
from pathlib import PurePath
from typing import Final

from cogfal.reading.functions import Function
from cogfal.reading.operators import SIZED, check_format
from cogfal.reading.part import Part
from cogfal.reading.unknown import Value, contained, known, reached, refused

HERE: Final = "/\ue000project\ue000"
"""Stands in texts for the project's folder, which lies elsewhere on the runner."""

_KEEPING: Final = frozenset({"Add", "Div", "Mod"})
"""Operators whose result holds the whole of a text."""

_PLAIN: Final = (str, int, float, complex, bytes, type(None), range, PurePath, type(...), *SIZED)


def of_machine(value: Value) -> bool:
    """Whether a text or path depends on where the project lies."""
    return isinstance(value, str | PurePath) and HERE[1:] in str(value)


class Texts(Part):
    """Checks what is formatted."""

    def check(self, value: Value) -> None:
        """Refuse what has no text that is the same everywhere."""
        self._world.budget.weigh(value)
        for item in reached([value], lambda v: contained(v) if isinstance(v, SIZED) else ()):
            if isinstance(known(item), enum.Enum):
                self._check_member(item)
            elif isinstance(item, set | frozenset) and len(item) > 1:
                raise refused("the order of a set is left open by Python")
            elif not isinstance(item, _PLAIN) and not self._has_text(item):
                raise refused("the text of such a value is not evaluated")

    def _check_member(self, member: enum.Enum) -> None:
        bases = type(member).__mro__
        mixed = any(b.__module__ != "enum" for b in bases[1:-1] if not issubclass(b, enum.Enum))
        own = any(isinstance(vars(base).get("__str__"), Function) for base in bases)
        text = any((base.__module__, base.__name__) == ("enum", "StrEnum") for base in bases)
        if (mixed or isinstance(member, enum.IntEnum | enum.Flag)) and not own and not text:
            raise refused("the text of such a member depends on Python's version")

    def _has_text(self, value: Value) -> bool:
        kind = type(value)
        if isinstance(value, BaseException) or not self._world.attributes.is_authored(value):
            known_kinds = ("datetime", "decimal", "fractions", "uuid")
            return isinstance(value, BaseException) or kind.__module__ in known_kinds
        names = {"__str__", "__repr__", "__format__"}
        return any(names & vars(base).keys() for base in self._world.attributes.own(kind))

    def format(self, value: Value, layout: str) -> str:
        """Return `format(value, layout)`."""
        check_format(layout, ())
        return format(value, layout)

    def check_places(self, what: str, values: Iterable[Value]) -> None:
        """Refuse to look into a path that depends on the machine."""
        found = [of_machine(value) for value in values]
        if what not in _KEEPING and any(found) and not (what == "compare" and all(found)):
            raise refused("the path depends on the machine")
