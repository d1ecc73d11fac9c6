"""Uploading by PUT, as a receiving server sees it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from cogfal.files import LocalFile, PutStore, StoredFile, StoreError
from tests.file_server import FileServer, file_server


@pytest.fixture
def server() -> Iterator[FileServer]:
    """A file server on the loopback."""
    with file_server() as running:
        yield running


def a_file(directory: Path, name: str = "my cat.png", content: bytes = b"bytes") -> LocalFile:
    """Write a file."""
    path = directory / name
    path.write_bytes(content)
    return LocalFile(path, name, "image/png", len(content))


def put(store: PutStore, *files: LocalFile) -> list[StoredFile]:
    """Put files one after the other."""

    async def main() -> list[StoredFile]:
        return [await store.put(file) for file in files]

    return asyncio.run(main())


@pytest.mark.parametrize("slash", ["", "/"])
def test_file_is_put_below_the_prefix(server: FileServer, tmp_path: Path, slash: str) -> None:
    """As Cog does: bytes as the body, type and id as headers, the URL as the answer."""
    store = PutStore(
        server.url(f"/up{slash}"), headers={"X-Prediction-Id": "p1"}, allow_private_hosts=True
    )

    (stored,) = put(store, a_file(tmp_path))

    ((path, headers, body),) = server.uploads
    assert (path, body) == ("/up/my%20cat.png", b"bytes")
    assert headers["Content-Type"] == "image/png"
    assert headers["X-Prediction-Id"] == "p1"
    assert stored.url == server.url("/up/my%20cat.png")


def test_two_files_of_one_name_do_not_overwrite_each_other(
    server: FileServer, tmp_path: Path
) -> None:
    """The second gets a URL of its own."""
    file = a_file(tmp_path, "a.png")

    stored = put(PutStore(server.url("/up"), allow_private_hosts=True), file, file)

    assert [s.url.rsplit("/", 1)[1] for s in stored] == ["a.png", "a-2.png"]


def test_large_file_arrives_whole(server: FileServer, tmp_path: Path) -> None:
    """A body of several pieces is the file's bytes."""
    content = bytes(range(256)) * 10_000

    put(PutStore(server.url("/up"), allow_private_hosts=True), a_file(tmp_path, content=content))

    assert server.uploads[0][2] == content


def test_busy_server_is_asked_again(server: FileServer, tmp_path: Path) -> None:
    """A status that says "later" is not the end."""
    server.put_statuses[:] = [503, 201]

    put(PutStore(server.url("/up"), allow_private_hosts=True), a_file(tmp_path))

    assert len(server.uploads) == 2


@pytest.mark.parametrize(("statuses", "tried"), [([403], 1), ([302], 1), ([500] * 3, 3)])
def test_refusal_is_an_error(
    server: FileServer, tmp_path: Path, statuses: list[int], tried: int
) -> None:
    """The status is named; redirects are not followed."""
    status = statuses[0]
    server.put_statuses[:] = statuses

    with pytest.raises(StoreError, match=f"answered {status}"):
        put(PutStore(server.url("/up"), allow_private_hosts=True), a_file(tmp_path))

    assert len(server.uploads) == tried


def test_private_prefix_of_a_caller_is_refused(server: FileServer, tmp_path: Path) -> None:
    """By default nothing inward is written to."""
    with pytest.raises(StoreError, match="not on the public internet"):
        put(PutStore(server.url("/up")), a_file(tmp_path))

    assert server.uploads == []


@pytest.mark.parametrize("prefix", ["file:///tmp", "nonsense", "ftp://host/"])
def test_prefix_that_is_no_http_url_is_refused(tmp_path: Path, prefix: str) -> None:
    """There is nothing to PUT to."""
    with pytest.raises(StoreError):
        put(PutStore(prefix), a_file(tmp_path))
