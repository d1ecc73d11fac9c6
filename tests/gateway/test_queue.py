"""A gateway to fal's queue, of which a double is asked: states, retries, cancellation, restarts."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.gateway.double import FalCloud
from tests.gateway.gateways import ALICE, BOB, ON_FAL, Served, gateway, gateway_to_fal


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A gateway to fal's double."""
    with gateway_to_fal(tmp_path_factory.mktemp("fal")) as served:
        yield served


@pytest.fixture
def alice(served: Served) -> Iterator[httpx.Client]:
    """Somebody with a key."""
    with caller(served.url, ALICE) as client:
        yield client


@contextmanager
def caller(url: str, token: str, timeout: float = 60) -> Iterator[httpx.Client]:
    """Send requests as somebody."""
    headers = {"Authorization": f"Bearer {token}"}
    with httpx.Client(base_url=f"{url}/v1/", headers=headers, timeout=timeout) as client:
        yield client


@pytest.fixture
def cloud(served: Served) -> FalCloud:
    """The double."""
    assert served.cloud is not None
    return served.cloud


def begin(client: httpx.Client, do: str, model: str = "me/model", **more: Any) -> dict[str, Any]:
    """Begin a prediction."""
    answer = client.post(f"models/{model}/predictions", json={"input": {"do": do}, **more})
    assert answer.status_code == 201, answer.text
    body: dict[str, Any] = answer.json()
    return body


def states(client: httpx.Client, name: str) -> list[dict[str, Any]]:
    """Return the states of a prediction, one for each look, until it has ended."""
    found: list[dict[str, Any]] = []
    while not found or found[-1]["status"] in ("starting", "processing"):
        found.append(client.get(f"predictions/{name}").json())
    return found


def test_a_prediction_is_followed_from_the_queue_to_its_end(alice: httpx.Client) -> None:
    """Waiting in the queue is `starting`, work is `processing` with logs, and then all is there."""
    begun = begin(alice, "echo")

    looks = states(alice, begun["id"])

    assert [look["status"] for look in looks] == ["starting", "processing", "succeeded"]
    assert looks[1]["logs"] == "working on echo\n"
    last = looks[-1]
    assert (last["output"], last["metrics"]) == ("nothing", {"predict_time": 0.5})
    assert last["model"] == "me/model"
    assert last["version"]
    assert last["urls"]["get"].endswith(f"/v1/predictions/{begun['id']}")


def test_what_fal_tries_again_is_starting_again(alice: httpx.Client) -> None:
    """A runner that is replaced sends its request back to the queue."""
    begun = begin(alice, "retry")

    looks = states(alice, begun["id"])

    assert [look["status"] for look in looks] == [
        *("starting", "processing", "starting", "processing", "succeeded")
    ]


GARBLED = "Invalid JSON: Expecting value: line 1 column 1 (char 0)"


@pytest.mark.parametrize(
    ("do", "error"),
    [
        ("fail", "it broke"),
        ("crash", "it crashed"),
        ("overload", "the app answered with status 503"),
        ("refuse", "- input.steps: Input should be at least 1\n"),
        ("garble", f"what the app answered cannot be read: {GARBLED}"),
    ],
)
def test_every_way_to_fail_is_failed(alice: httpx.Client, do: str, error: str) -> None:
    """Whether the model, the runner or the inputs are at fault."""
    begun = begin(alice, do)

    last = states(alice, begun["id"])[-1]

    assert (last["status"], last["error"], last["logs"]) == ("failed", error, f"working on {do}\n")


TROUBLE = {"limit": 429, "lose": 503, "mute": 503}


@pytest.mark.parametrize("trouble", TROUBLE)
@pytest.mark.parametrize(("place", "looks"), [("status", 1), ("result", 3)])
def test_trouble_on_the_way_to_fal_is_no_outcome(
    alice: httpx.Client, trouble: str, place: str, looks: int
) -> None:
    """Whoever looks is told when to look again, as clients do by themselves."""
    begun = begin(alice, f"{trouble}-{place}")

    *_, refused = [alice.get(f"predictions/{begun['id']}") for _ in range(looks)]

    assert refused.status_code == TROUBLE[trouble], refused.text
    assert refused.headers["retry-after"] == "5"
    assert states(alice, begun["id"])[-1]["status"] == "succeeded"


def test_trouble_on_the_way_to_fal_ends_no_stream(alice: httpx.Client) -> None:
    """What follows a prediction looks again."""
    every = [f"{trouble}-{place}" for trouble in TROUBLE for place in ("status", "result")]
    begun = [begin(alice, do, stream=True) for do in every]

    streams = [alice.get(each["urls"]["stream"]).text for each in begun]

    assert [text.endswith("event: done\nid: 4\ndata: {}\n\n") for text in streams] == [True] * 6


def test_an_answer_of_another_form_is_failed(alice: httpx.Client) -> None:
    """The app is to answer as Cog's HTTP API does."""
    last = states(alice, begin(alice, "list")["id"])[-1]

    assert (last["status"], last["error"]) == ("failed", "what the app answered is no JSON object")


def test_what_fal_has_no_longer_is_not_found_and_still_listed(alice: httpx.Client) -> None:
    """Whoever follows it to its end hears that it failed."""
    begun = begin(alice, "vanish")
    followed = begin(alice, "vanish", stream=True)

    events = alice.get(followed["urls"]["stream"]).text
    looks = [alice.get(f"predictions/{begun['id']}").status_code for _ in range(3)]
    listed = alice.get("predictions").json()["results"]

    assert looks == [200, 200, 404]
    assert "fal has no result of this any more" in events
    assert alice.get(f"predictions/{followed['id']}").json()["status"] == "failed"
    assert {each["id"]: each["status"] for each in listed}[begun["id"]] == "starting"


def test_a_key_that_is_refused_later_is_told(alice: httpx.Client) -> None:
    """The prediction is not gone: with another key it may be there."""
    begun = begin(alice, "revoke")

    answer = alice.get(f"predictions/{begun['id']}")

    assert (answer.status_code, answer.json()["title"]) == (401, "Unauthenticated")


def test_a_prediction_is_no_training(alice: httpx.Client) -> None:
    """Its id is of one kind."""
    begun = begin(alice, "hold")

    assert alice.get(f"trainings/{begun['id']}").status_code == 404


def test_waiting_ends_as_starting(alice: httpx.Client) -> None:
    """Clients take `processing` for done, and pieces of output in the first answer for told."""
    answer = alice.post(
        "models/me/model/predictions", json={"input": {"do": "hold"}}, headers={"Prefer": "wait=1"}
    )

    body = answer.json()
    assert (answer.status_code, body["status"], body["output"]) == (201, "starting", None)
    assert alice.get(f"predictions/{body['id']}").json()["status"] == "processing"


def test_hanging_up_cancels_nothing(served: Served, alice: httpx.Client, cloud: FalCloud) -> None:
    """A caller that waits and leaves finds its prediction where it was."""
    before = len(cloud.asked)

    with caller(served.url, ALICE, timeout=1) as hasty, pytest.raises(httpx.ReadTimeout):
        hasty.post(
            "models/me/model/predictions",
            json={"input": {"do": "hold"}},
            headers={"Prefer": "wait"},
        )

    asked = [*cloud.asked.values()][before]
    listed = alice.get("predictions").json()["results"][0]
    assert not asked.cancelled
    assert listed["status"] == "processing"


@pytest.mark.parametrize("do", ["wait", "hold"])
def test_cancelling_is_canceled_before_the_start_and_after(alice: httpx.Client, do: str) -> None:
    """`aborted` would not validate in Python's client."""
    begun = begin(alice, do)

    cancelled = alice.post(f"predictions/{begun['id']}/cancel").json()

    assert cancelled["status"] == "canceled"
    assert alice.get(f"predictions/{begun['id']}").json()["status"] == "canceled"


@pytest.mark.parametrize("model", ["me/model", "me/streams"])
def test_what_is_streamed_can_be_cancelled(
    alice: httpx.Client, cloud: FalCloud, model: str
) -> None:
    """On the queue, where the app has no events; else by leaving its stream."""
    before = len(cloud.asked)
    begun = begin(alice, "hold", model, stream=True)
    with alice.stream("GET", begun["urls"]["stream"]) as stream:
        lines = stream.iter_lines()
        next(line for line in lines if "working" in line)

        cancelled = alice.post(f"predictions/{begun['id']}/cancel").json()

        assert (cancelled["status"], [*lines][-2:]) == (
            "canceled",
            ['data: {"reason": "canceled"}', ""],
        )
    queued = [asked.cancelled for asked in [*cloud.asked.values()][before:]]
    assert queued == ([True] if model == "me/model" else [])


def test_what_ends_meanwhile_is_not_cancelled(alice: httpx.Client) -> None:
    """Fal refuses to cancel it, and its outcome is told."""
    begun = begin(alice, "finish")

    cancelled = alice.post(f"predictions/{begun['id']}/cancel").json()

    assert (cancelled["status"], cancelled["output"]) == ("succeeded", "nothing")


def test_what_is_over_is_not_cancelled(alice: httpx.Client) -> None:
    """Its outcome stays."""
    begun = begin(alice, "echo")
    states(alice, begun["id"])

    cancelled = alice.post(f"predictions/{begun['id']}/cancel").json()

    assert (cancelled["status"], cancelled["output"]) == ("succeeded", "nothing")


def test_another_gateway_answers_for_the_same_predictions(served: Served, tmp_path: Path) -> None:
    """After a restart, or beside it: the id says what to ask fal for. Streams are gone."""
    with caller(served.url, ALICE) as client:
        running, waiting = begin(client, "echo"), begin(client, "wait")

    with (
        gateway(tmp_path, served.environment, *ON_FAL, cloud=served.cloud) as other,
        caller(other.url, ALICE) as client,
    ):
        last = states(client, running["id"])[-1]
        cancelled = client.post(f"predictions/{waiting['id']}/cancel").json()
        stream = httpx.get(f"{other.url}/v1/streams/{running['urls']['stream'].split('/')[-1]}")
        listed = client.get("predictions").json()

    assert (last["status"], last["output"], last["input"]) == ("succeeded", "nothing", None)
    assert last["created_at"][:10] == running["created_at"][:10]
    assert "stream" not in last["urls"]
    assert cancelled["status"] == "canceled"
    assert stream.status_code == 404
    assert listed == {"previous": None, "next": None, "results": []}


MOUNTED = """
import asyncio, json, httpx
from cogfal.gateway import application

async def main():
    app = application({"me/model": "me/model"})
    transport = httpx.ASGITransport(app)
    headers = {"Authorization": "Bearer alice:secret-key", "Prefer": "wait=2"}
    async with httpx.AsyncClient(transport=transport, base_url="http://gateway/v1/") as client:
        begin = client.post("models/me/model/predictions", json=INPUT, headers=headers)
        begun = asyncio.ensure_future(begin)
        while not (await client.get("predictions", headers=headers)).json()["results"]:
            await asyncio.sleep(0)
        await app.aclose()
        print((await begun).text)

INPUT = {"input": {"do": "hold"}}
asyncio.run(main())
"""


def test_what_goes_on_at_fal_is_not_called_canceled_when_the_gateway_ends(
    served: Served, cloud: FalCloud
) -> None:
    """One that is mounted may end before its callers have left."""
    command = [sys.executable, "-c", MOUNTED]

    done = subprocess.run(
        command, env={**served.environment}, capture_output=True, text=True, check=True, timeout=60
    )

    assert not [*cloud.asked.values()][-1].cancelled
    assert json.loads(done.stdout)["status"] == "starting"


def test_others_see_nothing_of_it(served: Served, alice: httpx.Client) -> None:
    """With another key a prediction is not there, not in lists, and not cancelled."""
    begun = begin(alice, "hold")

    with caller(served.url, BOB) as bob:
        got = bob.get(f"predictions/{begun['id']}")
        cancelled = bob.post(f"predictions/{begun['id']}/cancel")
        listed = bob.get("predictions").json()["results"]

    assert (got.status_code, cancelled.status_code, listed) == (404, 404, [])
    assert alice.get(f"predictions/{begun['id']}").json()["status"] == "processing"


@pytest.mark.parametrize(
    ("token", "model", "status"),
    [
        ("mallory:guessed-key", "me/model", 401),
        (ALICE, "me/absent", 404),
        (ALICE, "me/unknown", 404),
        (ALICE, "me/moved", 502),
    ],
)
def test_what_fal_refuses_is_refused(
    served: Served, cloud: FalCloud, token: str, model: str, status: int
) -> None:
    """Wrong keys, apps and models that are not there, and a redirect, which nobody follows."""
    with caller(served.url, token) as client:
        answer = client.post(f"models/{model}/predictions", json={"input": {}})

    assert answer.status_code == status, answer.text
    assert token not in answer.text
    assert cloud.strays == []


@pytest.mark.parametrize(
    ("do", "status", "said"),
    [
        ("penniless", 402, "Exhausted balance"),
        ("unfit", 422, "input.steps"),
        ("broken", 502, "out of order"),
        ("hasty", 429, "Too many requests"),
        ("closed", 503, "status 503"),
        ("unread", 502, "cannot be read"),
        ("nameless", 502, "no request id"),
    ],
)
def test_a_call_that_fal_does_not_take_is_refused(
    alice: httpx.Client, do: str, status: int, said: str
) -> None:
    """With fal's words, where it has any; one that is to be streamed has begun, and fails."""
    answer = alice.post("models/me/model/predictions", json={"input": {"do": do}})
    streamed = begin(alice, "penniless", stream=True)

    assert (answer.status_code, said in answer.json()["detail"]) == (status, True), answer.text
    assert "Exhausted balance" in alice.get(streamed["urls"]["stream"]).text


def test_versions_are_named_in_three_ways(alice: httpx.Client) -> None:
    """By id, by model and id, and not at all; an unknown one is refused with the remedy."""
    named = [
        alice.post("predictions", json={"version": version, "input": {}})
        for version in ("words-1", "me/words:words-1", "me/words", "me/model:words-1", "unknown")
    ]

    assert [answer.status_code for answer in named] == [201, 201, 201, 422, 422]
    assert "owner/name:VERSION=TARGET" in named[-1].json()["detail"]


def test_a_model_without_events_streams_its_pieces(alice: httpx.Client, cloud: FalCloud) -> None:
    """Apps of cogfal stream every iterator at fal's door; files are told by their address."""
    begun = begin(alice, "words", "me/pieces", stream=True)

    events = alice.get(begun["urls"]["stream"]).text

    assert [line for line in events.splitlines() if line.startswith("data: ")] == [
        *("data: a", "data: https://cdn.invalid/1.png", "data: {}")
    ]
    ended = alice.get(f"predictions/{begun['id']}").json()
    assert ended["output"] == ["a", "https://cdn.invalid/1.png"]
    assert "me/pieces" in cloud.direct


@pytest.mark.parametrize(
    ("model", "do", "error"),
    [
        ("me/pieces", "fail", "it broke"),
        ("me/pieces", "refuse", "input.steps"),
        ("me/pieces", "full", "the app had no place for a stream"),
        ("me/pieces", "spoil", "the app answered with status 500"),
        ("me/pieces", "garble", "what the app answered cannot be read: Invalid JSON"),
        ("me/streams", "error", "it broke"),
    ],
)
def test_a_stream_that_fails_says_why(alice: httpx.Client, model: str, do: str, error: str) -> None:
    """As an event and as the state, whether it began or not."""
    begun = begin(alice, do, model, stream=True)

    events = alice.get(begun["urls"]["stream"]).text

    ended = alice.get(f"predictions/{begun['id']}").json()
    assert ended["status"] == "failed"
    assert error in ended["error"]
    assert error in events


def test_a_model_that_does_not_stream_takes_its_turn_in_the_queue(
    alice: httpx.Client, cloud: FalCloud
) -> None:
    """`stream: true` is a wish; what there is comes in events all the same."""
    begun = begin(alice, "echo", stream=True)

    events = alice.get(begun["urls"]["stream"]).text

    assert "event: output\n" in events
    assert events.endswith("event: done\nid: 4\ndata: {}\n\n")
    assert "me/model" in cloud.direct
    assert [*cloud.asked.values()][-1].do == "echo"


def test_a_reader_who_comes_back_goes_on_where_it_was(alice: httpx.Client) -> None:
    """`Last-Event-ID` leaves out what is known; nobody needs a key for this address."""
    begun = begin(alice, "echo", "me/streams", stream=True)
    url = begun["urls"]["stream"]

    whole = httpx.get(url).text
    rest = httpx.get(url, headers={"Last-Event-ID": "4"}).text

    assert "id: 3\ndata: one \n\n" in whole
    assert "event: output\nid: 4\ndata: two\ndata: lines \n\n" in whole
    assert rest == whole[whole.index("event: output\nid: 5") :]


def test_nothing_is_logged_that_opens_anything(served: Served, alice: httpx.Client) -> None:
    """Neither keys nor the addresses of streams."""
    begun = begin(alice, "echo", stream=True)
    alice.get(begun["urls"]["stream"])

    assert ALICE not in served.process.output
    assert begun["urls"]["stream"].split("/")[-1] not in served.process.output
