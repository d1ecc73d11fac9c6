"""Who waits for an answer, and who has left."""

from __future__ import annotations

import asyncio
import platform
import resource
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from starlette.requests import Request
from starlette.types import Message

from cogfal.concurrency import TURNS
from cogfal.errors import NotReady
from cogfal.server.caller import (
    CHUNK,
    HELD_BODIES,
    TRIMMED,
    Bodies,
    Body,
    BodyRefused,
    cancel_on_disconnect,
)
from tests.server.predictions import Play
from tests.waiting import until


class Caller:
    """The caller of a request; leaves when told to."""

    def __init__(self) -> None:
        self.left = asyncio.Event()
        self.cancellations = 0
        self.request = Request({"type": "http"}, self._receive)

    def cancel(self) -> None:
        """Count a cancellation."""
        self.cancellations += 1

    async def _receive(self) -> Message:
        await self.left.wait()
        return {"type": "http.disconnect"}


def test_a_caller_that_stays_cancels_nothing() -> None:
    """The end is waited for, also beyond the time in which nobody looks."""

    async def main() -> int:
        caller = Caller()
        await cancel_on_disconnect(asyncio.sleep(0.1), caller.request, caller.cancel)
        return caller.cancellations

    assert asyncio.run(main()) == 0


def test_a_caller_that_leaves_cancels_and_the_end_is_awaited() -> None:
    """Cleaning up takes its time."""

    async def main() -> tuple[int, bool]:
        caller, cleaned = Caller(), asyncio.Event()

        def cancel() -> None:
            caller.cancel()
            asyncio.get_running_loop().call_later(0.05, cleaned.set)

        caller.left.set()
        await cancel_on_disconnect(cleaned.wait(), caller.request, cancel)
        return caller.cancellations, cleaned.is_set()

    assert asyncio.run(main()) == (1, True)


def test_a_cancelled_wait_cancels() -> None:
    """A server that gives the request up takes the prediction along."""

    async def main() -> int:
        caller = Caller()
        never = asyncio.Event()
        waiting = asyncio.ensure_future(
            cancel_on_disconnect(never.wait(), caller.request, caller.cancel)
        )
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        return caller.cancellations

    assert asyncio.run(main()) == 1


MEGABYTE = 1_000_000


def sending(*pieces: bytes, announced: int | None = None, ends: bool = True) -> Request:
    """Return a request whose body comes in these pieces, and then ends or not."""
    waiting = [{"type": "http.request", "body": piece, "more_body": True} for piece in pieces]
    if ends:
        waiting.append({"type": "http.request", "body": b"", "more_body": False})

    async def receive() -> Message:
        if not waiting:
            await asyncio.Event().wait()
        return waiting.pop(0)

    length = [] if announced is None else [(b"content-length", str(announced).encode())]
    return Request({"type": "http", "method": "POST", "headers": length}, receive)


async def read(bodies: Bodies, request: Request) -> bytes:
    """Read a body."""
    with Body(bodies) as body:
        await body.read(request)
        return await body.process(b"".join, body.chunks)


@pytest.mark.parametrize(
    ("request_of", "status"),
    [
        (lambda: sending(b"x" * 2 * MEGABYTE), 413),
        (lambda: sending(b"x", announced=2 * MEGABYTE), 413),
        (lambda: sending(b"x", announced=10**30), 413),
        (lambda: sending(b"x", ends=False), 408),
    ],
    ids=["too large", "announced as too large", "announced as endless", "never complete"],
)
def test_a_body_that_is_not_read_to_its_end(request_of: Callable[[], Request], status: int) -> None:
    """Its caller hears why, and nothing of it is held any more."""
    bodies = Bodies(MEGABYTE, seconds=0.01)

    with pytest.raises(BodyRefused) as caught:
        asyncio.run(read(bodies, request_of()))

    assert caught.value.status == status
    assert asyncio.run(read(bodies, sending(b"next"))) == b"next"


def test_small_pieces_become_large_chunks() -> None:
    """A body that comes a few bytes at a time is decoded in no more steps than another."""

    async def main() -> list[bytes]:
        with Body(Bodies(MEGABYTE)) as body:
            await body.read(sending(*[b"abc"] * 50_000, b"x" * CHUNK, b"end"))
            return body.chunks

    chunks = asyncio.run(main())

    assert b"".join(chunks) == b"abc" * 50_000 + b"x" * CHUNK + b"end"
    assert all(len(chunk) >= CHUNK for chunk in chunks[:-1])


@pytest.mark.skipif(sys.version_info < (3, 11), reason="does not count who has cancelled a task")
@pytest.mark.parametrize("cancelled", ["before", "after", "never"])
@pytest.mark.parametrize("earlier", [0, 1])
def test_a_late_body_hides_no_cancellation(cancelled: str, earlier: int) -> None:
    """Not even one of the same turn, of which the deadline's own is taken back.

    Without another one the request goes on as if nothing had been.
    """

    async def main() -> tuple[str, int]:
        task: Any = asyncio.current_task()
        for _ in range(earlier):
            task.cancel()
            with suppress(asyncio.CancelledError):
                await asyncio.sleep(0)

        async def receive() -> Message:
            loop = asyncio.get_running_loop()
            never: asyncio.Future[Message] = loop.create_future()
            if cancelled == "after":  # before the task hears of its first cancellation
                never.add_done_callback(lambda _: task.cancel())
            if cancelled == "before":
                loop.call_soon(cancel_when_late)
            return await never

        def cancel_when_late() -> None:
            time.sleep(0.002)  # so that the deadline's timer is ready as well
            asyncio.get_running_loop().call_soon(task.cancel)

        with Body(Bodies(seconds=0.001)) as body:
            try:
                await body.read(Request({"type": "http", "headers": []}, receive))
            except (BodyRefused, asyncio.CancelledError) as error:
                return type(error).__name__, task.cancelling()
        raise AssertionError("a body without an end was read")

    outcome = asyncio.run(main())

    told = ("BodyRefused", 0) if cancelled == "never" else ("CancelledError", 1)
    assert outcome == (told[0], told[1] + earlier)


def test_what_was_held_is_given_back_once() -> None:
    """Also when no loop runs any more, which would give memory back to the system."""
    bodies = Bodies(2 * TRIMMED)
    body = Body(bodies)
    asyncio.run(body.read(sending(b"x" * (TRIMMED + 1))))

    for _ in range(2):
        with body:
            pass

    bodies.hold(HELD_BODIES * bodies.limit)
    with pytest.raises(BodyRefused):
        bodies.hold(1)


def test_no_more_bytes_are_held_than_fit() -> None:
    """Bodies that predictions hold leave no room for another, until one of them ends."""

    async def main() -> tuple[int, bytes]:
        bodies, plays = Bodies(MEGABYTE), [Play(f"id {n}") for n in range(HELD_BODIES)]
        for play in plays:
            with Body(bodies) as body:
                await body.read(sending(b"x" * MEGABYTE))
                body.needed_by = play.prediction
        with pytest.raises(BodyRefused) as caught:
            await read(bodies, sending(b"x" * MEGABYTE))
        await read(bodies, sending(b"a small one"))
        plays[0].succeed()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        return caught.value.status, await read(bodies, sending(b"y" * MEGABYTE))

    status, body = asyncio.run(main())

    assert status == 429
    assert len(body) == MEGABYTE


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="no other library keeps as much")
def test_memory_is_given_back_after_large_bodies() -> None:
    """What is free lies between what is not, so that it would stay the process's."""

    async def main() -> tuple[int, int]:
        bodies, blocks = Bodies(2 * TRIMMED), [b"x" * n for n in range(90_000, 92_000)]
        blocks[1:-1] = []
        before = resident()
        with Body(bodies) as body:
            await body.read(sending(b"x" * (TRIMMED + 1)))
        given_back = await asyncio.to_thread(until, lambda: resident() < before - TRIMMED)
        return len(blocks), given_back

    assert asyncio.run(main()) == (2, True)


def resident() -> int:
    """Return how many bytes of memory this process has."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def test_large_bodies_are_dealt_with_in_turn() -> None:
    """A second one waits while the first works, and small ones wait for neither."""

    async def main() -> list[str]:
        bodies, steps, go_on = Bodies(MEGABYTE), list[str](), threading.Event()

        async def deal(name: str, size: int, work: Callable[[], object]) -> None:
            def noted(chunks: list[bytes]) -> None:
                steps.append(f"{name} begins, of {sum(map(len, chunks))} bytes")
                work()
                steps.append(f"{name} ends")

            with Body(bodies) as body:
                await body.read(sending(b"x" * size))
                await body.process(noted, body.chunks)

        first = asyncio.ensure_future(deal("a", MEGABYTE, go_on.wait))
        assert await asyncio.to_thread(until, lambda: steps)
        second = asyncio.ensure_future(deal("b", MEGABYTE, bool))
        assert await asyncio.to_thread(until, lambda: TURNS.waiting)
        await deal("c", 1000, bool)
        go_on.set()
        await asyncio.gather(first, second)
        return steps

    assert asyncio.run(main()) == [
        "a begins, of 1000000 bytes",
        "c begins, of 1000 bytes",
        "c ends",
        "a ends",
        "b begins, of 1000000 bytes",
        "b ends",
    ]


def test_nothing_large_is_decoded_any_more_when_the_app_ends() -> None:
    """What is under way ends with its step, what waits does not begin."""

    async def main() -> tuple[list[str], list[object]]:
        bodies, steps, go_on = Bodies(MEGABYTE), list[str](), threading.Event()

        async def deal() -> None:
            def noted(_: object) -> None:
                steps.append("begins")
                go_on.wait()
                TURNS.pass_on()
                steps.append("goes on")

            with Body(bodies) as body:
                await body.read(sending(b"x" * 300_000))
                await body.process(noted, body.chunks)

        dealing = [asyncio.ensure_future(deal()) for _ in range(2 * HELD_BODIES)]
        assert await asyncio.to_thread(until, lambda: TURNS.waiting == HELD_BODIES - 1)
        bodies.close()
        go_on.set()
        return steps, await asyncio.gather(*dealing, return_exceptions=True)

    steps, outcomes = asyncio.run(main())

    assert steps == ["begins"]
    assert [type(each) for each in outcomes] == [NotReady] * 2 * HELD_BODIES
