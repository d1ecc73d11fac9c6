"""Webhooks of a gateway: in Replicate's form, and signed as its own clients check it."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.gateway.gateways import ALICE, Served, gateway_to_fal, node_modules, python_client
from tests.server.receiver import Received, Receiver, receiver

IN_PYTHON = """
import json, sys
from replicate.webhook import Webhooks, WebhookSigningSecret
said = json.load(sys.stdin)
secret = WebhookSigningSecret(key=said["secret"])
Webhooks.validate(headers=said["headers"], body=said["body"], secret=secret, tolerance=300)
try:
    Webhooks.validate(headers=said["headers"], body=said["body"] + " ", secret=secret)
except ValueError as error:
    print(type(error).__name__)
"""
IN_JAVASCRIPT = """
import { createRequire } from "node:module";
const { validateWebhook } = createRequire(`${process.env.NODE_MODULES}/x.js`)("replicate");
let text = "";
for await (const chunk of process.stdin) text += chunk;
const { headers, body, secret } = JSON.parse(text);
const right = await validateWebhook({ headers, body }, secret);
const wrong = await validateWebhook({ headers, body: body + " " }, secret);
console.log(right, wrong);
"""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A gateway to fal's double."""
    with gateway_to_fal(tmp_path_factory.mktemp("fal")) as served:
        yield served


@pytest.fixture(scope="module")
def hooks() -> Iterator[Receiver]:
    """A receiver of webhooks."""
    with receiver() as running:
        yield running


@pytest.fixture
def alice(served: Served) -> Iterator[httpx.Client]:
    """Somebody with a key."""
    headers = {"Authorization": f"Bearer {ALICE}"}
    with httpx.Client(base_url=f"{served.url}/v1/", headers=headers, timeout=120) as client:
        yield client


def begin(client: httpx.Client, **body: Any) -> dict[str, Any]:
    """Begin a prediction that goes through the queue."""
    answer = client.post("models/me/model/predictions", json={"input": {"text": "hi"}, **body})
    found: dict[str, Any] = answer.json()
    return found


def checked(client: httpx.Client, hook: Received) -> str:
    """Return what a receiver needs to check a webhook, as JSON."""
    secret = client.get("webhooks/default/secret").json()["key"]
    headers = {name.lower(): value for name, value in hook.headers.items()}
    return json.dumps({"headers": headers, "body": hook.body.decode(), "secret": secret})


def test_a_prediction_is_told_whole_and_in_order(alice: httpx.Client, hooks: Receiver) -> None:
    """Its start, its progress and its end, each as the prediction stands then."""
    begun = begin(alice, webhook=f"{hooks.url}/ok/whole")

    told = hooks.wait_for_end("/ok/whole")

    first, last = told[0].json, told[-1].json
    assert (first["id"], first["status"], first["model"]) == (begun["id"], "processing", "me/model")
    assert (last["status"], last["output"], last["input"]) == ("succeeded", "hi", {"text": "hi"})
    assert last["urls"] == begun["urls"]


def test_replicates_python_client_accepts_the_signature(
    alice: httpx.Client, hooks: Receiver, served: Served
) -> None:
    """And refuses another body."""
    begin(alice, webhook=f"{hooks.url}/ok/python")
    hook = hooks.wait_for_end("/ok/python")[-1]

    done = subprocess.run(
        [python_client("1.0.7"), "-c", IN_PYTHON],
        input=checked(alice, hook),
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.stdout, done.stderr) == ("InvalidSignatureError\n", "")


def test_replicates_javascript_client_accepts_the_signature(
    alice: httpx.Client, hooks: Receiver, tmp_path: Path
) -> None:
    """And refuses another body."""
    modules = node_modules()
    (tmp_path / "check.mjs").write_text(IN_JAVASCRIPT)
    begin(alice, webhook=f"{hooks.url}/ok/javascript")
    hook = hooks.wait_for_end("/ok/javascript")[-1]

    done = subprocess.run(
        ["node", tmp_path / "check.mjs"],
        input=checked(alice, hook),
        env={"NODE_MODULES": str(modules), "PATH": "/usr/bin:/usr/local/bin"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.stdout, done.stderr) == ("true false\n", "")


def test_only_what_was_asked_for_is_told(alice: httpx.Client, hooks: Receiver) -> None:
    """`webhook_events_filter` chooses; `webhook_completed` of older programs hears of the end."""
    begin(
        alice,
        webhook=f"{hooks.url}/ok/start",
        webhook_events_filter=["start"],
        webhook_completed=f"{hooks.url}/ok/completed",
    )

    ended = hooks.wait_for_end("/ok/completed")

    assert [hook.json["status"] for hook in ended] == ["succeeded"]
    assert [hook.json["status"] for hook in hooks.wait("/ok/start")] == ["processing"]


def test_the_end_is_told_until_it_is_taken(alice: httpx.Client, hooks: Receiver) -> None:
    """As the same message, which a receiver knows by its id, and signed anew."""
    begin(alice, webhook_completed=f"{hooks.url}/fail-2/again")

    told = hooks.wait("/fail-2/again", 3)

    assert len({hook.headers["Webhook-Id"] for hook in told}) == 1
    assert {hook.body for hook in told} == {told[0].body}


def test_a_cancelled_prediction_is_told_as_such(alice: httpx.Client, hooks: Receiver) -> None:
    """Before its start, too."""
    begun = alice.post(
        "models/me/model/predictions",
        json={"input": {"do": "wait"}, "webhook": f"{hooks.url}/ok/cancelled"},
    ).json()

    alice.post(f"predictions/{begun['id']}/cancel")

    assert hooks.wait_for_end("/ok/cancelled")[-1].json["status"] == "canceled"


@pytest.mark.parametrize("address", ["file:///etc/passwd", "no address", 7])
def test_a_webhook_that_is_no_address_is_refused(alice: httpx.Client, address: object) -> None:
    """Before anything is put on the queue."""
    answer = alice.post("models/me/model/predictions", json={"input": {}, "webhook": address})

    assert answer.status_code == 422
    assert "webhook" in answer.json()["detail"]
