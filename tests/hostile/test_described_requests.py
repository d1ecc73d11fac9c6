"""Requests made up from the documents that apps serve, at every route that these describe."""

from __future__ import annotations

import os
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, given, seed, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import response_schema_conformance

from tests.hostile.target import Target

EXAMPLES = int(os.environ.get("COGFAL_EXAMPLES", "8"))
"""How many requests are made up for each route; `make fuzz` wants more."""

MADE_UP = pytest.mark.parametrize("made", list(GenerationMode), ids=lambda made: str(made.value))
pytestmark = pytest.mark.timeout(60 + EXAMPLES * 10)


@MADE_UP
def test_every_kind_of_input_is_answered_as_described(target: Target, made: GenerationMode) -> None:
    """What fits is answered as the document says, what does not fit is the caller's error."""
    _ask_every_route(target, made)


@MADE_UP
def test_objects_are_answered_as_described(nested: Target, made: GenerationMode) -> None:
    """Inputs inside of inputs."""
    _ask_every_route(nested, made)


@MADE_UP
def test_streams_are_answered_as_described(streaming: Target, made: GenerationMode) -> None:
    """Every route of an app that streams."""
    _ask_every_route(streaming, made)


def _ask_every_route(app: Target, made: GenerationMode) -> None:
    url = f"{app.url}/openapi.json"
    document = schemathesis.openapi.from_url(url)
    routes = [
        (path, method.upper())
        for path, item in httpx.get(url).json()["paths"].items()
        for method, described in item.items()
        if made is GenerationMode.POSITIVE or "requestBody" in described
    ]

    for path, method in routes:
        _ask(document[path][method], made)

    assert routes
    assert app.is_well()


def _ask(operation: Any, made: GenerationMode) -> None:
    @seed(1)
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        database=None,
    )
    @given(case=operation.as_strategy(generation_mode=made))
    def ask(case: Any) -> None:
        response = case.call()
        checks: list[Any] = [not_a_server_error]
        if not response.headers["content-type"][0].startswith("text/event-stream"):
            checks.append(response_schema_conformance)  # it takes events for objects, not for text
        case.validate_response(response, checks=checks)

    ask()
