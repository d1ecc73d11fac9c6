"""Cog projects that both servers are asked the same questions about."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

PLAIN = """
import sys
import tempfile
import time

from typing import List

from cog import BasePredictor, Input, Path, Secret, current_scope


class Predictor(BasePredictor):
    def setup(self):
        print("setting up")

    def predict(
        self,
        mode: str = Input(default="echo", description="What to do."),
        count: int = Input(default=1, ge=0, le=1000),
        scale: float = Input(default=1.5, le=10),
        flag: bool = False,
        size: str = Input(default="small", choices=["small", "large"]),
        name: str = Input(default="abc", min_length=2, max_length=5, regex="^[a-z]+$"),
        words: List[str] = Input(default=[]),
        data: dict = Input(default={}),
        image: Path = Input(default=None),
        token: Secret = Input(default=None),
    ) -> object:
        return getattr(self, "do_" + mode)(locals())

    def do_echo(self, given):
        names = ("count", "scale", "flag", "size", "name", "words", "data")
        return {name: given[name] for name in names}

    def do_read(self, given):
        return given["image"].read_text()

    def do_print(self, given):
        for number in range(given["count"]):
            print("out", number, flush=True)
            print("err", number, file=sys.stderr, flush=True)
            time.sleep(0.1)
        return "printed"

    def do_fail(self, given):
        print("about to fail")
        raise ValueError("a bad thing")

    def do_exit(self, given):
        sys.exit(3)

    def do_sleep(self, given):
        print("sleeping", flush=True)
        for _ in range(10 * given["count"]):
            time.sleep(0.01)
        return "slept"

    def do_none(self, given):
        return None

    def do_number(self, given):
        return given["scale"]

    def do_list(self, given):
        return [1, "two", None, {"three": 3.5}]

    def do_unicode(self, given):
        print("h\\u00e4llo \\u2603")
        return "\\u2603"

    def do_metrics(self, given):
        scope = current_scope()
        scope.record_metric("a.b", 1)
        scope.record_metric("n", 1, mode="incr")
        scope.record_metric("n", 2, mode="incr")
        scope.record_metric("l", "x", mode="append")
        return scope.context

    def do_file(self, given):
        path = Path(tempfile.mkdtemp(), "cogfal-output.png")
        path.write_bytes(b"\\x89PNG\\r\\n\\x1a\\nxxxx")
        return path
"""

STREAMING = """
import sys
import time

from cog import BaseRunner, Input, current_scope, streaming
from typing import Iterator


class Runner(BaseRunner):
    @streaming
    def run(self, mode: str = "ok", count: int = 3) -> Iterator[str]:
        print("hello")
        print("oops", file=sys.stderr)
        current_scope().record_metric("pieces", 1, mode="incr")
        for number in range(count):
            yield f"piece {number}"
            if mode == "slow":
                time.sleep(0.1)
            if mode == "fail" and number == 1:
                raise ValueError("in the middle")
"""

CONCURRENT = """
import asyncio

from cog import BaseRunner, concurrent


class Runner(BaseRunner):
    @concurrent(max=2)
    async def run(self, seconds: float = 0.0) -> str:
        await asyncio.sleep(seconds)
        return "done"
"""

BROKEN = """
from cog import BaseRunner


class Runner(BaseRunner):
    def setup(self):
        print("looking for weights")
        raise RuntimeError("no weights")

    def run(self, text: str) -> str:
        return text
"""

SLOW_SETUP = """
import time

from cog import BaseRunner


class Runner(BaseRunner):
    def setup(self):
        time.sleep(600)

    def run(self, text: str = "") -> str:
        return text
"""

SICK = """
from cog import BaseRunner


class Runner(BaseRunner):
    state = "well"

    def healthcheck(self):
        if Runner.state == "raise":
            raise ValueError("no device")
        return Runner.state == "well"

    def run(self, state: str) -> str:
        Runner.state = state
        return state
"""

TRAINING = """
import tempfile

from cog import BaseModel, Path


class TrainingOutput(BaseModel):
    weights: Path
    steps: int


def train(data: str, steps: int = 1) -> TrainingOutput:
    print("training")
    if data == "bad":
        raise ValueError("bad data")
    path = Path(tempfile.mkdtemp(), "cogfal-weights.bin")
    path.write_bytes(b"\\0" + data.encode() * steps)
    return TrainingOutput(weights=path, steps=steps)


def predict(text: str = "x") -> str:
    return text
"""

OUTPUTS = {
    "path": ("Path", "return write('a.txt')"),
    "paths": ("List[Path]", "return [write('b.txt'), write('a.jpg')]"),
    "one path": ("List[Path]", "return [write('a.txt')]"),
    "iterator": ("Iterator[str]", "yield 'a'; yield 'b'"),
    "nothing": ("Iterator[str]", "yield from ()"),
    "concatenated": ("ConcatenateIterator[str]", "yield 'a'; yield 'b'"),
    "iterator of paths": ("Iterator[Path]", "yield write('a.txt'); yield write('b.txt')"),
    "object": ("Output", "return Output(image=write('a.png'), score=0.5)"),
    "optional": ("Optional[str]", "return None"),
    "integer": ("int", "return 3"),
    "dict": ("Dict[str, int]", "return {'a': 1}"),
}
"""Kinds of output: the annotation and the body of `predict`."""

OUTPUT_HEAD = """
import tempfile
from typing import Dict, Iterator, List, Optional

from cog import BaseModel, ConcatenateIterator, Path


class Output(BaseModel):
    image: Path
    score: float
    label: Optional[str] = None


def write(name: str) -> Path:
    path = Path(tempfile.mkdtemp(), f"cogfal-{name}")
    path.write_text("content of " + name)
    return path


def predict() -> %s:
    %s
"""


def output_project(kind: str) -> str:
    """Return the text of a predictor with one kind of output."""
    annotation, body = OUTPUTS[kind]
    return OUTPUT_HEAD % (annotation, body)


def write_project(text: str, root: Path) -> Path:
    """Write `predict.py` into the new directory `root` and return it."""
    root.mkdir()
    (root / "predict.py").write_text(dedent(text).lstrip())
    return root
