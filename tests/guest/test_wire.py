"""Frames between the two sides arrive whole or not at all."""

from __future__ import annotations

import json
import socket
import threading
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cogfal.guest.encoding import Encoded
from cogfal.guest.events import (
    LONGEST_TEXT,
    RAISED,
    RETURNED,
    SEVERAL,
    YIELDED,
    CallEvents,
    Done,
    Failure,
    Flush,
    Measured,
    Piece,
    Printed,
)
from cogfal.guest.faults import Fault
from cogfal.guest.saving import FileReference
from cogfal.guest.server import ROOM, Outbox
from cogfal.guest.wire import HEAD, Garbage, Unpacker, event_of, from_plain, message_of, pack

FAULT = Fault("text", "traceback", device=True, kind="ValueError")
LARGE = b'"' + b"x" * 10_000 + b'"'
EVENTS = [
    Printed(1, "stdout", "said\n"),
    Flush(1, "stderr"),
    Measured(1, "a.b", [1, None], "append"),
    Piece(1, YIELDED, Encoded((b'"a"',)), rests=False),
    Piece(1, SEVERAL, ["a", 1, 1.5, None, True], rests=False),
    Piece(1, RETURNED, Encoded((LARGE,))),
    Piece(1, RETURNED, Encoded((b"[", b"]"), (FileReference((0,), "/a", None, True),))),
    Piece(
        1,
        YIELDED,
        Encoded(
            (b"[", b",", b"]"),
            (
                FileReference((0,), None, "data:," + "é" * 5_000),
                FileReference((1,), None, "http://a/" + "b" * 5_000),
            ),
        ),
    ),
    Piece(1, RAISED, FAULT, ignored=True, closes=True),
    Done(2, "text"),
    Done(2, failure=Failure("no", "do", True, FAULT)),
]


@given(st.data())
def test_events_arrive_in_whatever_pieces(data: st.DataObject) -> None:
    """Several in a frame, frames cut anywhere; each is equal to what was sent."""
    stream, wanted = b"", []
    for event in data.draw(st.lists(st.sampled_from(EVENTS), max_size=6)):
        message, body = message_of(event)
        stream += b"".join(pack([message], body))
        wanted.append(event)
    unpacker, found = Unpacker(), []
    for cut in [*data.draw(st.lists(st.integers(1, 3000), max_size=8)), len(stream)]:
        found += [event_of(*each) for each in unpacker.feed(stream[:cut])]
        stream = stream[cut:]

    assert found == wanted


TOLD = [
    Measured(1, "several", [1], "append"),
    Measured(1, "several", [1], "append"),
    Piece(1, SEVERAL, ["a"], rests=False),
    Piece(1, SEVERAL, ["b"], rests=False),
    Printed(1, "stdout", "said\n"),
    Piece(1, SEVERAL, ["c"], rests=False),
    Piece(2, SEVERAL, ["d"], rests=False),
    Piece(1, RETURNED, Encoded((LARGE,))),
    Piece(1, SEVERAL, ["e"], rests=False),
]


def test_pieces_that_wait_go_together() -> None:
    """Those of one call with nothing between them; everything else is as it was told."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        outbox = Outbox(theirs)
        for event in TOLD:
            outbox.put(event)
        sending = threading.Thread(target=outbox.run)
        sending.start()
        unpacker = Unpacker()
        found: list[Any] = []
        while found[-1:] != TOLD[-1:]:
            found += [event_of(*each) for each in unpacker.feed(ours.recv(100))]
    outbox.put(TOLD[0])  # nobody is there
    sending.join()

    together = Piece(1, SEVERAL, ["a", "b"], rests=False)
    assert found == [*TOLD[:2], together, *TOLD[4:]]


def test_no_frame_has_to_be_read_for_long() -> None:
    """However much waits to be told: each has a few events, or one."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        outbox = Outbox(theirs)
        calls = CallEvents(1, outbox.put, 4_000_000, {})
        calls.write("stdout", "\0" * 2_000_000)
        for _ in range(300):
            calls.metric("many", ["x"] * 1_000, "replace")
        sending = threading.Thread(target=outbox.run)
        sending.start()
        unpacker = Unpacker(most_of_header=ROOM + 2 * 6 * LONGEST_TEXT)
        found: list[Any] = []
        while len(found) < 300 + -(-2_000_000 // LONGEST_TEXT):
            found += unpacker.feed(ours.recv(65_536))
    outbox.put(TOLD[0])  # nobody is there
    sending.join()


@given(st.binary(min_size=8))
def test_bytes_that_are_no_frame(data: bytes) -> None:
    """Whatever comes is a message, is waited for, or is refused by that name."""
    unpacker = Unpacker(most_of_header=100)
    try:
        for message, _ in unpacker.feed(data):
            assert message
    except Garbage:
        return


@pytest.mark.parametrize("header", [b"3", b"[3]", b"[[]]"])
def test_a_header_is_a_list_of_messages(header: bytes) -> None:
    """Other JSON is refused before anything of it is taken."""
    frame = HEAD.pack(len(header), 0) + header

    with pytest.raises(Garbage, match="no list of messages"):
        list(Unpacker().feed(frame))


@pytest.mark.parametrize(
    "plain", [None, 3, "x", {"is": "Location"}, {"is": "Nothing"}, {}, {"is": "NullType"}]
)
def test_what_describes_no_predictor_is_refused(plain: Any) -> None:
    """It may come from another version, or from nobody that speaks this."""
    with pytest.raises(ValueError, match="this describes no predictor"):
        from_plain(plain)


MESSAGES: dict[str, list[Any]] = {
    "an unknown name": ["Print", 1],
    "no name": [1, 2],
    "too few values": ["Printed", 1, "stdout"],
    "values of other types": ["Printed", "1", "stdout", "said"],
    "a result that is none": ["Piece", 1, "returned", 3, True, False, False],
    "parts that do not fit": ["Piece", 1, "returned", [[5], []], True, False, False],
    "pieces that are no list": ["Piece", 1, "several", {}, False, False, False],
    "pieces with parts": ["Piece", 1, "several", ["a", []], False, False, False],
    "an infinite piece": ["Piece", 1, "several", ["a", 1.0, float("inf")], False, False, False],
    "pieces that rest": ["Piece", 1, "several", ["a"], True, False, False],
    "parts beside no files": ["Piece", 1, "returned", [["a", "b"], []], True, False, False],
    "a fault that is none": ["Piece", 1, "raised", ["text"], True, False, False],
    "a failure that is none": ["Done", 1, None, "no"],
}


@pytest.mark.parametrize("message", MESSAGES.values(), ids=MESSAGES)
def test_messages_that_are_no_events(message: list[Any]) -> None:
    """They are refused, whoever wrote them."""
    with pytest.raises(ValueError, match=r"\w"):
        event_of(json.loads(json.dumps(message)), b"")
