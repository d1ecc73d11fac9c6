"""How much a gateway keeps and takes, and its memory of the calls that it began."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from cogfal.gateway.call import Call
from cogfal.gateway.ids import is_direct
from cogfal.gateway.refusals import Refusal

MIB: Final = 1024 * 1024
PAGE = 100
"""Calls in a list."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one gateway; sizes are bytes, times seconds.

    Attributes:
        body: Of one request's JSON; of four of them, and smaller ones, that are held at once.
        answer: Of what an app answers to one prediction.
        file: Of one uploaded file.
        files: Of all files that the gateway keeps itself.
        stream: Of the events of one prediction that are kept for readers who come back.
        state: Of everything that is remembered of predictions.
        predictions: How many predictions are remembered.
        waiting: How many predictions may be followed or wait for a directly addressed app.
        file_seconds: How long a file stays.
    """

    body: int = 100 * MIB
    answer: int = 256 * MIB
    file: int = 100 * MIB
    files: int = 2048 * MIB
    stream: int = 4 * MIB
    state: int = 512 * MIB
    predictions: int = 10_000
    waiting: int = 1000
    file_seconds: int = 24 * 3600


class Memory:
    """The latest calls; those on fal's queue live on there when they are forgotten here."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._calls: dict[str, Call] = {}
        self._tickets: dict[str, Call] = {}

    def check_room(self) -> None:
        """Raise Refusal where too many calls are followed already."""
        if sum(call.task is not None for call in self._open()) >= self._limits.waiting:
            raise Refusal(
                429,
                "Too many predictions",
                f"{self._limits.waiting} predictions are under way here. Try again later.",
                retry_after=5,
            )

    def keep(self, call: Call) -> None:
        """Remember a call, and forget old ones where there is no room."""
        self._calls[call.id] = call
        self._tickets[call.ticket] = call
        self.make_room()

    def make_room(self) -> None:
        """Forget the oldest calls that can be forgotten, until the rest is within the limits."""
        size = sum(call.size for call in self._calls.values())
        for call in [*self._calls.values()]:
            if len(self._calls) <= self._limits.predictions and size <= self._limits.state:
                return
            if _can_go(call):
                size -= call.size
                self.forget(call)

    def forget(self, call: Call) -> None:
        """Forget a call."""
        del self._calls[call.id], self._tickets[call.ticket]

    def get(self, name: str, caller: str) -> Call | None:
        """Return a call of this caller's."""
        call = self._calls.get(name)
        return call if call is not None and call.caller.name == caller else None

    def streamed(self, ticket: str) -> Call | None:
        """Return the call whose stream's address carries `ticket`."""
        return self._tickets.get(ticket)

    def of(self, caller: str) -> list[Call]:
        """Return the latest calls of a caller, newest first."""
        own = (call for call in reversed(self._calls.values()) if call.caller.name == caller)
        return [call for call, _ in zip(own, range(PAGE), strict=False)]

    def tasks(self) -> Iterator[Call]:
        """Yield the calls that something follows."""
        return (call for call in self._open() if call.task is not None)

    def _open(self) -> Iterator[Call]:
        return (call for call in self._calls.values() if not call.state.ended)


def _can_go(call: Call) -> bool:
    """Tell whether a call is over, or has its state on fal's queue and nobody who follows it."""
    return call.state.ended or (call.task is None and not is_direct(call.id))
