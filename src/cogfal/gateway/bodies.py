"""Write what Replicate's HTTP API answers: predictions, trainings, models, versions, deployments.

The real clients refuse null where their models say so: `model` and `version` of a prediction,
`url`, `run_count` and `visibility` of a model, `created_at` and `cog_version` of a version.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from cogfal.gateway.callers import Caller
from cogfal.gateway.calls import Call, State
from cogfal.gateway.catalogue import Version
from cogfal.gateway.ids import Kind
from cogfal.server.cog_messages import COG_VERSION
from cogfal.spec import JSON

HARDWARE: Final = "fal"


@dataclass(frozen=True, slots=True)
class Subject:
    """What is known of a prediction apart from where it stands; `stream` is its stream's ticket."""

    id: str
    kind: Kind
    version: Version
    created_at: str
    input: JSON = None
    stream: str | None = None


def subject_of(call: Call) -> Subject:
    """Return what is known of a call apart from where it stands."""
    stream = call.ticket if call.kind is Kind.PREDICTION else None
    return Subject(call.id, call.kind, call.version, call.created_at, call.input, stream)


def prediction(subject: Subject, state: State, base: str) -> dict[str, JSON]:
    """Return a prediction or training; `base` is the gateway's address, with a slash at its end."""
    url = f"{base}v1/{subject.kind.value}/{subject.id}"
    urls = {"get": url, "cancel": f"{url}/cancel"}
    if subject.stream is not None:
        urls["stream"] = f"{base}v1/streams/{subject.stream}"
    return {
        "id": subject.id,
        "model": subject.version.model,
        "version": subject.version.id,
        "input": subject.input,
        "output": state.output,
        "logs": state.logs,
        "error": state.error,
        "status": state.status,
        "metrics": dict(state.metrics),
        "created_at": subject.created_at,
        "started_at": state.started_at,
        "completed_at": state.completed_at,
        "data_removed": False,
        "source": "api",
        "urls": urls,
    }


def model(version: Version, latest: JSON, base: str) -> dict[str, JSON]:
    """Return a model; `latest` is its latest version, or None while its schema is not known."""
    return {
        "url": f"{base}v1/models/{version.model}",
        "owner": version.owner,
        "name": version.name,
        "description": None,
        "visibility": "private",
        "github_url": None,
        "paper_url": None,
        "license_url": None,
        "run_count": 0,
        "cover_image_url": None,
        "default_example": None,
        "latest_version": latest,
    }


def version_body(version: Version, schema: JSON, since: str) -> dict[str, JSON]:
    """Return a version with its schema; `since` is when this gateway began to offer it."""
    return {
        "id": version.id,
        "created_at": since,
        "cog_version": COG_VERSION,
        "openapi_schema": schema,
    }


def deployment(version: Version, caller: Caller, since: str) -> dict[str, JSON]:
    """Return a deployment: every model is one, and fal scales it as its app says."""
    return {
        "owner": version.owner,
        "name": version.name,
        "current_release": {
            "number": 1,
            "model": version.model,
            "version": version.id,
            "created_at": since,
            "created_by": account(caller),
            "configuration": {"hardware": HARDWARE, "min_instances": 0, "max_instances": 1},
        },
    }


def account(caller: Caller) -> dict[str, JSON]:
    """Return who a caller is here."""
    return {"type": "user", "username": caller.name, "name": caller.name, "github_url": None}


def page(results: list[JSON]) -> dict[str, JSON]:
    """Return a list that has no further page."""
    return {"previous": None, "next": None, "results": results}
