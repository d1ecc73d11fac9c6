"""The models of fal's typed endpoint."""

from __future__ import annotations

import math
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from cogfal.schema import input_model, output_model
from cogfal.spec import FieldSpec, InputSpec, IteratorType, ListType, OptionalType, Type
from tests.schema.corpus import (
    ANY,
    BOOL,
    FLOAT,
    INT,
    MODELS,
    PATH,
    PREDICTORS,
    SECRET,
    STR,
    gives,
    one,
    predictor,
    record,
)


def properties(model: type[BaseModel]) -> dict[str, Any]:
    """Return the properties of a model's schema."""
    found: dict[str, Any] = model.model_json_schema()["properties"]
    return found


def test_required_inputs_come_first_in_the_authors_order() -> None:
    """The form begins with what must be filled in."""
    spec = predictor(
        InputSpec("steps", INT, default=1),
        InputSpec("prompt", STR),
        InputSpec("seed", INT, default=None),
        InputSpec("image", PATH),
    )

    model = input_model(spec)

    assert list(properties(model)) == ["prompt", "image", "steps", "seed"]
    assert model.model_json_schema()["required"] == ["prompt", "image"]


def test_slider_has_both_bounds() -> None:
    """A number between two bounds is a slider."""
    schema = properties(input_model(one(FLOAT, ge=0.5, le=2, default=1)))["value"]

    assert schema["minimum"] == 0.5
    assert schema["maximum"] == 2
    assert schema["default"] == 1


def test_choices_are_a_dropdown_without_references() -> None:
    """A dropdown is an enum in place."""
    schema = properties(input_model(one(STR, choices=("b", "a"), default="a")))["value"]

    assert schema["enum"] == ["b", "a"]
    assert "$ref" not in schema


def test_numbers_survive_deploy_metadata() -> None:
    """Bounds and defaults that a double cannot hold are not shown as integers."""
    spec = predictor(
        InputSpec("seed", INT, ge=0, le=2**64 - 1, default=2**60),
        InputSpec("x", FLOAT, ge=-math.inf),
    )

    shown = properties(input_model(spec))

    assert "maximum" not in shown["seed"]
    assert "minimum" not in shown["x"]
    assert isinstance(shown["seed"]["default"], float)


def test_secret_is_a_password_without_its_default() -> None:
    """A secret is shown as a password, its default not at all."""
    schema = properties(input_model(one(SECRET, default="hunter2")))["value"]

    assert schema["format"] == "password"
    assert "hunter2" not in repr(schema)


def test_deprecated_inputs_are_marked() -> None:
    """A deprecated input says so."""
    assert properties(input_model(one(STR, deprecated=True)))["value"]["deprecated"] is True


@pytest.mark.parametrize("name", ["_x", "json", "model_name", "class_", "schema", "copy", "é"])
def test_any_parameter_name_is_a_property(name: str) -> None:
    """Names that Pydantic keeps for itself still reach the schema as they are."""
    assert list(properties(input_model(one(STR, name)))) == [name]


def test_model_checks_the_constraints() -> None:
    """The model itself holds what `Input()` demands."""
    model = input_model(one(INT, ge=1, le=3))

    assert model.model_validate({"value": "2"}).model_dump() == {"value": 2}
    with pytest.raises(ValidationError):
        model.model_validate({"value": 4})


OUTPUTS: dict[str, tuple[Type, str, Any]] = {
    "text": (STR, "output", {"type": "string"}),
    "file": (PATH, "output", {"$ref": "#/$defs/File"}),
    "image": (PATH, "image", {"$ref": "#/$defs/Image"}),
    "videos": (ListType(PATH), "videos", {"type": "array", "items": {"$ref": "#/$defs/Video"}}),
    "audio": (IteratorType(PATH), "audio", {"type": "array", "items": {"$ref": "#/$defs/Audio"}}),
    "tokens": (IteratorType(STR), "output", {"type": "array", "items": {"type": "string"}}),
    "joined": (IteratorType(STR, concatenate=True), "output", {"type": "string"}),
    "anything": (ANY, "output", {}),
}


@pytest.mark.parametrize(("kind", "name", "expected"), OUTPUTS.values(), ids=OUTPUTS.keys())
def test_answer_is_one_field(kind: Type, name: str, expected: dict[str, Any]) -> None:
    """An answer that is no object is one field, whose name may state the kind of media."""
    schema = properties(output_model(gives(kind), name))

    assert {**schema[name], "title": name.title()} == {**expected, "title": name.title()}


def test_answer_of_an_object_has_its_own_fields() -> None:
    """An object's fields are the answer, files in them as media by name."""
    kind = record(
        "Anything",
        FieldSpec("image", OptionalType(PATH), None),
        FieldSpec("weights", PATH),
        FieldSpec("safe", BOOL),
    )

    model = output_model(gives(kind))

    assert list(properties(model)) == ["image", "weights", "safe"]
    assert properties(model)["weights"]["$ref"] == "#/$defs/File"
    assert "Image" in model.model_json_schema()["$defs"]
    assert model.__name__ == "PredictOutput"


def test_image_has_the_fields_of_fals_own() -> None:
    """A picture is described as fal.toolkit does."""
    image = output_model(gives(PATH), "image").model_json_schema()["$defs"]["Image"]

    assert list(image["properties"]) == [
        "url",
        "content_type",
        "file_name",
        "file_size",
        "width",
        "height",
    ]
    assert image["ui"] == {"field": "image"}


@pytest.mark.parametrize("name", PREDICTORS)
def test_every_row_has_models(name: str) -> None:
    """Every signature of the table has both models."""
    spec = PREDICTORS[name]

    assert set(properties(input_model(spec))) == {each.name for each in spec.inputs}
    assert output_model(spec).model_json_schema()["properties"] is not None


def test_trainers_models_have_names_of_their_own() -> None:
    """A model that is trained has four models."""
    _, trainer = MODELS["train"]

    assert input_model(trainer).__name__ == "TrainInput"
    assert output_model(trainer).__name__ == "TrainOutput"
