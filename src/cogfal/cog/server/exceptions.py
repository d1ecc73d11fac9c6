"""Where older Cog keeps the exceptions that predictors catch."""

from ..exceptions import CancelationException

__all__ = ["CancelationException", "FatalWorkerException", "InvalidStateException"]


class FatalWorkerException(Exception):
    """Report a worker that cannot go on."""


class InvalidStateException(Exception):
    """Report a request that does not fit the state of the worker."""
