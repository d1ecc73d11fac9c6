"""Requests that the real Cog server and cogfal answer alike."""

from __future__ import annotations

from typing import Any

import pytest

from tests.server.asking import (
    JSON_TYPE,
    Pair,
    Start,
    post,
    predict,
    send,
)
from tests.server.observing import answer, failure
from tests.server.projects import (
    OUTPUTS,
    output_project,
)
from tests.server.servers import Server

SUCCEEDING = {
    "defaults": {},
    "every kind of input": {
        "count": 7,
        "scale": 2.25,
        "flag": True,
        "size": "large",
        "name": "abcd",
        "words": ["a", "b"],
        "data": {"a": [1, None, {"b": "c"}]},
        "token": "secret",
    },
    "a file as a data URL": {"mode": "read", "image": "data:text/plain;base64,aGVsbG8="},
    "output and logs": {"mode": "print", "count": 2},
    "no output": {"mode": "none"},
    "a float": {"mode": "number"},
    "a list": {"mode": "list"},
    "unicode": {"mode": "unicode"},
    "metrics": {"mode": "metrics"},
    "a file": {"mode": "file"},
    "unknown inputs": {"mode": "none", "bogus": 1, "other": "x"},
}


@pytest.mark.parametrize("given", SUCCEEDING.values(), ids=SUCCEEDING)
def test_answers_of_succeeding_predictions_are_equal(plain: Pair, given: dict[str, Any]) -> None:
    """Whatever is put in and comes out, the answer is Cog's."""
    theirs, ours = plain.ask(lambda server: answer(predict(server, **given)))

    assert ours == theirs
    assert ours[1]["status"] == "succeeded"


REFUSED_INPUTS = {
    "text for an int": {"count": "3"},
    "bool for an int": {"count": True},
    "fraction for an int": {"count": 1.5},
    "below ge": {"count": -1},
    "above le": {"count": 1001},
    "text for a float": {"scale": "1"},
    "int for a bool": {"flag": 1},
    "not a choice": {"size": "medium"},
    "too short": {"name": "a"},
    "too long": {"name": "abcdef"},
    "no match": {"name": "ABC"},
    "null": {"count": None},
    "null for optional": {"image": None},
    "text for a list": {"words": "a"},
    "number in a list of texts": {"words": ["a", 1]},
    "list for an object": {"data": []},
    "two mistakes": {"count": "3", "scale": "1"},
    "no object": ["count"],
    "a text": "count",
}


@pytest.mark.parametrize("given", REFUSED_INPUTS.values(), ids=REFUSED_INPUTS)
def test_refused_inputs_are_the_same(plain: Pair, given: Any) -> None:
    """What Cog refuses is refused with the same status, naming the same inputs."""
    theirs, ours = plain.ask(post({"input": given}))

    assert ours[0] == theirs[0] == 422
    assert sorted(map(places, ours[1]["detail"])) == sorted(map(places, theirs[1]["detail"]))


def places(loc: list[Any]) -> list[str]:
    """Split Cog's `words/0` as cogfal writes it."""
    return [part for each in loc for part in str(each).split("/")]


ENVELOPES = {
    "empty object": {},
    "null input": {"input": None},
    "null id": {"id": None},
    "own id": {"id": "abc"},
    "context": {"input": {"mode": "metrics"}, "context": {"user": "me"}},
    "unknown fields": {"bogus": 1, "created_at": "2020-01-01T00:00:00Z"},
    "unused prefix": {"output_file_prefix": "http://127.0.0.1:1/x", "input": {"mode": "file"}},
}


@pytest.mark.parametrize("body", ENVELOPES.values(), ids=ENVELOPES)
def test_envelopes_are_taken_alike(plain: Pair, body: dict[str, Any]) -> None:
    """The fields around the inputs mean the same."""
    theirs, ours = plain.ask(post(body))

    assert ours == theirs


BAD_BODIES = {
    "truncated": (b'{"input":', JSON_TYPE),
    "empty but JSON": (b"", JSON_TYPE),
    "a list": (b'["a"]', JSON_TYPE),
    "a text": (b'"a"', JSON_TYPE),
    "null": (b"null", JSON_TYPE),
    "id is a number": (b'{"id": 5}', JSON_TYPE),
    "webhook is a number": (b'{"webhook": 5}', JSON_TYPE),
    "unknown webhook event": (b'{"webhook_events_filter": ["x"]}', JSON_TYPE),
    "filter is a text": (b'{"webhook_events_filter": "start"}', JSON_TYPE),
    "context is a number": (b'{"context": 5}', JSON_TYPE),
    "context of numbers": (b'{"context": {"a": 5}}', JSON_TYPE),
    "form": (b"a=b", {"content-type": "application/x-www-form-urlencoded"}),
    "text": (b"{}", {"content-type": "text/plain"}),
    "JSON with a charset": (b"{}", {"content-type": "application/json; charset=utf-8"}),
    "other JSON": (b"{}", {"content-type": "application/cloudevents+json"}),
    "nothing at all": (b"", {}),
}


@pytest.mark.parametrize(("content", "headers"), BAD_BODIES.values(), ids=BAD_BODIES)
def test_bodies_get_the_same_status(plain: Pair, content: bytes, headers: dict[str, str]) -> None:
    """What is no request is refused with the same status."""
    theirs, ours = plain.ask(send(content, **headers))

    assert ours == theirs


@pytest.mark.parametrize(("mode", "word"), [("fail", "a bad thing"), ("exit", "3")])
def test_a_failed_prediction_is_answered_alike(plain: Pair, mode: str, word: str) -> None:
    """An exception, or an exit, of the author's code is data, not an HTTP error."""
    theirs, ours = plain.ask(lambda server: failure(predict(server, mode=mode), word))

    assert ours == theirs
    assert ours[0] == 200


ADDRESSES = [
    ("POST", "/predictions/unknown/cancel"),
    ("GET", "/predictions"),
    ("GET", "/predictions/abc"),
    ("DELETE", "/predictions/abc"),
    ("DELETE", "/health-check"),
    ("GET", "/shutdown"),
    ("HEAD", "/"),
    ("HEAD", "/health-check"),
]


@pytest.mark.parametrize(("method", "path"), ADDRESSES)
def test_other_methods_and_paths_get_the_same_status(plain: Pair, method: str, path: str) -> None:
    """Wrong methods and unknown ids are refused alike."""
    theirs, ours = plain.ask(lambda server: server.client.request(method, path).status_code)

    assert ours == theirs


def test_the_index_names_the_same_paths(plain: Pair) -> None:
    """`GET /` is the same object."""
    theirs, ours = plain.ask(lambda server: answer(server.client.get("/")))

    assert ours == theirs


def test_put_with_another_id_in_the_body_is_refused_alike(plain: Pair) -> None:
    """The ids in path and body must be the same."""
    theirs, ours = plain.ask(
        lambda server: answer(server.client.put("/predictions/a", json={"id": "b"}))
    )

    assert ours == theirs
    assert ours[0] == 422


def test_a_finished_id_can_be_used_again(plain: Pair) -> None:
    """PUT is idempotent only while the prediction runs."""

    def question(server: Server) -> list[Any]:
        body = {"input": {"mode": "none"}}
        seen = [answer(server.client.put("/predictions/again", json=body))]
        server.until_health("READY")
        return [*seen, answer(server.client.put("/predictions/again", json=body))]

    theirs, ours = plain.ask(question)

    assert ours == theirs


@pytest.mark.parametrize("mode", ["respond-async", "RESPOND", "wait=5", ""])
def test_prefer_is_read_alike(plain: Pair, mode: str) -> None:
    """Only `respond-async` answers before the end."""

    def question(server: Server) -> Any:
        seen = answer(predict(server, {"prefer": mode}, mode="none"))
        server.until_health("READY")
        return seen

    theirs, ours = plain.ask(question)

    assert ours == theirs


def test_large_bodies_come_in(plain: Pair) -> None:
    """An input of several MiB is no problem."""
    content = "QUFB" * (4 * 1024 * 1024)
    theirs, ours = plain.ask(
        lambda server: (
            predict(server, mode="none", image=f"data:text/plain;base64,{content}").status_code
        )
    )

    assert ours == theirs == 200


@pytest.mark.parametrize("kind", OUTPUTS)
def test_every_kind_of_output_is_answered_alike(start: Start, kind: str) -> None:
    """The answer is equal for every declared type, files as data URLs."""
    pair = start(output_project(kind), "predict.py:predict")

    theirs, ours = pair.ask(lambda server: answer(predict(server)))

    assert ours == theirs
    assert ours[1]["status"] == "succeeded"
