"""Requests checked through either dialect."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cogfal.cog import Secret
from cogfal.errors import InvalidInput, PredictorError
from cogfal.schema.core_types import Dialect
from cogfal.schema.decoding import MAX_DEPTH, decode
from cogfal.schema.validation import Validator
from cogfal.spec import (
    AnyType,
    BooleanType,
    DictType,
    FileType,
    FloatType,
    InputSpec,
    IntegerType,
    ListType,
    LiteralType,
    NullType,
    ObjectType,
    OpaqueType,
    OptionalType,
    PathType,
    PredictorSpec,
    SecretType,
    StringType,
    Type,
    UnionType,
)
from tests.schema.corpus import COLOUR, PREDICTORS, one, predictor

STR, INT, FLOAT, BOOL, PATH = StringType(), IntegerType(), FloatType(), BooleanType(), PathType()
REFUSED = object()


def checked(kind: Type, value: Any, dialect: Dialect, **told: Any) -> Any:
    """Return what one input becomes, or REFUSED."""
    validator = Validator(one(kind, **told), dialect)
    try:
        return validator.parse(decode(json.dumps({"value": value}).encode()))["value"]
    except InvalidInput:
        return REFUSED


VALUES: dict[str, tuple[Type, Any, Any, Any]] = {
    "str": (STR, "a", "a", "a"),
    "str-number": (STR, 3, REFUSED, REFUSED),
    "str-url": (STR, "https://x/y", "https://x/y", "https://x/y"),
    "int": (INT, 3, 3, 3),
    "int-text": (INT, "3", 3, REFUSED),
    "int-whole-float": (INT, 2.0, 2, 2),
    "int-fraction": (INT, 2.5, REFUSED, REFUSED),
    "int-bool": (INT, True, 1, REFUSED),
    "int-null": (INT, None, REFUSED, REFUSED),
    "int-huge": (INT, 2**64, REFUSED, REFUSED),
    "int-seed": (INT, 2**64 - 1, 2**64 - 1, 2**64 - 1),
    "float": (FLOAT, 0.5, 0.5, 0.5),
    "float-int": (FLOAT, 3, 3.0, 3.0),
    "float-text": (FLOAT, "3", 3.0, REFUSED),
    "float-text-nan": (FLOAT, "nan", REFUSED, REFUSED),
    "float-bool": (FLOAT, True, 1.0, REFUSED),
    "float-huge": (FLOAT, 10**400, REFUSED, REFUSED),
    "bool": (BOOL, True, True, True),
    "bool-number": (BOOL, 1, True, REFUSED),
    "bool-text": (BOOL, "true", True, REFUSED),
    "path": (PATH, "https://x/y.png", "https://x/y.png", "https://x/y.png"),
    "path-data": (PATH, "data:,x", "data:,x", "data:,x"),
    "path-local": (PATH, "/etc/passwd", REFUSED, REFUSED),
    "path-file-url": (PATH, "file:///etc/passwd", REFUSED, REFUSED),
    "path-no-host": (PATH, "http://", REFUSED, REFUSED),
    "path-bad-host": (PATH, "http://[::1", REFUSED, REFUSED),
    "path-blank": (PATH, "http://x/ y", "http://x/ y", "http://x/ y"),
    "path-line": (PATH, "http://x/\ny", REFUSED, REFUSED),
    "path-port": (PATH, "http://x:65536/", REFUSED, REFUSED),
    "path-port-0": (PATH, "http://x:0/", REFUSED, REFUSED),
    "path-long": (PATH, "http://x/" + "y" * 70_000, REFUSED, REFUSED),
    "path-data-without-comma": (PATH, "data:x", REFUSED, REFUSED),
    "file": (FileType(), "https://x/y", "https://x/y", "https://x/y"),
    "secret": (SecretType(), "s", Secret("s"), Secret("s")),
    "optional-null": (OptionalType(INT), None, None, None),
    "optional-list-with-null": (ListType(OptionalType(INT)), [1, None], [1, None], [1, None]),
    "list": (ListType(FLOAT), [1, 2.5], [1.0, 2.5], [1.0, 2.5]),
    "list-scalar": (ListType(STR), "a", REFUSED, REFUSED),
    "list-text-numbers": (ListType(INT), ["1"], [1], REFUSED),
    "dict": (DictType(AnyType()), {"a": [None]}, {"a": [None]}, {"a": [None]}),
    "dict-typed": (DictType(FLOAT), {"a": 1}, {"a": 1.0}, {"a": 1.0}),
    "dict-list": (DictType(AnyType()), [], REFUSED, REFUSED),
    "typed-dict": (ObjectType("T", ()), {"a": 1}, {"a": 1}, {"a": 1}),
    "opaque": (OpaqueType(), {"a": 1}, {"a": 1}, {"a": 1}),
    "any": (AnyType(), [1, "a"], [1, "a"], [1, "a"]),
    "any-null": (AnyType(), None, None, REFUSED),
    "null": (NullType(), None, None, REFUSED),
    "literal": (LiteralType(("a", 1)), "a", "a", "a"),
    "literal-other": (LiteralType(("a", 1)), "b", REFUSED, REFUSED),
    "enum": (COLOUR, "red", "red", "red"),
    "enum-name": (COLOUR, "RED", REFUSED, REFUSED),
    "union-text": (UnionType((STR, FLOAT)), "3", "3", "3"),
    "union-number": (UnionType((STR, FLOAT)), 3, 3, 3),
    "union-large-number": (UnionType((STR, FLOAT)), 2**70, 2.0**70, 2.0**70),
    "union-bool": (UnionType((STR, FLOAT)), True, REFUSED, REFUSED),
    "union-int-bool": (UnionType((INT, BOOL)), True, True, True),
    "union-int-bool-number": (UnionType((INT, BOOL)), 1, 1, 1),
    "union-int-float": (UnionType((INT, FLOAT)), 2.0, 2.0, 2.0),
    "union-int-str": (UnionType((INT, STR)), "2", "2", "2"),
}


@pytest.mark.parametrize("name", VALUES)
def test_values_through_both_doors(name: str) -> None:
    """At fal's dialect a value is converted to the declared type, at Cog's it is not."""
    kind, value, lax, strict = VALUES[name]

    results = [checked(kind, value, dialect) for dialect in (Dialect.FAL, Dialect.COG)]

    assert results == [lax, strict]
    assert [type(result) for result in results] == [type(lax), type(strict)]


CONSTRAINTS: dict[str, tuple[Type, dict[str, Any], Any, Any]] = {
    "ge": (INT, {"ge": 1}, 1, 0),
    "le": (FLOAT, {"le": 0.5}, 0.5, 0.6),
    "fractional-bounds": (INT, {"ge": 0.5, "le": 2.5}, 2, 3),
    "min-length": (STR, {"min_length": 2}, "ab", "a"),
    "max-length": (STR, {"max_length": 1}, "a", "ab"),
    "regex": (STR, {"regex": "^a+$"}, "aa", "ab"),
    "look-around": (STR, {"regex": "^(?!b)"}, "a", "b"),
    "back-reference": (STR, {"regex": r"^(.)\1$"}, "aa", "ab"),
    "choices": (STR, {"choices": ("a", "b")}, "b", "c"),
    "int-choices": (INT, {"choices": (1, 2)}, 2, 3),
    "list-choices": (ListType(STR), {"choices": ("a", "b")}, ["b", "b"], ["a", "c"]),
    "list-bounds": (ListType(INT), {"ge": 1}, [1, 2], [1, 0]),
    "optional-bounds": (OptionalType(INT), {"ge": 1}, 1, 0),
}


@pytest.mark.parametrize("dialect", Dialect)
@pytest.mark.parametrize("name", CONSTRAINTS)
def test_constraints(name: str, dialect: Dialect) -> None:
    """What `Input()` demands is checked at both doors, inside of lists too."""
    kind, told, good, bad = CONSTRAINTS[name]

    assert checked(kind, good, dialect, **told) == good
    assert checked(kind, bad, dialect, **told) is REFUSED


BODIES = {
    "empty": b"",
    "half": b'{"value": ',
    "list": b"[]",
    "text": b'"x"',
    "null": b"null",
    "duplicate": b'{"value": 1, "value": 2}',
    "nested-duplicate": b'{"value": {"a": 1, "a": 2}}',
    "nan": b'{"value": NaN}',
    "infinity": b'{"value": -Infinity}',
    "overflow": b'{"value": 1e999}',
    "invalid-utf-8": b'{"value": "\xff"}',
    "half-surrogate": b'{"value": "\\ud800"}',
    "endless-integer": b'{"value": ' + b"9" * 5_000 + b"}",
    "deep-list": b'{"value": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "deep-object": b'{"value": ' + b'{"a":' * 5_000 + b"1" + b"}" * 5_000 + b"}",
    "utf-16": '{"value": 1}'.encode("utf-16"),
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES.keys())
def test_bodies_that_are_not_one_plain_object(body: bytes) -> None:
    """Whatever JSON leaves open is refused as invalid input, nothing else."""
    validator = Validator(one(AnyType()), Dialect.FAL)

    with pytest.raises(InvalidInput):
        validator.parse(decode(body))


def test_depth_counts_only_outside_of_strings() -> None:
    """Brackets in a text are text, and nesting up to the limit is taken."""
    text = '[\\"' * 1_000
    body = f'{{"value": "{text}"}}'.encode()

    assert decode(body) == {"value": '["' * 1_000}
    assert decode(b"[" * MAX_DEPTH + b"]" * MAX_DEPTH)


def test_missing_input_is_named_without_showing_the_request() -> None:
    """The error of a missing input repeats nothing, for a secret may stand beside it."""
    spec = predictor(InputSpec("prompt", STR), InputSpec("token", SecretType()))

    with pytest.raises(InvalidInput) as caught:
        Validator(spec, Dialect.FAL).parse({"token": "hunter2"})

    [problem] = caught.value.problems
    assert (problem.loc, problem.type, problem.message) == (
        ("prompt",),
        "missing",
        "Field required",
    )
    assert "hunter2" not in repr(caught.value.problems)


@pytest.mark.parametrize(
    "told", [{"min_length": 50}, {"regex": "^x"}, {"max_length": 2}], ids=["short", "regex", "long"]
)
def test_secrets_are_masked_in_errors(told: dict[str, Any]) -> None:
    """A secret that does not fit is not repeated."""
    validator = Validator(one(SecretType(), **told), Dialect.COG)

    with pytest.raises(InvalidInput) as caught:
        validator.parse({"value": "hunter2"})

    assert "hunter2" not in repr(caught.value.problems) + str(caught.value)


def test_long_values_are_cut_in_errors() -> None:
    """An error does not send megabytes back."""
    with pytest.raises(InvalidInput) as caught:
        Validator(one(PATH), Dialect.FAL).parse({"value": "x" * 5_000_000})

    assert len(repr(caught.value.problems)) < 2_000


def test_defaults_have_the_declared_type() -> None:
    """An int default of a float is a float, files are as written, lists are not shared."""
    spec = predictor(
        InputSpec("scale", FLOAT, default=1),
        InputSpec("picture", PATH, default="examples/a.png"),
        InputSpec("remote", PATH, default="https://x/a.png"),
        InputSpec("token", SecretType(), default="s"),
        InputSpec("names", ListType(STR), default=["a"]),
        InputSpec("seed", INT, default=None),
        InputSpec("odd", INT, default=99, le=10),
    )
    validator = Validator(spec, Dialect.FAL)

    values = validator.parse({})
    values["names"].append("b")

    assert repr(values["scale"]) == "1.0"
    assert values["picture"] == "examples/a.png"
    assert values["remote"] == "https://x/a.png"
    assert values["token"] == Secret("s")
    assert values["seed"] is None
    assert values["odd"] == 99
    assert validator.parse({})["names"] == ["a"]


def test_input_with_default_none_takes_null_at_fals_door() -> None:
    """`seed: int = Input(default=None)` is optional, so null is as good as leaving it out."""
    assert checked(INT, None, Dialect.FAL, default=None) is None
    assert checked(INT, None, Dialect.COG, default=None) is REFUSED


def test_unknown_inputs_are_dropped_and_told() -> None:
    """The names of dropped inputs reach whoever logs them."""
    told: list[tuple[str, ...]] = []
    validator = Validator(one(INT), Dialect.FAL, on_unknown=told.append)

    values = validator.parse({"a": 1, "value": 2, "b": 3})

    assert values == {"value": 2}
    assert told == [("a", "b")]


def test_a_pattern_cannot_hang_the_server() -> None:
    """A pattern of exponential time has a deadline where Pydantic's engine does not know it."""
    validator = Validator(one(STR, regex=r"^(?!x)(a+)+$"), Dialect.FAL)

    with pytest.raises(InvalidInput):
        validator.parse({"value": "a" * 60 + "!"})


def test_a_regex_that_is_none_is_refused_with_its_input() -> None:
    """A broken pattern fails before the first request."""
    with pytest.raises(PredictorError, match="'value'"):
        Validator(one(STR, regex="("), Dialect.FAL)


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**30), 10**30)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8)
    | st.sampled_from(["https://x/y", "data:,x", "1", "a"]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=6,
)
WITH_INPUT = sorted(name for name, spec in PREDICTORS.items() if len(spec.inputs) == 1)


@settings(max_examples=300)
@given(name=st.sampled_from(WITH_INPUT), value=json_values)
def test_any_value_is_taken_or_refused(name: str, value: Any) -> None:
    """No value crashes; what is taken by Cog's dialect is taken by fal's, as the same."""
    spec = PREDICTORS[name]
    body = json.dumps({spec.inputs[0].name: value}).encode()
    strict, lax = (_parsed(spec, dialect, body) for dialect in (Dialect.COG, Dialect.FAL))

    assert strict in (None, lax) or value is None  # which stands for the default, or for None


def _parsed(spec: PredictorSpec, dialect: Dialect, body: bytes) -> dict[str, Any] | None:
    try:
        return Validator(spec, dialect).parse(decode(body))
    except InvalidInput:
        return None


@settings(max_examples=200)
@given(body=st.binary(max_size=40))
def test_any_bytes_are_taken_or_refused(body: bytes) -> None:
    """No body crashes, and what comes out is JSON."""
    try:
        value = decode(body)
    except InvalidInput:
        return

    assert json.loads(json.dumps(value, allow_nan=False)) == value


@settings(max_examples=100)
@given(value=st.integers(-(2**63), 2**63) | st.floats(-1e15, 1e15).map(math.floor))
def test_numbers_keep_their_value(value: int) -> None:
    """An integer comes out as it went in, also when JSON wrote it as a float."""
    assert checked(INT, value, Dialect.COG) == value


def test_null_for_an_optional_input_is_as_good_as_leaving_it_out() -> None:
    """Its default is taken, as where a caller in JavaScript leaves a field empty."""
    spec = one(OptionalType(INT), default=5)

    values = Validator(spec, Dialect.COG).parse({"value": None})

    assert values == {"value": 5}


def test_wrong_values_are_named_up_to_ten_and_counted() -> None:
    """Those of lists in lists too, wherever they lie."""
    spec = one(ListType(ListType(INT)))
    sent = [[1] * 600, ["x"] * 700, [1], ["y"] * 20]

    with pytest.raises(InvalidInput) as caught:
        Validator(spec, Dialect.FAL).parse({"value": sent})

    *named, last = caught.value.problems
    assert [problem.loc for problem in named] == [("value", 1, n) for n in range(10)]
    assert last.context == {"count": 720}


def test_a_long_list_is_checked_like_a_short_one() -> None:
    """Converted where the API converts, and every wrong item is found at its own place."""
    spec = one(ListType(INT))
    wrong: list[object] = [1] * 2_000
    wrong[1_500] = "x"

    values = Validator(spec, Dialect.FAL).parse({"value": ["1"] * 2_000})
    with pytest.raises(InvalidInput) as caught:
        Validator(spec, Dialect.FAL).parse({"value": wrong})

    assert values == {"value": [1] * 2_000}
    assert [problem.loc for problem in caught.value.problems] == [("value", 1_500)]


@pytest.mark.parametrize("dialect", Dialect)
@pytest.mark.parametrize("value", [3, 3.0, 2.5, "3", None, 10**30])
def test_a_union_with_float_keeps_a_number_as_it_is(dialect: Dialect, value: object) -> None:
    """An integer stays one where only float and text are declared, one that is too long is none."""
    spec = one(OptionalType(UnionType((STR, FLOAT))), default="a")

    taken = Validator(spec, dialect).parse({"value": value})["value"]

    wanted = "a" if value is None and dialect is Dialect.COG else value
    assert taken == (wanted if value != 10**30 else 1e30)
    assert type(taken) is (float if value == 10**30 else type(wanted))


def test_an_integer_in_a_union_with_float_has_its_bounds() -> None:
    """What `Input()` demands of the float holds for an integer in its place."""
    spec = one(UnionType((STR, FLOAT)), le=5)

    with pytest.raises(InvalidInput):
        Validator(spec, Dialect.FAL).parse({"value": 6})

    assert Validator(spec, Dialect.FAL).parse({"value": 5}) == {"value": 5}
