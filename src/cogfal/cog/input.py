"""`Input()`: what an author says about one parameter of `predict`."""

from __future__ import annotations

import inspect
import sys
from dataclasses import dataclass
from types import ModuleType
from typing import TYPE_CHECKING, Any, Callable, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable

F = TypeVar("F", bound=Callable[..., Any])

_NO_FACTORY = (
    "default_factory is not supported in Input(): write a literal default, "
    "Input(default=...), or build the value in predict()"
)


@dataclass(frozen=True)
class FieldInfo:
    """What `Input()` was told; None stands for not told.

    Cog's own cannot tell `Input(default=None)` from `Input()`; this one says `without_default`.
    """

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

    without_default = False


def Input(  # noqa: N802, PLR0917 - the name and the call forms are Cog's
    default: Any = ...,
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
        default: Value of the input where the caller gives none; without it, or with `...`, the
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
        raise TypeError(_NO_FACTORY)
    value = None if default is ... else default
    listed = None if choices is None else list(choices)
    info = FieldInfo(
        value, description, ge, le, min_length, max_length, regex, listed, deprecated, accept
    )
    if default is ...:
        object.__setattr__(info, "without_default", True)  # no field, so that it compares as Cog's
    return info


class _InputModule(ModuleType):
    """The module `cog.input`, which in the Cog of 2021 was a decorator of `predict`."""

    def __call__(
        self,
        name: str,
        type: Any = Any,  # noqa: A002 - the names of this form are Cog's
        default: Any = ...,
        *,
        help: str | None = None,  # noqa: A002
        min: float | None = None,  # noqa: A002
        max: float | None = None,  # noqa: A002
        options: Iterable[str | int] | None = None,
    ) -> Callable[[F], F]:
        """Describe the input `name` of the decorated function."""
        info = Input(default, help, min, max, choices=options)
        parameter = inspect.Parameter(
            name, inspect.Parameter.KEYWORD_ONLY, default=info, annotation=type
        )
        return lambda function: _described(function, parameter)


def _described(function: F, parameter: inspect.Parameter) -> F:
    known = inspect.signature(function)
    parameters = dict(known.parameters)
    if parameter.name in parameters:
        parameter = parameter.replace(kind=parameters[parameter.name].kind)
    parameters[parameter.name] = parameter
    signature = inspect.Signature(
        list(parameters.values()),
        return_annotation=known.return_annotation,
        __validate_parameters__=False,
    )
    function.__signature__ = signature  # type: ignore[attr-defined]  # every function has one
    function.__annotations__[parameter.name] = parameter.annotation
    described = {*getattr(function, "__cog_described__", ()), parameter.name}
    function.__cog_described__ = described  # type: ignore[attr-defined]  # and so it takes this
    return function


sys.modules[__name__].__class__ = _InputModule
