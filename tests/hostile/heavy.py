"""Requests that are hard work, as data: for tests one by one, and for the load all at once."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

PREDICTOR: Final = """
    import asyncio, hashlib
    from typing import Any, AsyncIterator, List

    from cog import BasePredictor, File, Input, Path, streaming

    class Predictor(BasePredictor):
        @streaming
        async def predict(
            self,
            text: str = "x",
            pieces: int = Input(default=0, ge=0, le=10_000_000),
            pause: float = Input(default=0, ge=0, le=1),
            file: Path = Input(default=None),
            files: List[Path] = Input(default=[]),
            handles: List[File] = Input(default=[]),
            numbers: List[int] = Input(default=[]),
            rows: List[List[int]] = Input(default=[]),
            data: dict = Input(default={}),
            careful: List[str] = Input(default=[], regex="^(?=a)(a+)+$"),
            big: int = Input(default=0, ge=0),
            echo: bool = False,
        ) -> AsyncIterator[Any]:
            seen = text if file is None or echo else text + file.read_text()
            print(f"serving {text[:16]}")
            for index in range(pieces):
                await asyncio.sleep(pause)
                yield hashlib.sha256(f"{index}{seen}".encode()).hexdigest()
            if big:
                yield [0.1 + index for index in range(big)]
            if echo:
                yield file
"""
"""What they are sent to: its answer holds a check of its own input; see `tests.load.project`."""

MEGA: Final = 1_000_000
Address = Callable[[str], str]
"""Gives the URL of a behaviour of `tests.file_server`."""


@dataclass(frozen=True)
class Heavy:
    """A request: its inputs, and the status it is answered with.

    What is wrong with its files Cog's API answers with 200, as a prediction that has failed.
    """

    status: int
    inputs: Callable[[Address], Mapping[str, Any]]
    of_files: bool = False

    def at(self, path: str) -> int:
        """Return the status at a door."""
        return 200 if self.of_files and path == "/predictions" else self.status

    def asked(self, path: str, address: Address) -> Mapping[str, Any]:
        """Return what is sent to a door."""
        inputs = self.inputs(address)
        return {"input": inputs} if path == "/predictions" else inputs


def _data_url(content: bytes, kind: str = "text/plain") -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


def _echoed(content: bytes, kind: str) -> Callable[[Address], Mapping[str, Any]]:
    return lambda _: {"file": _data_url(content, kind), "echo": True}


REQUESTS: Final[Mapping[str, Heavy]] = {
    "many wrong numbers": Heavy(422, lambda _: {"numbers": ["x"] * 300_000}),
    "wrong numbers in lists of lists": Heavy(422, lambda _: {"rows": [["x"] * 1_000] * 100}),
    "many right numbers": Heavy(200, lambda _: {"numbers": [1] * 300_000}),
    "many small lists": Heavy(200, lambda _: {"rows": [[1, 2]] * 50_000}),
    "many keys": Heavy(200, lambda _: {"data": {f"key {n}": n for n in range(100_000)}}),
    "many unknown inputs": Heavy(200, lambda _: {f"key {n}": n for n in range(100_000)}),
    "hard patterns": Heavy(422, lambda _: {"careful": ["a" * 40 + "!"] * 20}),
    "easy patterns": Heavy(200, lambda _: {"careful": ["aaa"] * 500}),
    "a long text": Heavy(200, lambda _: {"text": "x" * 30 * MEGA}),
    "brackets in a long text": Heavy(200, lambda _: {"text": "[" * 1_000 + "x" * 30 * MEGA}),
    "a long text and many lists": Heavy(
        200, lambda _: {"text": "x" * 30 * MEGA, "rows": [[]] * 200}
    ),
    "a text of escapes": Heavy(200, lambda _: {"text": "\n\u2028" * 3 * MEGA}),
    "a large file in the body": Heavy(200, lambda _: {"file": _data_url(b"x" * 20 * MEGA)}),
    "a port that there is not": Heavy(422, lambda _: {"file": "http://model.example:99999/a.png"}),
    "a redirect to a port that there is not": Heavy(
        422,
        lambda url: {"file": url(f"/redirect?to={quote('http://127.0.0.1:99999/a')}")},
        of_files=True,
    ),
    "a large answer": Heavy(200, lambda _: {"big": 500_000}),
    "one address a thousand times": Heavy(200, lambda url: {"files": [url("/file/a.png")] * 1_000}),
    "more addresses than are allowed": Heavy(
        422, lambda url: {"files": [url("/file/a.png")] * 3_000}, of_files=True
    ),
    "a thousand data URLs": Heavy(200, lambda _: {"files": [f"data:,{n}" for n in range(1_000)]}),
    "more data URLs than are allowed": Heavy(
        422, lambda _: {"files": ["data:,x"] * 300_000}, of_files=True
    ),
    "more files to be opened than there may be": Heavy(
        422, lambda _: {"handles": ["data:,x"] * 2_000}, of_files=True
    ),
    "a name in a slow charset": Heavy(
        200,
        lambda url: {
            "file": url("/file/a?disposition=") + quote("x; filename*=punycode''" + "a" * 50_000),
            "echo": True,
        },
    ),
    "a version that is no ASCII": Heavy(
        200, lambda url: {"file": url(f"/versioned?etag={quote('é')}")}
    ),
    "a JPEG of empty segments": Heavy(
        200, _echoed(b"\xff\xd8" + b"\xff\xe0\0\2" * 5 * MEGA, "image/jpeg")
    ),
    "a PPM of one comment": Heavy(
        200, _echoed(b"P6\n#" + b"x" * 20 * MEGA, "image/x-portable-pixmap")
    ),
    "an icon of many sizes": Heavy(
        200, _echoed(b"\0\0\1\0\xff\xff" + b"\1" * 20 * MEGA, "image/x-icon")
    ),
}

LARGEST: Final[Mapping[str, Heavy]] = {
    "a text of sixty megabytes": Heavy(200, lambda _: {"text": "x" * 60 * MEGA}),
    "a file of sixty megabytes in the body": Heavy(
        200, lambda _: {"file": _data_url(b"x" * 45 * MEGA)}
    ),
    "an answer of sixty megabytes": Heavy(200, lambda _: {"big": 3_000_000}),
}
"""For the load alone: there is nothing to them but their size."""

FEW_DESCRIPTORS: Final = """
import os, resource, sys
resource.setrlimit(resource.RLIMIT_NOFILE, (1024, 1024))
os.execv(sys.argv[1], sys.argv[1:])
"""
"""Runs the command that follows it with as many descriptors as a process has by default."""

HELD: Final[Mapping[str, bytes]] = {
    "silence": b"",
    "half a head": b"POST / HTTP/1.1\r\nHost: localho",
    "half a body": b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n{",
}
"""What those send who hold a connection."""
