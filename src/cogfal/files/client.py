"""The HTTP client of whoever sends to hosts that a caller or the operator named."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING

from cogfal.files.resolving import Resolver

if TYPE_CHECKING:
    from cogfal.files.exchange import Exchange


class Client:
    """Sends requests to the hosts whose every address is `permitted`.

    httpcore takes longer to import than all of `cogfal`, and most apps need it late or never; so
    it is imported by the first request.
    """

    def __init__(self, resolver: Resolver, permitted: Callable[[str], bool]) -> None:
        self._resolver = resolver
        self._permitted = permitted

    @cached_property
    def exchange(self) -> Exchange:
        """What sends one request and yields its answer."""
        from cogfal.files.exchange import Exchange  # noqa: PLC0415  # imports httpcore

        return Exchange(self._resolver, self._permitted)
