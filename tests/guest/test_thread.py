"""Whatever a signal handler of the author's raises around a call, the call comes to an end."""

from __future__ import annotations

from pathlib import Path

from cogfal.guest.wire import to_plain
from cogfal.reading import read_predictor
from tests.interpreters import on_every_python, run_there

PREDICTOR = """
def yields(count: int) -> Iterator[str]:
    for number in range(count):
        yield "a" * 5000
"""
PROGRAM = (
    """
from typing import Iterator
from cogfal.guest.capture import Capture
from cogfal.guest.core import Guest
from cogfal.guest.descriptors import Outlets
from cogfal.guest.events import GOES_ON, Done, Piece
from cogfal.guest.inheriting import Leash
from cogfal.guest.interruption import SignalInterruption
from cogfal.guest.thread import AuthorThread
from cogfal.guest.wire import from_plain
"""
    + PREDICTOR
    + '''

class Rings(BaseException):
    """What the handler raises."""


FILES = tuple(f"/cogfal/guest/{name}.py" for name in (
    "thread", "call", "core", "events", "capture", "interruption"))
"""What is around the author's code."""


class Server:
    """Makes one call after the other, each interrupted one instruction later than the one before.

    First calls that come to their end, then ones that are closed at their first piece.

    An exception of a trace function comes, as that of a signal handler does, between two
    instructions of whichever code is under way.
    """

    def __init__(self):
        self.thread = AuthorThread()
        capture = self.capture = Capture(Outlets())
        capture.open(home=False)
        self.guest = Guest(self.take, self.thread, capture, SignalInterruption, Leash())
        self.call = 2
        self.at = 0
        self.closes = self.closed = False
        self.left = 0
        self.alone = True
        self.ends = []
        self.values = []

    def serve(self, spec):
        self.guest.load(1, spec, "/", 1000, yields)
        self.thread.run()
        return [self.ends, self.alone]

    def take(self, event):
        """Order what follows from an event, from where no handler of the author's is run."""
        left, self.left = self.left, 0
        if isinstance(event, Done) and event.call == 1:
            self.guest.setup(2, None)
        elif isinstance(event, Done) and self.call == 2:
            self.begin()
        if not isinstance(event, Piece) or event.call != self.call:
            return  # also a second end of what has ended
        if event.kind not in GOES_ON:
            self.end(event, missed=left > 0)
            return
        self.values.append(event.value)
        if self.closes and not self.closed:
            self.closed = True
            self.guest.close(event.call)
        else:
            self.guest.advance(event.call)
        self.left = left

    def end(self, event, missed):
        if self.closed and not event.closes:
            return  # the order to close is answered, too
        self.ends.append([event.kind, len(self.values), missed])
        if not missed:
            self.begin()
        elif self.closes:
            self.thread.end()
        else:
            self.closes, self.at = True, 0
            self.begin()

    def begin(self):
        self.call += 1
        self.at += 1
        self.values = []
        self.closed = False
        self.guest.start(self.call, {"count": 2}, {}, "/")
        self.alone = self.alone and getattr(self.capture.owner(), "number", 0) == self.call
        frame = sys._getframe()
        while frame is not None:
            frame.f_trace = self.enter(frame, "call", None)
            frame = frame.f_back
        sys.settrace(self.enter)  # last: 3.12 looks here whether any frame wants instructions
        self.left = self.at

    def enter(self, frame, event, argument):
        if not frame.f_code.co_filename.endswith(FILES):
            return None
        frame.f_trace_opcodes = True
        frame.f_trace_lines = False
        return self.ring

    def ring(self, frame, event, argument):
        if event == "opcode" and self.left:
            self.left -= 1
            if not self.left:
                raise Rings
        return self.ring


def main(spec):
    return Server().serve(from_plain(spec))
'''
)


@on_every_python
def test_every_call_ends_wherever_a_signal_handler_raises(python: Path, tmp_path: Path) -> None:
    """At each instruction around a call, once, of one that ends and of one that is closed.

    The next one is always the only one, whose the prints of strange threads are.
    """
    (tmp_path / "predict.py").write_text("from typing import Iterator\n" + PREDICTOR)
    spec = read_predictor("predict.py:yields", tmp_path)

    ends, alone = run_there(python, PROGRAM, to_plain(spec))

    assert alone
    assert len(ends) > 500
    assert {"raised", "ended"} == {kind for kind, _, missed in ends if not missed}
    missed = [(kind, pieces) for kind, pieces, missed in ends if missed]
    assert missed == [("ended", 2), ("ended", 1)]
