"""What the parts of the interpreter have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cogfal.reading.interpreter import Interpreter


class Atomic:
    """Is its own copy, as functions and modules are in Python."""

    __slots__ = ()

    def __copy__(self) -> Any:
        return self

    def __deepcopy__(self, memo: Any) -> Any:
        return self


class Part(Atomic):
    """A part of the interpreter, which reaches the others through `_world`.

    Every method that looks into a value raises `Touched` where the value is not known, and
    Python's own exceptions where Python would.
    """

    def __init__(self, world: Interpreter) -> None:
        self._world = world
