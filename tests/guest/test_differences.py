"""Differences between a predictor's text and the imported predictor are told in words."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from cogfal.guest.differences import describe, differences
from cogfal.spec import (
    MISSING,
    AnyType,
    DictType,
    EnumType,
    FieldSpec,
    InputSpec,
    IntegerType,
    IteratorType,
    ListType,
    LiteralType,
    ObjectFlavour,
    ObjectType,
    OptionalType,
    PathType,
    PredictorSpec,
    SetupSpec,
    Shape,
    StringType,
    Type,
    UnionType,
)

X = InputSpec("x", StringType(), "a", choices=("a", "b"))
SPEC = PredictorSpec("predict.py", "Predictor", "predict", (X,), StringType())

DIFFERENT: dict[str, tuple[dict[str, Any], str]] = {
    "missing-input": ({"inputs": ()}, "inputs: the text says x, the imported predictor says none"),
    "type": (
        {"inputs": (replace(X, type=IntegerType()),)},
        'type of "x": the text says String, the imported predictor says Integer',
    ),
    "default": (
        {"inputs": (replace(X, default="b"),)},
        "default of \"x\": the text says 'a', the imported predictor says 'b'",
    ),
    "required": (
        {"inputs": (replace(X, default=MISSING),)},
        "default of \"x\": the text says 'a', the imported predictor says required",
    ),
    "choices": (
        {"inputs": (replace(X, choices=None),)},
        "choices of \"x\": the text says ('a', 'b'), the imported predictor says nothing",
    ),
    "output": (
        {"output": ListType(PathType())},
        "output: the text says String, the imported predictor says List[Path]",
    ),
    "shape": (
        {"shape": Shape.GENERATOR},
        "kind of function: the text says def, the imported predictor says generator",
    ),
    "method": (
        {"method": None},
        "method: the text says predict, the imported predictor says a function",
    ),
    "setup": (
        {"setup": SetupSpec(takes_weights=True)},
        "setup(): the text says none, the imported predictor says def setup(weights)",
    ),
    "concurrency": (
        {"max_concurrency": 4},
        "concurrency: the text says none, the imported predictor says 4",
    ),
}


@pytest.mark.parametrize(("change", "told"), DIFFERENT.values(), ids=DIFFERENT.keys())
def test_a_difference_shows_both_sides(change: dict[str, Any], told: str) -> None:
    """Each kind of difference is one sentence with both sides."""
    live = replace(SPEC, **change)

    assert differences(SPEC, live) == [told]


SAME: dict[str, tuple[PredictorSpec, PredictorSpec]] = {
    "equal": (SPEC, SPEC),
    "ambiguous-none": (
        replace(SPEC, inputs=(InputSpec("x", StringType(), None),)),
        replace(SPEC, inputs=(InputSpec("x", StringType()),)),
    ),
    "flavour": (
        replace(SPEC, output=ObjectType("O", (), ObjectFlavour.COG)),
        replace(SPEC, output=ObjectType("O", (), ObjectFlavour.PYDANTIC)),
    ),
    "streaming": (replace(SPEC, streaming=True), SPEC),
    "choices-of-a-folder": (SPEC, replace(SPEC, inputs=(replace(X, choices=("b", "a")),))),
}


@pytest.mark.parametrize(("text", "live"), SAME.values(), ids=SAME.keys())
def test_what_callers_cannot_notice_is_no_difference(
    text: PredictorSpec, live: PredictorSpec
) -> None:
    """What only one side can know is not compared."""
    assert differences(text, live) == []


TYPES: dict[str, Type] = {
    "Optional[String]": OptionalType(StringType()),
    "String | Integer": UnionType((StringType(), IntegerType())),
    "Literal['a', 1]": LiteralType(("a", 1)),
    "E(A='a')": EnumType("E", (("A", "a"),)),
    "ConcatenateIterator[String]": IteratorType(StringType(), concatenate=True),
    "Iterator[Path]": IteratorType(PathType()),
    "O(a: String, b: Integer = 1)": ObjectType(
        "O", (FieldSpec("a", StringType()), FieldSpec("b", IntegerType(), 1))
    ),
    "Dict[Any]": DictType(AnyType()),
}


@pytest.mark.parametrize(("words", "type_"), TYPES.items(), ids=TYPES.keys())
def test_types_are_described_as_authors_write_them(words: str, type_: Type) -> None:
    """Each kind of type has words."""
    assert describe(type_) == words
