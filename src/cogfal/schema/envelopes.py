"""Describe Cog's HTTP API around one model: its paths, and the envelopes of its requests."""

from __future__ import annotations

from typing import Any, Final

from cogfal.schema.json_types import REF, Schema
from cogfal.spec import Role

_OK: Final = "Successful Response"


def cog_paths(role: Role, *, streaming: bool) -> dict[str, Any]:
    """Return the paths that create, repeat and cancel predictions or trainings."""
    noun, kind, verb = _WORDS[role]
    name = f"{noun}_id"
    marks = {"x-cog-streaming": True} if streaming else {}
    create = _operation(
        verb,
        f"Run a single {noun} on the model",
        f"{verb.lower()}_{kind}_post",
        parameters=[_prefer()],
        body=f"{noun.title()}Request",
        answer=f"{noun.title()}Response",
        streaming=streaming,
    )
    repeat = _operation(
        f"{verb} Idempotent",
        f"Run a single {noun} on the model (idempotent creation).",
        f"{verb.lower()}_idempotent_{kind}__{name}__put",
        parameters=[_id(noun), _prefer()],
        body=f"{noun.title()}Request",
        answer=f"{noun.title()}Response",
        streaming=streaming,
    )
    cancel = _operation(
        "Cancel",
        f"Cancel a running {noun}",
        f"cancel_{kind}__{name}__cancel_post",
        parameters=[_id(noun)],
    )
    return {
        f"/{kind}": {"post": create | marks},
        f"/{kind}/{{{name}}}": {"put": repeat | marks},
        f"/{kind}/{{{name}}}/cancel": {"post": cancel},
    }


def index_operation() -> dict[str, Any]:
    """Return `GET /`."""
    return _operation("Root", "List the paths of Cog's API", "root__get")


def health_operation() -> dict[str, Any]:
    """Return `GET /health-check`."""
    return _operation("Healthcheck", "Report the model's health", "healthcheck_health_check_get")


def document_operation() -> dict[str, Any]:
    """Return `GET /openapi.json`."""
    return _operation("Schema", "Describe this API", "openapi_openapi_json_get")


def json_content(schema: Schema) -> dict[str, Any]:
    """Return the `content` of a JSON body."""
    return {"application/json": {"schema": schema}}


def envelopes(role: Role) -> dict[str, Schema]:
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


def shared_envelopes() -> dict[str, Schema]:
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
        "Status": _enumeration(
            "Status", ["starting", "processing", "succeeded", "canceled", "failed"]
        ),
        "WebhookEvent": _enumeration("WebhookEvent", ["start", "output", "logs", "completed"]),
    }


def _operation(
    summary: str,
    description: str,
    operation_id: str,
    *,
    parameters: list[dict[str, Any]] | None = None,
    body: str | None = None,
    answer: str | None = None,
    streaming: bool = False,
) -> dict[str, Any]:
    content = json_content({"$ref": REF + answer} if answer else {})
    if streaming:
        content |= {"text/event-stream": {"schema": {"type": "string"}}}
    responses = {"200": {"description": _OK, "content": content}}
    operation: dict[str, Any] = {
        "summary": summary,
        "description": description,
        "operationId": operation_id,
    }
    if parameters:
        operation["parameters"] = parameters
    if body:
        operation["requestBody"] = {"content": json_content({"$ref": REF + body})}
        responses |= {
            "202": {"description": "Accepted", "content": json_content({"$ref": f"{REF}{answer}"})},
            "409": {"description": "Every slot is taken"},
            "422": {
                "description": "Validation Error",
                "content": json_content({"$ref": f"{REF}HTTPValidationError"}),
            },
        }
    elif parameters:
        responses["404"] = {"description": "No such prediction is running"}
    return operation | {"responses": responses}


def _prefer() -> dict[str, Any]:
    schema = {"title": "Prefer", "type": "string"}
    return {"name": "prefer", "in": "header", "required": False, "schema": schema}


def _id(noun: str) -> dict[str, Any]:
    schema = {"type": "string", "title": f"{noun.title()} ID"}
    return {"name": f"{noun}_id", "in": "path", "required": True, "schema": schema}


def _nullable(title: str, kind: str = "string", **more: Any) -> Schema:
    return _or_null({"type": kind, **more}, title=title)


def _or_null(schema: Schema, **beside: Any) -> Schema:
    return {"anyOf": [schema, {"type": "null"}], **beside}


def _object(title: str, properties: dict[str, Schema]) -> Schema:
    return {"properties": properties, "type": "object", "title": title}


def _enumeration(title: str, values: list[str]) -> Schema:
    return {"type": "string", "enum": values, "title": title, "description": "An enumeration."}


_WORDS: Final = {
    Role.PREDICT: ("prediction", "predictions", "Predict"),
    Role.TRAIN: ("training", "trainings", "Train"),
}
