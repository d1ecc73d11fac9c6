"""Show the examples of a project in the schema of its inputs, as fal's Playground reads them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cogfal.schema.json_types import Schema
from cogfal.spec import JSON


def show_examples(inputs: Schema, examples: Sequence[Mapping[str, Any]]) -> None:
    """Add `examples` to the properties of an object's schema; the form begins with the first.

    Args:
        inputs: The schema of the inputs, which is changed.
        examples: Entries of examples.yaml. Files of the project have no address that a page of
            fal's could fetch, so they are left out, and secrets too.
    """
    for name, each in inputs["properties"].items():
        values = _values(name, each, examples)
        if values:
            each["examples"] = values


def _values(name: str, schema: Schema, examples: Sequence[Mapping[str, Any]]) -> list[JSON]:
    """Return what an input is in the examples, its default where one leaves it out."""
    if schema.get("format") == "password":
        return []
    found = [example["input"].get(name, schema.get("default")) for example in examples]
    told = [_unmarked(value) for value in found if value is not None and not _names_file(value)]
    return [value for number, value in enumerate(told) if value not in told[:number]]


def _names_file(value: JSON) -> bool:
    match value:
        case str():
            return value.startswith("@") and not value.startswith("@@")
        case list():
            return any(map(_names_file, value))
        case dict():
            return any(map(_names_file, value.values()))
        case _:
            return False


def _unmarked(value: JSON) -> JSON:
    """Return a value without the second `@` of a text that begins with two."""
    match value:
        case str():
            return value[1:] if value.startswith("@@") else value
        case list():
            return [_unmarked(one) for one in value]
        case dict():
            return {name: _unmarked(one) for name, one in value.items()}
        case _:
            return value
