"""Look whether the examples beside a cog.yaml are what its predictor takes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from cogfal.cli.console import Mark
from cogfal.cli.findings import Finding
from cogfal.errors import InvalidInput
from cogfal.examples import EXAMPLES, find_examples
from cogfal.schema.validation import Dialect, Validator
from cogfal.spec import JSON, PredictorSpec


def check_examples(root: Path, spec: PredictorSpec) -> Iterator[Finding]:
    """Tell of each example that a caller could not send; its files are there, or this raises.

    Raises:
        ExamplesError: The file cannot be used.
    """
    examples = find_examples(root)
    names = {each.name for each in spec.inputs}
    validator = Validator(spec, Dialect.FAL)
    wrong = 0
    for example in examples:
        for problem in _problems(validator, names, example.input):
            wrong += 1
            where = f"{EXAMPLES}, {example.name}"
            yield Finding(Mark.BAD, problem, where, "correct the example, or the signature")
    if examples and not wrong:
        count = len(examples)
        yield Finding(Mark.GOOD, f"{EXAMPLES}: {count} example{'s' if count > 1 else ''} fit")


def _problems(validator: Validator, names: set[str], values: Mapping[str, Any]) -> Iterator[str]:
    yield from (f"there is no input {name}" for name in values if name not in names)
    try:
        validator.parse({name: _sent(value) for name, value in values.items() if name in names})
    except InvalidInput as error:
        for problem in error.problems:
            place = ".".join(str(step) for step in problem.loc)
            yield f"{place}: {problem.message}" if place else problem.message


def _sent(value: Any) -> JSON:
    """Return a value as a caller would send it, with an address for each file."""
    match value:
        case Path():
            return value.as_uri().replace("file://", "https://example.invalid", 1)
        case list():
            return [_sent(one) for one in value]
        case dict():
            return {name: _sent(one) for name, one in value.items()}
        case _:
            return value
