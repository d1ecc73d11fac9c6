"""Tell clients by webhook what happens to their predictions, off the request's path.

Per prediction one task sends in order: the start, then at most one state per interval, then the
end. Only the latest state waits, so a slow receiver costs memory for one. The end is tried again
with growing pauses for as long as the process lives.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple, Protocol

import anyio
import httpx

from cogfal.engine.prediction import Event, Log, Output, Prediction, Started
from cogfal.json_text import written_in_turn
from cogfal.server.cog_messages import Body, WebhookEvent, ended, progress, started
from cogfal.server.requester import Reply, Requester, Unreachable

RETRIED: Final = frozenset({408, 425, 429, 500, 502, 503, 504})
DEFAULT_INTERVAL: Final = 0.5


class WebhookSettings(NamedTuple):
    """How webhooks are sent; times are seconds.

    `token` is sent as bearer to `token_hosts` only. At most `capacity` predictions have webhooks
    under way, and last states of at most `kept_bytes` wait to be taken; the one that has been
    waiting longest for its receiver makes room for another.
    """

    interval: float = DEFAULT_INTERVAL
    attempt_seconds: float = 30.0
    first_pause: float = 0.2
    longest_pause: float = 60.0
    capacity: int = 1000
    kept_bytes: int = 64 * 1024**2
    user_agent: str = "cogfal"
    token: str | None = None
    token_hosts: frozenset[str] = field(default_factory=frozenset)


def settings_from(environment: Mapping[str, str] = os.environ) -> WebhookSettings:
    """Read what Cog's `COG_THROTTLE_RESPONSE_INTERVAL` and `WEBHOOK_AUTH_TOKEN` say.

    The token goes to the hosts in `COGFAL_WEBHOOK_AUTH_HOSTS` (separated by commas) and no others.
    """
    hosts = environment.get("COGFAL_WEBHOOK_AUTH_HOSTS", "").split(",")
    return WebhookSettings(
        interval=_seconds(environment.get("COG_THROTTLE_RESPONSE_INTERVAL", "")),
        token=environment.get("WEBHOOK_AUTH_TOKEN") or None,
        token_hosts=frozenset(host.strip().lower() for host in hosts if host.strip()),
    )


def _seconds(text: str) -> float:
    try:
        return max(0.0, float(text))
    except ValueError:
        return DEFAULT_INTERVAL


class WebhookSubject(Protocol):
    """What webhooks are about: what happens to a prediction, and the words for each state."""

    def events(self) -> AsyncIterator[Event]:
        """Return what happens from now on, until it ends."""

    def started(self) -> Body:
        """Return the state of one that has just begun."""

    def progress(self) -> Body:
        """Return the state as of now."""

    def ended(self) -> Body:
        """Return the last state."""


@dataclass(frozen=True, slots=True)
class CogSubject:
    """A prediction of the engine, whose states are told as Cog tells them."""

    prediction: Prediction

    def events(self) -> AsyncIterator[Event]:
        """Return what happens from now on, until it ends."""
        return self.prediction.events()

    def started(self) -> Body:
        """Return the state of one that has just begun."""
        return started(self.prediction.id)

    def progress(self) -> Body:
        """Return the state as of now."""
        return progress(self.prediction)

    def ended(self) -> Body:
        """Return the last state."""
        return ended(self.prediction)


def _unsigned(_body: bytes) -> Mapping[str, str]:
    return {}


@dataclass(frozen=True, slots=True)
class Target:
    """Whom to tell about what.

    `trace` are the W3C trace headers of the request; `sign` returns the headers that prove a body,
    each time that it is sent.
    """

    url: str
    events: frozenset[WebhookEvent]
    trace: Mapping[str, str] = field(default_factory=dict)
    sign: Callable[[bytes], Mapping[str, str]] = _unsigned


class Webhooks:
    """Sends the webhooks of every prediction.

    Args:
        requester: Sends the requests; its rules say which hosts may be reached.
        settings: See `WebhookSettings`; may be replaced before there is something to tell.
        log: Told in words what could not be delivered, without the path of the URL.
    """

    def __init__(
        self, requester: Requester, settings: WebhookSettings, log: Callable[[str], None]
    ) -> None:
        self._requester = requester
        self.settings = settings
        self._log = log
        self._under_way: dict[PredictionWebhooks, asyncio.Task[None]] = {}

    def start(self, subject: WebhookSubject, target: Target) -> None:
        """Send what happens to `subject` from now on to `target`; returns at once."""
        if len(self._under_way) >= self.settings.capacity:
            self._make_room()
        delivery = PredictionWebhooks(
            target, self.settings, self._send, self._log, self._limit_waiting
        )
        task = asyncio.ensure_future(delivery.run(subject, subject.events()))
        self._under_way[delivery] = task
        task.add_done_callback(lambda _: self._under_way.pop(delivery, None))

    async def close(self, grace: float) -> None:
        """Wait up to `grace` seconds for what is under way, then give the rest up."""
        tasks = [*self._under_way.values()]
        if not tasks:
            return
        _, late = await asyncio.wait(tasks, timeout=grace)
        for task in late:
            task.cancel()
        if late:
            self._log(f"webhooks of {len(late)} predictions were not delivered before the end")
            await asyncio.wait(late)

    def _make_room(self) -> None:
        waiting = (delivery for delivery in self._under_way if delivery.final)
        self._give_up(next(waiting, next(iter(self._under_way))), "too many are waiting")

    def _limit_waiting(self, new: PredictionWebhooks) -> None:
        """Give up those that have waited longest, as far as all that wait are too many bytes."""
        waiting = [each for each in self._under_way if each.final]
        size = sum(each.size for each in waiting)
        for each in waiting:
            if size > self.settings.kept_bytes and each is not new:
                size -= each.size
                self._give_up(each, "too many bytes are waiting")

    def _give_up(self, delivery: PredictionWebhooks, reason: str) -> None:
        self._log(f"gave up the webhook to {delivery.host}: {reason}")
        self._under_way.pop(delivery).cancel()

    async def _send(self, target: Target, body: bytes) -> Reply:
        headers = {
            "Content-Type": "application/json",
            "Content-Length": str(len(body)),
            "User-Agent": self.settings.user_agent,
            **target.trace,
            **target.sign(body),
        }
        if self.settings.token is not None and host_of(target.url) in self.settings.token_hosts:
            headers["Authorization"] = f"Bearer {self.settings.token}"
        seconds = self.settings.attempt_seconds
        return await self._requester.send("POST", target.url, headers, body, seconds=seconds)


def host_of(url: str) -> str:
    """Return the host of a URL in lower case."""
    return httpx.URL(url).raw_host.decode("ascii").lower()


class PredictionWebhooks:
    """The webhooks of one prediction.

    Attributes:
        final: Whether only the end is left to be taken by the receiver.
        size: Bytes that are kept for that.
    """

    def __init__(
        self,
        target: Target,
        settings: WebhookSettings,
        send: Callable[[Target, bytes], Awaitable[Reply]],
        log: Callable[[str], None],
        limit_waiting: Callable[[PredictionWebhooks], None],
    ) -> None:
        self.final = False
        self.size = 0
        self._limit_waiting = limit_waiting
        self._target = target
        self._settings = settings
        self._send = send
        self._log = log
        self._changed = asyncio.Event()
        self._started = False
        self._unreported = False
        self._over = False
        self._next_time = 0.0

    @property
    def host(self) -> str:
        """The receiver's host."""
        return host_of(self._target.url)

    async def run(self, subject: WebhookSubject, events: AsyncIterator[Event]) -> None:
        """Send everything there is to send, and return once the end is taken or given up."""
        following = asyncio.ensure_future(self._follow(events))
        try:
            await self._wait_until(lambda: self._started or self._over)
            if self._started and WebhookEvent.START in self._target.events:
                await self._send_once(subject.started())
            await self._report_progress(subject)
            await following
        finally:
            following.cancel()
        if WebhookEvent.COMPLETED in self._target.events:
            body = await _written(subject.ended())
            # What may wait for days is these bytes, not the prediction with all that it holds.
            del subject, events
            await self._send_until_taken(body)

    async def _follow(self, events: AsyncIterator[Event]) -> None:
        async for event in events:
            self._note(event)
            self._changed.set()
        self._over = True
        self._changed.set()

    def _note(self, event: Event) -> None:
        match event:
            case Started():
                self._started = True
            case Output() if WebhookEvent.OUTPUT in self._target.events:
                self._unreported = True
            case Log() if WebhookEvent.LOGS in self._target.events:
                self._unreported = True
            case _:
                pass

    async def _report_progress(self, subject: WebhookSubject) -> None:
        while not self._over:
            await self._wait_until(lambda: self._unreported or self._over)
            await self._wait_until(lambda: self._over, self._wait_left())
            if not self._over:
                await self._send_once(subject.progress())
        alone = WebhookEvent.COMPLETED not in self._target.events
        if self._unreported and (alone or self._wait_left() <= 0):
            await self._send_once(subject.progress())

    def _wait_left(self) -> float:
        return self._next_time - asyncio.get_running_loop().time()

    async def _wait_until(self, reached: Callable[[], bool], seconds: float | None = None) -> None:
        """Wait until `reached` or, where given, for so many seconds."""
        while not reached():
            self._changed.clear()
            with anyio.move_on_after(seconds) as scope:
                await self._changed.wait()
            if scope.cancelled_caught:
                return
            if seconds is not None:
                seconds = self._wait_left()

    async def _send_once(self, body: Body) -> None:
        """Send a state that a later one will replace; not tried again."""
        self._unreported = False
        self._next_time = asyncio.get_running_loop().time() + self._settings.interval
        try:
            reply = await self._send(self._target, await _written(body))
        except Unreachable as error:
            self._log(f"no webhook to {self.host}: {error}")
            return
        if not reply.success:
            self._log(f"the webhook to {self.host} was answered with {reply.status}")

    async def _send_until_taken(self, body: bytes) -> None:
        """Send until it is taken, or will never be."""
        self.final, self.size = True, len(body)
        self._limit_waiting(self)
        pause = self._settings.first_pause
        while (problem := await self._problem(body)) is not None:
            again = problem.retryable
            advice = f"trying again in {pause:g} s" if again else "giving up"
            self._log(f"the last webhook to {self.host} failed: {problem.reason}; {advice}")
            if not again:
                return
            await asyncio.sleep(pause)
            pause = min(2 * pause, self._settings.longest_pause)

    async def _problem(self, body: bytes) -> Undelivered | None:
        try:
            reply = await self._send(self._target, body)
        except Unreachable as error:
            return Undelivered(str(error), retryable=not error.refused)
        if reply.success:
            return None
        return Undelivered(
            f"it was answered with {reply.status}", retryable=reply.status in RETRIED
        )


async def _written(body: Body) -> bytes:
    """Write a state, which may be large, and let others have their turn meanwhile."""
    return b"".join(await written_in_turn(body))


class Undelivered(NamedTuple):
    """Why a webhook was not taken; `retryable` says that it may be later."""

    reason: str
    retryable: bool
