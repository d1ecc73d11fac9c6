"""The scope of the prediction that is running, and the context variables that say which it is."""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from ..metrics import IgnoringRecorder, MetricRecorder

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ..metrics import OnMetric


class Scope:
    """What a running prediction offers to the author's code.

    Args:
        context: The request's `context`, copied.
        on_metric: Called with the dotted name, the JSON value (None: deleted) and the mode of
            every accepted metric, in the thread that recorded it; None makes the scope ignore
            metrics.
    """

    __slots__ = ("_context", "_on_metric", "_recorders")

    def __init__(
        self, context: Mapping[str, str] | None = None, on_metric: OnMetric | None = None
    ) -> None:
        self._context = dict(context or {})
        self._on_metric = on_metric
        self._recorders: list[MetricRecorder] = []

    @property
    def metrics(self) -> MetricRecorder:
        """The prediction's metrics: `record`, `delete`, `scope.metrics[name] = value`, `del`."""
        if not self._recorders:  # most predictions record nothing
            told = self._on_metric
            self._recorders.append(IgnoringRecorder() if told is None else MetricRecorder(told))
        return self._recorders[0]  # of those that two threads have made at once

    @property
    def context(self) -> dict[str, str]:
        """The request's `context`, empty where it had none."""
        return self._context

    def record_metric(self, key: str, value: Any, mode: str | None = None) -> None:
        """Record a metric, as `metrics.record` does."""
        self.metrics.record(key, value, mode)

    def __repr__(self) -> str:
        return f"Scope({self.metrics!r})"


CURRENT: ContextVar[Scope] = ContextVar("cogfal_scope")
"""The scope of the running prediction."""
STARTER: ContextVar[Scope | None] = ContextVar("cogfal_starting_scope", default=None)
"""The scope of the prediction that started the thread, or the pool's job, that asks."""
_in_use: list[Scope] = []


def current_scope() -> Scope:
    """Return the scope of the running prediction; outside of one, a scope that ignores all.

    A thread that the author started belongs to the prediction that started it; where that is over,
    or none did, to the running one if it is the only one.
    """
    scope = CURRENT.get(None)
    if scope is not None:
        return scope
    starter = STARTER.get()
    if starter not in _in_use and len(_in_use) == 1:
        return _in_use[0]
    return starter or Scope()


@contextmanager
def use_scope(scope: Scope) -> Iterator[Scope]:
    """Make `scope` the current one in this thread or task, and in tasks started from it."""
    token = CURRENT.set(scope)
    _in_use.append(scope)
    try:
        yield scope
    finally:
        _in_use.remove(scope)
        CURRENT.reset(token)


scope = use_scope
"""The name that older Cog has for it."""
