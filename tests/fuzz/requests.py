"""Send mutated requests to an app that `fal run --local` serves, byte by byte on its socket.

A seed is a request as text. Its lines end with CR LF on the wire, and four times out of five its
Content-Length is made to fit, so that the body is read.
"""

from __future__ import annotations

import asyncio
import re
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from random import Random
from typing import Final

from tests.fuzz.campaign import ENOUGH, SLOW, Finding, Outcome
from tests.fuzz.mutation import mutated
from tests.fuzz.targets import files
from tests.hostile.target import SECRET, Target

PREDICTOR: Final = """
    import pathlib
    from typing import Iterator

    from cog import BasePredictor, Input, Path, Secret, streaming

    class Predictor(BasePredictor):
        @streaming
        def predict(
            self,
            text: str = "x",
            count: int = Input(default=1, ge=0, le=20),
            image: Path = Input(default=None),
            images: list[Path] = Input(default=[]),
            data: dict = Input(default={}),
            token: Secret = Input(default=None),
        ) -> Iterator[str]:
            for path in (image, *images):
                if path is not None:
                    path.read_bytes()
            for index in range(count):
                yield f"{text} {index}"

    def train(steps: int = Input(default=1, ge=0, le=20)) -> Path:
        path = pathlib.Path("trained.txt")
        path.write_text("x" * steps)
        return Path(path)
"""
SETTINGS: Final = ('trainer = "predict.py:train"', "playground = True", "queue_limit = 1000")
AT_ONCE: Final = 32
UNANSWERED: Final = 1.0
"""Seconds after which a server that says nothing waits for more of the request."""

UNFINISHED: Final = 0.1
"""Seconds after which an answer is over though the connection is kept open."""

TROUBLE: Final = re.compile(
    r'HTTP/1\.[01]" 5\d\d|^\{"traceback": "(?!h11\._util\.LocalProtocolError)'
)
"""What the log must not say, also of answers that nobody waited for.

uvicorn refuses by itself what stops being HTTP in the middle of a body, and then complains that the
app's answer comes too late; of that the caller sees nothing.
"""

LENGTH: Final = re.compile(rb"(?im)^(content-length:)[ \t]*\d+[ \t]*\r?$")
STATUS: Final = re.compile(rb"^HTTP/1\.[01] (\d{3})")


@contextmanager
def attacked() -> Iterator[Target]:
    """Serve the predictor that the requests go to."""
    with (
        tempfile.TemporaryDirectory(prefix="fuzz-") as folder,
        Target(Path(folder), PREDICTOR, *SETTINGS) as process,
    ):
        assert process.url
        assert process.long_steps() == []  # none but those of starting
        yield process


def run_requests(cases: int, seed: int, seconds: float = float("inf")) -> Outcome:
    """Send so many requests, or for so many seconds; the app has to be well afterwards."""
    with attacked() as process:
        return asyncio.run(_campaign(process, cases, seed, seconds))


async def _campaign(process: Target, cases: int, seed: int, seconds: float) -> Outcome:
    outcome, seeds, began = Outcome(), files("requests"), time.monotonic()
    numbers, known = iter(range(cases)), len(process.lines)

    async def sender() -> None:
        for case in numbers:
            if len(outcome.findings) >= ENOUGH or time.monotonic() - began > seconds:
                return
            random = Random(f"{seed}/{case}")
            await _try(process.port, case, to_send(random, mutated(random, seeds)), outcome)
            _read_log(process, known, case, outcome)

    await asyncio.gather(*(sender() for _ in range(AT_ONCE)))
    outcome.seconds = time.monotonic() - began
    outcome.findings += [Finding(cases, "", step) for step in process.long_steps()]
    if not await asyncio.to_thread(_once_well, process):
        outcome.findings.append(Finding(cases, "", "the app is not well afterwards"))
    return outcome


def to_send(random: Random, text: str) -> bytes:
    """Return the bytes of a request."""
    head, _, body = text.partition("\n\n")
    content = body.encode("utf-8", "surrogatepass")
    if "ransfer-" in head:
        content = content.replace(b"\n", b"\r\n")
    start = head.encode("utf-8", "surrogatepass").replace(b"\n", b"\r\n")
    if random.random() < 0.8:
        start = LENGTH.sub(rb"\g<1> %d" % len(content), start)
    return start + b"\r\n\r\n" + content


async def _try(port: int, case: int, request: bytes, outcome: Outcome) -> None:
    outcome.cases += 1
    began = time.monotonic()
    answer = await _answer(port, request)
    took = time.monotonic() - began
    outcome.slowest = max(outcome.slowest, took)
    status = int(found[1]) if (found := STATUS.match(answer)) else 0
    outcome.accepted += 200 <= status < 300
    reason = _wrong(status, answer, took)
    if reason:
        outcome.findings.append(Finding(case, request.decode("latin-1"), reason))


def _read_log(process: Target, known: int, case: int, outcome: Outcome) -> None:
    """Take what was logged after the known lines, and keep what must not be there."""
    lines = process.lines[known:]
    for line in lines:
        if TROUBLE.search(line):
            outcome.findings.append(Finding(case, "", f"logged about then: {line}"))
    del process.lines[known : known + len(lines)]


def _wrong(status: int, answer: bytes, took: float) -> str:
    """Say what must not be about an answer; nothing where all is well."""
    if status >= 500:
        return f"a server error: {answer[:2000]!r}"
    if SECRET.encode() in answer:
        return f"a secret: {answer[:2000]!r}"
    if took > SLOW:
        return f"it took {took:.1f} s: {answer[:200]!r}"
    return ""


async def _answer(port: int, request: bytes) -> bytes:
    """Send a request; return what comes until the server hangs up or waits for more."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    answer = b""
    with suppress(ConnectionError):
        writer.write(request)
        while chunk := await _next(reader, started=bool(answer)):
            answer += chunk
    writer.close()
    with suppress(ConnectionError):
        await writer.wait_closed()
    return answer


async def _next(reader: asyncio.StreamReader, *, started: bool) -> bytes:
    """Wait for more, for as long as any can be expected."""
    try:
        patience = UNFINISHED if started else UNANSWERED
        return await asyncio.wait_for(reader.read(2**16), patience)
    except asyncio.TimeoutError:
        return b""


def _once_well(process: Target) -> bool:
    """Give what still runs a moment to end, then ask."""
    deadline = time.monotonic() + SLOW * 4
    while time.monotonic() < deadline:
        if process.is_well():
            return True
        time.sleep(0.1)
    return False
