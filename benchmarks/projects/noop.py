"""Write a predictor with any number of inputs that returns the first one, and the same by hand."""

from __future__ import annotations

from typing import Any

KINDS: tuple[tuple[str, str, Any], ...] = (
    ("str", 'description="Words"', "some words"),
    ("int", "ge=0, le=100, default=3", 7),
    ("float", "ge=0, le=20, default=7.5", 2.5),
    ("bool", "default=False", True),
    ("str", 'min_length=1, max_length=80, default="a"', "other words"),
)

APP = """import cogfal


class App(cogfal.App):
    predictor = "predict.py:Predictor"
"""


def noop(inputs: int, *, concurrent: int = 0) -> dict[str, str]:
    """Return the files of a project whose predictor has that many inputs."""
    return {
        "predict.py": _predictor(inputs, concurrent),
        "app.py": APP,
        "by_hand.py": _by_hand(inputs),
    }


def noop_values(inputs: int) -> dict[str, Any]:
    """Return a value for every input."""
    return {f"input_{i}": KINDS[i % len(KINDS)][2] for i in range(inputs)}


def _predictor(inputs: int, concurrent: int) -> str:
    declared = "".join(
        f"        input_{i}: {kind} = Input({options}),\n" for i, kind, options in _inputs(inputs)
    )
    names = "BasePredictor, Input" + ", concurrent" * bool(concurrent)
    head = f"from cog import {names}\n\n\nclass Predictor(BasePredictor):\n"
    method = f"    @concurrent(max={concurrent})\n    async def" if concurrent else "    def"
    return (
        f"{head}{method} predict(\n        self,\n{declared}    ) -> str:\n        return input_0\n"
    )


def _by_hand(inputs: int) -> str:
    fields = "".join(
        f"    input_{i}: {kind} = Field({options})\n" for i, kind, options in _inputs(inputs)
    )
    return f"""import fal
from pydantic import BaseModel, Field


class Request(BaseModel):
{fields}

class Answer(BaseModel):
    output: str


class Sync(fal.App):
    @fal.endpoint("/")
    def predict(self, request: Request) -> Answer:
        return Answer(output=request.input_0)


class Async(fal.App):
    @fal.endpoint("/")
    async def predict(self, request: Request) -> Answer:
        return Answer(output=request.input_0)
"""


def _inputs(count: int) -> list[tuple[int, str, str]]:
    return [(i, *KINDS[i % len(KINDS)][:2]) for i in range(count)]
