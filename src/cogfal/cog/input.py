"""`Input()`: what an author says about one parameter of `predict`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class FieldInfo:
    """What `Input()` was told; None stands for not told."""

    default: Any = None
    description: str | None = None
    ge: float | None = None
    le: float | None = None
    min_length: int | None = None
    max_length: int | None = None
    regex: str | None = None
    choices: list[str | int] | None = None
    deprecated: bool | None = None
    accept: str | None = None


def Input(  # noqa: N802, PLR0917 - the name and the call forms are Cog's
    default: Any = None,
    description: str | None = None,
    ge: float | None = None,
    le: float | None = None,
    min_length: int | None = None,
    max_length: int | None = None,
    regex: str | None = None,
    choices: Iterable[str | int] | None = None,
    deprecated: bool | None = None,
    accept: str | None = None,
    *,
    default_factory: Callable[..., Any] | None = None,
) -> Any:
    """Describe an input of a predictor, as the default of its parameter.

    Every argument may be given by keyword, as in Cog 0.17 and later, or by position, as before.

    Args:
        default: Value of the input where the caller gives none; without it, and with `...`, the
            input is required, unless it is optional.
        description: Text shown beside the input.
        ge: Least value of a number.
        le: Greatest value of a number.
        min_length: Least number of characters of a string.
        max_length: Greatest number of characters of a string.
        regex: Pattern that a string has to match.
        choices: The values to choose from.
        deprecated: Whether callers should stop using the input.
        accept: Media types or file extensions of a file, as in HTML's `accept`.
        default_factory: Refused; Cog wants defaults that its schema can show.

    Raises:
        TypeError: `default_factory` was given.
    """
    if default_factory is not None:
        raise TypeError(
            "default_factory is not supported in Input(): write a literal default, "
            "Input(default=...), or build the value in predict()"
        )
    return FieldInfo(
        default=default,
        description=description,
        ge=ge,
        le=le,
        min_length=min_length,
        max_length=max_length,
        regex=regex,
        choices=None if choices is None else list(choices),
        deprecated=deprecated,
        accept=accept,
    )
