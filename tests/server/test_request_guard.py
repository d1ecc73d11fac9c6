"""Which requests reach an app that is served on somebody's own machine."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable
from typing import Any

import pytest
from starlette.types import Message, Receive, Scope, Send

from cogfal.server.request_guard import (
    MOST_HEADERS,
    ON_A_RUNNER,
    RequestGuard,
    on_a_runner,
    trusted_hosts,
)


async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
    """Answer anything that arrives with 200."""
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b""})


def messages(headers: dict[str, str], trusted: Iterable[str] = (), kind: str = "http") -> list[Any]:
    """Send a request through a guard and return what comes back."""
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        return {"type": "http.request", "body": b""}

    raw = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
    scope = {"type": kind, "headers": raw, "method": "POST", "path": "/"}
    guard = RequestGuard(app, trusted_hosts(trusted, {}))
    asyncio.run(guard(scope, receive, send))
    return sent


def status(headers: dict[str, str], trusted: Iterable[str] = ()) -> int:
    """Return the status of the answer."""
    return int(messages(headers, trusted)[0]["status"])


@pytest.mark.parametrize(
    "host",
    [
        "localhost:8080",
        "LOCALHOST",
        "127.0.0.1:8080",
        "192.168.1.7:8080",
        "[::1]:8080",
        "203.0.113.9",
        "workstation:8080",
        "gpu-box.local:8080",
        "app.localhost",
        "host.docker.internal:8080",
        "localhost.:8080",
    ],
)
def test_a_host_that_nobody_can_own_passes(host: str) -> None:
    """Addresses, names of one label and names in private domains cannot be rebound."""
    assert status({"host": host}) == 200
    assert status({"host": host, "origin": f"http://{host}"}) == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example:8080",
        "evil.example",
        "localhost.evil.example:8080",
        "127.0.0.1.nip.io:8080",
        "0x7f.1",
        "localhost@evil.example",
        "evil.example/localhost",
        "127.0.0.1:8080:evil",
        "evil.local.example",
        "evil.example.",
        "[::1].evil.example",
    ],
)
def test_a_name_in_public_dns_is_refused(host: str) -> None:
    """Somebody can turn it to this machine while a page of theirs is open."""
    assert status({"host": host}) == 403
    assert status({"host": host, "origin": f"http://{host}"}) == 403


@pytest.mark.parametrize(
    ("origin", "expected"),
    [
        ("https://evil.example", 403),
        ("http://evil.example:8080", 403),
        ("null", 403),
        ("", 403),
        ("file://", 403),
        ("chrome-extension://abcdef", 403),
        ("http://localhost.evil.example", 403),
        ("http://localhost@evil.example", 403),
        ("http://192.168.1.66", 403),
        ("http://127.0.0.1.nip.io", 403),
        ("http://localhost:3000", 200),
        ("https://app.localhost", 200),
        ("http://127.8.0.1:5173", 200),
        ("http://[::1]:5173", 200),
        ("http://127.0.0.1:8080", 200),
    ],
)
def test_only_pages_of_this_machine_are_welcome(origin: str, expected: int) -> None:
    """A development server on another port is, a page of the internet is not."""
    assert status({"host": "127.0.0.1:8080", "origin": origin}) == expected


def test_a_program_sends_no_origin_and_passes() -> None:
    """curl, fal's client and Cog's clients are not browsers."""
    assert status({"host": "127.0.0.1:8080"}) == 200
    assert status({}) == 200


def test_a_name_can_be_trusted() -> None:
    """A tunnel's name passes as host and as origin, no other does."""
    tunnel = ["abc.tunnel.example"]

    assert status({"host": "ABC.tunnel.example"}, tunnel) == 200
    assert status({"host": "localhost", "origin": "https://abc.tunnel.example"}, tunnel) == 200
    assert status({"host": "other.tunnel.example"}, tunnel) == 403


def test_everything_can_be_trusted() -> None:
    """`*` is for those who have another guard in front."""
    assert status({"host": "evil.example", "origin": "null"}, ["*"]) == 200


def test_the_environment_adds_to_what_the_app_trusts() -> None:
    """Names are compared in lower case."""
    assert trusted_hosts(["A.example"], {"COGFAL_TRUSTED_HOSTS": "b.example, C.example,"}) == {
        "a.example",
        "b.example",
        "c.example",
    }


def test_the_refusal_names_the_remedy_and_lets_no_page_read_it() -> None:
    """It says which name, and carries no header of CORS."""
    start, body = messages({"host": "evil.example"})

    assert b"evil.example" in body["body"]
    assert b"trusted_hosts" in body["body"]
    assert b"access-control-allow-origin" not in dict(start["headers"])


@pytest.mark.parametrize("name", ['x", "token": "hush"', "x.y" * 100, "<b>x</b>.example"])
@pytest.mark.parametrize("header", ["host", "origin"])
def test_what_is_no_name_is_not_repeated(header: str, name: str) -> None:
    """A header may hold anything, a part of a body that was cut short too."""
    _, body = messages({"host": "localhost"} | {header: name})

    assert name.encode() not in body["body"]
    assert b"no host name" in body["body"]


def test_a_websocket_of_a_foreign_page_is_closed() -> None:
    """Browsers let any page open one."""
    (closed,) = messages({"host": "localhost", "origin": "https://evil.example"}, kind="websocket")

    assert closed["type"] == "websocket.close"


def test_other_scopes_are_none_of_its_business() -> None:
    """The lifespan has no headers."""
    assert messages({}, kind="lifespan")


@pytest.mark.parametrize("name", ON_A_RUNNER)
def test_a_runner_is_known_by_its_variables(name: str) -> None:
    """Any of them is enough."""
    assert on_a_runner({name: "1"})
    assert not on_a_runner({"FAL_KEY": "k", "FAL_HOST": "h"})


@pytest.mark.parametrize("trusted", [(), ("*",)], ids=["at home", "anywhere"])
@pytest.mark.parametrize(("more", "status"), [(0, 200), (1, 431)])
def test_a_head_has_so_many_headers(more: int, status: int, trusted: Iterable[str]) -> None:
    """One more, and it is refused, whoever may ask."""
    headers = {f"a-{number}": "b" for number in range(MOST_HEADERS + more)}

    head, *bodies = messages(headers, trusted)

    assert head["status"] == status
    assert more == 0 or str(MOST_HEADERS) in json.loads(bodies[0]["body"])["detail"]


def test_a_websocket_of_many_headers_is_refused() -> None:
    """Before it is one."""
    headers = {f"a-{number}": "b" for number in range(MOST_HEADERS + 1)}

    assert [each["type"] for each in messages(headers, kind="websocket")] == ["websocket.close"]
