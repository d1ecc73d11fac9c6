"""Text in, text out."""

from __future__ import annotations

from collections.abc import Callable

import httpx

from tests.local_run import LocalRun


def test_text_in_text_out(serve_example: Callable[[str], LocalRun]) -> None:
    """The predictor's string comes back under `output`, with its inputs' rules kept."""
    url = serve_example("hello-text").url

    answer = httpx.post(url, json={"name": "Ada", "language": "french", "times": 2})
    refused = httpx.post(url, json={"name": "Ada", "language": "latin", "times": 11})

    assert answer.json() == {"output": "Bonjour, Ada! Bonjour, Ada!"}
    assert refused.status_code == 422
    assert {tuple(e["loc"]) for e in refused.json()["detail"]} == {
        ("body", "language"),
        ("body", "times"),
    }


def test_the_same_app_speaks_cogs_protocol(serve_example: Callable[[str], LocalRun]) -> None:
    """`/predictions` answers Cog's envelope on the same port."""
    url = serve_example("hello-text").url

    answer = httpx.post(f"{url}/predictions", json={"input": {"name": "Ada"}}).json()

    assert answer["status"] == "succeeded"
    assert answer["output"] == "Hello, Ada!"
    assert answer["metrics"]["predict_time"] >= 0
