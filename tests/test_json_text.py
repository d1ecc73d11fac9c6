"""JSON is written in slices that say the same as the whole, whatever is inside of it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable
from typing import Any, TypeVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cogfal.json_text import (
    SLICE,
    JsonText,
    is_object,
    plain,
    read_text,
    slices,
    with_fields,
    written,
    written_in_turn,
)

Result = TypeVar("Result")

_SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
_LONG = st.builds(lambda text, times: text * times, st.text(max_size=9), st.integers(1, 20_000))
_VALUES = st.recursive(
    _SCALARS | _LONG,
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | _LONG, inner),
    max_leaves=12,
)
LARGE: list[Any] = [
    pytest.param("x" * 3_000_000, id="text"),
    pytest.param("é€😀" * 100_000, id="text of several bytes each"),
    pytest.param([0.5] * 200_000, id="numbers"),
    pytest.param([[1, {"a": "b"}]] * 50_000, id="small things"),
    pytest.param([["x" * 100_000] * 3] * 10, id="large things in large things"),
    pytest.param({f"key {n}": n for n in range(100_000)}, id="an object"),
    pytest.param({"k" * 200_000: [], "l": "m" * 200_000}, id="a long key"),
    pytest.param([JsonText(b"[" + b"1," * 500_000 + b"1]"), 2], id="written text"),
]


def _plain(value: Any) -> Any:
    match value:
        case JsonText():
            return value.value()
        case list():
            return [_plain(item) for item in value]
        case _:
            return value


@settings(deadline=None, max_examples=60)
@given(_VALUES)
def test_every_value_reads_back(value: Any) -> None:
    """What is written is what the standard library reads, for any value."""
    data = written(value)

    assert json.loads(data) == value


@pytest.mark.parametrize("place", [0, SLICE - 1, SLICE, 2 * SLICE])
def test_whatever_has_an_escape_gets_it_in_a_long_text(place: int) -> None:
    """Wherever it stands among what needs none, and all that needs none stays as it is."""
    for character in map(chr, range(0x100)):
        text = "a" * place + character + "a" * (2 * SLICE - place)

        data = written(text)

        assert json.loads(data) == text
        assert (len(data) == len(text) + 2) == (
            character not in '"\\' and " " <= character <= "\x7f"
        )


@pytest.mark.parametrize("value", LARGE)
def test_large_values_come_in_slices(value: Any) -> None:
    """A large value is cut into slices of a bounded size that make up the whole."""
    pieces = list(slices(value))

    assert len(pieces) > 1
    assert max(map(len, pieces)) < 4 * SLICE
    assert json.loads(b"".join(pieces)) == _plain(value)


@pytest.mark.parametrize("value", [[], {}, "", None, 1, [[]], {"a": {}}, [JsonText(b"{}")]])
def test_small_values_are_one_slice(value: Any) -> None:
    """What is small is written at once, without blanks."""
    pieces = list(slices(value))

    assert pieces == [json.dumps(_plain(value), separators=(",", ":")).encode()]


@pytest.mark.parametrize("times", [1, 50_000], ids=["small", "large"])
@pytest.mark.parametrize("already", [False, True], ids=["value", "written text"])
def test_no_reader_of_lines_sees_a_break(times: int, *, already: bool) -> None:
    """Characters that some readers take for a line's end are escaped, wherever slices are cut."""
    text = "a\u2028b\u2029c\x85d\r\n" * times
    value = JsonText(json.dumps(text, ensure_ascii=False).encode()) if already else text

    data = written(value)

    assert len(data.decode().splitlines()) == 1
    assert json.loads(data) == text


@pytest.mark.parametrize("shift", range(4))
@pytest.mark.parametrize("character", ["é", "€", "😀"])
def test_no_slice_ends_inside_of_a_character(character: str, shift: int) -> None:
    """Each slice of a text that was written already is text by itself."""
    text = "a" * shift + character * SLICE
    value = JsonText(json.dumps(text, ensure_ascii=False).encode())

    pieces = [piece.decode() for piece in slices(value)]

    assert len(pieces) > 1
    assert json.loads("".join(pieces)) == text


def test_half_a_surrogate_pair_is_a_question_mark() -> None:
    """Text that is no Unicode is written all the same."""
    data = written(["\ud83d", "x" * 100_000])

    assert json.loads(data)[0] == "?"


async def _turns(work: Awaitable[Result]) -> tuple[int, Result]:
    """Count the turns that another task has while something is awaited."""
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    counting = asyncio.ensure_future(count())
    try:
        result = await work
        return turns, result
    finally:
        counting.cancel()


def test_others_have_their_turn_between_slices() -> None:
    """While a large value is written, another task goes on at each slice."""
    value = ["x" * 1_000] * 2_000

    turns, pieces = asyncio.run(_turns(written_in_turn(value)))
    data = b"".join(pieces)

    assert turns >= len(data) // (4 * SLICE)
    assert json.loads(data) == value


@pytest.mark.parametrize("fields", [{}, {"a": [1, {"b": "é"}]}])
@pytest.mark.parametrize("more", [{}, {"timings": {"predict": 0.5}}])
def test_an_object_gets_more_fields_written_or_not(fields: Any, more: Any) -> None:
    """The text is not read for it."""
    text = JsonText(written(fields))

    assert with_fields(fields, more) == fields | more
    assert json.loads(written(with_fields(text, more))) == fields | more
    assert plain({"inside": text, "beside": 1}) == {"inside": fields, "beside": 1}


def test_only_objects_are_objects() -> None:
    """Written or not."""
    assert is_object({})
    assert is_object(JsonText(b"{}"))
    assert not is_object([])
    assert not is_object(JsonText(b"[]"))


@pytest.mark.parametrize(
    "text",
    ["x" * 3_000_000, "é\u2028\U0001f600" * 400_000, "\\" * 2_000_001, '\\"\n\x01' * 500_000, ""],
    ids=["plain", "wide", "backslashes", "escapes", "empty"],
)
@pytest.mark.parametrize("shift", range(3))
def test_a_long_text_is_read_piece_by_piece(text: str, shift: int) -> None:
    """Cut inside of no character and no escape, and others have their turn in between."""
    turns, read = asyncio.run(_turns(read_text(written("a" * shift + text))))

    assert read == "a" * shift + text
    assert turns > 1 or not text
