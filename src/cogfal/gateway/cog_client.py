"""Speak Cog's HTTP API to one address: send, read within limits, and run predictions there.

The app forgets a prediction when it has answered, so its state is kept here. An app whose model
streams tells what happens as it happens; of others it is asked now and then.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from typing import Final, NamedTuple
from urllib.parse import quote

import httpx

from cogfal.errors import InvalidInput
from cogfal.gateway.call import FAILED, GatewayCall, State, failed, state_of
from cogfal.gateway.catalogue import Kind
from cogfal.gateway.replicate_messages import not_found, unfit
from cogfal.json_text import written_in_turn
from cogfal.schema.decoding import decode, is_quick
from cogfal.server.caller import Bodies
from cogfal.spec import JSON

EVENTS: Final = "text/event-stream"
CONNECT_SECONDS: Final = 10.0
CONNECT_RETRIES: Final = 1
"""How often it is tried again to connect, without a pause: nothing has been sent by then."""


class TooMuch(Exception):
    """Report an answer of more than `most` bytes."""

    def __init__(self, most: int) -> None:
        super().__init__(f"the app answered with more than {most} bytes")


class CogAnswer(NamedTuple):
    """What an app answered, in so many bytes; `body` is None where it cannot be read.

    `unreadable` says why it cannot.
    """

    status: int
    body: JSON
    size: int = 0
    unreadable: str = ""

    @property
    def detail(self) -> JSON:
        """What an answer says that is an error."""
        if isinstance(self.body, dict):
            return self.body.get("detail", self.body.get("error"))
        return None


class SentEvent(NamedTuple):
    """A server-sent event with its JSON."""

    name: str
    data: JSON


class CogClient:
    """Sends requests to addresses that the operator named.

    No redirect is followed and no proxy or netrc of the environment used, so that nothing goes to
    anybody else. Models take their time: only connecting is bounded, and an answer to `most` bytes,
    unpacked. What is large is decoded in turn with the bodies of requests.
    """

    def __init__(self, most: int, bodies: Bodies) -> None:
        self._most = most
        self._bodies = bodies
        self._http: httpx.AsyncClient | None = None

    async def aclose(self) -> None:
        """Close the connections."""
        if self._http is not None:
            await self._http.aclose()

    async def send(
        self,
        method: str,
        url: str,
        body: JSON = None,
        headers: Mapping[str, str] | None = None,
        *,
        seconds: float | None = None,
    ) -> CogAnswer:
        """Send a request and return the whole answer; raises httpx.HTTPError and TooMuch."""
        async with self.exchange(method, url, body, headers, seconds=seconds) as response:
            return await self.whole(response)

    @asynccontextmanager
    async def exchange(
        self,
        method: str,
        url: str,
        body: JSON = None,
        headers: Mapping[str, str] | None = None,
        *,
        seconds: float | None = None,
    ) -> AsyncIterator[httpx.Response]:
        """Send a request; give its answer, whose body is still to be read."""
        timeout = httpx.Timeout(seconds, connect=CONNECT_SECONDS)
        content = None if body is None else b"".join(await written_in_turn(body))
        sent = {} if content is None else {"Content-Type": "application/json"}
        async with self._client().stream(
            method, url, content=content, headers={**sent, **(headers or {})}, timeout=timeout
        ) as response:
            yield response

    async def whole(self, response: httpx.Response) -> CogAnswer:
        """Read an answer to its end."""
        content = bytearray()
        async for chunk in self._chunks(response):
            content += chunk
        try:
            body = await self._decoded(content)
        except ValueError as error:
            return CogAnswer(response.status_code, None, len(content), str(error))
        return CogAnswer(response.status_code, body, len(content))

    async def events(self, response: httpx.Response) -> AsyncIterator[SentEvent]:
        """Yield the server-sent events of an answer whose data is JSON."""
        name, data = "message", bytearray()
        async for line in self._lines(response):
            field, _, value = line.rstrip(b"\r").partition(b":")
            if field == b"event":
                name = value.strip().decode("utf-8", "replace")
            elif field == b"data":
                data += value
            elif not line.strip() and data:
                yield SentEvent(name, await self._decoded(data))
                name, data = "message", bytearray()

    async def _decoded(self, content: bytearray) -> JSON:
        """Return the value of some JSON, which may be large; raises ValueError."""
        chunks = [bytes(content)]
        try:
            if is_quick(chunks):
                return decode(chunks)
            return await self._bodies.in_turn(decode, chunks)
        except InvalidInput as error:
            reason = error.problems[0].message
            raise ValueError(f"what the app answered cannot be read: {reason}") from error

    async def _lines(self, response: httpx.Response) -> AsyncIterator[bytearray]:
        line = bytearray()  # it grows where it lies: that of a file in an answer is long
        async for chunk in self._chunks(response):
            first, *more = chunk.split(b"\n")
            line += first
            for each in more:
                yield line
                line = bytearray(each)

    async def _chunks(self, response: httpx.Response) -> AsyncIterator[bytes]:
        size = 0
        async for chunk in response.aiter_bytes():
            size += len(chunk)
            if size > self._most:
                raise TooMuch(self._most)
            yield chunk

    def _client(self) -> httpx.AsyncClient:
        if self._http is None:
            limits = httpx.Limits(max_connections=None, max_keepalive_connections=20)
            self._http = httpx.AsyncClient(
                transport=httpx.AsyncHTTPTransport(
                    verify=httpx.create_ssl_context(),  # with what SSL_CERT_FILE adds
                    trust_env=False,
                    limits=limits,
                    retries=CONNECT_RETRIES,
                ),
                trust_env=False,
                follow_redirects=False,
            )
        return self._http


FULL: Final = frozenset({409, 429, 503})
PAUSE: Final = 0.5
"""Seconds until a full app is asked again, unless something ends here first."""

SETTLED: Final = 0.05
"""Seconds after which an app that has not refused a prediction has taken it."""

FIRST_PEEK: Final = 0.25
LONGEST_PEEK: Final = 2.0
"""Seconds between two looks at a prediction that tells nothing by itself, at first and at last."""

_NO_INPUT: Final = "peek"
"""What stands for the inputs in a look: no model takes a text for its inputs, so that an app which
has just ended the prediction does not begin it again."""


class Full(Exception):
    """Report an app that has no place at the moment."""


class DirectApp:
    """One cogfal app or Cog server, which this gateway alone waits for."""

    def __init__(self, url: str, client: CogClient) -> None:
        self._url = url
        self._client = client
        self._line = asyncio.Lock()
        self._moved = asyncio.Event()
        self._streams = True

    async def run(self, call: GatewayCall, values: JSON) -> State:
        """Run a call on the app until it has ended; raise as `streamed` and `CogClient.send`."""
        while True:
            # Only the first in the line asks for a place, so that places go by order of arrival.
            async with self._line:
                work = await self._placed(call, values)
            call.placed.set()
            call.passed_on()
            try:
                return await work
            except Full:
                continue
            finally:
                work.cancel()
                self._moved.set()

    async def cancel(self, call: GatewayCall) -> None:
        """Have the app end a prediction that it has taken; tells nothing of success."""
        url = f"{self._url}/{call.kind.value}/{quote(call.id)}/cancel"
        await self._client.send("POST", url, {}, seconds=30)

    async def _placed(self, call: GatewayCall, values: JSON) -> asyncio.Task[State]:
        """Return the work on a call once the app has not refused it at once."""
        while True:
            self._moved.clear()
            work = asyncio.ensure_future(self._work(call, values))
            try:
                await asyncio.wait({work}, timeout=SETTLED)
            except asyncio.CancelledError:
                work.cancel()
                raise
            if not work.done() or not isinstance(work.exception(), Full):
                return work
            with suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._moved.wait(), PAUSE)

    async def _work(self, call: GatewayCall, values: JSON) -> State:
        envelope: dict[str, JSON] = {"id": call.id, "input": values}
        if self._streams and call.kind is Kind.PREDICTION:
            state = await streamed(call, self._client, f"{self._url}/predictions", envelope)
            if state is not None:
                return state
            self._streams = False
        return await self._watched(call, envelope)

    async def _watched(self, call: GatewayCall, envelope: Mapping[str, JSON]) -> State:
        """Wait for the whole answer, and look meanwhile what there is of it."""
        url = f"{self._url}/{call.kind.value}"
        whole = asyncio.ensure_future(self._client.send("POST", url, envelope))
        pause = FIRST_PEEK
        try:
            while not (await asyncio.wait({whole}, timeout=pause))[0]:
                await self._peek(call)
                pause = min(1.5 * pause, LONGEST_PEEK)
            return outcome(whole.result())
        finally:
            whole.cancel()

    async def _peek(self, call: GatewayCall) -> None:
        url = f"{self._url}/{call.kind.value}/{quote(call.id)}"
        look = {"input": _NO_INPUT}
        try:
            answer = await self._client.send("PUT", url, look, {"Prefer": "respond-async"})
        except httpx.HTTPError:
            return  # the answer itself will tell
        if answer.status in (200, 202) and isinstance(answer.body, dict):
            call.progress(state_of(answer.body))


async def streamed(
    call: GatewayCall,
    client: CogClient,
    url: str,
    envelope: JSON,
    headers: Mapping[str, str] | None = None,
) -> State | None:
    """Run a prediction and follow Cog's events of it; None where the model has none."""
    told = {"Accept": EVENTS, **(headers or {})}
    async with client.exchange("POST", url, envelope, told) as response:
        return None if response.status_code == 406 else await follow(call, client, response, note)


async def follow(
    call: GatewayCall,
    client: CogClient,
    response: httpx.Response,
    note: Callable[[GatewayCall, SentEvent], State | None],
) -> State:
    """Have a stream's events noted, and return the state that the last one tells.

    Raises:
        Full: It is no stream, and the app has no place, or is not ready yet.
        Refusal: It is no stream, and the inputs do not fit, or there is no such thing.
    """
    if not is_stream(response):
        return outcome(await client.whole(response))
    call.placed.set()
    last = None
    async for event in client.events(response):
        last = note(call, event) or last
    return last or failed("the app ended without an outcome")


def is_stream(response: httpx.Response) -> bool:
    """Tell whether an answer is a stream of events."""
    kind = response.headers.get("content-type", "")
    return response.status_code == 200 and kind.startswith(EVENTS)


def note(call: GatewayCall, event: SentEvent) -> State | None:
    """Note an event of Cog's stream; return the state where it is the last one."""
    data = event.data
    match event.name, data:
        case "start", _:
            call.begin()
        case "log", {"data": str(text)}:
            call.log(text)
        case "output", {"chunk": piece}:
            call.put(piece)
        case "completed", dict():
            return state_of(data)
        case "error", {"error": reason}:
            return failed(str(reason))
        case _:
            pass
    return None


def outcome(answer: CogAnswer) -> State:
    """Return the state in which an answer says that a call ended.

    Raises:
        Full: The app has no place, or is not ready yet.
        Refusal: The inputs do not fit, or there is no such thing.
    """
    if answer.status in FULL:
        raise Full
    if answer.status == 422:
        raise unfit(answer.detail)
    if answer.status in (404, 405):
        raise not_found("The app does not do this: has the project a `train`?")
    if answer.status != 200:
        return failed(f"the app answered with status {answer.status}")
    if not isinstance(answer.body, dict):
        return failed(answer.unreadable or "what the app answered is no JSON object")
    state = state_of(answer.body, answer.size)
    return state if state.ended else replace(state, status=FAILED, error="the app did not say")
