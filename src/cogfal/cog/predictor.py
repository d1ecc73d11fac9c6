"""Base classes of predictors, and the marks that an author puts on `predict` or `run`."""

from __future__ import annotations

import contextlib
import inspect
import sys
import warnings
from typing import TYPE_CHECKING, Any, Callable, TypeVar, overload

from .server.scope import current_scope

if TYPE_CHECKING:
    from .server.scope import Scope
    from .types import Path

Function = TypeVar("Function", bound=Callable[..., Any])


class BaseRunner:
    """Base class of a model's runner; override `setup` and `run` (or `predict`)."""

    if TYPE_CHECKING:  # whatever parameters an author's takes, and whether it is async

        def setup(self, *args: Any, **kwargs: Any) -> Any:
            """Prepare the model, once, before the first prediction."""

    else:

        def setup(self, weights: Path | str | None = None) -> None:
            """Prepare the model, once, before the first prediction.

            Args:
                weights: Where the model's weights are, from `COG_WEIGHTS`.
            """

    def run(self, *args: Any, **kwargs: Any) -> Any:
        """Run the model once; falls back to `predict` where only that is defined.

        Raises:
            NotImplementedError: Neither was overridden.
        """
        if type(self).predict is BaseRunner.predict:
            raise NotImplementedError("run has not been implemented by parent class.")
        return self.predict(*args, **kwargs)

    def predict(self, *args: Any, **kwargs: Any) -> Any:
        """Call `run`, under the name that it had before Cog 0.20, with a `DeprecationWarning`.

        Raises:
            NotImplementedError: Neither was overridden.
        """
        warnings.warn(
            f"{type(self).__name__}.predict() is deprecated; use run() instead",
            DeprecationWarning,
            stacklevel=2,
        )
        return self.run(*args, **kwargs)

    @property
    def scope(self) -> Scope:
        """The scope of the prediction that is running; outside of one it ignores everything."""
        return current_scope()

    def record_metric(self, key: str, value: Any, mode: str = "replace") -> None:
        """Record a metric of the running prediction; does nothing outside of one.

        Args:
            key: Name of letters, digits and single underscores; dots make nested objects.
            value: A bool, int, float, str, list or dict; None deletes the metric.
            mode: `replace`, `incr` (add to a number) or `append` (to a list).

        Raises:
            ValueError: The name is not acceptable.
            TypeError: The value, or its type beside the metric's present one, is not acceptable.
        """
        self.scope.record_metric(key, value, mode=mode)


class BasePredictor(BaseRunner):
    """Base class of a predictor, by the name that `BaseRunner` had before Cog 0.20."""

    def log(self, *messages: str, source: str = "stderr") -> None:
        """Write to the running prediction's log, as predictors for asynchronous Cog 0.10 do.

        Args:
            messages: Written with blanks between them; the line is ended where they do not.
            source: `stderr` or `stdout`.
        """
        text = " ".join(map(str, messages))
        stream = sys.stdout if source == "stdout" else sys.stderr
        stream.write(text if text.endswith("\n") else f"{text}\n")


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
        waits = inspect.iscoroutinefunction(inner) or inspect.isasyncgenfunction(inner)
        if max > 1 and not waits:
            raise TypeError("concurrent max greater than 1 requires an async function")
        inner.__cog_concurrent_max__ = max  # type: ignore[attr-defined]  # Cog's own mark
        return inner

    if fn is None:
        return mark
    if not callable(fn):
        raise TypeError("concurrent must be used as @concurrent or @concurrent(max=...)")
    return mark(fn)
