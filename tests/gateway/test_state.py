"""What a gateway remembers: ids, events and calls, each within its bounds."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from cogfal.gateway.call import EventKind, EventLog, GatewayCall, State, failed
from cogfal.gateway.callers import Caller
from cogfal.gateway.catalogue import FalApp, Kind, Version
from cogfal.gateway.memory import Limits, Memory, direct_id, is_direct, queued_id, read_id
from cogfal.gateway.replicate_messages import frames
from cogfal.spec import JSON

ALICE = Caller("alice", "key", b"alice", shared=True)
BOB = Caller("bob", "key", b"bob", shared=True)
VERSION = Version("me/model", "1", FalApp("me/app"))
REQUEST = "764cabcf-b745-4b3e-ae38-1200304cf45b"


def call(name: str = "x", caller: Caller = ALICE, stream: int = 1000) -> GatewayCall:
    """Return a call that has just begun."""
    made = GatewayCall(Kind.PREDICTION, VERSION, caller, base="http://x/", stream=stream)
    made.id = name
    return made


@pytest.mark.parametrize("kind", Kind)
def test_an_id_says_all_that_is_needed(kind: Kind) -> None:
    """The kind, the version, the time and fal's request id."""
    said = read_id(queued_id(kind, VERSION, REQUEST, ALICE), ALICE)

    assert said is not None
    assert (said.kind, said.mark, said.request_id) == (kind, VERSION.mark, REQUEST)


def test_an_id_is_of_one_caller_and_cannot_be_changed() -> None:
    """Where callers share a key, only its own can read it; every changed letter shows."""
    name = queued_id(Kind.PREDICTION, VERSION, REQUEST, ALICE)
    changed = [
        name[:n] + ("b" if name[n] != "b" else "c") + name[n + 1 :] for n in range(len(name))
    ]

    assert read_id(name, BOB) is None
    assert [each for each in changed if read_id(each, ALICE) is not None] == []


def test_keys_of_one_account_read_each_others_ids() -> None:
    """Where each caller has a key of their own, fal says what they may see."""
    name = queued_id(Kind.PREDICTION, VERSION, REQUEST, replace(ALICE, shared=False))

    assert read_id(name, replace(BOB, shared=False)) is not None


@pytest.mark.parametrize("kind", Kind)
def test_ids_of_this_gateway_alone_are_told_from_those_of_the_queue(kind: Kind) -> None:
    """By their first letter."""
    name = direct_id(kind)

    assert is_direct(name)
    assert read_id(name, ALICE) is None
    assert not is_direct(queued_id(kind, VERSION, REQUEST, ALICE))


def test_a_tape_keeps_the_latest_and_says_what_is_gone() -> None:
    """A reader who asks for what is kept no more learns so, and is not sent the rest."""

    async def run() -> tuple[object, str]:
        made = call(stream=10)
        for text in ("aaaa", "bbbb", "cccc"):
            made.put(text)
        kept = [event.data for event in made.events.latest()]
        return kept, b"".join([frame async for frame in frames(made, 0)]).decode()

    kept, sent = asyncio.run(run())

    assert kept == ["bbbb", "cccc"]
    assert "the events before are kept no more" in sent
    assert "bbbb" not in sent


def test_pieces_that_were_told_are_not_told_again_at_the_end() -> None:
    """The end brings what was not seen before it, and an error where there is one."""

    async def run() -> list[tuple[EventKind, str]]:
        made = call()
        made.put("one")
        made.log("a")
        made.end(State("failed", output=["one", "two"], logs="ab", error="no"))
        return [(event.what, event.data) for event in made.events.latest()]

    assert asyncio.run(run()) == [
        (EventKind.START, ""),
        (EventKind.OUTPUT, "one"),
        (EventKind.LOGS, "a"),
        (EventKind.LOGS, "b"),
        (EventKind.OUTPUT, "two"),
        (EventKind.ERROR, "no"),
        (EventKind.DONE, '{"reason": "error"}'),
    ]


def test_an_end_is_final() -> None:
    """What comes after it changes nothing."""

    async def run() -> State:
        made = call()
        made.end(failed("first"))
        made.end(State("succeeded"))
        made.progress(State("processing", logs="late"))
        return made.state

    state = asyncio.run(run())

    assert (state.status, state.error, state.logs) == ("failed", "first", "")


def test_memory_forgets_the_oldest_that_it_can() -> None:
    """By number and by size; a call whose state nobody else has stays until it has ended."""

    async def run() -> list[list[str]]:
        memory = Memory(Limits(predictions=2, state=50_000))
        held = call(direct_id(Kind.PREDICTION))
        for made in (held, call("second"), call("third"), call("fourth")):
            memory.keep(made)
        by_number = [each.id for each in memory.of("alice")]
        held.end(State("succeeded", output="x" * 60_000))
        memory.make_room()
        return [by_number, [each.id for each in memory.of("alice")], [held.id]]

    by_number, by_size, held = asyncio.run(run())

    assert by_number == ["fourth", *held]
    assert by_size == ["fourth"]


def test_a_list_is_one_callers() -> None:
    """And so is each call in it."""

    async def run() -> list[object]:
        memory = Memory(Limits())
        memory.keep(call("hers"))
        memory.keep(call("his", BOB))
        return [[each.id for each in memory.of("bob")], memory.get("hers", "bob")]

    assert asyncio.run(run()) == [["his"], None]


def test_a_slow_watcher_wakes_for_what_is_new() -> None:
    """Waiting ends with the next event, and does not begin where there is one already."""

    async def run() -> list[int]:
        events = EventLog(1000)
        waiting = asyncio.ensure_future(events.more(0))
        await asyncio.sleep(0)
        events.add(EventKind.OUTPUT, "a")
        await waiting
        await events.more(0)
        return [event.number for event in events.after(0) or []]

    assert asyncio.run(run()) == [1]


@pytest.mark.parametrize(
    ("output", "told"),
    [
        (["a", "b"], ["a", "b"]),
        (["a"] * 6000, ["a" * 6000]),
        ([7] * 6000, [f"[{','.join(['7'] * 6000)}]"]),
        ([7] * 600_000, [""]),
        ({"a": [7]}, ['{"a":[7]}']),
        ({"a": [7] * 600_000}, [""]),
    ],
    ids=["few", "texts", "numbers", "too many", "object", "too large"],
)
def test_a_great_many_pieces_are_told_as_one(output: JSON, told: list[str]) -> None:
    """And what would be long in a stream is only in the prediction, whose size counts."""
    ended = call(stream=10**7)

    ended.end(State("succeeded", output=output, size=9_000_000))

    events = ended.events.after(0) or []
    assert [each.data for each in events if each.what is EventKind.OUTPUT] == told
    assert ended.state.output == output
    assert ended.size > 9_000_000
