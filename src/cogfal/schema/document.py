"""Write the one OpenAPI document that Cog's callers and fal's Playground read.

Cog's readers find their paths and `components.schemas.Input` and `Output`; fal's find the typed
`POST /` with `PredictInput` and `PredictOutput`, and the order of paths and properties.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from cogfal.nested import leaves, map_leaves
from cogfal.schema.cog_schema import REF, Schema, components, enum_component
from cogfal.schema.fal_schema import fal_schemas
from cogfal.spec import JSON, PredictorSpec, Role

VERSION: Final = "3.1.0"
"""fal's: its hints (`ui`, `examples`) are no OpenAPI 3.0. Cog's `nullable` is kept as a mark."""

_OK: Final = "Successful Response"


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
    specs = [spec] if train_spec is None else [spec, train_spec]
    cog = components(spec, train_spec)
    for each in specs:
        cog |= _envelopes(each.role)
    cog |= _shared_envelopes()
    fal, named = fal_schemas(specs, output_name, frozenset(cog))
    names = [name for pair in named for name in pair]
    _show_examples(fal[names[0]], examples)
    paths = _paths(spec, train_spec, names, streaming=streaming)
    described = {} if spec.description is None else {"description": spec.description}
    return {
        "openapi": VERSION,
        "info": {"title": title, "version": version} | described,
        "paths": paths,
        "components": {"schemas": fal | cog},
        "x-fal-order-paths": list(paths),
    }


def _paths(
    spec: PredictorSpec, train_spec: PredictorSpec | None, names: list[str], *, streaming: bool
) -> dict[str, Any]:
    about = spec.description or "Run the model once."
    paths: dict[str, Any] = {
        "/": {
            "post": _endpoint("Predict", about, "predict", names[0], _answer(_OK, names[1])),
            "get": _get("Root", "List the paths of Cog's API", "root__get"),
        },
        "/cancel": {"post": _fal_cancel("cancel")},
    }
    if streaming:
        events = {"description": "Server-sent events", "content": _EVENTS}
        paths["/stream"] = {"post": _endpoint("Stream", about, "stream", names[0], events)}
        paths["/stream/cancel"] = {"post": _fal_cancel("stream_cancel")}
    if train_spec is not None:
        about = train_spec.description or "Train the model."
        trained = _answer(_OK, names[3])
        paths["/train"] = {"post": _endpoint("Train", about, "train", names[2], trained)}
        paths["/train/cancel"] = {"post": _fal_cancel("train_cancel")}
    health = _get("Healthcheck", "Report the model's health", "healthcheck_health_check_get")
    paths["/health-check"] = {"get": health}
    described = _get("Schema", "Describe this API", "openapi_openapi_json_get")
    paths["/openapi.json"] = {"get": described}
    paths |= _cog_paths(spec.role, streaming=spec.streaming)
    if train_spec is not None:
        paths |= _cog_paths(train_spec.role, streaming=train_spec.streaming)
    return paths


def _cog_paths(role: Role, *, streaming: bool) -> dict[str, Any]:
    """Return the paths that create, repeat and cancel predictions or trainings."""
    noun, kind, verb = _WORDS[role]
    name = f"{noun}_id"
    number = {"type": "string", "title": f"{noun.title()} ID"}
    wanted = {"name": name, "in": "path", "required": True, "schema": number}
    prefer = _header("prefer", "Prefer")
    done = _answer(_OK, f"{noun.title()}Response")
    done["content"] |= _EVENTS if streaming else {}
    body = {"content": _json(f"{noun.title()}Request")}
    responses = {
        "200": done,
        "202": _answer("Accepted", f"{noun.title()}Response"),
        "409": {"description": "Every slot is taken"},
        "422": _INVALID,
    }
    run, start = f"Run a single {noun} on the model", verb.lower()
    given = {"parameters": [prefer], "requestBody": body}
    created = _operation(verb, run, f"{start}_{kind}_post", responses, **given)
    repeated = _operation(
        f"{verb} Idempotent",
        f"{run} (idempotent creation).",
        f"{start}_idempotent_{kind}__{name}__put",
        responses,
        **(given | {"parameters": [wanted, prefer]}),
    )
    cancelled = _operation(
        "Cancel",
        f"Cancel a running {noun}",
        f"cancel_{kind}__{name}__cancel_post",
        {"200": _answer(_OK), "404": {"description": "No such prediction is running"}},
        parameters=[wanted],
    )
    marks = {"x-cog-streaming": True} if streaming else {}
    return {
        f"/{kind}": {"post": created | marks},
        f"/{kind}/{{{name}}}": {"put": repeated | marks},
        f"/{kind}/{{{name}}}/cancel": {"post": cancelled},
    }


def _endpoint(
    summary: str, about: str, operation_id: str, body: str, answer: dict[str, Any]
) -> dict[str, Any]:
    """Describe a path that runs the model by fal's rules."""
    responses = {
        "200": answer,
        "422": _INVALID,
        "499": {"description": "Cancelled"},
        "500": {"description": "The model failed"},
    }
    required = {"required": True, "content": _json(body)}
    return _operation(summary, about, operation_id, responses, requestBody=required)


def _fal_cancel(operation_id: str) -> dict[str, Any]:
    about = "Cancel the request with this id."
    responses = {"200": _answer(_OK), "404": {"description": "No such request is running"}}
    wanted = [_header("x-fal-request-id", "X-Fal-Request-Id")]
    return _operation("Cancel", about, operation_id, responses, parameters=wanted)


def _get(summary: str, description: str, operation_id: str) -> dict[str, Any]:
    return _operation(summary, description, operation_id, {"200": _answer(_OK)})


def _operation(
    summary: str, description: str, operation_id: str, responses: dict[str, Any], **request: Any
) -> dict[str, Any]:
    """Describe one method of a path; `request` holds its `parameters` and its `requestBody`."""
    named = {"summary": summary, "description": description, "operationId": operation_id}
    return {**named, **request, "responses": responses}


def _header(name: str, title: str) -> dict[str, Any]:
    schema = {"title": title, "type": "string"}
    return {"name": name, "in": "header", "required": False, "schema": schema}


def _answer(description: str, name: str | None = None) -> dict[str, Any]:
    return {"description": description, "content": _json(name)}


def _json(name: str | None) -> dict[str, Any]:
    """Return the `content` of a JSON body, which is a component of that name, or any value."""
    return {"application/json": {"schema": {"$ref": REF + name} if name else {}}}


def _show_examples(inputs: Schema, examples: Sequence[Mapping[str, Any]]) -> None:
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


def _envelopes(role: Role) -> dict[str, Schema]:
    """Return the components of the requests and responses, beside the model's own."""
    noun = _WORDS[role][0].title()
    prefix = "Training" if role is Role.TRAIN else ""
    shared: dict[str, Schema] = {
        "input": _or_null({"$ref": f"{REF}{prefix}Input"}),
        "id": _nullable("Id"),
        "created_at": _nullable("Created At", format="date-time"),
        "context": _nullable("Context", "object", additionalProperties={"type": "string"}),
        "output_file_prefix": _nullable("Output File Prefix"),
        "webhook": _nullable("Webhook", format="uri", minLength=1, maxLength=65536),
        "webhook_events_filter": _or_null(
            {"items": {"$ref": f"{REF}WebhookEvent"}, "type": "array"},
            title="Webhook Events Filter",
            default=["start", "output", "logs", "completed"],
        ),
    }
    answer: dict[str, Schema] = {
        "input": shared["input"],
        "output": _or_null({"$ref": f"{REF}{prefix}Output"}),
        "id": _nullable("Id"),
        "version": _nullable("Version"),
        "created_at": shared["created_at"],
        "started_at": _nullable("Started At", format="date-time"),
        "completed_at": _nullable("Completed At", format="date-time"),
        "logs": {"type": "string", "title": "Logs", "default": ""},
        "error": _nullable("Error"),
        "status": _or_null({"$ref": f"{REF}Status"}),
        "metrics": _nullable("Metrics", "object", additionalProperties=True),
    }
    return {
        f"{noun}Request": _object(f"{noun}Request", shared),
        f"{noun}Response": _object(f"{noun}Response", answer),
    }


def _shared_envelopes() -> dict[str, Schema]:
    """Return the components that do not depend on the model."""
    place: Schema = {"anyOf": [{"type": "string"}, {"type": "integer"}]}
    error: dict[str, Schema] = {
        "loc": {"items": place, "type": "array", "title": "Location"},
        "msg": {"type": "string", "title": "Message"},
        "type": {"type": "string", "title": "Error Type"},
    }
    details: Schema = {
        "items": {"$ref": f"{REF}ValidationError"},
        "type": "array",
        "title": "Detail",
    }
    return {
        "HTTPValidationError": _object("HTTPValidationError", {"detail": details}),
        "ValidationError": _object("ValidationError", error) | {"required": list(error)},
        "Status": enum_component(
            ("starting", "processing", "succeeded", "canceled", "failed"), "Status"
        ),
        "WebhookEvent": enum_component(("start", "output", "logs", "completed"), "WebhookEvent"),
    }


def _nullable(title: str, kind: str = "string", **more: Any) -> Schema:
    return _or_null({"type": kind, **more}, title=title)


def _or_null(schema: Schema, **beside: Any) -> Schema:
    return {"anyOf": [schema, {"type": "null"}], **beside}


def _object(title: str, properties: dict[str, Schema]) -> Schema:
    return {"properties": properties, "type": "object", "title": title}


_WORDS: Final = {
    Role.PREDICT: ("prediction", "predictions", "Predict"),
    Role.TRAIN: ("training", "trainings", "Train"),
}
_EVENTS: Final = {"text/event-stream": {"schema": {"type": "string"}}}
_INVALID: Final = _answer("Validation Error", "HTTPValidationError")
