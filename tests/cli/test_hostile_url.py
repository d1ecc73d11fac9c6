"""`cogfal predict --url` of a server that answers anything."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Cogfal
from tests.compare.models import Asked, Reply, model, reply

DOCUMENT = {"components": {"schemas": {"Output": {"type": "string"}}}, "paths": {}}
STREAMS = {**DOCUMENT, "paths": {"/stream": {}}}


def media(url: Any, name: Any = "x.txt") -> dict[str, Any]:
    """Return an answer with one file."""
    return {"output": {"url": url, "content_type": "text/plain", "file_name": name}}


def events(*lines: str) -> Reply:
    """Return a stream of events."""
    return 200, {"Content-Type": "text/event-stream"}, "".join(lines).encode()


ANSWERS: dict[str, tuple[Any, Reply]] = {
    "no json": (DOCUMENT, (200, {}, b"<html>")),
    "half a json": (DOCUMENT, (200, {}, b'{"output": ')),
    "not utf-8": (DOCUMENT, (200, {"Content-Type": "application/json"}, b'{"output": "\xff"}')),
    "a list": (DOCUMENT, reply([1, 2])),
    "a number": (DOCUMENT, reply(1)),
    "nothing": (DOCUMENT, (200, {}, b"")),
    "an error without detail": (DOCUMENT, reply({}, 500)),
    "an error of html": (DOCUMENT, (502, {}, b"<html>bad gateway</html>")),
    "an error of a list": (DOCUMENT, reply({"detail": [1, None]}, 422)),
    "problems without a place": (DOCUMENT, reply({"detail": [{"msg": "no"}]}, 422)),
    "problems with a strange place": (DOCUMENT, reply({"detail": [{"loc": 3}]}, 422)),
    "a redirect": (DOCUMENT, (302, {"Location": "http://127.0.0.1:9/"}, b"")),
    "a local file": (DOCUMENT, reply(media("file:///etc/passwd"))),
    "no address": (DOCUMENT, reply(media("::"))),
    "a broken data URL": (DOCUMENT, reply(media("data:text/plain;base64"))),
    "a gone file": (DOCUMENT, reply(media("http://127.0.0.1:9/x"))),
    "a port that is none": (DOCUMENT, reply(media("http://127.0.0.1:99999/x"))),
    "a host that is none": (DOCUMENT, reply(media("http://[/x"))),
    "an empty stream": (STREAMS, events()),
    "an event of no json": (STREAMS, events("data: {\n\n")),
    "an event of a list": (STREAMS, events("data: []\n\n")),
    "an event of an error": (STREAMS, events('data: {"error": {"deep": 1}}\n\n')),
    "a stream of html": (STREAMS, (200, {"Content-Type": "text/html"}, b"<html>")),
    "a document of a list": ([], reply({"output": "x"})),
    "a document of nulls": ({"components": None, "paths": None}, (500, {}, b"")),
    "escape sequences": (DOCUMENT, reply({"detail": "\x1b]0;owned\x07\x1b[2J"}, 500)),
}


@pytest.mark.parametrize(("document", "answer"), ANSWERS.values(), ids=ANSWERS)
def test_a_bad_answer_is_told_in_one_line(
    cogfal: Cogfal, project: Path, document: Any, answer: Reply
) -> None:
    """The status is 1, without a traceback, and nothing reaches the terminal that it would obey."""

    def answered(asked: Asked) -> Reply:
        return reply(document) if asked.path == "/openapi.json" else answer

    with model(answered) as server:
        ended = cogfal("predict", "--url", server.url)

    assert "Traceback" not in ended.err
    assert "\x1b" not in ended.err + ended.out
    if answer != events():
        assert ended.status == 1, ended.out
        assert ended.err.startswith("error: ")


@pytest.mark.parametrize("name", ["../../evil.txt", "/etc/evil.txt", "", "a\x1b[2Jb.txt", 7])
def test_a_files_name_is_the_servers_and_its_place_ours(
    cogfal: Cogfal, project: Path, name: Any
) -> None:
    """It is written into the directory that was asked for, and nowhere else."""
    before = {path for path in project.parent.rglob("*") if path.is_file()}

    with model(
        lambda asked: reply(
            DOCUMENT if asked.path == "/openapi.json" else media("data:text/plain,x", name)
        )
    ) as server:
        ended = cogfal("predict", "--url", server.url, "-o", "out/")

    made = {path for path in project.parent.rglob("*") if path.is_file()} - before
    assert ended.status == 0, ended.err
    assert {path.parent for path in made} == {project / "out"}


def test_an_authors_own_field_called_logs_is_kept(cogfal: Cogfal) -> None:
    """The app's document says which fields are the predictor's."""
    fields = {name: {"type": "string"} for name in ("text", "logs")}
    described = {
        "components": {"schemas": {"Output": {"type": "object", "properties": fields}}},
        "paths": {},
    }
    told = {"text": "a", "logs": "mine", "timings": {"predict": 1}}

    with model(lambda asked: reply(described if asked.path == "/openapi.json" else told)) as server:
        ended = cogfal("predict", "--url", server.url)

    assert json.loads(ended.out) == {"text": "a", "logs": "mine"}
