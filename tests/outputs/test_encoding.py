"""Values turned into JSON, and the files found in them."""

from __future__ import annotations

import asyncio
import datetime as dt
import math
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any, TypedDict

import numpy as np
import pydantic
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cogfal.cog import BaseModel as CogModel
from cogfal.cog.types import Path as CogPath
from cogfal.cog.types import Secret
from cogfal.errors import OutputError
from cogfal.files import (
    Workspace,
)
from cogfal.outputs import Deliverer, Places, Style
from cogfal.spec import (
    AnyType,
    DictType,
    FieldSpec,
    IteratorType,
    ListType,
    ObjectType,
    OptionalType,
    PathType,
    StringType,
    Type,
    UnionType,
)
from tests.outputs.desk import Desk, Shelf, a_file


class Colour(Enum):
    """An enumeration."""

    RED = "red"


class Output(CogModel):
    """Cog's kind of model."""

    picture: CogPath
    score: float
    note: str | None = None


class PydanticOutput(pydantic.BaseModel):
    """Pydantic's kind of model."""

    picture: Path
    hidden: str = pydantic.Field(default="x", exclude=True)


@dataclass
class Plain:
    """A dataclass."""

    picture: Path


class Typed(TypedDict):
    """A typed dictionary."""

    picture: Path


FIELDS = (FieldSpec("picture", PathType()),)


@pytest.mark.parametrize(
    ("make", "kind", "answer"),
    [
        pytest.param(lambda p: [p, p], ListType(PathType()), ["U", "U"], id="list"),
        pytest.param(lambda p: (p,), ListType(PathType()), ["U"], id="tuple"),
        pytest.param(lambda p: {"a": {"b": [p]}}, AnyType(), {"a": {"b": ["U"]}}, id="any"),
        pytest.param(lambda p: {"a": str(p)}, DictType(PathType()), {"a": "U"}, id="dict of str"),
        pytest.param(str, PathType(), "U", id="str as a Path"),
        pytest.param(str, OptionalType(PathType()), "U", id="str as an optional"),
        pytest.param(lambda p: None, OptionalType(PathType()), None, id="none"),
        pytest.param(lambda p: p, StringType(), "U", id="Path as a str"),
        pytest.param(lambda p: p, UnionType((StringType(), PathType())), "U", id="union"),
        pytest.param(lambda p: "x", UnionType((StringType(), PathType())), "x", id="union text"),
        pytest.param(lambda p: p, IteratorType(PathType()), "U", id="piece"),
        pytest.param(
            lambda p: Output(picture=p, score=0.5),
            ObjectType("Output", FIELDS),
            {"picture": "U", "score": 0.5, "note": None},
            id="Cog's model",
        ),
        pytest.param(
            lambda p: PydanticOutput(picture=p), AnyType(), {"picture": "U"}, id="Pydantic's model"
        ),
        pytest.param(Plain, AnyType(), {"picture": "U"}, id="dataclass"),
        pytest.param(
            lambda p: Typed(picture=str(p)),  # type: ignore[typeddict-item]  # as authors do
            ObjectType("Typed", FIELDS),
            {"picture": "U"},
            id="TypedDict with a str",
        ),
    ],
)
def test_files_are_found_wherever_they_are(
    desk: Desk, scratch: Path, make: Callable[[Path], Any], kind: Type, answer: Any
) -> None:
    """Paths are files everywhere, text is a path only where one is declared."""

    def with_urls(value: Any) -> Any:
        match value:
            case "U":
                return "shelf://a.png"
            case list():
                return [with_urls(each) for each in value]
            case dict():
                return {key: with_urls(each) for key, each in value.items()}
            case _:
                return value

    assert desk.urls(make(a_file(scratch)), kind) == with_urls(answer)


class FakeArray:
    """What numpy arrays, numpy scalars and tensors have in common."""

    dtype = "float32"

    def __init__(self, content: Any) -> None:
        self.content = content

    def tolist(self) -> Any:
        """Return Python's own numbers."""
        return self.content


@pytest.mark.parametrize(
    ("value", "answer"),
    [
        (None, None), (True, True), (3, 3), (0.5, 0.5), ("é", "é"), ("", ""),
        ([1, [2]], [1, [2]]), ((1, 2), [1, 2]), (range(3), [0, 1, 2]),
        ({3, 1, 2}, [1, 2, 3]), (frozenset({"b", "a"}), ["a", "b"]),
        (Colour.RED, "red"), ({Colour.RED: Colour.RED}, {"red": "red"}),
        ({2: "a", None: "b", True: "c"}, {"2": "a", "null": "b", "true": "c"}),
        ({0.5: 1}, {"0.5": 1}),
        (b"text", "text"), (bytearray("é".encode()), "é"),
        (FakeArray([[1, 2], [3, 4]]), [[1, 2], [3, 4]]), (FakeArray(0.5), 0.5),
        (Secret("hush"), "**********"), (pydantic.SecretStr("hush"), "**********"),
        (dt.date(2024, 1, 2), "2024-01-02"),
        (uuid.UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        (Output(picture=None, score=1), {"picture": None, "score": 1, "note": None}),
    ],
    ids=repr,
)  # fmt: skip
def test_values_have_a_json_form(desk: Desk, value: Any, answer: Any) -> None:
    """Everything that can be said in JSON is, secrets stay masked."""
    assert desk.deliver(value) == answer


@pytest.mark.parametrize(
    ("value", "answer"),
    [
        (np.float32(0.5), 0.5), (np.int64(3), 3), (np.bool_(True), True), (np.str_("a"), "a"),
        (np.uint64(2**64 - 1), 2**64 - 1), (np.bytes_(b"a"), "a"), (np.array(5), 5),
        (np.arange(3), [0, 1, 2]), (np.ones((2, 1)), [[1.0], [1.0]]), (np.empty((0, 3)), []),
        (np.array([{"a": np.int8(1)}]), [{"a": 1}]), ([np.float16(1)], [1.0]),
        (np.ma.masked_array([1, 2], mask=[False, True]), [1, None]),
        ({np.str_("a"): np.float64(2)}, {"a": 2.0}),
    ],
    ids=repr,
)  # fmt: skip
def test_numpys_values_are_pythons(desk: Desk, value: Any, answer: Any) -> None:
    """Scalars and arrays of any shape, alone and inside of others."""
    assert desk.deliver(value) == answer


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (np.array([[np.nan]]), "output[0][0] is nan"),
        (np.float64("inf"), "output is inf"),
        (np.array([b"\xff"]), "output[0] is bytes that are no text"),
        (np.array([object()]), "output[0] is a"),
        (np.longdouble(1.5), "longdouble"),
        ({np.int64(1): 1}, "a key of type int64"),
    ],
    ids=repr,
)
def test_numpys_values_that_json_cannot_say_are_named(desk: Desk, value: Any, reason: str) -> None:
    """They are an error, as Python's own are."""
    with pytest.raises(OutputError) as caught:
        desk.deliver(value)

    assert reason in str(caught.value)


def circular() -> Any:
    """Return a list that is in a dictionary that is in the list."""
    inner: list[Any] = []
    inner.append({"again": inner})
    return inner


def deep() -> Any:
    """Return lists within lists."""
    value: list[Any] = []
    for _ in range(500):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (math.nan, "output is nan, which JSON cannot say"),
        ({"a": [1.0, math.inf]}, r"output\.a\[1\] is inf"),
        (FakeArray([1.0, math.nan]), r"output\[1\] is nan"),
        (b"\xff\0", "bytes that are no text; write them to a file"),
        (circular(), r"output\[0\]\.again contains itself"),
        (deep(), "nested more than 100 levels deep"),
        ({(1, 2): 3}, "key of type tuple"),
        (object(), "builtins.object, which has no JSON form"),
        ([lambda: 1], r"output\[0\] is a builtins.function"),
        ((n for n in range(3)), "is a generator"),
    ],
    ids=["nan", "inf", "array", "bytes", "circular", "deep", "key", "object", "function", "gen"],
)
def test_what_has_no_json_form_is_an_error_with_its_place(
    desk: Desk, value: Any, message: str
) -> None:
    """Nothing becomes null on the way."""
    with pytest.raises(OutputError, match=message):
        desk.deliver(value)


def test_encoding_much_leaves_the_event_loop_free(project: Path, workspace: Workspace) -> None:
    """A large result is encoded beside the loop, which goes on turning."""
    turns = 0

    async def turn() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    async def main() -> Any:
        turning = asyncio.ensure_future(turn())
        deliverer = Deliverer(AnyType(), Shelf(), Style.MEDIA, Places(project))
        answer = await deliverer.deliver([float(n) for n in range(100_000)], workspace)
        turning.cancel()
        return answer

    assert len(asyncio.run(main())) == 100_000
    assert turns > 3


def test_same_object_twice_is_not_circular(desk: Desk) -> None:
    """Sharing is fine."""
    shared = [1]

    assert desk.deliver([shared, shared]) == [[1], [1]]


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)  # fmt: skip


@settings(deadline=None)
@given(value=JSON_VALUES)
def test_json_stays_as_it_is(value: Any) -> None:
    """A value that is JSON already comes back equal."""
    deliverer = Deliverer(AnyType(), Shelf(), Style.MEDIA, Places(Path.cwd()))
    with Workspace() as workspace:
        assert asyncio.run(deliverer.deliver(value, workspace)) == value


def test_url_in_a_text_stays_a_text(desk: Desk) -> None:
    """Only declared places are looked at."""
    assert desk.deliver("https://example.com/a.png", StringType()) == "https://example.com/a.png"
