"""The schemas of fal's typed endpoint."""

from __future__ import annotations

import math
import re
from typing import Any

import pytest

from cogfal.schema.cog_schema import REF
from cogfal.schema.fal_schema import MediaKind, fal_schemas, media_kind_of_name, widget
from cogfal.spec import (
    FieldSpec,
    InputSpec,
    IteratorType,
    ListType,
    OptionalType,
    PredictorSpec,
    Type,
)
from tests.schema.corpus import (
    ANY,
    BOOL,
    FILE,
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


def schemas(spec: PredictorSpec, output_name: str = "output") -> dict[str, Any]:
    """Return all components of a predictor."""
    return fal_schemas([spec], output_name, frozenset())[0]


def inputs(spec: PredictorSpec) -> dict[str, Any]:
    """Return the properties of a predictor's inputs."""
    found: dict[str, Any] = schemas(spec)["PredictInput"]["properties"]
    return found


def test_required_inputs_come_first_in_the_authors_order() -> None:
    """The form begins with what must be filled in."""
    spec = predictor(
        InputSpec("steps", INT, default=1),
        InputSpec("prompt", STR),
        InputSpec("seed", INT, default=None),
        InputSpec("image", PATH),
    )

    schema = schemas(spec)["PredictInput"]

    assert list(schema["properties"]) == ["prompt", "image", "steps", "seed"]
    assert schema["x-fal-order-properties"] == ["prompt", "image", "steps", "seed"]
    assert schema["required"] == ["prompt", "image"]


def test_slider_has_both_bounds() -> None:
    """A number between two bounds is a slider."""
    schema = inputs(one(FLOAT, ge=0.5, le=2, default=1))["value"]

    assert schema["minimum"] == 0.5
    assert schema["maximum"] == 2
    assert schema["default"] == 1


def test_choices_are_a_dropdown_without_references() -> None:
    """A dropdown is an enum in place."""
    schema = inputs(one(STR, choices=("b", "a"), default="a"))["value"]

    assert schema["enum"] == ["b", "a"]
    assert "$ref" not in schema


def test_numbers_survive_deploy_metadata() -> None:
    """Bounds and defaults that a double cannot hold are not shown as integers."""
    spec = predictor(
        InputSpec("seed", INT, ge=0, le=2**64 - 1, default=2**60),
        InputSpec("x", FLOAT, ge=-math.inf),
    )

    shown = inputs(spec)

    assert "maximum" not in shown["seed"]
    assert "minimum" not in shown["x"]
    assert isinstance(shown["seed"]["default"], float)


def test_secret_is_a_password_without_its_default() -> None:
    """A secret is shown as a password, its default not at all."""
    schema = inputs(one(SECRET, default="hunter2"))["value"]

    assert schema["format"] == "password"
    assert "hunter2" not in repr(schema)


def test_deprecated_inputs_are_marked() -> None:
    """A deprecated input says so."""
    assert inputs(one(STR, deprecated=True))["value"]["deprecated"] is True


@pytest.mark.parametrize("name", ["_x", "json", "model_name", "class_", "schema", "copy", "é"])
def test_any_parameter_name_is_a_property(name: str) -> None:
    """Names that Pydantic keeps for itself still reach the schema as they are."""
    assert list(inputs(one(STR, name))) == [name]


OUTPUTS: dict[str, tuple[Type, str, Any]] = {
    "text": (STR, "output", {"type": "string"}),
    "file": (PATH, "output", {"$ref": REF + "File"}),
    "image": (PATH, "image", {"$ref": REF + "Image"}),
    "videos": (
        ListType(PATH),
        "videos",
        {"type": "array", "items": {"$ref": REF + "Video"}},
    ),
    "audio": (
        IteratorType(PATH),
        "audio",
        {"type": "array", "items": {"$ref": REF + "Audio"}},
    ),
    "tokens": (IteratorType(STR), "output", {"type": "array", "items": {"type": "string"}}),
    "joined": (IteratorType(STR, concatenate=True), "output", {"type": "string"}),
    "anything": (ANY, "output", {}),
}


@pytest.mark.parametrize(("kind", "name", "expected"), OUTPUTS.values(), ids=OUTPUTS.keys())
def test_answer_is_one_field(kind: Type, name: str, expected: dict[str, Any]) -> None:
    """An answer that is no object is one field, whose name may state the kind of media."""
    schema = schemas(gives(kind), name)["PredictOutput"]["properties"]

    assert {**schema[name], "title": name.title()} == {**expected, "title": name.title()}


def test_answer_of_an_object_has_its_own_fields() -> None:
    """An object's fields are the answer, files in them as media by name."""
    kind = record(
        "Anything",
        FieldSpec("image", OptionalType(PATH), None),
        FieldSpec("weights", PATH),
        FieldSpec("safe", BOOL),
    )

    written = schemas(gives(kind))

    answer = written["PredictOutput"]["properties"]
    assert list(answer) == ["image", "weights", "safe"]
    assert answer["weights"]["$ref"] == REF + "File"
    assert "Image" in written


def test_image_has_the_fields_of_fals_own() -> None:
    """A picture is described as fal.toolkit does."""
    image = schemas(gives(PATH), "image")["Image"]

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
def test_every_row_has_schemas(name: str) -> None:
    """Every signature of the table has both, and they refer to nothing that is not there."""
    spec = PREDICTORS[name]

    written, ((given, answer),) = fal_schemas([spec], "output", frozenset())

    assert set(written[given]["properties"]) == {each.name for each in spec.inputs}
    assert written[answer]["properties"] is not None
    referred = set(re.findall(r"'#/components/schemas/(\w+)'", repr(written)))
    assert referred <= set(written)


def test_trainers_schemas_have_names_of_their_own() -> None:
    """A model that is trained has four of them."""
    spec, trainer = MODELS["train"]

    _, names = fal_schemas([spec, trainer], "output", frozenset())

    assert names == [("PredictInput", "PredictOutput"), ("TrainInput", "TrainOutput")]


def test_names_that_are_taken_are_left_alone() -> None:
    """Two classes of one name, and one of a name that Cog's document has, all are described."""
    one_kind = record("Thing", FieldSpec("a", INT))
    other = record("Thing", FieldSpec("b", STR))
    kind = record("Whole", FieldSpec("one", one_kind), FieldSpec("other", other))

    written, _ = fal_schemas([gives(kind)], "output", frozenset({"Thing"}))

    assert [list(written[name]["properties"]) for name in ("FalThing", "FalThing__2")] == [
        ["a"],
        ["b"],
    ]


WIDGETS: dict[str, tuple[InputSpec, str | None]] = {
    "image-by-name": (InputSpec("image", PATH), "image"),
    "image-by-last-word": (InputSpec("video_mask", PATH), "image"),
    "image-numbered": (InputSpec("image2", PATH), "image"),
    "image-camel": (InputSpec("inputImage", PATH), "image"),
    "image-optional": (InputSpec("mask", OptionalType(PATH)), "image"),
    "images": (InputSpec("style_images", ListType(PATH)), "image"),
    "video": (InputSpec("driving_video", FILE), "video"),
    "audio": (InputSpec("speaker_wav", PATH), "audio"),
    "archive": (InputSpec("image_archive", PATH), "file"),
    "weights": (InputSpec("weights", PATH), "file"),
    "by-accept": (InputSpec("source", PATH, accept="image/*"), "image"),
    "by-extensions": (InputSpec("source", PATH, accept=".mp3, .wav"), "audio"),
    "accept-over-name": (InputSpec("image", PATH, accept=".zip"), "file"),
    "accept-mixed": (InputSpec("source", PATH, accept="image/*,video/*"), "file"),
    "by-description": (InputSpec("source", PATH, description="The video to edit."), "video"),
    "plain-file": (InputSpec("source", PATH), "file"),
    "prompt": (InputSpec("prompt", STR), "textarea"),
    "negative-prompt": (InputSpec("negative_prompt", OptionalType(STR)), "textarea"),
    "text": (InputSpec("text", STR), "textarea"),
    "short-text": (InputSpec("name", STR), None),
    "prompt-of-choices": (InputSpec("prompt", STR, choices=("a", "b")), None),
    "seed": (InputSpec("seed", INT), "seed"),
    "noise-seed": (InputSpec("noise_seed", OptionalType(INT)), "seed"),
    "float-seed": (InputSpec("seed", FLOAT), None),
    "secret": (InputSpec("prompt", SECRET), None),
}


@pytest.mark.parametrize(("each", "expected"), WIDGETS.values(), ids=WIDGETS.keys())
def test_widget_of_an_input(each: InputSpec, expected: str | None) -> None:
    """An input is shown as its declaration, its name or its description suggests."""
    assert widget(each) == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("image", MediaKind.IMAGE),
        ("images", MediaKind.IMAGE),
        ("video", MediaKind.VIDEO),
        ("audio", MediaKind.AUDIO),
        ("output", None),
        ("model_glb", None),
    ],
)
def test_media_kind_that_a_name_states(name: str, expected: Any) -> None:
    """A field's name states the kind of media where it is a word for one."""
    assert media_kind_of_name(name) == expected
