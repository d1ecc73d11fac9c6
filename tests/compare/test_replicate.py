"""Models on Replicate, played by a server after the HTTP API's documentation."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import anyio
import pytest

from cogfal.compare.cases import cases_of
from cogfal.compare.comparison import calls
from cogfal.compare.hosted import ReplicateSide
from cogfal.compare.servers import HttpSide
from cogfal.compare.sides import Answer, Outcome, SideUnreachable
from cogfal.compare.signatures import signature_of
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


async def _run(side: ReplicateSide, picture: Path, folder: Path) -> Answer:
    async with side.open() as endpoint:
        return await endpoint.run({"image": picture, "n": 1}, folder)


@pytest.mark.parametrize("version", [None, "v1"])
def test_a_prediction_is_made_and_followed_to_its_end(
    tmp_path: Path, account: pytest.MonkeyPatch, version: str | None
) -> None:
    """The file is uploaded, the prediction polled, its file brought; no token leaves the API."""
    picture = tmp_path / "in.png"
    picture.write_bytes(b"png")
    with model(lambda _: (200, {"Content-Type": "text/plain"}, b"made")) as files:
        ended = {"status": "succeeded", "output": f"{files.url}/out.txt"}
        answer = cloud(1, ended)
        with model(answer) as api:
            account.setenv("REPLICATE_BASE_URL", api.url)
            side = ReplicateSide("me/model", version, 30)
            got = anyio.run(_run, side, picture, tmp_path)

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
        got = anyio.run(_run, ReplicateSide("me/model", None, 30), picture, tmp_path)

    assert (got.outcome, got.error) == (Outcome.FAILED, "no luck")


def test_what_replicate_shows_as_examples_are_cases(account: pytest.MonkeyPatch) -> None:
    """By their predictions' ids."""
    answer = cloud(0, {})
    with model(answer) as api:
        account.setenv("REPLICATE_BASE_URL", api.url)
        examples = anyio.run(ReplicateSide("me/model", None, 30).examples)

    assert examples == [("e1", {"n": 2})]


def test_without_a_token_nothing_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error names the variable."""
    monkeypatch.delenv("REPLICATE_API_TOKEN", raising=False)

    with pytest.raises(SideUnreachable, match="REPLICATE_API_TOKEN"):
        anyio.run(ReplicateSide("me/model", None, 30).examples)


def test_calls_that_cost_money_are_counted() -> None:
    """Those of each side that is paid, A's runs and wrong inputs included; of a recording, A's."""
    side, other = (ReplicateSide("me/model", None, seconds) for seconds in (30, 60))
    signature = signature_of(document({"n": {"type": "integer", "minimum": 0, "maximum": 3}}))
    examples = cases_of(signature)

    recorded = calls((side, side), len(examples), 0, 2)
    compared = calls((side, other), len(examples), 3, 2)
    half = calls((HttpSide("http://127.0.0.1:1", 30), side), len(examples), 3, 2)

    assert recorded == {"replicate:me/model": 2 * len(examples)}
    assert compared == {"replicate:me/model": 2 * len(examples) + 3 + len(examples) + 3}
    assert half == {"replicate:me/model": len(examples) + 3}
