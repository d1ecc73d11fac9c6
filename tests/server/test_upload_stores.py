"""Output files that are put to a URL."""

from __future__ import annotations

import asyncio
import email
import email.policy
import os
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from cogfal.files.store import LocalFile, StoredFile, StoreError
from cogfal.server.requester import Requester
from cogfal.server.stores import Form, Uploads, UploadStore
from tests.server.receiver import Receiver, receiver

ANYWHERE = Requester(allow_private_hosts=True)
AT_ONCE = (0.0, 0.0)
CONTENT = bytes(range(256)) * 10_000


@pytest.fixture
def hooks() -> Iterator[Receiver]:
    """A receiver of uploads."""
    with receiver() as running:
        yield running


@pytest.fixture
def file(tmp_path: Path) -> LocalFile:
    """A file of a few MiB with an awkward name."""
    path = tmp_path / "x"
    path.write_bytes(CONTENT)
    return LocalFile(path, 'a "b" ü.bin', "application/x-test", len(CONTENT))


def put(store: UploadStore, file: LocalFile) -> StoredFile:
    """Upload a file."""
    return asyncio.run(store.put(file))


def test_raw_bytes_go_below_the_url(hooks: Receiver, file: LocalFile) -> None:
    """The operator's upload URL gets the file as the request's body, under its quoted name."""
    stored = put(UploadStore(ANYWHERE, f"{hooks.url}/ok/", Form.RAW, "abc"), file)

    (came,) = hooks.requests
    assert (came.method, came.path) == ("PUT", "/ok/a%20%22b%22%20%C3%BC.bin")
    assert came.body == CONTENT
    assert came.headers["Content-Type"] == "application/x-test"
    assert came.headers["X-Prediction-Id"] == "abc"
    assert stored.url == hooks.url + came.path


def test_a_prefix_gets_a_form(hooks: Receiver, file: LocalFile) -> None:
    """`output_file_prefix` gets multipart form data with one field called file."""
    stored = put(UploadStore(ANYWHERE, f"{hooks.url}/ok", Form.MULTIPART, "abc"), file)

    (came,) = hooks.requests
    head = f"Content-Type: {came.headers['Content-Type']}\r\n\r\n".encode()
    form = email.message_from_bytes(head + came.body, policy=email.policy.HTTP)
    (part,) = form.iter_parts()
    assert part.get_content_disposition() == "form-data"
    assert part.get_param("name", header="content-disposition") == "file"
    assert part.get_content_type() == "application/x-test"
    assert part.get_payload(decode=True) == CONTENT
    assert stored.url == hooks.url + came.path


def test_location_is_the_files_address(hooks: Receiver, file: LocalFile) -> None:
    """The answer's `Location` wins, without its query, which may be a signature."""
    stored = put(UploadStore(ANYWHERE, f"{hooks.url}/located", Form.RAW, "abc"), file)

    assert stored.url == f"{hooks.url}/found"


@pytest.mark.parametrize(("behaviour", "reason"), [("refuse", "400"), ("moved", "307")])
def test_a_refused_upload_is_an_error(
    hooks: Receiver, file: LocalFile, behaviour: str, reason: str
) -> None:
    """No status but success counts, and no redirect is followed."""
    with pytest.raises(StoreError, match=reason):
        put(UploadStore(ANYWHERE, f"{hooks.url}/{behaviour}", Form.RAW, "abc"), file)

    assert len(hooks.requests) == 1


@pytest.mark.parametrize("form", Form)
def test_an_upload_is_tried_again_while_the_target_is_busy(
    hooks: Receiver, file: LocalFile, form: Form
) -> None:
    """Two failures lose no finished prediction; all of the file is sent each time."""
    stored = put(UploadStore(ANYWHERE, f"{hooks.url}/fail-2", form, "abc", AT_ONCE), file)

    assert stored.url.startswith(f"{hooks.url}/fail-2/")
    assert [CONTENT in came.body for came in hooks.requests] == [True] * 3


@pytest.mark.parametrize(
    ("behaviour", "reason"), [("fail-9", "status 503"), ("cut", "the upload failed")]
)
def test_an_upload_is_given_up_after_some_tries(
    hooks: Receiver, file: LocalFile, behaviour: str, reason: str
) -> None:
    """A target that stays busy, or drops each connection, ends in the last reason."""
    with pytest.raises(StoreError, match=reason):
        put(UploadStore(ANYWHERE, f"{hooks.url}/{behaviour}", Form.RAW, "abc", AT_ONCE), file)

    assert len(hooks.requests) == 3


@pytest.mark.parametrize("behaviour", ["ok", "located"])
def test_a_password_of_the_target_is_not_shown(
    hooks: Receiver, file: LocalFile, behaviour: str
) -> None:
    """It is sent, and callers see the address without it."""
    base = hooks.url.replace("http://", "http://me:secret@")

    stored = put(UploadStore(ANYWHERE, f"{base}/{behaviour}", Form.RAW, "abc"), file)

    assert hooks.requests[0].headers["Authorization"] is not None
    assert stored.url.startswith(hooks.url)
    assert "secret" not in stored.url


@pytest.mark.parametrize(
    "location", ["http://[", "javascript:alert(1)", "ftp://x/y", "http://host:99999/", "\x01"]
)
def test_a_location_that_leads_nowhere_is_an_error(
    hooks: Receiver, file: LocalFile, location: str
) -> None:
    """It is named, and no such URL is handed out."""
    base = f"{hooks.url}/at/{quote(location, safe='')}"

    with pytest.raises(StoreError, match="the upload's Location is no"):
        put(UploadStore(ANYWHERE, base, Form.RAW, "abc"), file)


def test_a_location_is_written_as_a_url(hooks: Receiver, file: LocalFile) -> None:
    """What no URL may hold is escaped, so that it is no markup wherever it is shown."""
    base = f"{hooks.url}/at/{quote('/<b>', safe='')}"

    stored = put(UploadStore(ANYWHERE, base, Form.RAW, "abc"), file)

    assert stored.url == f"{hooks.url}/%3Cb%3E"


def test_a_file_that_grows_is_sent_as_it_was(hooks: Receiver, file: LocalFile) -> None:
    """What was appended since it was described is no part of the output."""
    store = UploadStore(ANYWHERE, f"{hooks.url}/ok", Form.RAW, "abc")

    put(store, file._replace(size=len(CONTENT) - 3))

    assert [came.body for came in hooks.requests] == [CONTENT[:-3]]


def test_a_file_that_shrinks_is_an_error(hooks: Receiver, file: LocalFile) -> None:
    """Less than was announced cannot be sent."""
    store = UploadStore(ANYWHERE, f"{hooks.url}/ok", Form.RAW, "abc")

    with pytest.raises(StoreError, match="has become smaller"):
        put(store, file._replace(size=len(CONTENT) + 3))


def test_a_callers_prefix_leads_to_public_hosts_only(hooks: Receiver, file: LocalFile) -> None:
    """A prefix is no way into the network that the runner is in."""
    store = Uploads(Requester(), None, prefix_allowed=True).store(f"{hooks.url}/ok", "abc")
    assert store is not None

    with pytest.raises(StoreError, match="public internet"):
        put(store, file)

    assert hooks.requests == []


def test_the_operators_url_may_be_private(hooks: Receiver, file: LocalFile) -> None:
    """What the operator named is reached wherever it is."""
    store = Uploads(Requester(), f"{hooks.url}/ok").store(None, "abc")
    assert store is not None

    put(store, file)

    assert len(hooks.requests) == 1


def test_a_prefix_counts_only_where_it_is_allowed() -> None:
    """Without permission it is ignored, as by today's Cog; with it, it wins."""
    url, prefix = "https://operator.example/up", "https://caller.example/up"

    ignored = Uploads(ANYWHERE, url).store(prefix, "abc")
    taken = Uploads(ANYWHERE, url, prefix_allowed=True).store(prefix, "abc")

    assert ignored is not None
    assert (ignored.base, ignored.form) == (url, Form.RAW)
    assert taken is not None
    assert (taken.base, taken.form) == (prefix, Form.MULTIPART)
    assert Uploads(ANYWHERE).store(prefix, "abc") is None


@pytest.mark.parametrize("instead", ["nothing", "directory", "pipe"])
def test_what_is_no_file_any_more_is_an_error(
    hooks: Receiver, tmp_path: Path, instead: str
) -> None:
    """It is named, and a pipe is not waited for."""
    file = LocalFile(tmp_path / "x", "x.bin", "application/x-test", 5)
    if instead == "directory":
        file.path.mkdir()
    elif instead == "pipe":
        os.mkfifo(file.path)

    with pytest.raises(StoreError, match=r"x\.bin cannot be read"):
        put(UploadStore(ANYWHERE, f"{hooks.url}/ok", Form.RAW, "abc"), file)
