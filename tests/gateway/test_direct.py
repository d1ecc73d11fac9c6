"""A gateway to servers that are addressed directly: it waits for places and keeps what happens."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

import httpx
import pytest

from tests.gateway.gateways import Served, gateway
from tests.processes import free_port
from tests.server.servers import OurCog, RealCog

PREDICT: Final = '''
import time
from pathlib import Path
from typing import Iterator

from cog import BasePredictor, Input


class Waits(BasePredictor):
    """Yields a word, and another once the file `gate` is there."""

    def predict(self, gate: str, count: int = Input(default=1, le=3)) -> Iterator[str]:
        print("waiting")
        yield "first"
        while not Path(gate).exists():
            time.sleep(0.01)
        yield "second"
'''


@pytest.fixture(scope="module", params=[OurCog, RealCog], ids=["cogfal", "cog"])
def served(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Served]:
    """A gateway to one server with a single place, cogfal's or Cog's own; and to none."""
    root = tmp_path_factory.mktemp("project")
    (root / "predict.py").write_text(PREDICT)
    with ExitStack() as stack:
        server = stack.enter_context(request.param(root, "predict.py:Waits"))
        server.until_health("READY")
        nowhere = f"http://127.0.0.1:{free_port()}"
        targets = [f"me/waits={server.url}", f"me/nowhere={nowhere}"]
        yield stack.enter_context(gateway(root, {}, *targets))


@pytest.fixture
def client(served: Served) -> Iterator[httpx.Client]:
    """Somebody who needs no key, as nothing is on fal."""
    with httpx.Client(base_url=f"{served.url}/v1/", timeout=120) as client:
        yield client


def begin(client: httpx.Client, gate: Path, model: str = "me/waits") -> dict[str, Any]:
    """Begin a prediction that ends once there is a gate."""
    answer = client.post(f"models/{model}/predictions", json={"input": {"gate": str(gate)}})
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


def until(client: httpx.Client, name: str, seen: Callable[[Any], bool]) -> dict[str, Any]:
    """Look at a prediction until something of it is seen."""
    while True:
        found: dict[str, Any] = client.get(f"predictions/{name}").json()
        if seen(found):
            return found


def ended(body: dict[str, Any]) -> bool:
    """Tell whether a prediction is over."""
    return body["status"] in ("succeeded", "failed", "canceled")


def test_progress_is_seen_though_the_model_streams_nothing(
    client: httpx.Client, tmp_path: Path
) -> None:
    """The app is asked now and then, in a way that never runs a prediction twice."""
    begun = begin(client, tmp_path / "gate")

    half = until(client, begun["id"], lambda body: body["output"] == ["first"])
    (tmp_path / "gate").touch()
    last = until(client, begun["id"], ended)

    assert (half["status"], half["logs"]) == ("processing", "waiting\n")
    assert (last["status"], last["output"]) == ("succeeded", ["first", "second"])


def test_a_full_app_means_waiting_and_no_refusal(client: httpx.Client, tmp_path: Path) -> None:
    """Predictions take their turns in the order in which they came."""
    begun = [begin(client, tmp_path / "gate") for _ in range(3)]
    until(client, begun[0]["id"], lambda body: body["status"] == "processing")

    waiting = [client.get(f"predictions/{each['id']}").json()["status"] for each in begun[1:]]
    (tmp_path / "gate").touch()
    last = [until(client, each["id"], ended) for each in begun]

    assert waiting == ["starting", "starting"]
    assert [each["status"] for each in last] == ["succeeded"] * 3
    assert sorted(each["completed_at"] for each in last) == [each["completed_at"] for each in last]


def test_what_waits_and_what_runs_can_be_cancelled(client: httpx.Client, tmp_path: Path) -> None:
    """And the place is free for the next."""
    running, waiting = begin(client, tmp_path / "no"), begin(client, tmp_path / "no")
    until(client, running["id"], lambda body: body["status"] == "processing")

    cancelled = [
        client.post(f"predictions/{each['id']}/cancel").json()["status"]
        for each in (waiting, running)
    ]

    (tmp_path / "gate").touch()
    after = until(client, begin(client, tmp_path / "gate")["id"], ended)
    assert cancelled == ["canceled", "canceled"]
    assert after["status"] == "succeeded"


def test_wrong_inputs_are_refused_at_once(client: httpx.Client) -> None:
    """With what the app says of them, and nothing of it is remembered."""
    before = client.get("predictions").json()["results"]

    answer = client.post("models/me/waits/predictions", json={"input": {"gate": "x", "count": 9}})

    assert answer.status_code == 422
    assert answer.json()["invalid_fields"][0]["field"] == "input.count"
    assert client.get("predictions").json()["results"] == before


def test_an_app_that_is_not_there_fails_the_prediction(
    client: httpx.Client, tmp_path: Path
) -> None:
    """The address is not told: only the operator needs to know it."""
    begun = begin(client, tmp_path / "gate", "me/nowhere")

    last = until(client, begun["id"], ended)

    assert (last["status"], last["error"]) == (
        "failed",
        "the app cannot be reached: ConnectError",
    )


def test_trainings_are_refused_where_the_project_has_none(client: httpx.Client) -> None:
    """As the app says: cogfal has no such address, Cog takes none of the inputs."""
    version = client.get("models/me/waits/versions").json()["results"][0]["id"]

    answer = client.post(f"models/me/waits/versions/{version}/trainings", json={"input": {}})

    assert answer.status_code in (404, 422)


@pytest.mark.parametrize(
    "headers", [{"Origin": "https://evil.invalid"}, {"Host": "evil.invalid"}, {"Origin": "null"}]
)
def test_foreign_pages_do_not_come_in(client: httpx.Client, headers: dict[str, str]) -> None:
    """Where nobody needs a token, a page in the user's browser must not call in their place."""
    body: dict[str, Any] = {"input": {}}

    answer = client.post("models/me/waits/predictions", json=body, headers=headers)

    assert answer.status_code == 403
