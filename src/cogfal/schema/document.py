"""Write the one OpenAPI document that Cog's callers and fal's Playground read.

Cog's readers find their paths and `components.schemas.Input` and `Output`; fal's find the typed
`POST /` with `PredictInput` and `PredictOutput`, and the order of paths and properties.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from cogfal.nested import leaves, map_leaves
from cogfal.schema.envelopes import (
    cog_paths,
    document_operation,
    envelopes,
    health_operation,
    index_operation,
    json_content,
    shared_envelopes,
)
from cogfal.schema.fal_schema import fal_schemas
from cogfal.schema.json_types import REF, Schema
from cogfal.schema.openapi import components
from cogfal.spec import JSON, PredictorSpec

VERSION: Final = "3.1.0"
"""fal's: its hints (`ui`, `examples`) are no OpenAPI 3.0. Cog's `nullable` is kept as a mark."""


def document(
    spec: PredictorSpec,
    train_spec: PredictorSpec | None = None,
    *,
    title: str,
    version: str,
    output_name: str = "output",
    streaming: bool = False,
    examples: Sequence[Mapping[str, Any]] = (),
) -> dict[str, Any]:
    """Return the OpenAPI document of an app.

    Args:
        spec: The predictor.
        train_spec: The trainer, where there is one.
        title: Name of the app.
        version: Version of the app.
        output_name: Key of an answer that is no object.
        streaming: Whether fal's `POST /stream` is served.
        examples: The predictor's, as in examples.yaml; fal's Playground begins with the first.
    """
    cog = components(spec, train_spec) | _envelopes(spec, train_spec)
    specs = [spec] if train_spec is None else [spec, train_spec]
    fal, named = fal_schemas(specs, output_name, frozenset(cog))
    names = [name for pair in named for name in pair]
    show_examples(fal[names[0]], examples)
    paths = _paths(spec, train_spec, names, streaming=streaming)
    return {
        "openapi": VERSION,
        "info": _info(spec, title, version),
        "paths": paths,
        "components": {"schemas": fal | cog},
        "x-fal-order-paths": list(paths),
    }


def _info(spec: PredictorSpec, title: str, version: str) -> dict[str, Any]:
    described = {} if spec.description is None else {"description": spec.description}
    return {"title": title, "version": version} | described


def _envelopes(spec: PredictorSpec, train_spec: PredictorSpec | None) -> dict[str, Schema]:
    trainer = {} if train_spec is None else envelopes(train_spec.role)
    return envelopes(spec.role) | trainer | shared_envelopes()


def _paths(
    spec: PredictorSpec,
    train_spec: PredictorSpec | None,
    names: list[str],
    *,
    streaming: bool,
) -> dict[str, Any]:
    about = spec.description or "Run the model once."
    paths: dict[str, Any] = {
        "/": {
            "post": _endpoint("Predict", about, "predict", names[0], names[1]),
            "get": index_operation(),
        },
        "/cancel": {"post": _cancel("cancel")},
    }
    if streaming:
        paths["/stream"] = {"post": _stream(about, names[0])}
        paths["/stream/cancel"] = {"post": _cancel("stream_cancel")}
    if train_spec is not None:
        train_about = train_spec.description or "Train the model."
        paths["/train"] = {"post": _endpoint("Train", train_about, "train", names[2], names[3])}
        paths["/train/cancel"] = {"post": _cancel("train_cancel")}
    paths |= {
        "/health-check": {"get": health_operation()},
        "/openapi.json": {"get": document_operation()},
    }
    paths |= cog_paths(spec.role, streaming=spec.streaming)
    if train_spec is not None:
        paths |= cog_paths(train_spec.role, streaming=train_spec.streaming)
    return paths


def _endpoint(summary: str, about: str, name: str, body: str, answer: str) -> dict[str, Any]:
    return {
        "summary": summary,
        "description": about,
        "operationId": name,
        "requestBody": _required_body(body),
        "responses": {
            "200": {
                "description": "Successful Response",
                "content": json_content({"$ref": REF + answer}),
            },
            **_failures(),
        },
    }


def _stream(about: str, body: str) -> dict[str, Any]:
    events = {"text/event-stream": {"schema": {"type": "string"}}}
    return {
        "summary": "Stream",
        "description": about,
        "operationId": "stream",
        "requestBody": _required_body(body),
        "responses": {
            "200": {"description": "Server-sent events", "content": events},
            **_failures(),
        },
    }


def _cancel(name: str) -> dict[str, Any]:
    header = {
        "name": "x-fal-request-id",
        "in": "header",
        "required": False,
        "schema": {"title": "X-Fal-Request-Id", "type": "string"},
    }
    return {
        "summary": "Cancel",
        "description": "Cancel the request with this id.",
        "operationId": name,
        "parameters": [header],
        "responses": {
            "200": {"description": "Successful Response", "content": json_content({})},
            "404": {"description": "No such request is running"},
        },
    }


def _required_body(name: str) -> dict[str, Any]:
    return {"required": True, "content": json_content({"$ref": REF + name})}


def _failures() -> dict[str, Any]:
    return {
        "422": {
            "description": "Validation Error",
            "content": json_content({"$ref": f"{REF}HTTPValidationError"}),
        },
        "499": {"description": "Cancelled"},
        "500": {"description": "The model failed"},
    }


def show_examples(inputs: Schema, examples: Sequence[Mapping[str, Any]]) -> None:
    """Add `examples` to the properties of an object's schema; the form begins with the first.

    Args:
        inputs: The schema of the inputs, which is changed.
        examples: Entries of examples.yaml. Files of the project have no address that a page of
            fal's could fetch, so they are left out, and secrets too.
    """
    for name, each in inputs["properties"].items():
        values = _values(name, each, examples)
        if values:
            each["examples"] = values


def _values(name: str, schema: Schema, examples: Sequence[Mapping[str, Any]]) -> list[JSON]:
    """Return what an input is in the examples, its default where one leaves it out."""
    if schema.get("format") == "password":
        return []
    found = [example["input"].get(name, schema.get("default")) for example in examples]
    given = [each for each in found if each is not None and not _names_file(each)]
    told = [map_leaves(each, _unmarked) for each in given]
    return [value for number, value in enumerate(told) if value not in told[:number]]


def _names_file(value: JSON) -> bool:
    texts = (each for _, each in leaves(value) if isinstance(each, str))
    return any(each.startswith("@") and not each.startswith("@@") for each in texts)


def _unmarked(text: JSON) -> JSON:
    """Return a text that begins with two `@` without the second, anything else as it is."""
    return text[1:] if isinstance(text, str) and text.startswith("@@") else text
