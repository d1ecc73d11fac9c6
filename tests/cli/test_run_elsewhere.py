"""`cogfal predict --url` and `--app`: an app that runs elsewhere, or what answers anything."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Cogfal
from tests.cli.serving import APPS, served
from tests.client.loopback import Loopback
from tests.compare.models import Asked, Reply, model, reply
from tests.processes import free_port


@dataclass(frozen=True)
class Call:
    """A call, and what it brings: text on stdout, and files with their text."""

    app: str
    arguments: tuple[str, ...] = ()
    out: str = ""
    files: tuple[tuple[str, str], ...] = ()


NUMBERED = (("output.0.txt", "0"), ("output.1.txt", "1"))
CALLS = {
    "text": Call("Greets", ("-i", "name=Ada"), out="Hello, Ada!\n"),
    "joined": Call("Streams", out="ab\n"),
    "files": Call("Makes", ("-i", "count=2"), files=NUMBERED),
    "streamed-files": Call("Many", files=NUMBERED),
    "input": Call("Copies", ("-i", "source=@in.txt", "-o", "copy"), files=(("copy.txt", "hi"),)),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_an_app_that_runs_can_be_called(
    cogfal: Cogfal, project: Path, tmp_path: Path, call: Call
) -> None:
    """The output is the same as in this process."""
    (project / "app.py").write_text(APPS)
    (project / "in.txt").write_text("hi")

    with served(project, tmp_path, f"app.py::{call.app}") as url:
        ended = cogfal("predict", "--url", url, *call.arguments)

    assert (ended.status, ended.out) == (0, call.out), ended.err
    assert [(name, (project / name).read_text()) for name, _ in call.files] == list(call.files)


def test_a_refusal_names_the_input(cogfal: Cogfal, project: Path, tmp_path: Path) -> None:
    """The app's problems are told in the words of the app."""
    with served(project, tmp_path) as url:
        ended = cogfal("predict", "--url", url)

    assert ended.status == 1
    assert "error: name: Field required" in ended.err


def test_nobody_at_the_url_is_told(cogfal: Cogfal) -> None:
    """The URL is in the message."""
    url = f"http://127.0.0.1:{free_port()}"

    ended = cogfal("predict", "--url", url, "-i", "name=Ada")

    assert ended.status == 1
    assert f"{url} cannot be reached" in ended.err


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("localhost:8080", "write the address of an app, http://HOST:PORT"),
        ("http://localhost:80800a", "Invalid port: '80800a'"),
    ],
)
def test_what_is_no_address_is_told(cogfal: Cogfal, url: str, told: str) -> None:
    """Nobody is asked, and nobody is said not to answer."""
    ended = cogfal("predict", "--url", url, "-i", "name=Ada")

    assert ended.status == 1
    assert f"--url {url}: {told}" in ended.err


def test_an_output_that_nobody_reads_on_is_no_error(
    cogfal: Cogfal, project: Path, tmp_path: Path
) -> None:
    """As with `| head`: it ends, and the app is not said to be out of reach."""
    with served(project, tmp_path) as url:
        ended = cogfal("predict", "--url", url, "-i", "name=Ada", unread=True)

    assert (ended.status, ended.err) == (141, "")


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
    "a stream that is refused": (STREAMS, reply({"detail": "busy"}, 429)),
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


def test_a_deployed_app_is_called(cogfal: Cogfal, loopback: Loopback) -> None:
    """The inputs go as they are, the output is printed."""
    ended = cogfal("predict", "--app", "me/app", "-i", "prompt=hi", **_fal(loopback))

    assert '"prompt": "hi"' in ended.out, ended.err


def test_an_app_that_streams_is_followed(cogfal: Cogfal, loopback: Loopback) -> None:
    """Its pieces are one text, written once; fal's queue has no part in it."""
    before = len(loopback.cloud.calls)

    ended = cogfal("predict", "--app", "me/writer", "-i", "prompt=hi", **_fal(loopback))

    assert (ended.status, ended.out) == (0, "a picture\n"), ended.err
    assert len(loopback.cloud.calls) == before


def test_a_stream_that_breaks_is_told(cogfal: Cogfal, loopback: Loopback) -> None:
    """What has come is written, and what went wrong."""
    ended = cogfal("predict", "--app", "me/writer", "-i", "do=fail", **_fal(loopback))

    assert ended.status == 1
    assert ended.out.startswith("a ")
    assert "error: it broke" in ended.err


def test_its_files_are_written_here(cogfal: Cogfal, loopback: Loopback, project: Path) -> None:
    """They get Cog's names."""
    ended = cogfal("predict", "--app", "me/app", "-i", "do=paint", **_fal(loopback))

    assert ended.status == 0, ended.err
    assert (project / "output.0.png").read_bytes() == b"picture"


def test_its_refusal_is_told(cogfal: Cogfal, loopback: Loopback) -> None:
    """The input is named."""
    ended = cogfal("predict", "--app", "me/app", "-i", "do=refuse", **_fal(loopback))

    assert ended.status == 1
    assert "error: steps: Input should be at least 1" in ended.err


def _fal(loopback: Loopback) -> dict[str, str]:
    names = ("FAL_RUN_HOST", "FAL_QUEUE_RUN_HOST", "FAL_KEY", "SSL_CERT_FILE")
    return {name: loopback.environment[name] for name in names}
