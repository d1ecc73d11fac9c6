"""Webhooks arrive in order, on time, and do no harm where they don't."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Awaitable, Callable, Iterator
from weakref import ReferenceType, ref

import pytest

from cogfal.engine.prediction import Prediction
from cogfal.server.cog_messages import ALL_EVENTS, WebhookEvent
from cogfal.server.requester import Requester
from cogfal.server.webhooks import CogSubject, Target, Webhooks, WebhookSettings, settings_from
from tests.server.predictions import Play
from tests.server.receiver import Receiver, receiver

FAST = WebhookSettings(interval=0.05, attempt_seconds=5, first_pause=0.01, longest_pause=0.02)


@pytest.fixture
def hooks() -> Iterator[Receiver]:
    """A receiver of webhooks."""
    with receiver() as running:
        yield running


class Sending:
    """A sender with its log, inside of an event loop."""

    def __init__(self, settings: WebhookSettings = FAST, *, private: bool = True) -> None:
        self.log: list[str] = []
        self._changed = asyncio.Event()
        requester = Requester(allow_private_hosts=private)
        self.webhooks = Webhooks(requester, settings, self._note)

    def _note(self, line: str) -> None:
        self.log.append(line)
        self._changed.set()

    async def logged(self, text: str, count: int = 1) -> None:
        """Wait until `count` lines of the log contain `text`."""
        while sum(text in line for line in self.log) < count:
            self._changed.clear()
            await self._changed.wait()

    def tell(self, play: Play, url: str, *events: WebhookEvent) -> None:
        """Tell `url` what happens."""
        self.webhooks.start(
            CogSubject(play.prediction), Target(url, frozenset(events) or ALL_EVENTS)
        )


def run(main: Callable[[], Awaitable[None]]) -> None:
    """Run a test's coroutine."""

    async def limited() -> None:
        await asyncio.wait_for(main(), 120)

    asyncio.run(limited())


async def arrived(hooks: Receiver, path: str, count: int = 1) -> list[dict[str, object]]:
    """Return the bodies that came to `path`, once there are `count`."""
    came = await asyncio.to_thread(hooks.wait, path, count)
    return [each.json for each in came]


def test_everything_arrives_in_order(hooks: Receiver) -> None:
    """Start, each new state after the interval, the end; logs never shrink."""

    async def main() -> None:
        sending, play = Sending(), Play(yields=True)
        sending.tell(play, f"{hooks.url}/ok")
        play.start()
        await arrived(hooks, "/ok", 1)
        play.print("one\n")
        await arrived(hooks, "/ok", 2)
        play.put_out("a")
        await arrived(hooks, "/ok", 3)
        play.succeed()

        start, printed, put_out, end = await arrived(hooks, "/ok", 4)

        assert start == {"id": "abc", "status": "processing", "logs": "", "metrics": {}}
        assert (printed["logs"], printed["status"]) == ("one\n", "processing")
        assert "output" not in printed
        assert put_out["output"] == ["a"]
        assert (end["status"], end["output"], end["logs"]) == ("succeeded", ["a"], "one\n")
        assert end["completed_at"] is not None

    run(main)


def test_states_are_throttled_and_the_ends_are_not(hooks: Receiver) -> None:
    """A chatty prediction sends its start and its end, and nothing in an interval's time."""

    async def main() -> None:
        sending, play = Sending(FAST._replace(interval=30)), Play()
        sending.tell(play, f"{hooks.url}/ok")
        play.start()
        for number in range(1000):
            play.print(f"{number}\n")
            await asyncio.sleep(0)
        play.succeed()

        states = [each["status"] for each in await arrived(hooks, "/ok", 2)]
        await sending.webhooks.close(5)

        assert states == ["processing", "succeeded"]
        assert len(hooks.at("/ok")) == 2

    run(main)


def test_only_wanted_events_are_sent(hooks: Receiver) -> None:
    """Logs are no news to those who asked for output."""

    async def main() -> None:
        sending, play = Sending(), Play()
        sending.tell(play, f"{hooks.url}/ok", WebhookEvent.OUTPUT)
        play.start()
        play.print("noise\n")
        play.put_out("result")
        play.succeed()
        await sending.webhooks.close(5)

        (only,) = await arrived(hooks, "/ok")

        assert (only["output"], only["status"]) == ("result", "processing")

    run(main)


def test_a_dead_receiver_blocks_neither_prediction_nor_others(hooks: Receiver) -> None:
    """Nothing waits for a receiver that takes connections and never answers."""

    async def main() -> None:
        sending, stuck, other = Sending(), Play("stuck"), Play("other")
        sending.tell(stuck, f"{hooks.url}/slow")
        stuck.start()
        await arrived(hooks, "/slow")
        stuck.succeed()
        sending.tell(other, f"{hooks.url}/ok")
        other.start()
        other.succeed()

        await stuck.prediction.wait()
        await arrived(hooks, "/ok", 2)

        assert len(hooks.at("/slow")) == 1
        hooks.gate.set()
        assert (await arrived(hooks, "/slow", 2))[-1]["status"] == "succeeded"

    run(main)


def test_the_end_is_sent_until_it_is_taken(hooks: Receiver) -> None:
    """The end outlives many failures; a state in between is not sent again."""

    async def main() -> None:
        sending, play = Sending(), Play()
        sending.tell(play, f"{hooks.url}/fail-20")
        play.start()
        play.fail("a bad thing")

        bodies = await arrived(hooks, "/fail-20", 21)

        assert [each["status"] for each in bodies].count("processing") == 1
        assert (bodies[-1]["status"], bodies[-1]["error"]) == ("failed", "a bad thing")
        await sending.webhooks.close(5)
        assert len(hooks.at("/fail-20")) == 21

    run(main)


def test_a_receiver_that_comes_back_gets_the_end(port: int) -> None:
    """A refused connection is tried again as well."""

    async def main() -> None:
        sending, play = Sending(), Play()
        sending.tell(play, f"http://127.0.0.1:{port}/", WebhookEvent.COMPLETED)
        play.succeed()
        await sending.logged("trying again")

        taken: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

        async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            taken.set_result(await reader.readuntil(b"}"))
            writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
            writer.close()

        async with await asyncio.start_server(take, "127.0.0.1", port):
            assert b"POST / " in await taken
            await sending.webhooks.close(5)

    run(main)


@pytest.mark.parametrize("path", ["/refuse", "/moved"])
def test_what_will_never_be_taken_is_given_up(hooks: Receiver, path: str) -> None:
    """A 400 ends the matter, and no redirect is followed."""

    async def main() -> None:
        sending, play = Sending(), Play()
        sending.tell(play, hooks.url + path, WebhookEvent.COMPLETED)
        play.succeed()

        await sending.webhooks.close(5)

        assert [each.path for each in hooks.requests] == [path]
        assert "giving up" in sending.log[-1]

    run(main)


def test_private_hosts_are_not_told(hooks: Receiver) -> None:
    """A webhook is no way into the network that the runner is in."""

    async def main() -> None:
        sending, play = Sending(private=False), Play()
        sending.tell(play, f"{hooks.url}/ok", WebhookEvent.COMPLETED)
        play.succeed()

        await sending.webhooks.close(5)

        assert hooks.requests == []
        assert "not on the public internet; giving up" in sending.log[-1]

    run(main)


@pytest.mark.parametrize(
    ("hosts", "sent"), [("127.0.0.1", "Bearer hunter2"), ("example.com", None)]
)
def test_the_token_goes_to_named_hosts_only(hooks: Receiver, hosts: str, sent: str | None) -> None:
    """A caller's host gets no credential of the operator's."""
    settings = settings_from(
        {
            "WEBHOOK_AUTH_TOKEN": "hunter2",
            "COGFAL_WEBHOOK_AUTH_HOSTS": f"other.example, {hosts}",
            "COG_THROTTLE_RESPONSE_INTERVAL": "0",
        }
    )

    async def main() -> None:
        sending, play = Sending(settings), Play()
        sending.tell(play, f"{hooks.url}/ok", WebhookEvent.COMPLETED)
        play.succeed()
        await arrived(hooks, "/ok")

        assert hooks.requests[0].headers["Authorization"] == sent

    run(main)


@pytest.mark.parametrize(("text", "seconds"), [("1.5", 1.5), ("0", 0.0), ("", 0.5), ("x", 0.5)])
def test_the_interval_is_cogs_variable(text: str, seconds: float) -> None:
    """Seconds; half a second where it is not set or no number."""
    assert settings_from({"COG_THROTTLE_RESPONSE_INTERVAL": text}).interval == seconds


def test_too_many_waiting_webhooks_make_room(hooks: Receiver) -> None:
    """The one that waits longest for its receiver goes; the others are told."""

    async def main() -> None:
        patient = FAST._replace(capacity=2, first_pause=30, longest_pause=30)
        sending = Sending(patient)
        for count, name in enumerate(("one", "two", "three"), 1):
            play = Play(name)
            sending.tell(play, f"{hooks.url}/fail-1/{name}", WebhookEvent.COMPLETED)
            play.succeed()
            await sending.logged("trying again in 30 s", count)

        assert sum("too many are waiting" in line for line in sending.log) == 1

        await sending.webhooks.close(0)

        assert "webhooks of 2 predictions were not delivered" in sending.log[-1]

    run(main)


def test_closing_waits_for_what_is_under_way(hooks: Receiver) -> None:
    """The last state of the last prediction gets out before the process ends."""

    async def main() -> None:
        sending, play = Sending(), Play()
        sending.tell(play, f"{hooks.url}/fail-1", WebhookEvent.COMPLETED)
        play.succeed()

        await sending.webhooks.close(10)

        assert len(hooks.at("/fail-1")) == 2

    run(main)


def test_last_states_that_wait_are_bounded_in_bytes(hooks: Receiver) -> None:
    """Where the receiver is down, the latest are kept, and nothing of their predictions."""

    async def main() -> None:
        sending = Sending(FAST._replace(kept_bytes=250_000, first_pause=20.0, longest_pause=20.0))
        ends: list[ReferenceType[Prediction]] = []
        for number in range(5):
            play = Play(f"id {number}")
            ends.append(ref(play.prediction))
            sending.tell(play, f"{hooks.url}/fail-99", WebhookEvent.COMPLETED)
            play.put_out("x" * 100_000)
            play.succeed()
            del play
        await sending.logged("too many bytes", 3)
        await sending.logged("trying again in 20 s", 2)
        gc.collect()

        assert sum("too many bytes" in line for line in sending.log) == 3
        assert [end() for end in ends] == [None] * 5
        await sending.webhooks.close(0)

    run(main)
