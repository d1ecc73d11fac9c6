"""Send a request many times to a server, over one connection or several, and time each answer."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from benchmarks.http_client import Answer, Connection, Job, content_length
from benchmarks.statistics import percentile

BUSY = 409
BUSY_PAUSE = 0.001  # seconds before a client that was told "busy" tries again


@dataclass(slots=True)
class Sample:
    """What one burst of requests gave: seconds per answered request, wall time, statuses.

    A busy answer is counted and the request tried again, within its one latency.
    """

    latencies: list[float] = field(default_factory=list)
    elapsed: float = 0.0
    statuses: Counter[int] = field(default_factory=Counter)

    @property
    def rate(self) -> float:
        """Answered requests per second."""
        return self.statuses[200] / self.elapsed

    def latency(self, share: float) -> float:
        """Return a percentile of the latencies, in milliseconds."""
        return percentile(self.latencies, share) * 1000


def burst(port: int, job: Job, *, requests: int, clients: int = 1) -> Sample:
    """Have `requests` requests answered over `clients` connections."""
    if clients == 1:
        return _one_after_the_other(port, job, requests)
    return asyncio.run(_at_once(port, job, requests, clients))


def _one_after_the_other(port: int, job: Job, requests: int) -> Sample:
    sample, connection = Sample(), Connection(port)
    begun = time.perf_counter()
    for _ in range(requests):
        ask(connection, job, sample)
    sample.elapsed = time.perf_counter() - begun
    connection.close()
    return sample


def ask(connection: Connection, job: Job, sample: Sample) -> None:
    """Have one request answered, and note it in the sample."""
    started = time.perf_counter()
    once_free(partial(connection.post, job), sample.statuses)
    sample.latencies.append(time.perf_counter() - started)


def once_free(post: Callable[[], Answer], statuses: Counter[int]) -> Answer:
    """Ask again while the server is busy, as a client would; count every answer by its status."""
    while (answer := post()).status == BUSY:
        statuses[BUSY] += 1
        time.sleep(BUSY_PAUSE)
    statuses[answer.status] += 1
    return answer


async def _at_once(port: int, job: Job, requests: int, clients: int) -> Sample:
    sample, loop = Sample(), asyncio.get_running_loop()
    shares = [requests // clients + (i < requests % clients) for i in range(clients)]
    made = [
        await loop.create_connection(lambda: _Client(job.encoded(), sample), "127.0.0.1", port)
        for _ in range(clients)
    ]
    begun = time.perf_counter()
    for (_, client), share in zip(made, shares, strict=True):
        client.begin(share)
    await asyncio.gather(*(client.done for _, client in made))
    sample.elapsed = time.perf_counter() - begun
    for transport, _ in made:
        transport.close()
    return sample


class _Client(asyncio.Protocol):
    """One connection that sends the next request when an answer is complete."""

    def __init__(self, request: bytes, sample: Sample) -> None:
        self._request = request
        self._sample = sample
        self._received = b""
        self._left = 0
        self._started = 0.0
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def connection_lost(self, _error: Exception | None) -> None:
        if not self.done.done():
            self.done.set_exception(ConnectionError("the server closed the connection"))

    def begin(self, share: int) -> None:
        self._left = share
        if share:
            self._next()
        else:
            self.done.set_result(None)

    def data_received(self, data: bytes) -> None:
        self._received += data
        end = self._received.find(b"\r\n\r\n")
        if end < 0:
            return
        length = content_length(self._received[:end].lower()) or 0
        if len(self._received) >= end + 4 + length:
            status, self._received = int(self._received[9:12]), b""
            self._answered(status)

    def _next(self) -> None:
        self._started = time.perf_counter()
        self._transport.write(self._request)

    def _answered(self, status: int) -> None:
        self._sample.statuses[status] += 1
        if status == BUSY:
            asyncio.get_running_loop().call_later(BUSY_PAUSE, self._transport.write, self._request)
            return
        self._sample.latencies.append(time.perf_counter() - self._started)
        self._left -= 1
        if self._left:
            self._next()
        else:
            self.done.set_result(None)
