"""Requests made up from the served OpenAPI document: no 5xx, and answers as documented."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import response_schema_conformance

from tests.server.projects import write_project
from tests.server.servers import OurCog

ECHO = """
from cog import BaseModel, Input, Path, Secret
from typing import Optional


class Output(BaseModel):
    text: str
    numbers: list[int]


def predict(
    text: str = Input(max_length=100),
    number: int = Input(default=1, ge=0),
    ratio: float = 0.5,
    size: str = Input(default="small", choices=["small", "large"]),
    words: list[str] = Input(default=[]),
    data: dict = Input(default={}),
    token: Optional[Secret] = None,
) -> Output:
    return Output(text=text, numbers=[number])


def train(text: str) -> str:
    return text
"""
SLOW = list(HealthCheck)
OPERATIONS = [
    ("GET", "/"),
    ("GET", "/health-check"),
    ("GET", "/openapi.json"),
    ("POST", "/predictions"),
    ("PUT", "/predictions/{prediction_id}"),
    ("POST", "/predictions/{prediction_id}/cancel"),
    ("POST", "/trainings"),
    ("PUT", "/trainings/{training_id}"),
    ("POST", "/trainings/{training_id}/cancel"),
]
WITH_BODY = [each for each in OPERATIONS if each[0] != "GET" and "cancel" not in each[1]]


@pytest.fixture(scope="module")
def document_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a running app's document."""
    root: Path = write_project(ECHO, tmp_path_factory.mktemp("echo") / "project")
    with OurCog(root, "predict.py:predict", "--train", "predict.py:train") as server:
        server.until_health("READY")
        yield f"{server.url}/openapi.json"


@pytest.mark.parametrize(
    ("mode", "method", "path"),
    [(GenerationMode.POSITIVE, *each) for each in OPERATIONS]
    + [(GenerationMode.NEGATIVE, *each) for each in WITH_BODY],
)
def test_made_up_requests_are_answered_as_documented(
    document_url: str, mode: GenerationMode, method: str, path: str
) -> None:
    """Whatever fits, or does not fit, the document gets an answer that fits it."""
    operation = schemathesis.openapi.from_url(document_url)[path][method]

    @settings(
        max_examples=30, deadline=None, suppress_health_check=list(HealthCheck), database=None
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def ask(case: Any) -> None:
        case.call_and_validate(checks=[not_a_server_error, response_schema_conformance])

    ask()
