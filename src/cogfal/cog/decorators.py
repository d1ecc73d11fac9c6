"""Marks that an author puts on `predict` or `run`."""

from __future__ import annotations

import contextlib
import inspect
from typing import Any, Callable, TypeVar, overload

Function = TypeVar("Function", bound=Callable[..., Any])


@overload
def streaming(fn: Function) -> Function: ...


@overload
def streaming(fn: None = None) -> Callable[[Function], Function]: ...


def streaming(fn: Function | None = None) -> Function | Callable[[Function], Function]:
    """Offer the function's output as server-sent events on Cog's HTTP API.

    Works as `@streaming` and as `@streaming()`, and returns what it was given; the mark for those
    who read the function is left out where it takes none, as a method of an object does.
    """

    def mark(inner: Function) -> Function:
        with contextlib.suppress(AttributeError, TypeError):
            inner.__cog_streaming__ = True  # type: ignore[attr-defined]  # read by the live reader
        return inner

    return mark if fn is None else mark(fn)


@overload
def concurrent(fn: Function) -> Function: ...


@overload
def concurrent(fn: None = None, *, max: int = 1) -> Callable[[Function], Function]: ...


def concurrent(
    fn: Function | None = None,
    *,
    max: int = 1,  # noqa: A002 - the name is Cog's
) -> Function | Callable[[Function], Function]:
    """Let up to `max` predictions of an async function run at the same time.

    Raises:
        TypeError: `max` is no integer, or it is above 1 and the function is not async.
        ValueError: `max` is below 1.
    """
    if isinstance(max, bool) or not isinstance(max, int):
        raise TypeError("concurrent max must be an integer")
    if max < 1:
        raise ValueError("concurrent max must be at least 1")

    def mark(inner: Function) -> Function:
        if max > 1 and not _is_async(inner):
            raise TypeError("concurrent max greater than 1 requires an async function")
        inner.__cog_concurrent_max__ = max  # type: ignore[attr-defined]  # Cog's own mark
        return inner

    if fn is None:
        return mark
    if not callable(fn):
        raise TypeError("concurrent must be used as @concurrent or @concurrent(max=...)")
    return mark(fn)


def _is_async(fn: Callable[..., Any]) -> bool:
    return inspect.iscoroutinefunction(fn) or inspect.isasyncgenfunction(fn)
