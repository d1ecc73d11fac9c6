"""Fetching, against a server that does what servers should not."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from urllib.parse import quote

import anyio
import pytest

from cogfal.files.fetching import Fetched, FileVersion, HttpFetcher, Unchanged
from cogfal.files.limits import FetchBudget, FetchError, FileLimits, TooLarge
from tests.file_server import PNG, FileServer, file_server
from tests.watchdog import watched

LIMITS = FileLimits(max_file_bytes=100_000, max_request_bytes=150_000, allow_private_hosts=True)
IMPATIENT = FileLimits(connect_seconds=0.5, stall_seconds=1.0, allow_private_hosts=True)


@pytest.fixture
def server() -> Iterator[FileServer]:
    """A file server on the loopback."""
    with file_server() as running:
        yield running


def fetch(url: str, directory: Path, limits: FileLimits = LIMITS) -> Fetched:
    """Fetch one file with a budget of its own."""
    return asyncio.run(HttpFetcher(limits).fetch(url, directory, FetchBudget(limits)))


def left_in(directory: Path) -> list[str]:
    """Name what lies in `directory`."""
    return [path.name for path in directory.iterdir()]


def test_file_arrives_as_it_was_sent(server: FileServer, tmp_path: Path) -> None:
    """The bytes are the server's, the size is theirs, the name is the URL's."""
    fetched = fetch(server.url("/file/picture.png?token=a/b"), tmp_path)

    assert fetched.path == tmp_path / "picture.png"
    assert fetched.path.read_bytes() == PNG
    assert fetched.size == len(PNG)


def test_identity_is_asked_for(server: FileServer, tmp_path: Path) -> None:
    """No server is asked to compress, and none is sent credentials."""
    fetch(server.url("/file"), tmp_path)

    headers = server.requests[0][1]
    assert headers["Accept-Encoding"] == "identity"
    assert headers["Host"] == f"127.0.0.1:{server.port}"
    assert "Authorization" not in headers
    assert "Cookie" not in headers


@pytest.mark.parametrize(
    ("path", "message"),
    [
        pytest.param("/promises-more", "connection broke", id="length too high"),
        pytest.param("/header-flood", "connection broke", id="headers flood"),
        pytest.param("/interim-flood", "head of the answer", id="interim answers flood"),
        pytest.param("/reset", "connection broke", id="reset"),
        pytest.param("/garbage", "connection broke", id="no HTTP"),
        pytest.param("/gzip?cut=1", "ends early", id="gzip cut"),
        pytest.param("/gzip?encoding=deflate", "damaged", id="not the encoding it says"),
        pytest.param("/gzip?encoding=br", "without being asked", id="unknown encoding"),
        pytest.param("/status?code=404", "answered 404", id="404"),
        pytest.param("/status?code=500", "answered 500", id="500"),
        pytest.param("/status?code=204", "answered 204", id="204"),
        pytest.param("/status?code=304", "answered 304", id="304"),
        pytest.param("/loop", "more than 5 redirects", id="redirect loop"),
        pytest.param("/hops?n=6", "more than 5 redirects", id="too many redirects"),
        pytest.param("/nowhere", "to nowhere", id="redirect without target"),
        pytest.param("/redirect?to=file:///etc/passwd", "not 'file'", id="redirect to a file"),
        pytest.param("/redirect?to=ftp://example.com/a", "not 'ftp'", id="redirect to ftp"),
        pytest.param("/redirect?to=data:,hello", "not 'data'", id="redirect to data"),
        pytest.param("/redirect?to=http://[::1", "unusable URL", id="redirect to nonsense"),
        pytest.param("/redirect?to=http://127.0.0.1:65536/", "the port 65536", id="no such port"),
    ],
)
def test_bad_server_is_an_error_that_leaves_nothing(
    server: FileServer, tmp_path: Path, path: str, message: str
) -> None:
    """Whatever the server does wrong is said, and no byte stays on disk."""
    with pytest.raises(FetchError, match=message):
        fetch(server.url(path), tmp_path)

    assert left_in(tmp_path) == []


@pytest.mark.parametrize(
    ("path", "message"),
    [
        pytest.param("/stall", "stopped answering", id="stall"),
        pytest.param("/silent", "stopped answering", id="no answer"),
        pytest.param("/drip", "sent only", id="drip"),
        pytest.param("/header-drip", "took too long", id="headers drip"),
    ],
)
def test_slow_server_is_given_up(
    server: FileServer, tmp_path: Path, path: str, message: str
) -> None:
    """However it is slow, it is left after the set times, and no byte stays on disk."""
    with pytest.raises(FetchError, match=message):
        fetch(server.url(path), tmp_path, IMPATIENT)

    assert left_in(tmp_path) == []


@pytest.mark.parametrize(
    "path",
    [
        pytest.param("/bytes?size=100001", id="declared"),
        pytest.param("/bytes?size=100001&chunked=1", id="undeclared"),
        pytest.param("/bytes?size=50000000&chunked=1", id="much too large"),
        pytest.param("/bomb?size=50000000", id="gzip bomb"),
    ],
)
def test_too_large_file_is_given_up(server: FileServer, tmp_path: Path, path: str) -> None:
    """The limit counts decoded bytes and does not rely on what was declared."""
    with pytest.raises(TooLarge) as caught:
        fetch(server.url(path), tmp_path)

    assert caught.value.max_size == 100_000
    assert left_in(tmp_path) == []


@pytest.mark.parametrize("chunked", ["", "&chunked=1"], ids=["declared", "chunked"])
def test_file_of_exactly_the_limit_arrives(
    server: FileServer, tmp_path: Path, chunked: str
) -> None:
    """The limit itself is allowed."""
    fetched = fetch(server.url(f"/bytes?size=100000{chunked}"), tmp_path)

    assert fetched.path.stat().st_size == 100_000


def test_files_of_a_request_share_its_limit(server: FileServer, tmp_path: Path) -> None:
    """Two files that each fit are too much if their sum is."""
    budget = FetchBudget(LIMITS)
    fetcher = HttpFetcher(LIMITS)

    async def main() -> None:
        await fetcher.fetch(server.url("/bytes?size=90000"), tmp_path, budget)
        await fetcher.fetch(server.url("/bytes?size=90000&chunked=1"), tmp_path, budget)

    with pytest.raises(TooLarge) as caught:
        asyncio.run(main())
    assert caught.value.max_size == 150_000
    assert left_in(tmp_path) == ["bytes.txt"]


def test_body_ends_where_the_server_said(server: FileServer, tmp_path: Path) -> None:
    """What is sent beyond the declared length is not part of the file."""
    fetched = fetch(server.url("/promises-less"), tmp_path)

    assert fetched.path.read_bytes() == b"ab"


def test_gzip_that_nobody_asked_for_is_unpacked(server: FileServer, tmp_path: Path) -> None:
    """A server that compresses all the same still yields the file."""
    fetched = fetch(server.url("/gzip"), tmp_path)

    assert fetched.path.read_bytes() == b"unpacked " * 1000


def test_chunks_of_a_byte_hold_nobody_up(server: FileServer, tmp_path: Path) -> None:
    """However many of them are there at once, others have their turn in between."""
    with watched() as long_steps:
        fetched = fetch(server.url("/crumbs?size=90000"), tmp_path)

    assert fetched.size == 90_000
    assert long_steps == []


def test_drip_above_the_least_speed_ends_with_the_time(server: FileServer, tmp_path: Path) -> None:
    """The whole request has one deadline, however steadily a server drips."""
    limits = FileLimits(
        total_seconds=0.5, stall_seconds=5.0, min_bytes_per_second=0, allow_private_hosts=True
    )

    with pytest.raises(FetchError, match=r"did not arrive in 0\.5 s"):
        fetch(server.url("/drip"), tmp_path, limits)

    assert left_in(tmp_path) == []


def test_redirects_up_to_the_limit_are_followed(server: FileServer, tmp_path: Path) -> None:
    """Five hops are five requests more, and the name is the last URL's."""
    fetched = fetch(server.url("/hops?n=5"), tmp_path)

    assert fetched.path.name == "picture.png"
    assert len(server.requests) == 6


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
def test_every_kind_of_redirect_is_followed(server: FileServer, tmp_path: Path, code: int) -> None:
    """All statuses that redirect a GET do."""
    fetched = fetch(server.url(f"/redirect?code={code}&to=/file/a.png"), tmp_path)

    assert fetched.path.name == "a.png"


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "localhost",
        "0.0.0.0",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0177.0.0.1",
        "127.0.0.1.",
        "①②⑦.⓪.⓪.①",
    ],
)
def test_loopback_is_refused_however_it_is_written(
    server: FileServer, tmp_path: Path, host: str
) -> None:
    """Without the setting, no spelling of a private address is connected to."""
    with pytest.raises(FetchError):
        fetch(f"http://{host}:{server.port}/file", tmp_path, FileLimits(connect_seconds=1.0))

    assert server.requests == []
    assert left_in(tmp_path) == []


@pytest.mark.parametrize(
    "address",
    ["10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "[fd00::1]", "[fe80::1]"],
)
def test_private_and_metadata_addresses_are_refused(tmp_path: Path, address: str) -> None:
    """The refusal comes before any connection is tried."""
    with pytest.raises(FetchError, match="not on the public internet"):
        fetch(f"http://{address}/latest/meta-data", tmp_path, FileLimits())


def fetcher_between(names: dict[str, list[list[str]]]) -> tuple[HttpFetcher, list[str]]:
    """Make a fetcher that may reach 127.0.0.1 only, and resolves names as told, call by call."""
    asked: list[str] = []

    async def resolver(host: str, port: int) -> list[str]:
        asked.append(host)
        answers = names.get(host, [[host]])
        return answers.pop(0) if len(answers) > 1 else answers[0]

    fetcher = HttpFetcher(
        LIMITS, resolver=resolver, permitted=lambda address: address == "127.0.0.1"
    )
    return fetcher, asked


def test_connection_goes_to_the_address_that_was_judged(tmp_path: Path) -> None:
    """A name that resolves to another address a moment later is asked only once."""
    with file_server("127.0.0.1") as public, file_server("127.0.0.2", public.port) as inner:
        fetcher, asked = fetcher_between({"rebind.test": [["127.0.0.1"], ["127.0.0.2"]]})
        url = f"http://rebind.test:{public.port}/file/a.png"

        asyncio.run(fetcher.fetch(url, tmp_path, FetchBudget(LIMITS)))

        assert asked == ["rebind.test"]
        assert public.requests[0][1]["Host"] == f"rebind.test:{public.port}"
        assert inner.requests == []


@pytest.mark.parametrize(
    "addresses",
    [["127.0.0.2"], ["127.0.0.1", "127.0.0.2"], ["127.0.0.2", "127.0.0.1"], []],
    ids=["inward", "second inward", "first inward", "none"],
)
def test_name_with_any_address_inward_is_refused(tmp_path: Path, addresses: list[str]) -> None:
    """One bad address among several is enough."""
    with file_server("127.0.0.1") as public, file_server("127.0.0.2", public.port) as inner:
        fetcher, _ = fetcher_between({"mixed.test": [addresses]})

        with pytest.raises(FetchError):
            asyncio.run(
                fetcher.fetch(
                    f"http://mixed.test:{public.port}/file", tmp_path, FetchBudget(LIMITS)
                )
            )

        assert public.requests == inner.requests == []


def test_redirect_inward_is_refused(tmp_path: Path) -> None:
    """Every hop is judged like the first."""
    with file_server("127.0.0.1") as public, file_server("127.0.0.2") as inner:
        fetcher, _ = fetcher_between({})
        url = public.url(f"/redirect?to={quote(inner.url('/file'))}")

        with pytest.raises(FetchError, match="not on the public internet"):
            asyncio.run(fetcher.fetch(url, tmp_path, FetchBudget(LIMITS)))

        assert inner.requests == []
        assert left_in(tmp_path) == []


def test_next_address_is_tried_when_one_does_not_answer(tmp_path: Path) -> None:
    """A host with a dead address is still reached."""
    with file_server("127.0.0.2") as server:

        async def resolver(host: str, port: int) -> list[str]:
            return ["127.0.0.3", "127.0.0.2"]

        fetcher = HttpFetcher(LIMITS, resolver=resolver)
        url = f"http://two.test:{server.port}/file/a.png"

        fetched = asyncio.run(fetcher.fetch(url, tmp_path, FetchBudget(LIMITS)))

    assert fetched.path.read_bytes() == PNG


def test_unreachable_host_is_an_error(tmp_path: Path, port: int) -> None:
    """A port that nobody listens on is said to be no connection."""
    with pytest.raises(FetchError, match=r"no connection to '127\.0\.0\.1'"):
        fetch(f"http://127.0.0.1:{port}/", tmp_path)


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "ftp://example.com/a",
        "/etc/passwd",
        "http://",
        "http:///path",
        "http://[",
        "http://<host>/",
        "http://[::1",
        "http://exa\x00mple.com/",
        "http://host:99999/",
        "http://host:65536/",
        "http://host:0/",
        "gopher://x",
        "http://xn--((.example/a.png",
        "",
    ],
)
def test_what_is_no_http_url_is_refused(tmp_path: Path, url: str) -> None:
    """Other schemes and broken URLs never lead to a connection."""
    with pytest.raises(FetchError):
        fetch(url, tmp_path)


def cancel_in_the_middle(server: FileServer, work: Callable[[], Awaitable[object]]) -> None:
    """Cancel `work` once the server is busy with it, and wait for its end."""

    async def main() -> None:
        task = asyncio.ensure_future(work())
        await asyncio.to_thread(server.busy.wait, 10)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())


@pytest.mark.parametrize("path", ["/silent", "/stall", "/drip"])
def test_cancelling_ends_a_download_at_once(server: FileServer, tmp_path: Path, path: str) -> None:
    """No matter what the server is up to, cancelling waits for nothing and leaves nothing."""
    limits = FileLimits(allow_private_hosts=True)
    fetcher = HttpFetcher(limits)

    cancel_in_the_middle(
        server, lambda: fetcher.fetch(server.url(path), tmp_path, FetchBudget(limits))
    )

    assert left_in(tmp_path) == []


def test_unchanged_file_is_not_sent_again(server: FileServer, tmp_path: Path) -> None:
    """Given the version of a former answer, the server may say that it still holds."""
    fetcher = HttpFetcher(LIMITS)
    url = server.url("/versioned/lora.safetensors")

    async def main() -> Fetched:
        first = await fetcher.fetch(url, tmp_path, FetchBudget(LIMITS))
        with pytest.raises(Unchanged):
            await fetcher.fetch(url, tmp_path, FetchBudget(LIMITS), first.version)
        return await fetcher.fetch(url, tmp_path, FetchBudget(LIMITS), FileVersion('"no"'))

    other = asyncio.run(main())

    assert other.path.read_bytes() == b"weights"


def test_large_download_is_written_while_it_arrives(server: FileServer, tmp_path: Path) -> None:
    """Several megabytes arrive whole, and reports come in while they do."""
    limits = FileLimits(allow_private_hosts=True)

    fetched = fetch(server.url("/bytes?size=5000001"), tmp_path, limits)

    assert fetched.path.stat().st_size == fetched.size == 5_000_001


def test_downloads_leave_no_threads_behind(server: FileServer, tmp_path: Path) -> None:
    """After the loop is closed the process has the threads it had."""
    before = threading.active_count()

    fetch(server.url("/bytes?size=90000"), tmp_path)

    assert threading.active_count() <= before + 1


def test_outer_deadline_ends_a_download(server: FileServer, tmp_path: Path) -> None:
    """A caller's own cancel scope works as well as cancelling the task."""
    limits = FileLimits(allow_private_hosts=True)

    async def main() -> bool:
        with anyio.move_on_after(0.2) as scope:
            await HttpFetcher(limits).fetch(server.url("/silent"), tmp_path, FetchBudget(limits))
        return scope.cancelled_caught

    assert asyncio.run(main())
    assert left_in(tmp_path) == []


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/file/picture", "picture.png"),
        ("/file/a?type=application/octet-stream", "a.png"),
        ("/file/a?type=image/webp", "a.webp"),
        ("/file/a.bin", "a.bin"),
        ("/gzip", "gzip.txt"),
    ],
)
def test_file_without_a_suffix_gets_what_its_bytes_say(
    server: FileServer, tmp_path: Path, path: str, name: str
) -> None:
    """Where neither its URL nor its server's type says it."""
    assert fetch(server.url(path), tmp_path).path == tmp_path / name


def test_blanks_in_a_url_are_sent_as_browsers_do(server: FileServer, tmp_path: Path) -> None:
    """In its path and in its query, and around it they are none of it."""
    fetched = fetch(f" {server.url('/file/my cat.png?a=b c')} ", tmp_path)

    assert server.paths() == ["/file/my%20cat.png?a=b%20c"]
    assert fetched.path.name == "my_cat.png"


def test_name_and_password_go_to_their_host_alone(tmp_path: Path) -> None:
    """Along redirects within it, too, and not to the next host."""
    with file_server("127.0.0.1") as first, file_server("127.0.0.2") as second:
        away = first.url(f"/redirect?to={quote(second.url('/file/a.png'))}")
        url = first.url(f"/redirect?to={quote(away)}").replace("http://", "http://me:p%40ss@")

        fetch(url, tmp_path)

        told = [headers["Authorization"] for _, headers in (*first.requests, *second.requests)]
        assert told == [*["Basic bWU6cEBzcw=="] * 2, None]


def test_cookies_hold_along_redirects(tmp_path: Path) -> None:
    """The host that set one gets it back, and no other host does."""
    with file_server("127.0.0.1") as first, file_server("127.0.0.2") as second:
        fetch(first.url("/cookie/a.png"), tmp_path)
        fetch(first.url(f"/cookie/b.png?to={quote(second.url('/file/b.png'))}"), tmp_path)

        assert [headers["Cookie"] for _, headers in second.requests] == [None]
        assert [headers["Cookie"] for _, headers in first.requests] == [None, "seen=yes", None]


def test_cookies_that_are_none_are_left_out(server: FileServer, tmp_path: Path) -> None:
    """Bytes, a long one, and what belongs to nobody any more; attributes of no meaning go."""
    fetch(server.url("/bad-cookies"), tmp_path)

    assert [headers["Cookie"] for _, headers in server.requests] == [None, "busy=1; late=1"]


def test_the_operator_names_the_agent(
    server: FileServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`COG_USER_AGENT` is who asks, as under Cog."""
    fetch(server.url("/file"), tmp_path)
    monkeypatch.setenv("COG_USER_AGENT", "Cog/0.16")
    fetch(server.url("/file"), tmp_path)

    assert [headers["User-Agent"] for _, headers in server.requests] == ["cogfal", "Cog/0.16"]
