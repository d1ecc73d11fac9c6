"""Share out a fixed number of slots in the order of asking."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import NamedTuple


class SlotStatistics(NamedTuple):
    """A snapshot: how many slots there are, are taken, and how many requests wait."""

    total: int
    taken: int
    waiting: int


class Ticket:
    """A place in the line for a slot, until the slot is `held`."""

    __slots__ = ("_slots", "_turn", "held")

    def __init__(self, slots: Slots, *, held: bool) -> None:
        self.held = held
        self._slots = slots
        self._turn: asyncio.Future[None] | None = None

    async def turn(self) -> None:
        """Wait until the slot is held; cancelling this leaves the ticket to `give_back`."""
        if not self.held:
            self._turn = asyncio.get_running_loop().create_future()
            await self._turn

    def call(self) -> None:
        """Hand the slot to this ticket; for another that gives it back."""
        self.held = True
        if self._turn is not None and not self._turn.done():
            self._turn.set_result(None)

    def give_back(self) -> None:
        """Release the slot, or leave the line; harmless when done before."""
        held, self.held = self.held, False
        slots = self._slots
        if not held:
            if self in slots.line:
                slots.line.remove(self)
        elif slots.line:
            slots.line.popleft().call()
        else:
            slots.left += 1


class Slots:
    """A number of slots and the line of those who wait for one.

    Attributes:
        left: How many are free; whoever comes now gets one of them at once.
        line: Who waits.
    """

    def __init__(self) -> None:
        self.left = 0
        self.line: deque[Ticket] = deque()
        self._total = 0

    @property
    def statistics(self) -> SlotStatistics:
        """The present state."""
        return SlotStatistics(self._total, self._total - self.left, len(self.line))

    def open(self, total: int) -> None:
        """Say how many slots there are; before that nobody enters."""
        self.left += total - self._total
        self._total = total

    def enter(self) -> Ticket:
        """Take a slot, or the last place in the line."""
        ticket = Ticket(self, held=self.left > 0)
        if ticket.held:
            self.left -= 1
        else:
            self.line.append(ticket)
        return ticket
