"""Find or make the inputs that two models are compared with."""

from __future__ import annotations

import json
import math
import reprlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import yaml

from cogfal.compare.signatures import NOTHING, Input, Signature, ValueShape
from cogfal.errors import ProjectError
from cogfal.examples import Example, read_examples
from cogfal.spec import JSON

SEED: Final = 42
MOST_WRONG: Final = 12
SAFE_PUSH: Final = "cog-safe-push.yaml"
_TYPICAL: Final[Mapping[str, JSON]] = {
    "string": "a photograph of a red square",
    "secret": "secret",
    "integer": 1,
    "number": 1.0,
    "boolean": True,
    "array": [],
    "object": {},
    "any": "value",
}
_NO_TEXT: Final = frozenset({"integer", "number", "boolean", "object"})
_NO_NUMBER: Final = "not a number"


def read_cases(path: Path) -> list[Example]:
    """Return the cases of an examples.yaml, or those that a cog-safe-push.yaml holds.

    Raises:
        ProjectError: It is neither.
    """
    if path.name != SAFE_PUSH:
        return read_examples(path)
    try:
        document = yaml.safe_load(path.read_text("utf-8"))
        cases = document["predict"]["test_cases"]
        return [_safe_push_case(case, f"case {n}", path) for n, case in enumerate(cases, 1)]
    except (OSError, yaml.YAMLError, KeyError, TypeError, AttributeError) as error:
        raise ProjectError(
            f"it holds no predict.test_cases: {error}",
            where=str(path),
            remedy="write the cases to an examples.yaml",
        ) from error


def _safe_push_case(case: Mapping[str, Any], name: str, path: Path) -> Example:
    """Read one case; only what a machine can compare of its expectations is an output."""
    inputs = {
        key: path.parent / value[1:] if isinstance(value, str) and value.startswith("@") else value
        for key, value in case["inputs"].items()
    }
    expected = case.get("exact_string")
    return Example(name, inputs, expected, recorded="exact_string" in case)


def typed(values: Mapping[str, Any], signature: Signature) -> dict[str, Any]:
    """Return inputs of the command line with JSON read where the model takes no text."""
    read = dict(values)
    for name, value in values.items():
        declared = signature.inputs.get(name)
        if declared is not None and declared.shape.kind in _NO_TEXT and isinstance(value, str):
            with suppress(ValueError):
                read[name] = json.loads(value)
    return read


def cases_of(signature: Signature) -> list[Example]:
    """Make cases of a signature: the defaults, each bound and each choice once, seeds fixed.

    Raises:
        ProjectError: An input that must be given is a file, which nobody can make up.
    """
    base = {
        name: _typical(name, each)
        for name, each in signature.inputs.items()
        if each.required or name == "seed"
    }
    cases = [Example("defaults", base)]
    for name, each in signature.inputs.items():
        cases += (
            Example(f"{name}={value}", {**base, name: value})
            for value in _extremes(each.shape)
            if value != base.get(name, each.default)
        )
    return cases


def _typical(name: str, each: Input) -> JSON:
    shape = each.shape
    if shape.choices:
        return shape.choices[0]
    if each.default is not NOTHING and each.default is not None:
        return each.default
    if "file" in shape.kind or (shape.items is not None and shape.items.kind == "file"):
        raise ProjectError(
            f"a file for {name} has to be given",
            remedy=f"add -i {name}=@FILE, or an examples.yaml with --inputs",
        )
    bounds = shape.bounds
    if shape.kind in ("integer", "number"):
        wanted = SEED if name == "seed" else 1
        low, high = bounds.get("minimum", -math.inf), bounds.get("maximum", math.inf)
        return max(low, min(wanted, high)) if low <= high else wanted
    value = _TYPICAL.get(shape.kind.partition(" ")[0], _TYPICAL["any"])
    if isinstance(value, str):
        longer = value.ljust(int(bounds.get("minLength", 0)), ".")
        return longer[: int(bounds.get("maxLength", 200))]
    return value


def _extremes(shape: ValueShape) -> Iterator[JSON]:
    if shape.choices is not None:
        yield from shape.choices
    elif shape.kind == "boolean":
        yield from (True, False)
    elif shape.kind in ("integer", "number"):
        yield from (shape.bounds[n] for n in ("minimum", "maximum") if n in shape.bounds)


def wrong_inputs(signature: Signature, base: Mapping[str, Any]) -> Sequence[Example]:
    """Make cases that must be refused, named after the one thing that is wrong in each."""
    found: list[Example] = []
    for name, each in signature.inputs.items():
        if each.required:
            left = {other: value for other, value in base.items() if other != name}
            found.append(Example(f"{name} left out", left))
        found += (
            Example(f"{name} is {reprlib.repr(value)}", {**base, name: value})
            for value in _unfit(each.shape)
        )
    return found[:MOST_WRONG]


def _unfit(shape: ValueShape) -> Iterator[JSON]:
    if shape.choices is not None:
        yield _NO_NUMBER if all(isinstance(c, str) for c in shape.choices) else -987_654_321
    elif shape.kind in ("integer", "number"):
        yield _NO_NUMBER
        if "minimum" in shape.bounds:
            yield shape.bounds["minimum"] - 1
        if "maximum" in shape.bounds:
            yield shape.bounds["maximum"] + 1
    elif shape.kind == "string" and "maxLength" in shape.bounds:
        yield "x" * (int(shape.bounds["maxLength"]) + 1)
