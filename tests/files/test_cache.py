"""The cache of fetched files, in one process and in several."""

from __future__ import annotations

import asyncio
import hashlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from cogfal.files.cache import FileCache
from cogfal.files.fetching import HttpFetcher
from cogfal.files.limits import FetchBudget, FetchError, FileLimits
from cogfal.files.workspace import PREFIX
from tests.file_server import PNG, FileServer, file_server

LIMITS = FileLimits(allow_private_hosts=True)


@pytest.fixture
def server() -> Iterator[FileServer]:
    """A file server on the loopback."""
    with file_server() as running:
        yield running


def get(folder: Path, url: str, times: int = 1) -> Path:
    """Get a file through a new cache object, some times over."""
    cache = FileCache(folder, HttpFetcher(LIMITS))
    for _ in range(times):
        path = asyncio.run(cache.get(url, FetchBudget(LIMITS)))
    return path


def test_cached_file_keeps_its_name_and_is_read_only(server: FileServer, tmp_path: Path) -> None:
    """Loaders look at suffixes, and nobody shall write to what others read."""
    path = get(tmp_path, server.url("/versioned/lora.safetensors"))

    assert path.name == "lora.safetensors"
    assert path.read_bytes() == b"weights"
    assert path.stat().st_mode & 0o222 == 0


def test_unchanged_file_is_asked_about_not_sent(server: FileServer, tmp_path: Path) -> None:
    """The second request carries the version of the first, in another process as well."""
    url = server.url("/versioned/lora.safetensors")

    first = get(tmp_path, url)
    second = get(tmp_path, url, times=2)

    assert second == first
    assert [headers["If-None-Match"] for _, headers in server.requests] == [None, '"one"', '"one"']


def test_file_without_a_version_is_fetched_again(server: FileServer, tmp_path: Path) -> None:
    """What cannot be checked with the server is not trusted."""
    get(tmp_path, server.url("/file/a.png"), times=2)

    assert len(server.requests) == 2


@pytest.mark.parametrize("damage", [b"", b"weightX", b"weights and more"])
def test_damaged_file_is_replaced(server: FileServer, tmp_path: Path, damage: bytes) -> None:
    """Bytes that are not those that were fetched are never handed out."""
    url = server.url("/versioned/lora.safetensors")
    path = get(tmp_path, url)
    path.chmod(0o600)
    path.write_bytes(damage)

    assert get(tmp_path, url).read_bytes() == b"weights"


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"name": 1}'])
def test_damaged_record_is_no_record(server: FileServer, tmp_path: Path, text: str) -> None:
    """Half a record, or a foreign one, means a new download."""
    url = server.url("/versioned/lora.safetensors")
    get(tmp_path, url)
    (record,) = (tmp_path / "urls").iterdir()
    record.write_text(text)

    assert get(tmp_path, url).read_bytes() == b"weights"


def test_failed_download_leaves_nothing(server: FileServer, tmp_path: Path) -> None:
    """Neither a record, nor an object, nor a part of one."""
    with pytest.raises(FetchError):
        get(tmp_path, server.url("/promises-more"))

    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
    assert list((tmp_path / "incoming").iterdir()) == []


def test_processes_share_the_folder(server: FileServer, tmp_path: Path) -> None:
    """Several processes that want the same file at once all get it whole."""
    url = server.url("/versioned/lora.safetensors")
    program = (
        "import sys, pathlib; from tests.files.test_cache import get;"
        "sys.stdout.write(get(pathlib.Path(sys.argv[1]), sys.argv[2], times=5).read_text())"
    )
    command = [sys.executable, "-c", program, str(tmp_path), url]
    root = Path(__file__).parents[2]

    running = [subprocess.Popen(command, stdout=subprocess.PIPE, cwd=root) for _ in range(2)]
    outputs = [process.communicate(timeout=120)[0] for process in running]

    assert outputs == [b"weights", b"weights"]
    assert len(list((tmp_path / "objects").rglob("*.safetensors"))) == 1
    assert list((tmp_path / "incoming").iterdir()) == []


def abandoned(folder: Path, *, for_seconds: float) -> Path:
    """Leave half a download as a killed process does, last written to so long ago."""
    left = folder / "incoming" / f"{PREFIX}left"
    left.mkdir(parents=True)
    (left / "half.safetensors").write_bytes(b"wei")
    then = time.time() - for_seconds
    for path in (left / "half.safetensors", left):
        os.utime(path, (then, then))
    return left


@pytest.mark.parametrize(("seconds", "stays"), [(4000, False), (600, True)])
def test_half_downloads_of_killed_processes_are_swept(
    server: FileServer, tmp_path: Path, seconds: float, stays: bool
) -> None:
    """Once they are surely nobody's: another machine's locks may not be seen here."""
    left = abandoned(tmp_path, for_seconds=seconds)

    get(tmp_path, server.url("/versioned/lora.safetensors"))

    assert left.exists() is stays


def test_version_that_is_no_ascii_goes_back_as_it_came(server: FileServer, tmp_path: Path) -> None:
    """A server may write what it likes into an ETag."""
    url = server.url("/versioned/lora.safetensors?etag=%C3%A9")

    get(tmp_path, url, times=2)

    assert [headers["If-None-Match"] for _, headers in server.requests] == [None, '"é"']


def once(folder: Path, url: str, sha256: str | None = None) -> Path:
    """Get a file that is fetched only where it is missing."""
    cache = FileCache(folder, HttpFetcher(LIMITS))
    return asyncio.run(cache.once(url, FetchBudget(LIMITS), sha256=sha256))


def test_what_is_there_is_never_asked_for_again(server: FileServer, tmp_path: Path) -> None:
    """Whether or not its server names versions, and if it is the one that is wanted."""
    url = server.url("/file/a.png")
    digest = hashlib.sha256(PNG).hexdigest()

    paths = {once(tmp_path, url), once(tmp_path, url), once(tmp_path, url, digest.upper())}

    assert len(paths) == 1
    assert len(server.requests) == 1


def test_other_bytes_than_promised_are_not_kept(server: FileServer, tmp_path: Path) -> None:
    """The error names both hashes, and nothing stays."""
    with pytest.raises(FetchError, match="not 00"):
        once(tmp_path, server.url("/file/a.png"), "0" * 64)

    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
