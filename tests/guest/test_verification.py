"""An imported predictor is compared with its text, and differences are told in words."""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import Any

import pytest

import cogfal.cog
from cogfal.guest.faults import Mismatch
from cogfal.guest.live import read_live
from cogfal.guest.verification import describe, differences, verify
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


def test_a_mismatch_is_told_with_its_remedy(capsys: pytest.CaptureFixture[str]) -> None:
    """What the text said otherwise is an error, unless it depends on the environment."""

    def predict(x: str) -> str:
        return x

    live = read_live(predict, path="predict.py", name="predict")
    text = replace(live, inputs=(InputSpec("x", IntegerType()),))

    verify(live, predict)
    with pytest.raises(Mismatch, match="the text says Integer"):
        verify(text, predict)
    assert capsys.readouterr().err == ""
    verify(replace(text, deploy_time=("SIZE",)), predict)
    assert "depends on SIZE" in capsys.readouterr().err
    verify(text, Unread)
    assert "cannot be checked once imported" in capsys.readouterr().err


class Unread:
    pass


class Old(cogfal.cog.BasePredictor):
    def predict(self, x: str) -> str:
        return x


class New(cogfal.cog.BaseRunner):
    def run(self, x: str) -> str:
        return x


def test_old_names_are_warned_of_at_the_authors_line() -> None:
    """Once each; what is written as today's Cog wants it brings none."""
    old = read_live(Old, path="predict.py", name="Old")
    new = read_live(New, path="predict.py", name="New")

    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("default")
        verify(old, Old)
        verify(old, Old)
        verify(new, New)

    assert [(str(each.message), each.filename, each.lineno) for each in told] == [
        (text, __file__, Old.predict.__code__.co_firstlineno)
        for text in (
            "Old.predict() is deprecated; use run() instead",
            "BasePredictor is deprecated; use BaseRunner instead",
        )
    ]
