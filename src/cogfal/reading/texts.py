"""What may become text: nothing of this machine, of Python's version, or of an open order."""

from __future__ import annotations

import enum
from collections.abc import Iterable
from pathlib import PurePath
from typing import Final

from cogfal.reading.functions import Function
from cogfal.reading.operators import SIZED, check_format
from cogfal.reading.part import Part
from cogfal.reading.unknown import Touched, Unknown, Value, refused

HERE: Final = "/\ue000project\ue000"
"""Stands in texts for the project's folder, which lies elsewhere on the runner."""

_KEEPING: Final = frozenset({"Add", "Div", "Mod"})
"""Operators whose result holds the whole of a text."""

_PLAIN: Final = (str, int, float, complex, bytes, type(None), range, PurePath, type(...))


def of_machine(value: Value) -> bool:
    """Whether a text or path depends on where the project lies."""
    return isinstance(value, str | PurePath) and HERE[1:] in str(value)


class Texts(Part):
    """Checks what is formatted."""

    def check(self, value: Value) -> None:
        """Refuse what has no text that is the same everywhere."""
        pending = [value]
        self._world.budget.weigh(value)
        while pending:
            item = pending.pop()
            if isinstance(item, Unknown):
                raise Touched(item)
            if isinstance(item, enum.Enum):
                self._check_member(item)
            elif isinstance(item, set | frozenset) and len(item) > 1:
                raise refused("the order of a set is left open by Python")
            elif isinstance(item, dict):
                pending.extend(item)
                pending.extend(item.values())
            elif isinstance(item, SIZED):
                pending.extend(item)
            elif not isinstance(item, _PLAIN) and not self._has_text(item):
                raise refused("the text of such a value is not evaluated")

    def _check_member(self, member: enum.Enum) -> None:
        mixed = any(base.__module__ != "enum" for base in type(member).__mro__[1:-1] if
                    not issubclass(base, enum.Enum))  # fmt: skip
        of_number = isinstance(member, enum.IntEnum | enum.Flag)
        own = any(isinstance(vars(c).get("__str__"), Function) for c in type(member).__mro__)
        if (mixed or of_number) and not own and not _is_text_enum(type(member)):
            raise refused("the text of such a member depends on Python's version")

    def _is_own(self, cls: type) -> bool:
        return cls in self._world.classes.nodes

    def _has_text(self, value: Value) -> bool:
        kind = type(value)
        if self._world.attributes.is_authored(value):
            names = ("__str__", "__repr__", "__format__")
            own = [c for c in kind.__mro__ if self._is_own(c)]
            return isinstance(value, BaseException) or any(
                n in vars(c) for c in own for n in names
            )  # fmt: skip
        module = kind.__module__
        return module in ("datetime", "decimal", "fractions", "uuid") or isinstance(
            value, BaseException
        )

    def format(self, value: Value, layout: str) -> str:
        """Return `format(value, layout)`."""
        check_format(layout, ())
        return format(value, layout)

    def check_places(self, what: str, values: Iterable[Value]) -> None:
        """Refuse to look into a path that depends on the machine."""
        if what in _KEEPING:
            return
        values = list(values)
        if what == "compare" and all(of_machine(value) for value in values):
            return
        if any(of_machine(value) for value in values):
            raise refused("the path depends on the machine")


def _is_text_enum(cls: type) -> bool:
    return any(base.__name__ == "StrEnum" and base.__module__ == "enum" for base in cls.__mro__)
