"""Begin, find and cancel calls, whatever their models run on."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from contextlib import suppress
from typing import Final

import httpx

from cogfal.gateway.call import GatewayCall, State, canceled, failed
from cogfal.gateway.callers import Caller
from cogfal.gateway.catalogue import Address, Catalogue, FalApp, Kind
from cogfal.gateway.cog_client import CogClient, DirectApp, Full, TooMuch
from cogfal.gateway.fal_queue import (
    FalQueue,
    Unstreamed,
    authorization,
    follow_queue,
    follow_stream,
)
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
    Refusal,
    RunRequest,
    WatchedCall,
    not_found,
    prediction,
    signing,
)
from cogfal.gateway.uploads import UploadedFiles
from cogfal.server.caller import Bodies, Body
from cogfal.server.requester import Requester
from cogfal.server.webhooks import Target, Webhooks, WebhookSettings
from cogfal.spec import JSON

TAKEN: Final = 1.0
"""Seconds for which a directly addressed app may refuse a request before it is answered."""

LISTED_AT_ONCE: Final = 8
LOG: Final = logging.getLogger("cogfal.gateway")
GONE: Final = "There is no such {}, or it is not yours, or this gateway did not begin it."


class Gateway:
    """Begins, finds and cancels the calls of all callers."""

    def __init__(
        self,
        catalogue: Catalogue,
        limits: Limits,
        *,
        allow_private_hosts: bool,
    ) -> None:
        self.catalogue = catalogue
        self.limits = limits
        self.bodies = Bodies(limits.body)
        self.client = CogClient(limits.answer, self.bodies)
        self.queue = FalQueue(self.client)
        self.documents = Documents(self.client)
        self.files = UploadedFiles(limits, self.queue if catalogue.on_fal else None)
        self.memory = Memory(limits)
        self._apps: dict[str, DirectApp] = {}
        requester = Requester(allow_private_hosts=allow_private_hosts)
        self._webhooks = Webhooks(
            requester, WebhookSettings(user_agent="cogfal-gateway"), LOG.warning
        )

    async def aclose(self) -> None:
        """End what is under way here; calls on fal's queue go on there."""
        self.bodies.close()
        self.documents.close()
        tasks = self.memory.tasks()
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        await self._webhooks.close(grace=0)
        await self.client.aclose()
        self.files.close()

    async def begin(self, call: GatewayCall, wanted: RunRequest, body: Body) -> None:
        """Begin a call; raises Refusal: it cannot be begun, or its app refused it at once."""
        self.memory.check_room()
        values: JSON = dict(wanted.input)
        call.given(values, body.size)
        on_fal = isinstance(call.version.target, FalApp)
        if on_fal and not (wanted.stream and call.kind is Kind.PREDICTION):
            await self._enqueue(call, wanted, values)
            return
        if on_fal:
            authorization(call.caller)  # before it has begun
        call.id = direct_id(call.kind)
        self.memory.keep(call)
        # From here on the call holds the values: their bytes count until it ends, whoever leaves.
        body.needed_by = call.ended
        work = self._stream(call, values) if on_fal else self._run(call, values)
        call.follow(self._finish(call, work))
        self._send_webhooks(call, wanted)
        if not on_fal:
            await self._wait_until_taken(call)

    async def find(self, kind: Kind, name: str, caller: Caller) -> tuple[GatewayCall, State]:
        """Return a call and its state; raise Refusal where it is not there."""
        call = self.memory.get(name, caller.name) or self._call_on_queue(name, caller)
        gone = not_found(GONE.format(kind.value[:-1]))
        if call is None or call.kind is not kind:
            raise gone
        if call.task is not None or call.state.ended:
            return call, call.state
        try:
            state = await self.queue.look(call)
        except Refusal as refusal:
            if refusal.status == 404:
                raise gone from refusal
            raise
        if state.ended:
            call.end(state)
            self.memory.make_room()
        return call, state

    async def cancel(self, kind: Kind, name: str, caller: Caller) -> tuple[GatewayCall, State]:
        """End a call; one that has ended stays as it is. Raise Refusal where it is not there."""
        call, state = await self.find(kind, name, caller)
        if state.ended:
            return call, state
        if is_direct(name):
            await self._cancel_direct(call)
        elif not await self.queue.cancel(call):
            return await self.find(kind, name, caller)
        call.end(canceled())
        if call.task is not None:
            call.task.cancel()
        return call, call.state

    async def list(self, kind: Kind, caller: Caller, base: str) -> list[JSON]:
        """Return what this caller began here, as it stands now."""
        calls = [call for call in self.memory.of(caller.name) if call.kind is kind]
        slots = asyncio.Semaphore(LISTED_AT_ONCE)

        async def told(call: GatewayCall) -> JSON:
            state = call.state
            async with slots:
                with suppress(Refusal):  # gone from fal's queue, or fal is not to be reached
                    _, state = await self.find(kind, call.id, caller)
            return prediction(call, state, base)

        return [*await asyncio.gather(*map(told, calls))]

    def follow(self, call: GatewayCall) -> None:
        """Have a call on fal's queue looked at until it has ended."""
        if call.task is None and not call.state.ended:
            call.follow(self._finish(call, follow_queue(call, self.queue)))

    async def _enqueue(self, call: GatewayCall, wanted: RunRequest, values: JSON) -> None:
        await self.queue.put(call, values)
        assert call.request_id is not None
        call.id = queued_id(call.kind, call.version, call.request_id, call.caller)
        call.passed_on()
        self.memory.keep(call)
        if wanted.hooks or wanted.stream:
            self.follow(call)
            self._send_webhooks(call, wanted)

    def _call_on_queue(self, name: str, caller: Caller) -> GatewayCall | None:
        """Return the call on fal's queue that an id is of, which any gateway may have begun."""
        queued = read_id(name, caller)
        version = None if queued is None else self.catalogue.marked(queued.mark)
        if queued is None or version is None or not isinstance(version.target, FalApp):
            return None
        call = GatewayCall(queued.kind, version, caller, base="", stream=0)
        call.id, call.request_id = name, queued.request_id
        call.created_at = queued.created_at.isoformat()
        return call

    async def _finish(self, call: GatewayCall, work: Coroutine[None, None, State]) -> None:
        """Bring a call to its end: whoever waits for that has to see one."""
        try:
            call.end(await work)
        except asyncio.CancelledError:
            if call.request_id is None:  # else it goes on at fal, whoever stops following it here
                call.end(canceled())
            raise
        except Refusal as refusal:
            call.refusal = refusal
            call.end(failed(refusal.detail))
        except Full:
            call.end(failed("the app had no place for a stream"))
        except httpx.HTTPError as error:
            call.end(failed(f"the app cannot be reached: {type(error).__name__}"))
        except (TooMuch, ValueError) as error:
            call.end(failed(str(error)))
        except Exception:
            call.end(failed("the gateway could not follow this any further"))
            raise
        finally:
            self.memory.make_room()

    async def _run(self, call: GatewayCall, values: JSON) -> State:
        own = await self.files.resolved(values, call.caller)
        return await self._app(call.version.target.url).run(call, own)

    async def _stream(self, call: GatewayCall, values: JSON) -> State:
        """Stream from the app itself; a model that does not stream takes its turn in the queue."""
        with suppress(Unstreamed):
            return await follow_stream(call, self.client, values)
        await self.queue.put(call, values)
        return await follow_queue(call, self.queue)

    async def _wait_until_taken(self, call: GatewayCall) -> None:
        """Wait until an app that is addressed directly has taken a call or refused it."""
        waits = [asyncio.ensure_future(event.wait()) for event in (call.placed, call.ended)]
        await asyncio.wait(waits, timeout=TAKEN, return_when=asyncio.FIRST_COMPLETED)
        for wait in waits:
            wait.cancel()
        if call.refusal is not None:
            self.memory.forget(call)
            raise call.refusal

    async def _cancel_direct(self, call: GatewayCall) -> None:
        if call.request_id is not None:
            await self.queue.cancel(call)
        elif isinstance(call.version.target, Address) and call.placed.is_set():
            try:
                await self._app(call.version.target.url).cancel(call)
            except (httpx.HTTPError, TooMuch) as error:
                raise Refusal(503, "Not cancelled", type(error).__name__) from error
            await asyncio.wait({asyncio.ensure_future(call.ended.wait())}, timeout=TAKEN)

    def _send_webhooks(self, call: GatewayCall, wanted: RunRequest) -> None:
        sign = signing(call.caller.webhook_secret, call.id)
        for url, events in wanted.hooks.items():
            self._webhooks.start(WatchedCall(call), Target(url, events, sign=sign))

    def _app(self, url: str) -> DirectApp:
        return self._apps.setdefault(url, DirectApp(url, self.client))
