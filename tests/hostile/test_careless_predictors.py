"""Predictors that misbehave: what each kind of misbehaviour comes to."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.hostile.target import Target
from tests.modes import SHARED, first

CARELESS = """
    import asyncio, contextlib, math, os, pathlib, subprocess, sys, tempfile, threading, time
    from typing import Any

    from cog import BasePredictor

    KEPT = []

    class Odd:
        def __getattr__(self, name):
            raise RuntimeError(f"{name} is broken")

        def __repr__(self):
            raise RuntimeError("not even a repr")

    class Predictor(BasePredictor):
        def predict(self, way: str, amount: int = 1) -> Any:
            return getattr(self, way)(amount)

        def fine(self, amount):
            return "fine"

        def nan(self, amount):
            return {"x": [math.nan]}

        def infinite(self, amount):
            return math.inf

        def circular(self, amount):
            value = {}
            value["self"] = [value]
            return value

        def deep(self, amount):
            value = []
            for _ in range(amount):
                value = [value]
            return value

        def sets(self, amount):
            return {"x": {3, 1, 2}, "y": frozenset("a"), "z": (1, 2)}

        def binary(self, amount):
            return b"\\xff\\xfe"

        def text_bytes(self, amount):
            return b"text"

        def lone_surrogate(self, amount):
            return "\\ud800"

        def keys(self, amount):
            return {1: "a", None: "b", (1, 2): "c"}

        def odd(self, amount):
            return Odd()

        def generator(self, amount):
            return (i for i in range(3))

        def coroutine(self, amount):
            return asyncio.sleep(0)

        def function(self, amount):
            return print

        def module(self, amount):
            return sys

        def huge_integer(self, amount):
            return 10 ** amount

        def large(self, amount):
            return "x" * amount

        def prints(self, amount):
            line = "y" * 999 + "\\n"
            for _ in range(amount // 1000):
                sys.stdout.write(line)
            return amount

        def prints_below_python(self, amount):
            for _ in range(amount // 1000):
                os.write(1, b"z" * 999 + b"\\n")
            return amount

        def prints_no_line(self, amount):
            sys.stdout.write("w" * amount)
            return amount

        def prints_no_text(self, amount):
            os.write(1, b"\\xff\\xfe\\x00" * 1000 + b"\\n")
            sys.stdout.buffer.write(b"\\xff\\n")
            return "printed"

        def exits(self, amount):
            sys.exit("leaving")

        def interrupts(self, amount):
            raise KeyboardInterrupt

        def base_exception(self, amount):
            class Own(BaseException):
                pass
            raise Own("mine")

        def breaks_repr(self, amount):
            class Own(Exception):
                def __str__(self):
                    raise ValueError("no text")
            raise Own

        def no_module(self, amount):
            class Own(Exception):
                __module__ = None
            raise Own("from nowhere")

        def recursion(self, amount):
            return self.recursion(amount)

        def memory(self, amount):
            return bytearray(1 << 62)

        def long_message(self, amount):
            raise ValueError("m" * amount)

        def surrogate_message(self, amount):
            raise ValueError("\\ud800")

        def threads(self, amount):
            for _ in range(amount):
                threading.Thread(target=time.sleep, args=(300,), daemon=True).start()
            return threading.active_count()

        def prints_later(self, amount):
            def later():
                time.sleep(0.2)
                print("from an old thread")
            threading.Thread(target=later, daemon=True).start()
            return "returned"

        def descriptors(self, amount):
            KEPT.extend(open(os.devnull) for _ in range(amount))
            return len(KEPT)

        def children(self, amount):
            KEPT.extend(subprocess.Popen(["sleep", "300"]) for _ in range(amount))
            return [child.pid for child in KEPT[-amount:]]

        def moves(self, amount):
            os.chdir("/")
            os.environ["MOVED"] = "1"
            return os.getcwd()

        def closes(self, amount):
            sys.stdout.close()
            sys.stderr.close()
            return "closed"

        def replaces(self, amount):
            with open(os.devnull, "w") as nothing, contextlib.redirect_stdout(nothing):
                print("into nothing")
            return "replaced"

        def breaks_json(self, amount):
            import json
            json.dumps = json.loads = None
            return "broken"

        def seals(self, amount):
            here = pathlib.Path(tempfile.mkdtemp())
            (here / "x").touch()
            here.chmod(0)
            return "sealed"
"""
ENCODED = [
    ("sets", {"x": [1, 2, 3], "y": ["a"], "z": [1, 2]}),
    ("text_bytes", "text"),
    ("generator", [0, 1, 2]),
    ("coroutine", None),
    ("prints_no_text", "printed"),
    ("moves", "/"),
    ("closes", "closed"),
    ("replaces", "replaced"),
    ("seals", "sealed"),
    ("prints_later", "returned"),
    ("breaks_json", "broken"),
]
REFUSED = [
    ("nan", "JSON cannot say"),
    ("infinite", "JSON cannot say"),
    ("circular", "contains itself"),
    ("deep", "nested more than"),
    ("binary", "bytes that are no text"),
    ("keys", "has a key of type tuple"),
    ("odd", ""),
    ("function", "no JSON form"),
    ("module", "no JSON form"),
    ("exits", "leaving"),
    ("interrupts", ""),
    ("base_exception", "mine"),
    ("breaks_repr", ""),
    ("no_module", "from nowhere"),
    ("recursion", "recursion"),
    ("memory", ""),
    ("huge_integer", "thousands of digits"),
    ("surrogate_message", ""),
]


@pytest.fixture(scope="module", params=first(SHARED))
def careless(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Target]:
    """The predictor, as fal serves it."""
    folder = tmp_path_factory.mktemp("careless")
    with Target(folder, CARELESS, mode=request.param, anew=True) as process:
        assert process.url
        yield process


@pytest.mark.parametrize(("way", "expected"), ENCODED)
def test_what_can_be_said_is_said(careless: Target, way: str, expected: object) -> None:
    """The encoding is defined, and the next prediction is none the worse."""
    ours, cogs = careless.ask({"way": way}), careless.predict({"way": way})

    assert ours.json() == {"output": expected}
    assert cogs.json()["output"] == expected
    assert careless.ask({"way": "fine"}).json() == {"output": "fine"}
    assert careless.is_well()


@pytest.mark.parametrize(("way", "reason"), REFUSED)
def test_what_cannot_be_said_is_an_error(careless: Target, way: str, reason: str) -> None:
    """It says what is wrong and where; never null, never a broken runner."""
    inputs = {"way": way, "amount": 5000}

    ours, cogs = careless.ask(inputs), careless.predict(inputs)

    assert ours.status_code == 500
    assert ours.json()["detail"][0]["msg"]
    assert reason in ours.text
    assert cogs.status_code == 200
    assert cogs.json()["status"] == "failed"
    assert cogs.json()["error"]
    assert careless.ask({"way": "fine"}).json() == {"output": "fine"}
    assert careless.is_well()


def test_text_that_is_no_unicode_is_an_answer_nevertheless(careless: Target) -> None:
    """Half of a surrogate pair becomes a question mark."""
    ours, cogs = (
        careless.ask({"way": "lone_surrogate"}),
        careless.predict({"way": "lone_surrogate"}),
    )

    assert ours.json() == {"output": "?"}
    assert cogs.json()["output"] == "?"
    assert careless.is_well()


@pytest.mark.parametrize("way", ["prints", "prints_below_python", "prints_no_line"])
def test_a_hundred_megabytes_of_prints_are_bounded(careless: Target, way: str) -> None:
    """The logs keep their limit, and say that there was more."""
    before = _memory(careless)

    answer = careless.predict({"way": way, "amount": 100_000_000}).json()

    assert answer["status"] == "succeeded"
    assert 1_000_000 < len(answer["logs"]) <= 4 * 1024**2 + 1000
    assert _memory(careless) - before < 600 * 1024**2
    del careless.lines[100:]


def test_a_large_answer_and_a_large_error_arrive(careless: Target) -> None:
    """Fifty megabytes of text, and an error of one."""
    answer = careless.ask({"way": "large", "amount": 50_000_000}).json()
    failed = careless.ask({"way": "long_message", "amount": 1_000_000})

    assert len(answer["output"]) == 50_000_000
    assert failed.status_code == 500
    assert careless.is_well()


def test_what_is_left_running_harms_nobody(careless: Target) -> None:
    """Threads, descriptors and children of an earlier prediction; its late prints are nobody's."""
    careless.ask({"way": "threads", "amount": 200})
    careless.ask({"way": "descriptors", "amount": 200})
    children = careless.ask({"way": "children", "amount": 3}).json()["output"]
    careless.ask({"way": "prints_later"})
    time.sleep(0.3)

    answer = careless.predict({"way": "fine"}).json()

    assert answer["output"] == "fine"
    assert "from an old thread" not in answer["logs"]
    assert all(Path(f"/proc/{child}").exists() for child in children)


def test_a_caller_can_leave_a_careless_app_and_it_ends(tmp_path: Path, mode: str) -> None:
    """With threads, children and open files left, SIGTERM still ends the process in time."""
    with Target(tmp_path, CARELESS, mode=mode) as process:
        process.ask({"way": "threads", "amount": 50})
        process.ask({"way": "children", "amount": 2})
        process.ask({"way": "closes"})

        status = process.stop(grace=60)

        assert status != -signal.SIGKILL
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"http://127.0.0.1:{process.port}/")


def _memory(process: Target) -> int:
    """Return the resident bytes of a process."""
    pages = int(Path(f"/proc/{process.pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")
