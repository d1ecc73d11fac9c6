"""Requests to addresses that somebody named."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from cogfal.server.requester import Reply, Requester, Unreachable
from tests.server.receiver import Receiver, receiver

ANYWHERE = Requester(allow_private_hosts=True)
LARGE = bytes(50_000_000)
"""More than the system takes for a receiver that reads nothing."""


@pytest.fixture
def hooks() -> Iterator[Receiver]:
    """A receiver."""
    with receiver() as running:
        yield running


def send(url: str, requester: Requester = ANYWHERE, seconds: float = 10) -> Reply:
    """Send a small request."""
    headers = {"Content-Length": "2"}
    return asyncio.run(requester.send("POST", url, headers, b"{}", seconds=seconds))


def test_the_answer_has_status_and_location(hooks: Receiver) -> None:
    """A redirect is an answer like others; it is not followed."""
    moved = send(f"{hooks.url}/moved")

    assert moved == Reply(307, f"{hooks.url}/ok/elsewhere")
    assert not moved.success
    assert [each.path for each in hooks.requests] == ["/moved"]


def test_name_and_password_of_the_url_become_a_header(hooks: Receiver) -> None:
    """A caller's own credentials go to the caller's own host, as basic authorization."""
    send(hooks.url.replace("http://", "http://me:p%40ss@") + "/ok")

    assert hooks.requests[0].headers["Authorization"] == "Basic bWU6cEBzcw=="
    assert "@" not in hooks.requests[0].headers["Host"]


@pytest.mark.parametrize("url", ["ftp://example.com/", "http://", "http://a:b/", "nonsense"])
def test_what_is_no_http_url_is_refused(url: str) -> None:
    """Trying again cannot help."""
    with pytest.raises(Unreachable) as caught:
        send(url)

    assert caught.value.refused


async def _private(_host: str, _port: int) -> list[str]:
    return ["10.0.0.1"]


@pytest.mark.parametrize(
    "requester", [Requester(), Requester(resolver=_private)], ids=["address", "name"]
)
def test_private_addresses_are_refused(requester: Requester) -> None:
    """By address, and by a name that resolves to one."""
    with pytest.raises(Unreachable, match="public internet") as caught:
        send("http://127.0.0.1:1/", requester)

    assert caught.value.refused


def test_a_closed_port_may_open_later(port: int) -> None:
    """A refused connection is worth another attempt."""
    with pytest.raises(Unreachable) as caught:
        send(f"http://127.0.0.1:{port}/")

    assert not caught.value.refused


def test_silence_ends_in_time(hooks: Receiver) -> None:
    """A server that takes the request and never answers is given up."""
    with pytest.raises(Unreachable, match=r"no answer within 0\.2 s"):
        send(f"{hooks.url}/slow", seconds=0.2)


@pytest.mark.parametrize("behaviour", ["slow", "unread"])
def test_who_takes_nothing_or_says_nothing_is_given_up(hooks: Receiver, behaviour: str) -> None:
    """However much time the whole request has, each part of it has its own."""
    impatient = Requester(allow_private_hosts=True, take_seconds=0.2, answer_seconds=0.2)
    headers = {"Content-Length": str(len(LARGE))}

    with pytest.raises(Unreachable, match="stopped answering") as caught:
        asyncio.run(impatient.send("PUT", f"{hooks.url}/{behaviour}", headers, LARGE, seconds=3600))

    assert not caught.value.refused


def test_an_answer_that_is_no_http_is_an_error() -> None:
    """Whatever the other side says, it is one kind of error."""

    async def main() -> None:
        async def talk(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"SSH-2.0-OpenSSH_9.6\r\n\r\n")
            writer.close()

        async with await asyncio.start_server(talk, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            with pytest.raises(Unreachable, match="RemoteProtocolError"):
                await ANYWHERE.send("POST", f"http://127.0.0.1:{port}/", {}, b"", seconds=10)

    asyncio.run(main())
