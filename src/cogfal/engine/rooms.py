"""Give every prediction a workspace, and clear it when the prediction is over."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial

from cogfal.engine.slots import Slots, Ticket
from cogfal.files.workspace import Workspace


class Rooms:
    """A number of rooms for predictions, each with a workspace of its own.

    Nobody waits for a room that is being cleared but the prediction that is to have it next: its
    author's code may write files of the same names as the one before, and the disk holds no more
    workspaces than there are rooms.

    Args:
        open_workspace: Makes a workspace.
        say: Writes to the runner's log.
    """

    def __init__(self, open_workspace: Callable[[], Workspace], say: Callable[[str], None]) -> None:
        self._places = Slots()
        self._open_workspace = open_workspace
        self._say = say
        self._clearing: set[asyncio.Future[None]] = set()

    def open(self, total: int) -> None:
        """Say how many rooms there are; before that nobody enters."""
        self._places.open(total)

    def book(self) -> Room:
        """Return a room that is yet to be entered."""
        return Room(self, self._open_workspace())

    def line(self) -> Ticket:
        """Take a room, or a place in the line for one; for `Room` only."""
        return self._places.enter()

    async def cleared(self) -> None:
        """Wait until every room that was left is cleared."""
        while self._clearing:
            await asyncio.wait(self._clearing)

    def clear(self, room: Room) -> None:
        """Have what is in a room removed, and then let it go; for `Room` only."""
        work = asyncio.get_running_loop().run_in_executor(None, room.workspace.close)
        self._clearing.add(work)
        work.add_done_callback(partial(self._let_go, room))

    def _let_go(self, room: Room, work: asyncio.Future[None]) -> None:
        self._clearing.discard(work)
        if error := work.exception():
            self._say(f"cogfal: something of a prediction stays: {type(error).__name__}: {error}")
        room.let_go()


class Room:
    """The room of one prediction."""

    __slots__ = ("_rooms", "_ticket", "workspace")

    def __init__(self, rooms: Rooms, workspace: Workspace) -> None:
        self.workspace = workspace
        self._rooms = rooms
        self._ticket: Ticket | None = None

    async def enter(self) -> None:
        """Wait until there is one; cancelling this is followed by `leave`, as everything is."""
        self._ticket = self._rooms.line()
        await self._ticket.turn()

    def leave(self) -> None:
        """Have it cleared; what is in its workspace is no longer needed."""
        if self.workspace.used:
            self._rooms.clear(self)
        else:
            self.let_go()

    def let_go(self) -> None:
        """Let the next one enter."""
        if self._ticket is not None:
            self._ticket.give_back()
