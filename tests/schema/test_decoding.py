"""A long body is decoded in steps, and says the same as at once."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cogfal.errors import InvalidInput
from cogfal.schema.decoding import MAX_DEPTH, decode

_SCALARS = (
    st.none() | st.booleans() | st.integers(-(10**20), 10**20)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=60)
)  # fmt: skip
VALUES = st.recursive(
    _SCALARS,
    lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=20), inner),
    max_leaves=30,
)
STEP = 16
PLAIN_TEXT = st.text(st.sampled_from('[]{},:"\\u0dc8e1-. \ntrf'), max_size=60)
BROKEN = {
    "no end": b'{"a": [1, 2, 3',
    "no comma": b'["aaaaaaaaaaaaaaaaaaaaaaaa" "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"]',
    "two commas": b"[1,2,3,4,5,6,7,8,,9,10,11,12]",
    "blanks between commas": b"[1,2,3,4,5,6,7,8," + b" " * 40 + b",9,10,11,12]",
    "a comma first": b"[,1,2,3,4,5,6,7,8,9,10,11,12]",
    "a comma last": b"[1,2,3,4,5,6,7,8,9,10,11,12,]",
    "the wrong bracket": b"[1,2,3,4,5,6,7,8,9,10,11,12}",
    "something after it": b"[1,2,3,4,5,6,7,8,9,10,11,12] 1",
    "no colon": b'{"aaaaaaaaaaaaaaaaaaaaaaaaaaa" "bbbbbbbbbbbbbbbbbbbbbbbbbb"}',
    "no name": b'{aaaaaaaaaaaaaaaaaaaaaaaaaaaa: "bbbbbbbbbbbbbbbbbbbbbbbbbb"}',
    "a text without an end": b'["aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\\"]',
    "a line's end in a text": b'["aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n"]',
    "half an escape": b'["' + b"a" * 300 + b'\\u12"]',
    "half a surrogate pair": b'["' + b"a" * 300 + b'\\ud83d"]',
    "the halves apart": b'["' + b"a" * 254 + b'\\ud83d-\\ude00"]',
    "a name twice": b'{"a": 1, "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb": 2, "a": 3}',
    "a number of too many digits": b"[" + b"1" * 400_000 + b"]",
}


def _plainly(body: bytes, step: int) -> Any:
    try:
        return json.dumps(decode(body, step))
    except InvalidInput:
        return None


@settings(max_examples=100)
@given(value=VALUES, plain=st.booleans(), indent=st.sampled_from([None, 1]))
def test_steps_give_the_whole(value: Any, *, plain: bool, indent: int | None) -> None:
    """Whatever is sent, with escapes or without and with blanks or without."""
    body = json.dumps(value, ensure_ascii=plain, indent=indent).encode()

    decoded = decode(body, STEP)

    assert json.dumps(decoded) == json.dumps(value)


@settings(max_examples=100)
@given(value=VALUES, size=st.integers(1, 50))
def test_chunks_give_the_whole(value: Any, size: int) -> None:
    """Wherever they are cut, in the middle of a character too; none of them is kept."""
    body = json.dumps(value, ensure_ascii=False).encode()
    chunks = [body[at : at + size] for at in range(0, len(body), size)]

    decoded = decode(chunks, STEP)

    assert json.dumps(decoded) == json.dumps(value)
    assert chunks == [] or len(body) <= STEP


@settings(max_examples=300)
@given(PLAIN_TEXT)
def test_steps_refuse_what_is_refused_at_once(text: str) -> None:
    """Text that is nearly JSON is taken or refused alike."""
    body = text.encode()

    assert _plainly(body, STEP) == _plainly(body, 10**6)


@pytest.mark.parametrize("body", BROKEN.values(), ids=BROKEN)
def test_long_broken_bodies_are_refused(body: bytes) -> None:
    """Every way to be no JSON is found, wherever a step ends."""
    with pytest.raises(InvalidInput) as caught:
        decode(body, STEP)

    assert caught.value.problems[0].type == "json_invalid"


@pytest.mark.parametrize("step", [STEP, 10**6], ids=["in steps", "at once"])
@pytest.mark.parametrize("opening", ["[", '{"a":'])
def test_the_depth_is_bounded_alike(step: int, opening: str) -> None:
    """One level more than is allowed is refused, however it is decoded."""
    closing = {"[": "]", "{": "}"}[opening[0]]
    allowed = (opening * MAX_DEPTH + "1" + closing * MAX_DEPTH).encode()
    beyond = (opening * (MAX_DEPTH + 1) + "1" + closing * (MAX_DEPTH + 1)).encode()

    assert decode(allowed, step) is not None
    assert _plainly(beyond, step) is None


@pytest.mark.parametrize("count", range(95, 105))
def test_a_row_of_backslashes_may_be_cut(count: int) -> None:
    """However long it is: whether one of them ends the text is known from all before it."""
    value = ["\\" * count + '"', "b" * STEP]

    assert decode(json.dumps(value).encode(), STEP) == value


def test_a_surrogate_pair_may_be_cut() -> None:
    """Its halves lie in two steps, and are one character."""
    body = b'["' + b"a" * 250 + b"\\ud83d\\ude00" * 30 + b'"]'

    assert decode(body, STEP) == ["a" * 250 + "\U0001f600" * 30]


@pytest.mark.parametrize("opening", ["[", '{"a":'])
def test_depth_is_looked_at_once(opening: str) -> None:
    """A long body of brackets is refused, one of many levels decoded, without looking twice."""
    closing = {"[": "]", "{": "}"}[opening[0]]
    inside = "[" + "1," * 100_000 + "1]"
    deep = (opening * 1_000_000).encode()
    long = (opening * 120 + inside + closing * 120).encode()

    refused = _plainly(deep, 64 * 1024)
    taken = decode(long)

    assert refused is None
    assert taken is not None
