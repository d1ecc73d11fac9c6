"""Fetching over TLS: the guard chooses the address, the certificate is the name's."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from cogfal.files.fetching import Fetched, HttpFetcher
from cogfal.files.limits import FetchBudget, FetchError, FileLimits
from tests.file_server import PNG, FileServer, file_server

LIMITS = FileLimits(allow_private_hosts=True, connect_seconds=5.0)


@pytest.fixture
def authority() -> trustme.CA:
    """A certificate authority."""
    return trustme.CA()


@pytest.fixture
def trusted(authority: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The authority is one that the system trusts."""
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))


@pytest.fixture
def server(authority: trustme.CA) -> Iterator[FileServer]:
    """A file server with a certificate for files.test."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("files.test").configure_cert(context)
    with file_server(tls=context) as running:
        yield running


def fetch(server: FileServer, host: str, directory: Path, path: str = "/file/a.png") -> Fetched:
    """Fetch a file from `host`, which is the server whatever it is called."""

    async def resolver(name: str, port: int) -> list[str]:
        return [server.host]

    fetcher = HttpFetcher(LIMITS, resolver=resolver)
    url = f"https://{host}:{server.port}{path}"
    return asyncio.run(fetcher.fetch(url, directory, FetchBudget(LIMITS)))


def test_trusted_server_is_fetched_from(trusted: None, server: FileServer, tmp_path: Path) -> None:
    """The certificate is checked against the URL's name, not the address connected to."""
    fetched = fetch(server, "files.test", tmp_path)

    assert fetched.path.read_bytes() == PNG


def test_certificate_for_another_name_is_refused(
    trusted: None, server: FileServer, tmp_path: Path
) -> None:
    """A server that is somebody is not thereby the one asked for."""
    with pytest.raises(FetchError, match="CERTIFICATE_VERIFY_FAILED"):
        fetch(server, "other.test", tmp_path)

    assert server.requests == []


def test_unknown_authority_is_refused(server: FileServer, tmp_path: Path) -> None:
    """Anybody can sign for a name."""
    with pytest.raises(FetchError, match="CERTIFICATE_VERIFY_FAILED"):
        fetch(server, "files.test", tmp_path)

    assert server.requests == []


def test_a_server_that_leaves_the_encryption_is_an_error(
    trusted: None, server: FileServer, tmp_path: Path
) -> None:
    """What it says in the clear counts for nothing, and no byte stays on disk."""
    with pytest.raises(FetchError, match="connection broke"):
        fetch(server, "files.test", tmp_path, "/in-the-clear")

    assert [path.name for path in tmp_path.iterdir()] == ["ca.pem"]
