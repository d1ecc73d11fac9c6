"""Coders: an author's own types as JSON objects."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar


class Coder:
    """Translate one of the author's types to a JSON object and back.

    Subclass it, then make it known with `Coder.register(MyCoder)`.
    """

    _coders: ClassVar[dict[type[Coder], None]] = {}

    @staticmethod
    def register(coder: type[Coder]) -> None:
        """Make a coder known; the first one registered for a type is the one used."""
        Coder._coders[coder] = None

    @staticmethod
    def lookup(tpe: Any) -> Coder | None:
        """Return a coder for a type, or None."""
        candidates = (coder.factory(tpe) for coder in Coder._coders)
        return next((found for found in candidates if found is not None), None)

    @staticmethod
    @abstractmethod
    def factory(tpe: type[Any]) -> Coder | None:
        """Return a coder when it can translate `tpe`, otherwise None."""

    @abstractmethod
    def encode(self, x: Any) -> dict[str, Any]:
        """Return the JSON object for a value."""

    @abstractmethod
    def decode(self, x: dict[str, Any]) -> Any:
        """Return the value for a JSON object."""
