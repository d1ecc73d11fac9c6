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
        """Hand the slot to this ticket; for `Slots` only."""
        self.held = True
        if self._turn is not None and not self._turn.done():
            self._turn.set_result(None)

    def give_back(self) -> None:
        """Release the slot, or leave the line; harmless when done before."""
        held, self.held = self.held, False
        self._slots.leave(self, held=held)


class Slots:
    """A number of slots and the line of those who wait for one."""

    def __init__(self) -> None:
        self._total = 0
        self._taken = 0
        self._line: deque[Ticket] = deque()

    @property
    def statistics(self) -> SlotStatistics:
        """The present state."""
        return SlotStatistics(self._total, self._taken, len(self._line))

    @property
    def free(self) -> bool:
        """Whether whoever comes now gets a slot at once."""
        return self._taken < self._total

    def open(self, total: int) -> None:
        """Say how many slots there are; before that nobody enters."""
        self._total = total

    def enter(self) -> Ticket:
        """Take a slot, or the last place in the line."""
        ticket = Ticket(self, held=self._taken < self._total)
        if ticket.held:
            self._taken += 1
        else:
            self._line.append(ticket)
        return ticket

    def leave(self, ticket: Ticket, *, held: bool) -> None:
        """Take a slot or a place back; for `Ticket` only."""
        if not held:
            if ticket in self._line:
                self._line.remove(ticket)
        elif self._line:
            self._line.popleft().call()
        else:
            self._taken -= 1
