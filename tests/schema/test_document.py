"""The one OpenAPI document."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
import schemathesis

from cogfal.schema.cog_schema import components
from cogfal.schema.document import document
from cogfal.spec import FieldSpec, InputSpec, PredictorSpec
from tests.schema.corpus import INT, MODELS, PATH, PREDICTORS, STR, one, predictor, record

ROWS: dict[str, tuple[PredictorSpec, PredictorSpec | None]] = {
    **{name: (spec, None) for name, spec in PREDICTORS.items()},
    **MODELS,
}


def written(name: str) -> dict[str, Any]:
    """Return the document of a row."""
    return document(*ROWS[name], title="app", version="1", streaming=True)


@pytest.mark.parametrize("name", ROWS)
def test_references_resolve(name: str) -> None:
    """Nothing refers to a component that is not there, and the document is plain JSON."""
    result = written(name)
    text = json.dumps(result, allow_nan=False)

    wanted = set(re.findall(r'"\$ref": "([^"]+)"', text))

    assert wanted <= {f"#/components/schemas/{each}" for each in result["components"]["schemas"]}


@pytest.mark.parametrize("name", ROWS)
def test_documents_are_valid_openapi(name: str) -> None:
    """Each document is OpenAPI by OpenAPI's own schema."""
    schema = schemathesis.openapi.from_dict(written(name))

    schema.validate()
    operations = list(schema.get_all_operations())

    assert {type(operation).__name__ for operation in operations} == {"Ok"}


@pytest.mark.parametrize("name", ROWS)
def test_cogs_components_are_untouched(name: str) -> None:
    """Cog's readers find their components as if fal's were not there."""
    schemas = written(name)["components"]["schemas"]

    for each, schema in components(*ROWS[name]).items():
        assert schemas[each] == schema


def test_paths_of_both_readers() -> None:
    """The typed doors and Cog's API stand side by side, fal's root first."""
    paths = written("train")["paths"]

    assert next(iter(paths)) == "/"
    assert set(paths["/"]) == {"get", "post"}
    assert set(paths) == {
        "/",
        "/cancel",
        "/stream",
        "/stream/cancel",
        "/train",
        "/train/cancel",
        "/health-check",
        "/openapi.json",
        "/predictions",
        "/predictions/{prediction_id}",
        "/predictions/{prediction_id}/cancel",
        "/trainings",
        "/trainings/{training_id}",
        "/trainings/{training_id}/cancel",
    }


def test_doors_that_are_not_served_are_not_described() -> None:
    """Without streaming and without a trainer their paths are absent."""
    paths = document(one(STR), title="app", version="1")["paths"]

    assert not [path for path in paths if path.startswith(("/stream", "/train"))]


def test_order_is_marked_for_the_playground() -> None:
    """The Playground is told the order of paths and properties, as by fal itself."""
    spec = predictor(InputSpec("steps", INT, default=1), InputSpec("prompt", STR))

    result = document(spec, title="app", version="1")

    assert result["x-fal-order-paths"] == list(result["paths"])
    body = result["components"]["schemas"]["PredictInput"]
    assert body["x-fal-order-properties"] == ["prompt", "steps"]


def test_streaming_mark_is_on_cogs_operation() -> None:
    """`@streaming` marks the operations that can answer with events."""
    spec = PredictorSpec("predict.py", "P", "predict", (), STR, streaming=True)

    operation = document(spec, title="app", version="1")["paths"]["/predictions"]["post"]

    assert operation["x-cog-streaming"] is True
    assert "text/event-stream" in operation["responses"]["200"]["content"]


def test_an_authors_class_called_as_fals_model_keeps_clear() -> None:
    """The doors refer to their own models, whatever the author calls a class."""
    inner = record("PredictInput", FieldSpec("image", PATH))
    spec = predictor(output=record("Result", FieldSpec("part", inner)))

    result = document(spec, title="app", version="1")

    body = result["paths"]["/"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    schemas = result["components"]["schemas"]
    assert schemas[body["$ref"].rpartition("/")[2]]["properties"] == {}
    assert schemas["PredictInput"]["properties"]["image"]["format"] == "uri"


def test_output_name_renames_the_answer() -> None:
    """The App's `output_name` is the key of the answer and states its media."""
    result = document(predictor(output=PATH), title="app", version="1", output_name="image")

    answer = result["components"]["schemas"]["PredictOutput"]["properties"]
    assert answer == {"image": {"$ref": "#/components/schemas/Image"}}
