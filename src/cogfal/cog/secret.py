"""`Secret`: a string that shows itself nowhere by accident."""

from __future__ import annotations

from typing import Any, NoReturn

from cogfal.cog.pydantic_hooks import core_schema, json_schema

_MASK = "**********"


class Secret:
    """A string that prints as asterisks and can only be read by asking for it.

    It refuses to be pickled, since a pickle holds the plain text: hand over
    `get_secret_value()` where another process really needs it.
    """

    __slots__ = ("_value",)
    _value: str | None

    def __init__(self, secret_value: str | None = None) -> None:
        object.__setattr__(self, "_value", secret_value)

    @classmethod
    def validate(cls, value: Any) -> Secret:
        """Return `value` as a secret.

        Raises:
            ValueError: It is neither a string nor a secret.
        """
        if isinstance(value, Secret):
            return value
        if not isinstance(value, str):
            raise ValueError("a secret has to be a string")  # noqa: TRY004 - Pydantic wants it
        return cls(value)

    @property
    def secret_value(self) -> str | None:
        """The plain text."""
        return self._value

    def get_secret_value(self) -> str | None:
        """Return the plain text."""
        return self._value

    def __str__(self) -> str:
        return _MASK if self._value is not None else ""

    def __repr__(self) -> str:
        return f"Secret({self})"

    def __len__(self) -> int:
        return len(self._value or "")

    def __bool__(self) -> bool:
        return self._value is not None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._value == other._value

    def __hash__(self) -> int:
        return hash((Secret, self._value))

    def __setattr__(self, name: str, value: Any) -> NoReturn:
        raise AttributeError(f"cannot assign {name!r}: a Secret does not change")

    def __copy__(self) -> Secret:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Secret:
        return self

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Secret cannot be pickled: pass its get_secret_value() instead")

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> dict[str, Any]:
        return core_schema(cls.validate)

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: Any, handler: Any) -> dict[str, Any]:
        return json_schema("password", **{"x-cog-secret": True})
