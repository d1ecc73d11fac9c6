"""Begin, find and cancel calls, whatever their models run on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Final, NamedTuple

import httpx

from cogfal.gateway.call import GatewayCall, State, canceled, failed
from cogfal.gateway.callers import Caller
from cogfal.gateway.catalogue import Address, Catalogue, FalApp, Kind, Version
from cogfal.gateway.cog_client import CogClient, DirectApp, TooMuch
from cogfal.gateway.fal_queue import FalQueue, Unstreamed, follow_queue, follow_stream
from cogfal.gateway.memory import (
    Documents,
    Limits,
    Memory,
    direct_id,
    is_direct,
    queued_id,
    read_id,
)
from cogfal.gateway.replicate_messages import (
    KnownCall,
    Refusal,
    RunRequest,
    WatchedCall,
    not_found,
    prediction,
    signing,
    subject_of,
)
from cogfal.gateway.uploads import UploadedFiles
from cogfal.server.caller import Bodies, Body
from cogfal.server.requester import Requester
from cogfal.server.webhooks import Target, Webhooks, WebhookSettings
from cogfal.spec import JSON

TAKEN: Final = 1.0
"""Seconds for which a directly addressed app may refuse a request before it is answered."""

LISTED_AT_ONCE: Final = 8
GONE: Final = "There is no such {}, or it is not yours, or this gateway did not begin it."


class NewCall(NamedTuple):
    """A call that is to begin: what is asked for, by whom, and at which address of the gateway."""

    kind: Kind
    version: Version
    wanted: RunRequest
    body: Body
    caller: Caller
    base: str


class Gateway:
    """Begins, finds and cancels the calls of all callers."""

    def __init__(
        self,
        catalogue: Catalogue,
        limits: Limits,
        *,
        allow_private_hosts: bool,
        log: Callable[[str], None],
    ) -> None:
        self.catalogue = catalogue
        self.limits = limits
        self.bodies = Bodies(limits.body)
        self.client = CogClient(limits.answer, self.bodies)
        self.queue = FalQueue()
        self.documents = Documents(self.client)
        self.files = UploadedFiles(limits, self.queue if catalogue.on_fal else None)
        self.memory = Memory(limits)
        self._apps: dict[str, DirectApp] = {}
        requester = Requester(allow_private_hosts=allow_private_hosts)
        self._webhooks = Webhooks(requester, WebhookSettings(user_agent="cogfal-gateway"), log)

    async def aclose(self) -> None:
        """End what is under way here; calls on fal's queue go on there."""
        self.bodies.close()
        self.documents.close()
        tasks = [call.task for call in self.memory.tasks() if call.task is not None]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        await self._webhooks.close(grace=0)
        await self.client.aclose()
        self.files.close()

    async def begin(self, new: NewCall) -> GatewayCall:
        """Begin a call.

        Raises:
            Refusal: It cannot be begun, or its app refused it at once.
        """
        self.memory.check_room()
        wanted = new.wanted
        match new.version.target:
            case Address(url):
                call = self._direct(new)
                work = self._run(self._app(url), call, wanted)
            case FalApp(app):
                key = _key(new.caller)
                if not wanted.stream or new.kind is not Kind.PREDICTION:
                    return await self._queued(new, key, app)
                call = self._direct(new)
                work = self._stream(call, key, app, wanted)
        # From here on the call holds the values: their bytes count until it ends, whoever leaves.
        new.body.keep_for(call.ended)
        call.follow(self._whole(call, work))
        self._tell(call, wanted)
        if isinstance(new.version.target, Address):
            await self._answered(call)
        return call

    async def find(self, kind: Kind, name: str, caller: Caller) -> tuple[KnownCall, State]:
        """Return what is known of a call; raise Refusal where it is not there."""
        call = self.memory.get(name, caller.name)
        if call is not None and call.kind is not kind:
            call = None
        if call is not None and (call.task is not None or call.state.ended):
            return subject_of(call), call.state
        subject, app, request_id = self._read(kind, name, caller)
        try:
            state = await self.queue.look(_key(caller), app, request_id)
        except Refusal as refusal:
            if refusal.status == 404:
                raise not_found(GONE.format(kind.value[:-1])) from refusal
            raise
        if call is None:
            return subject, state
        if state.ended:
            call.end(state)
            self.memory.make_room()
        return subject_of(call), state

    async def cancel(self, kind: Kind, name: str, caller: Caller) -> tuple[KnownCall, State]:
        """End a call; one that has ended stays as it is. Raise Refusal where it is not there."""
        subject, state = await self.find(kind, name, caller)
        if state.ended:
            return subject, state
        call = self.memory.get(name, caller.name)
        if is_direct(name) and call is not None:
            await self._cancel_direct(call)
            return subject, call.state
        _, app, request_id = self._read(kind, name, caller)
        if not await self.queue.cancel(_key(caller), app, request_id):
            return await self.find(kind, name, caller)
        ended = canceled()
        if call is not None:
            call.end(ended)
            self._unfollow(call)
        return subject, ended

    async def list(self, kind: Kind, caller: Caller, base: str) -> list[JSON]:
        """Return what this caller began here, as it stands now."""
        calls = [call for call in self.memory.of(caller.name) if call.kind is kind]
        slots = asyncio.Semaphore(LISTED_AT_ONCE)

        async def told(call: GatewayCall) -> JSON:
            async with slots:
                try:
                    subject, state = await self.find(kind, call.id, caller)
                except Refusal:  # gone from fal's queue, or fal is not to be reached
                    subject, state = subject_of(call), call.state
                return prediction(subject, state, base)

        return [*await asyncio.gather(*map(told, calls))]

    def follow(self, call: GatewayCall) -> None:
        """Have a call on fal's queue looked at until it has ended."""
        if call.task is None and not call.state.ended and not is_direct(call.id):
            _, app, request_id = self._read(call.kind, call.id, call.caller)
            work = follow_queue(call, self.queue, _key(call.caller), app, request_id)
            call.follow(self._whole(call, work))

    def _direct(self, new: NewCall) -> GatewayCall:
        call = self._call(direct_id(new.kind), new)
        self.memory.keep(call)
        return call

    def _call(self, name: str, new: NewCall) -> GatewayCall:
        kind, version, wanted, _, caller, base = new
        call = GatewayCall(name, kind, version, caller, base=base, stream=self.limits.stream)
        call.given(dict(wanted.input), wanted.size)
        return call

    async def _queued(self, new: NewCall, key: str, app: str) -> GatewayCall:
        wanted = new.wanted
        request_id = await self.queue.put(key, app, new.kind, dict(wanted.input))
        name = queued_id(new.kind, new.version, request_id, new.caller)
        if read_id(name, new.caller) is None:
            raise Refusal(502, "fal's answer cannot be read", "It has no request id.")
        call = self._call(name, new)
        call.passed_on()
        self.memory.keep(call)
        if wanted.hooks or wanted.stream:
            self.follow(call)
            self._tell(call, wanted)
        return call

    async def _whole(self, call: GatewayCall, work: Coroutine[None, None, None]) -> None:
        try:
            await work
        except Exception:
            # Whoever waits for the end of a call has to see one.
            call.end(failed("the gateway could not follow this any further"))
            raise
        finally:
            self.memory.make_room()

    async def _run(self, app: DirectApp, call: GatewayCall, wanted: RunRequest) -> None:
        try:
            await app.run(call, await self.files.resolved(dict(wanted.input), call.caller))
        except asyncio.CancelledError:
            call.end(canceled())
            raise

    async def _stream(self, call: GatewayCall, key: str, app: str, wanted: RunRequest) -> None:
        """Stream from the app itself; a model that does not stream takes its turn in the queue."""
        values: JSON = dict(wanted.input)
        with suppress(Unstreamed):
            await follow_stream(call, self.client, key, app, values)
            return
        try:
            call.request_id = await self.queue.put(key, app, call.kind, values)
        except Refusal as refusal:
            call.end(failed(refusal.detail))
            return
        await follow_queue(call, self.queue, key, app, call.request_id)

    async def _answered(self, call: GatewayCall) -> None:
        """Wait until an app that is addressed directly has taken a call or refused it."""
        waits = [asyncio.ensure_future(event.wait()) for event in (call.placed, call.ended)]
        await asyncio.wait(waits, timeout=TAKEN, return_when=asyncio.FIRST_COMPLETED)
        for wait in waits:
            wait.cancel()
        if call.refusal is not None:
            self.memory.forget(call)
            raise call.refusal

    async def _cancel_direct(self, call: GatewayCall) -> None:
        if isinstance(call.version.target, Address) and call.placed.is_set():
            try:
                await self._app(call.version.target.url).cancel(call)
            except (httpx.HTTPError, TooMuch) as error:
                raise Refusal(503, "Not cancelled", type(error).__name__) from error
            await asyncio.wait({asyncio.ensure_future(call.ended.wait())}, timeout=TAKEN)
        elif call.request_id is not None and isinstance(call.version.target, FalApp):
            await self.queue.cancel(_key(call.caller), call.version.target.name, call.request_id)
        call.end(canceled())
        self._unfollow(call)

    def _unfollow(self, call: GatewayCall) -> None:
        if call.task is not None:
            call.task.cancel()

    def _tell(self, call: GatewayCall, wanted: RunRequest) -> None:
        sign = signing(call.caller.webhook_secret, call.id)
        for url, events in wanted.hooks.items():
            self._webhooks.tell(WatchedCall(call), Target(url, events, sign=sign))

    def _app(self, url: str) -> DirectApp:
        return self._apps.setdefault(url, DirectApp(url, self.client))

    def _read(self, kind: Kind, name: str, caller: Caller) -> tuple[KnownCall, str, str]:
        queued = read_id(name, caller)
        version = self.catalogue.marked(queued.mark) if queued is not None else None
        if queued is None or version is None or queued.kind is not kind:
            raise not_found(GONE.format(kind.value[:-1]))
        if not isinstance(version.target, FalApp):
            raise not_found(GONE.format(kind.value[:-1]))
        subject = KnownCall(name, kind, version, queued.created_at.isoformat())
        return subject, version.target.name, queued.request_id


def _key(caller: Caller) -> str:
    if caller.key is None:
        raise Refusal(
            401, "Unauthenticated", "This model is on fal: send a fal key as token, id:secret."
        )
    return caller.key
