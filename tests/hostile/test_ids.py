"""Ids and names of a caller's choice: they are compared, and lead nowhere."""

from __future__ import annotations

import json
from urllib.parse import quote

import httpx
import pytest

from tests.hostile.target import Target

IDS = [
    "../../etc/passwd",
    "..",
    ".",
    "a/b",
    "a\\b",
    "a b",
    "a\nb",
    "a\r\nX-Injected: 1",
    "a\u0000b",
    "",
    "x" * 300,
    "%2e%2e%2f",
    "ü",
    "\U0001f600",
    "{}",
    "{id}",
    "${jndi:ldap://x}",
    "'; DROP TABLE predictions; --",
    "<script>alert(1)</script>",
    "__proto__",
]


@pytest.mark.parametrize("prediction_id", IDS)
def test_an_id_is_a_name_or_refused(target: Target, prediction_id: str) -> None:
    """No header is split, no file is made, no other prediction is met."""
    path = f"{target.url}/predictions/{quote(prediction_id, safe='')}"

    answers = [
        httpx.put(path, json={"input": {}}),
        httpx.post(f"{path}/cancel"),
        target.predict({}, id=prediction_id),
    ]

    for answer in answers:
        assert answer.status_code in (200, 307, 404, 405, 422)
        assert "x-injected" not in answer.headers
    if answers[2].status_code == 200:
        assert answers[2].json()["id"] == prediction_id
    assert target.is_well()


@pytest.mark.parametrize("request_id", ["../../x", "x" * 10_000, "a b;c", "{}", "ü"])
def test_fals_request_id_may_be_anything(target: Target, request_id: str) -> None:
    """It is only compared; in the log it stays on its line."""
    headers = [(b"x-fal-request-id", request_id.encode())]

    answer = httpx.post(target.url, json={"text": "named"}, headers=headers)

    assert answer.json()["output"]["text"] == "named"
    assert httpx.post(target.url + "/cancel", headers=headers).status_code == 404
    assert target.is_well()


def test_a_log_line_cannot_be_forged(target: Target) -> None:
    """What a caller sends stays inside of the line it belongs to."""
    forged = 'x"}\n{"prediction": "forged", "status": "succeeded'

    target.predict({"text": "fine"}, id=forged)
    target.ask({forged: 1, **{f"unknown {index}" * 1000: 1 for index in range(1000)}})
    warning = target.wait_for("unknown inputs dropped.*more").group()

    assert not any(line.startswith('{"prediction": "forged"') for line in target.lines)
    assert warning.endswith("and 991 more")
    assert len(warning) < 2000


def test_nobody_cancels_what_is_not_theirs(target: Target) -> None:
    """Without the id, which is unguessable where the server makes it, nothing is cancelled."""
    made = {target.predict({}).json()["id"] for _ in range(5)}

    assert len(made) == 5
    assert all(len(each) == 26 for each in made)
    assert httpx.post(target.url + "/cancel").status_code == 404
    assert httpx.post(target.url + "/predictions/*/cancel").status_code == 404


@pytest.mark.parametrize(
    "name",
    ["../../../x.png", "/etc/cron.d/x", "..", ".", "", "a/../b.png", "x" * 5000 + ".png", "\0.png"],
)
def test_a_data_urls_name_is_one_component(target: Target, name: str) -> None:
    """Whatever it is called, it lies in the prediction's own directory."""
    url = f"data:image/png;name={quote(name, safe='')};base64,iVBORw0KGgo="

    answer = target.ask({"image": url}).json()["output"]

    (given,), (parent,) = answer["names"], answer["parents"]
    assert parent.startswith(f"{target.temporary}/cogfal-")
    assert "/" not in given
    assert len(given) <= 200
    assert target.is_well()


def test_a_name_of_an_input_leads_nowhere(target: Target) -> None:
    """A request's keys reach neither attributes nor other inputs."""
    names = ["self", "__class__", "predict", "Predictor", "image\u0000", "../image", "image.path"]

    answer = target.ask(dict.fromkeys(names, "http://127.0.0.1/"))

    assert answer.status_code == 200
    assert answer.json()["output"]["names"] == []
    assert json.dumps(answer.json())
