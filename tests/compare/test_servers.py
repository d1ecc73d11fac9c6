"""Models on Replicate, played by a server after the HTTP API's documentation."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import anyio
import pytest

from cogfal.compare.comparison import Pair, calls, open_endpoint
from cogfal.compare.endpoints import Answer, EndpointUnreachable, ModelEndpoint, Outcome
from cogfal.compare.recording import RecordedEndpoint
from cogfal.examples import Example
from tests.compare.documents import document
from tests.compare.models import Asked, Reply, model, reply

TOKEN = "r8_a_token"
SCHEMA = document(
    {"image": {"type": "string", "format": "uri"}, "n": {"type": "integer", "default": 1}},
    {"type": "string", "format": "uri"},
    required=("image",),
)
SHOWN = {"results": [{"id": "e1", "input": {"n": 2}}]}
VERSION = {"id": "v1", "openapi_schema": SCHEMA}


def cloud(polls: int, last: Mapping[str, object]) -> Callable[[Asked], Reply]:
    """Return what answers as Replicate does; the prediction ends after some polls."""
    left = iter([{"id": "p1", "status": "processing"}] * polls)
    answers: dict[tuple[str, str], Callable[[], Reply]] = {
        ("GET", "/v1/models/me/model"): lambda: reply({"latest_version": VERSION}),
        ("GET", "/v1/models/me/model/versions/v1"): lambda: reply(VERSION),
        ("GET", "/v1/models/me/model/examples"): lambda: reply(SHOWN),
        ("POST", "/v1/files"): lambda: reply({"urls": {"get": "https://files.invalid/1"}}, 201),
        ("POST", "/v1/predictions"): lambda: reply({"id": "p1", "status": "starting"}, 201),
        ("GET", "/v1/predictions/p1"): lambda: reply(next(left, {"id": "p1", **last})),
    }

    def answer(asked: Asked) -> Reply:
        if asked.headers.get("Authorization") != f"Bearer {TOKEN}":
            return reply({"detail": "no token"}, 401)
        missing = lambda: reply({"detail": "not found"}, 404)  # noqa: E731
        return answers.get((asked.method, asked.path), missing)()

    return answer


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """An environment with a token."""
    monkeypatch.setenv("REPLICATE_API_TOKEN", TOKEN)
    return monkeypatch


class Endpoint(ModelEndpoint):
    """A model that nobody calls."""

    async def run(self, inputs: Mapping[str, object], folder: Path) -> Answer:
        raise NotImplementedError


async def _run(word: str, picture: Path, folder: Path) -> Answer:
    async with open_endpoint(word, 30) as endpoint:
        return await endpoint.run({"image": picture, "n": 1}, folder)


async def _examples() -> Sequence[Example]:
    async with open_endpoint("replicate:me/model", 30) as endpoint:
        return await endpoint.examples()


@pytest.mark.parametrize("version", ["", ":v1"], ids=["the latest", "another"])
def test_a_prediction_is_made_and_followed_to_its_end(
    tmp_path: Path, account: pytest.MonkeyPatch, version: str
) -> None:
    """The file is uploaded, the prediction polled, its file brought; no token leaves the API."""
    picture = tmp_path / "in.png"
    picture.write_bytes(b"png")
    with model(lambda _: (200, {"Content-Type": "text/plain"}, b"made")) as files:
        ended = {"status": "succeeded", "output": f"{files.url}/out.txt"}
        answer = cloud(1, ended)
        with model(answer) as api:
            account.setenv("REPLICATE_BASE_URL", api.url)
            got = anyio.run(_run, f"replicate:me/model{version}", picture, tmp_path)

    assert got.outcome is Outcome.SUCCEEDED
    assert got.output.read_bytes() == b"made"
    (created,) = [each for each in api.asked if each.path == "/v1/predictions"]
    assert created.json == {
        "version": "v1",
        "input": {"image": "https://files.invalid/1", "n": 1},
    }
    assert [each.headers.get("Authorization") for each in files.asked] == [None]


def test_a_failed_prediction_keeps_its_error(tmp_path: Path, account: pytest.MonkeyPatch) -> None:
    """It is an answer, too."""
    picture = tmp_path / "in.png"
    picture.write_bytes(b"png")
    answer = cloud(0, {"status": "failed", "error": "no luck", "output": None})
    with model(answer) as api:
        account.setenv("REPLICATE_BASE_URL", api.url)
        got = anyio.run(_run, "replicate:me/model", picture, tmp_path)

    assert (got.outcome, got.error) == (Outcome.FAILED, "no luck")


def test_what_replicate_shows_as_examples_are_cases(account: pytest.MonkeyPatch) -> None:
    """By their predictions' ids."""
    answer = cloud(0, {})
    with model(answer) as api:
        account.setenv("REPLICATE_BASE_URL", api.url)
        examples = anyio.run(_examples)

    assert examples == [Example("e1", {"n": 2})]


def test_without_a_token_nothing_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error names the variable."""
    monkeypatch.delenv("REPLICATE_API_TOKEN", raising=False)

    with pytest.raises(EndpointUnreachable, match="REPLICATE_API_TOKEN"):
        anyio.run(_examples)


class Paid(Endpoint):
    """A model whose calls cost money."""

    paid = True


def test_calls_that_cost_money_are_counted() -> None:
    """Those of each model that is paid, A's runs and wrong inputs included; of a recording, A's."""
    one, other, free = (
        Paid("one", document({})),
        Paid("one", document({})),
        Endpoint("free", document({})),
    )

    assert calls(Pair(one, one), 5, 0, 2) == {"one": 10}
    assert calls(Pair(one, other), 5, 3, 2) == {"one": 5 * 2 + 3 + 5 + 3}
    assert calls(Pair(free, one), 5, 3, 2) == {"one": 5 + 3}


def test_wrong_inputs_are_counted_only_where_they_are_sent() -> None:
    """A recording has nothing to say of them, and one model alone is not asked."""
    taken = document({"n": {"type": "integer", "maximum": 3}})
    one, other = Endpoint("one", taken), Endpoint("other", taken)
    recorded = RecordedEndpoint("kept", taken, [], {})

    assert [each.name for each in Pair(one, other).wrong_inputs({"n": 1})] == [
        "n is 'not a number'",
        "n is 4",
    ]
    assert not Pair(recorded, one).wrong_inputs({"n": 1})
    assert not Pair(one, recorded).wrong_inputs({"n": 1})
    assert not Pair(one, one).wrong_inputs({"n": 1})
