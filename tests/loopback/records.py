"""What the loopback remembers for a test to look at."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from google.protobuf.json_format import MessageToDict
from isolate_proto import HostedRun, RegisterApplicationRequest


@dataclass(frozen=True, slots=True)
class StoredFile:
    """An app file as the client sent it."""

    content: bytes
    mode: int


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that an app delivered to the CDN; header names are in lower case."""

    name: str
    content: bytes
    headers: dict[str, str]
    url: str


@dataclass(frozen=True, slots=True)
class Registration:
    """What `fal deploy` registered, or what `fal run` asked to run.

    `environment` is the first environment's configuration, `machine` the machine requirements by
    their gRPC names, `message` the whole request.
    """

    name: str
    revision: str
    kind: str
    environment: dict[str, Any]
    machine: dict[str, Any]
    metadata: dict[str, Any]
    files: dict[str, StoredFile]
    entrypoint: str | None
    message: RegisterApplicationRequest | HostedRun = field(repr=False)

    @property
    def requirements(self) -> list[str]:
        """Every requirement, layers joined."""
        asked = self.environment.get("requirements", [])
        layers = asked if asked and isinstance(asked[0], list) else [asked]
        return [requirement for layer in layers for requirement in layer]

    @property
    def openapi(self) -> dict[str, Any]:
        """The OpenAPI document in the metadata."""
        document: dict[str, Any] = self.metadata["openapi"]
        return document

    @property
    def image(self) -> dict[str, Any]:
        """The container image; empty for a virtual environment."""
        image: dict[str, Any] = self.environment.get("image", {})
        return image


def registration(
    request: RegisterApplicationRequest | HostedRun,
    revision: str,
    files: dict[str, StoredFile],
) -> Registration:
    """Read a request into plain values."""
    first = request.environments[0]
    metadata = (
        MessageToDict(request.metadata) if isinstance(request, RegisterApplicationRequest) else {}
    )
    return Registration(
        name=request.application_name,
        revision=revision,
        kind=first.kind,
        environment=MessageToDict(first.configuration),
        machine=MessageToDict(request.machine_requirements, preserving_proto_field_name=True),
        metadata=metadata,
        files=files,
        entrypoint=request.entrypoint or None,
        message=request,
    )
