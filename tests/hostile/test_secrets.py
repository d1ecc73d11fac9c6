"""Where a secret input turns up: nowhere but in the predictor."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from tests.hostile.target import SECRET, STREAMS, TAKES_EVERYTHING, Target
from tests.server.receiver import receiver


@pytest.mark.parametrize(
    "inputs",
    [
        {"token": SECRET},
        {"token": SECRET, "text": "raise"},
        {"token": SECRET, "number": "x"},
        {"token": [SECRET]},
        {"token": {"value": SECRET}},
        {"tokens": [SECRET, 1]},
        {"tokens": [[SECRET]]},
        {"tokens": SECRET},
        {"token": SECRET, "image": "file:///etc/passwd"},
        {"token": SECRET, "tokens": [SECRET], "size": "no"},
        {"Token": SECRET},
        {"text": "x", "token": SECRET * 1000},
    ],
)
def test_a_secret_is_in_no_answer_and_no_log(target: Target, inputs: dict[str, object]) -> None:
    """Neither of a success, nor of a failure, nor of a refusal, at any door."""
    shown = [target.ask(inputs), target.predict(inputs), target.predict(inputs, id="known")]
    shown.append(httpx.put(target.url + "/predictions/with-id", json={"input": inputs}))
    shown.append(httpx.get(target.url + "/openapi.json"))
    shown.append(httpx.get(target.url + "/health-check"))

    assert all(SECRET not in answer.text for answer in shown)
    assert SECRET not in target.output
    assert target.is_well()


def test_what_is_attached_to_shows_no_secret(tmp_path: Path, mode: str) -> None:
    """A second PUT of the same id is told the inputs, with the secret masked."""
    slow = STREAMS.replace('text: str = "x"', "token: Secret, text: str = 'x'")
    slow = slow.replace("Input, streaming", "Input, Secret, streaming")
    with Target(tmp_path, slow, mode=mode) as process:
        body = {"input": {"token": SECRET, "count": 1000, "pause": 0.01}}
        wants = {"Prefer": "respond-async"}
        url = process.url + "/predictions/same"

        first = httpx.put(url, json=body, headers=wants)
        second = httpx.put(url, json=body, headers=wants)
        httpx.post(url + "/cancel")

    assert (first.status_code, second.status_code) == (202, 202)
    assert second.json()["input"]["token"] == "**********"
    assert SECRET not in first.text + second.text + process.output


@pytest.mark.parametrize(
    "inputs",
    [
        {"account": {"name": "a", "key": SECRET}},
        {"account": {"name": 1, "key": SECRET}},
        {"account": {"key": SECRET}},
        {"account": {"name": "a", "key": [SECRET]}},
        {"account": [SECRET]},
        {"accounts": [{"name": "a", "key": SECRET}, {"key": SECRET}]},
        {"keys": {"a": SECRET, "b": 1}},
        {"keys": {"a": [SECRET]}},
        {"account": {"name": "a", "key": SECRET}, "number": "x"},
    ],
)
def test_a_secret_inside_an_object_is_as_safe(nested: Target, inputs: dict[str, object]) -> None:
    """Masking goes by where secrets are declared, at any depth."""
    shown = [nested.ask(inputs), nested.predict(inputs)]

    assert all(SECRET not in answer.text for answer in shown)
    assert SECRET not in nested.output


def test_a_webhook_tells_no_secret(tmp_path: Path, mode: str) -> None:
    """Nor does the receiver get any credential of the app's."""
    with (
        receiver() as told,
        Target(
            tmp_path,
            TAKES_EVERYTHING,
            "allow_private_hosts = True",
            mode=mode,
            WEBHOOK_AUTH_TOKEN=SECRET,
        ) as process,
    ):
        process.predict({"token": SECRET, "text": "raise"}, webhook=told.url + "/ok")
        received = told.wait_for_end("/ok")

    for each in received:
        assert SECRET.encode() not in each.body
        assert "authorization" not in {name.lower() for name in each.headers}
