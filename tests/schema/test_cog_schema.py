"""Cog's components, against what the real Cog writes."""

from __future__ import annotations

import json
from typing import Any

import pytest

from cogfal.schema.cog_schema import components
from cogfal.spec import (
    AnyType,
    DictType,
    EnumType,
    InputSpec,
    IntegerType,
    ListType,
    LiteralType,
    ObjectFlavour,
    ObjectType,
    OpaqueType,
    OptionalType,
    PathType,
    SecretType,
    StringType,
    Type,
    UnionType,
)
from tests.schema.corpus import COLOUR, MODELS, PREDICTORS, SEGMENT, one, predictor
from tests.schema.make_golden import GOLDEN

ANSWERS: dict[str, Any] = json.loads(GOLDEN.read_text())

REFUSED = {
    "choices-odd-text": "Cog 0.16 makes the choices members of an Enum, and a member needs a name",
    "object-dataclass": "Cog 0.16 cannot load a decorated class beside the predictor",
}
"""Rows that Cog 0.16 refuses and cogfal serves."""

DIFFERENT = {
    name: "an `anyOf` that is empty says that no value fits"
    for name, answer in ANSWERS.items()
    if '"anyOf": []' in json.dumps(answer)
}
"""Rows in which cogfal differs from Cog 0.16 on purpose; docs/differences.md has the reasons."""


def _without_empty_any_of(schema: Any) -> Any:
    match schema:
        case dict():
            return {
                k: _without_empty_any_of(v) for k, v in schema.items() if (k, v) != ("anyOf", [])
            }
        case list():
            return [_without_empty_any_of(each) for each in schema]
        case _:
            return schema


@pytest.mark.parametrize("name", [name for name, answer in ANSWERS.items() if answer is not None])
def test_components_equal_those_of_cog_0_16(name: str) -> None:
    """The components are, once keys are sorted, what Cog 0.16 writes for the same signature."""
    specs = (PREDICTORS[name], None) if name in PREDICTORS else MODELS[name]

    ours = json.dumps(components(*specs), sort_keys=True)

    expected = _without_empty_any_of(ANSWERS[name]) if name in DIFFERENT else ANSWERS[name]
    assert json.loads(ours) == expected


def test_every_row_has_an_answer() -> None:
    """The recorded answers are those of the present table, and the refusals are known."""
    refused = {name for name, answer in ANSWERS.items() if answer is None}

    assert set(ANSWERS) == set(PREDICTORS) | set(MODELS)
    assert refused == set(REFUSED)
    assert len(ANSWERS) - len(refused) >= 150


NEWER: dict[str, tuple[InputSpec, dict[str, Any]]] = {
    "any": (InputSpec("x", AnyType()), {"type": "object"}),
    "dict": (InputSpec("x", DictType(AnyType())), {"type": "object"}),
    "typed-dict": (
        InputSpec("x", ObjectType("T", (), ObjectFlavour.TYPED_DICT)),
        {"type": "object"},
    ),
    "opaque": (InputSpec("x", OpaqueType()), {"type": "object"}),
    "list-of-dicts": (
        InputSpec("x", ListType(DictType(AnyType()))),
        {"type": "array", "items": {"type": "object"}},
    ),
    "optional-union": (
        InputSpec("x", OptionalType(UnionType((StringType(), IntegerType()))), default=None),
        {"anyOf": [{"type": "string"}, {"type": "integer"}], "nullable": True},
    ),
    "accept": (
        InputSpec("x", PathType(), accept="image/*"),
        {"type": "string", "format": "uri", "x-cog-accept": "image/*"},
    ),
    "secret-default-hidden": (
        InputSpec("x", SecretType(), default="s3cret"),
        {"type": "string", "format": "password", "writeOnly": True, "x-cog-secret": True},
    ),
    "infinite-default": (InputSpec("x", StringType(), default=float("inf")), {"type": "string"}),
    "list-choices": (
        InputSpec("x", ListType(StringType()), choices=("a", "b")),
        {"type": "array", "items": {"$ref": "#/components/schemas/x"}},
    ),
}


@pytest.mark.parametrize(("each", "expected"), NEWER.values(), ids=NEWER.keys())
def test_kinds_that_older_cog_refuses(each: InputSpec, expected: dict[str, Any]) -> None:
    """Kinds of input that came after Cog 0.16 are written as the current Cog writes them."""
    schema = components(predictor(each))["Input"]["properties"]["x"]

    assert schema == {**expected, "title": "X", "x-order": 0}


@pytest.mark.parametrize(
    ("kind", "told"),
    [(COLOUR, {}), (OptionalType(StringType()), {"choices": ("red", "blue")})],
    ids=["enum", "optional-choices"],
)
def test_choices_that_older_cog_refuses(kind: Type, told: dict[str, Any]) -> None:
    """Enum inputs, and choices of an optional input, are choices like others."""
    schemas = components(one(kind, **told))

    assert schemas["value"]["enum"] == ["red", "blue"]
    assert schemas["Input"]["properties"]["value"]["allOf"] == [
        {"$ref": "#/components/schemas/value"}
    ]


def test_names_that_clash_are_qualified() -> None:
    """A part of the output that is called like a component of Cog's keeps clear of it."""
    inner = ObjectType("Output", SEGMENT.fields)

    schemas = components(predictor(output=ListType(inner)))

    assert schemas["Output"]["items"] == {"$ref": "#/components/schemas/predict__Output"}
    assert schemas["predict__Output"]["title"] == "Output"


def test_equal_names_of_different_types_are_numbered() -> None:
    """Two classes of one name become two components."""
    first = ObjectType("Item", SEGMENT.fields)
    second = ObjectType("Item", ())

    schemas = components(predictor(output=UnionType((first, second))))

    assert schemas["Output"]["anyOf"] == [
        {"$ref": "#/components/schemas/Item"},
        {"$ref": "#/components/schemas/Item__2"},
    ]


def test_mixed_literal_has_no_type() -> None:
    """A choice of values of several types lists them without one."""
    schemas = components(one(LiteralType((1, "a"))))

    assert schemas["value"]["enum"] == [1, "a"]
    assert "type" not in schemas["value"]


def test_enum_keeps_one_of_equal_values() -> None:
    """Members that are aliases of one value appear once."""
    kind = EnumType("E", (("A", 1), ("B", 1), ("C", 2)))

    assert components(one(kind))["value"]["enum"] == [1, 2]
