"""How stores come by the bytes of a file, and the local store as a client of its route sees it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Route

from cogfal.files.store import ROUTE, DataUrlStore, LocalFile, LocalStore, StoreError, take

CONTENT = bytes(range(100))


@pytest.fixture
def store() -> Iterator[LocalStore]:
    """A store of at most 250 bytes."""
    kept = LocalStore(max_bytes=250)
    yield kept
    kept.close()


def ask(store: LocalStore, url: str, method: str = "GET", **headers: str) -> httpx.Response:
    """Send one request to an app that serves the store."""

    async def main() -> httpx.Response:
        transport = httpx.ASGITransport(
            Starlette(routes=[Route(ROUTE + "/{token}/{name}", store.serve)])
        )
        async with httpx.AsyncClient(transport=transport, base_url="http://app") as client:
            return await client.request(method, url, headers=headers)

    return asyncio.run(main())


def a_file(
    directory: Path,
    name: str = "a.bin",
    content_type: str = "image/png",
    disposable: bool = False,
) -> LocalFile:
    """Write a file of 100 bytes."""
    path = directory / name
    path.write_bytes(CONTENT)
    return LocalFile(path, name, content_type, len(CONTENT), disposable=disposable)


def put(store: LocalStore, file: LocalFile) -> str:
    """Put one file and return its URL."""
    return asyncio.run(store.put(file)).url


def test_kept_file_is_served(store: LocalStore, tmp_path: Path) -> None:
    """GET gives the bytes with the right type, length and headers that tame browsers."""
    url = put(store, a_file(tmp_path, "my cat.png"))

    response = ask(store, url)

    assert response.status_code == 200
    assert response.content == CONTENT
    assert response.headers["content-type"] == "image/png"
    assert response.headers["content-length"] == "100"
    assert response.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in response.headers["content-security-policy"]
    assert response.headers["content-disposition"] == "inline; filename*=utf-8''my%20cat.png"


def test_head_gives_the_headers_alone(store: LocalStore, tmp_path: Path) -> None:
    """HEAD knows the length and has no body."""
    response = ask(store, put(store, a_file(tmp_path)), "HEAD")

    assert response.status_code == 200
    assert response.headers["content-length"] == "100"
    assert response.content == b""


@pytest.mark.parametrize(
    ("wanted", "start", "end"),
    [("bytes=0-9", 0, 10), ("bytes=90-", 90, 100), ("bytes=-5", 95, 100)],
)
def test_ranges_are_served(
    store: LocalStore, tmp_path: Path, wanted: str, start: int, end: int
) -> None:
    """Players can seek."""
    response = ask(store, put(store, a_file(tmp_path)), Range=wanted)

    assert response.status_code == 206
    assert response.content == CONTENT[start:end]
    assert response.headers["content-range"] == f"bytes {start}-{end - 1}/100"


def test_range_beyond_the_end_is_refused(store: LocalStore, tmp_path: Path) -> None:
    """There is nothing to send."""
    response = ask(store, put(store, a_file(tmp_path)), Range="bytes=100-")

    assert response.status_code == 416


@pytest.mark.parametrize("content_type", ["text/html", "image/svg+xml", "application/xhtml+xml"])
def test_active_content_is_downloaded_not_shown(
    store: LocalStore, tmp_path: Path, content_type: str
) -> None:
    """What could run script on the app's own origin is an attachment."""
    url = put(store, a_file(tmp_path, content_type=content_type))

    response = ask(store, url)

    assert response.headers["content-disposition"].startswith("attachment")


@pytest.mark.parametrize("name", ['a"b\r\nX: y.png', "名.png", "a;b.png", "../a.png", "%2e%2e.png"])
def test_odd_names_stay_inside_their_header(store: LocalStore, tmp_path: Path, name: str) -> None:
    """No name ends the header, leaves the route or changes which file is served."""
    file = a_file(tmp_path)

    url = put(store, LocalFile(file.path, name, file.content_type, file.size))
    response = ask(store, url)

    assert response.content == CONTENT
    assert "x" not in response.headers
    assert "\n" not in response.headers["content-disposition"]


def test_urls_cannot_be_guessed(store: LocalStore, tmp_path: Path) -> None:
    """Two files have unrelated URLs with at least 128 bits of chance in them."""
    tokens = {put(store, a_file(tmp_path)).split("/")[-2] for _ in range(2)}

    assert len(tokens) == 2
    assert all(len(token) >= 22 for token in tokens)


@pytest.mark.parametrize("token", ["nonsense", "..", "%2e%2e", "..%2f..%2fetc", ""])
def test_other_paths_are_not_found(store: LocalStore, tmp_path: Path, token: str) -> None:
    """Nothing but a listed token leads to a file."""
    put(store, a_file(tmp_path))

    response = ask(store, f"/cogfal/files/{token}/passwd")

    assert response.status_code == 404


def test_addressed_store_gives_whole_urls(store: LocalStore, tmp_path: Path) -> None:
    """With the app's address the URL opens in a browser."""
    url = asyncio.run(store.at("http://localhost:8080/").put(a_file(tmp_path))).url

    assert url.startswith("http://localhost:8080/cogfal/files/")


def test_oldest_files_make_room(store: LocalStore, tmp_path: Path) -> None:
    """Of three files two fit; the first is gone from the route and from disk."""
    urls = [put(store, a_file(tmp_path)) for _ in range(3)]

    statuses = [ask(store, url).status_code for url in urls]

    assert statuses == [404, 200, 200]
    assert len(list(store.directory.iterdir())) == 2


def test_cap_holds_for_files_that_come_together(store: LocalStore, tmp_path: Path) -> None:
    """Files put at the same time count against each other as well."""
    files = [a_file(tmp_path, f"{number}.png") for number in range(6)]

    async def main() -> None:
        await asyncio.gather(*(store.put(file) for file in files))

    asyncio.run(main())

    assert sum(path.stat().st_size for path in store.directory.iterdir()) == 200


def test_cancelled_file_is_not_kept(store: LocalStore, tmp_path: Path) -> None:
    """Nothing of it stays in the folder."""
    file = a_file(tmp_path)

    async def main() -> None:
        task = asyncio.ensure_future(store.put(file))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())

    assert list(store.directory.iterdir()) == []


def test_file_above_the_cap_is_refused(tmp_path: Path) -> None:
    """What can never fit is an error, and nothing is dropped for it."""
    store = LocalStore(max_bytes=99)

    with pytest.raises(StoreError, match="100 bytes"):
        put(store, a_file(tmp_path))
    store.close()


def test_old_files_are_forgotten(tmp_path: Path) -> None:
    """After its age a file is gone, without another one coming."""
    store = LocalStore(max_age=1e-9)
    url = put(store, a_file(tmp_path))

    assert ask(store, url).status_code == 404
    assert list(store.directory.iterdir()) == []
    store.close()


@pytest.mark.parametrize("disposable", [False, True])
def test_kept_file_outlives_its_source(store: LocalStore, tmp_path: Path, disposable: bool) -> None:
    """Removing or replacing the source does not change what is served."""
    file = a_file(tmp_path, disposable=disposable)
    url = put(store, file)

    file.path.unlink(missing_ok=disposable)
    file.path.write_bytes(b"other")

    assert ask(store, url).content == CONTENT


def test_project_file_is_copied_not_shared(store: LocalStore, tmp_path: Path) -> None:
    """A file that stays with the author may be rewritten in place."""
    file = a_file(tmp_path)
    url = put(store, file)

    with file.path.open("r+b") as source:
        source.write(b"changed")

    assert ask(store, url).content == CONTENT


@pytest.mark.parametrize("instead", ["nothing", "directory", "pipe"])
@pytest.mark.parametrize("disposable", [False, True])
def test_source_that_is_no_file_any_more_is_a_store_error(
    store: LocalStore, tmp_path: Path, instead: str, disposable: bool
) -> None:
    """It is said, and a pipe is not waited for."""
    file = a_file(tmp_path, disposable=disposable)
    file.path.unlink()
    if instead == "directory":
        file.path.mkdir()
    elif instead == "pipe":
        os.mkfifo(file.path)

    with pytest.raises(StoreError, match=r"a\.bin cannot be read"):
        put(store, file)
    assert list(store.directory.iterdir()) == []


@pytest.mark.parametrize("link", ["symbolic", "hard"])
def test_a_name_that_the_author_goes_on_to_use_shares_no_bytes(
    store: LocalStore, tmp_path: Path, link: str
) -> None:
    """What one caller got stays what it was, though the author writes to the linked file again."""
    own = a_file(tmp_path, "own.bin").path
    path = tmp_path / "returned.bin"
    if link == "symbolic":
        path.symlink_to(own)
    else:
        path.hardlink_to(own)
    url = put(store, LocalFile(path, "a.bin", "image/png", len(CONTENT), disposable=True))

    with own.open("r+b") as rewritten:
        rewritten.write(b"somebody else's")

    assert ask(store, url).content == CONTENT


def test_kept_file_that_became_something_else_is_not_found(
    store: LocalStore, tmp_path: Path
) -> None:
    """Whoever put a directory in its place."""
    url = put(store, a_file(tmp_path))
    (kept,) = store.directory.iterdir()
    kept.unlink()
    kept.mkdir()

    assert ask(store, url).status_code == 404


def test_close_removes_everything(tmp_path: Path) -> None:
    """After closing, twice, the folder is gone and the URL leads nowhere."""
    store = LocalStore()
    url, folder = put(store, a_file(tmp_path)), store.directory

    store.close()
    store.close()

    assert ask(store, url).status_code == 404
    assert not folder.exists()


def described(path: Path, *, disposable: bool = False, size: int = 5) -> LocalFile:
    """Describe a file that may or may not be there."""
    return LocalFile(path, path.name, "text/plain", size, disposable=disposable)


@pytest.mark.parametrize("size", [5, 10**6], ids=["small", "large"])
@pytest.mark.parametrize("instead", ["nothing", "directory", "pipe"])
def test_what_is_no_file_any_more_is_an_error(tmp_path: Path, instead: str, size: int) -> None:
    """It is named, and a pipe is not waited for."""
    path = tmp_path / "a.txt"
    if instead == "directory":
        path.mkdir()
    elif instead == "pipe":
        os.mkfifo(path)

    with pytest.raises(StoreError, match=r"a\.txt cannot be read"):
        asyncio.run(DataUrlStore().put(described(path, size=size)))


def test_a_temporary_file_is_moved(tmp_path: Path) -> None:
    """It costs nothing, and its author's name is gone."""
    path = tmp_path / "a.txt"
    path.write_text("hello")
    inode = path.stat().st_ino

    take(described(path, disposable=True), tmp_path / "kept")

    assert not path.exists()
    assert (tmp_path / "kept").stat().st_ino == inode


@pytest.mark.parametrize("name", ["stays", "symbolic", "hard"])
def test_a_file_with_another_name_is_copied(tmp_path: Path, name: str) -> None:
    """Whoever goes on to write to it writes to a file of his own."""
    own, path = tmp_path / "own.txt", tmp_path / "a.txt"
    own.write_text("hello")
    if name == "symbolic":
        path.symlink_to(own)
    else:
        path.hardlink_to(own)
    file = described(path, disposable=name != "stays")

    take(file, tmp_path / "kept")

    assert (tmp_path / "kept").read_text() == "hello"
    assert not (tmp_path / "kept").samefile(own)


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    """A name that is taken is an error of whoever chose it."""
    path = tmp_path / "a.txt"
    path.write_text("hello")
    (tmp_path / "kept").write_text("mine")

    with pytest.raises(FileExistsError):
        take(described(path), tmp_path / "kept")

    assert (tmp_path / "kept").read_text() == "mine"
