"""What a caller cannot have read or fetched by naming it as a file input."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import zipfile

import httpx
import pytest

from tests.file_server import FileServer
from tests.hostile.target import Target

LOCAL = [
    "file:///etc/passwd",
    "FILE:///etc/passwd",
    "file:/etc/passwd",
    "file://localhost/etc/passwd",
    "/etc/passwd",
    "//etc/passwd",
    "etc/passwd",
    "../../../../etc/passwd",
    "./predict.py",
    "predict.py",
    "~/.ssh/id_rsa",
    "/proc/self/environ",
    "/proc/self/fd/0",
    "/dev/stdin",
    "/dev/zero",
    "\\\\host\\share\\file",
    "C:\\windows\\win.ini",
    "data:",
    "data:/etc/passwd",
    "data:text/plain;base64",
    "data:text/plain;base64,%",
    "data:text/plain;base64,AAAAA",
    "ftp://127.0.0.1/x",
    "gopher://127.0.0.1/x",
    "unix:///var/run/docker.sock",
    "http+unix://%2Fvar%2Frun%2Fdocker.sock/info",
    "jar:http://127.0.0.1!/x",
    "php://filter/resource=/etc/passwd",
    "view-source:file:///etc/passwd",
    "blob:http://localhost/1",
    "about:blank",
    "javascript:alert(1)",
    "http:",
    "http://",
    "http:///etc/passwd",
    "https:/etc/passwd",
    " http://127.0.0.1/",
    "\thttp://127.0.0.1/",
    "http://127.0.0.1\n/",
    "http://\u0000/",
    "",
    " ",
    "\u0000",
]
INWARD = [
    "http://127.0.0.1:{port}/",
    "http://localhost:{port}/",
    "http://LOCALHOST:{port}/",
    "http://localhost.:{port}/",
    "http://127.1:{port}/",
    "http://127.0.1:{port}/",
    "http://2130706433:{port}/",
    "http://0x7f000001:{port}/",
    "http://0x7f.0.0.1:{port}/",
    "http://0177.0.0.1:{port}/",
    "http://017700000001:{port}/",
    "http://127.000.000.001:{port}/",
    "http://0:{port}/",
    "http://0.0.0.0:{port}/",
    "http://[::1]:{port}/",
    "http://[::]:{port}/",
    "http://[::ffff:127.0.0.1]:{port}/",
    "http://[::ffff:7f00:1]:{port}/",
    "http://[0:0:0:0:0:ffff:127.0.0.1]:{port}/",
    "http://[::127.0.0.1]:{port}/",
    "http://[64:ff9b::7f00:1]:{port}/",
    "http://[2002:7f00:1::]:{port}/",
    "http://[::1%25lo]:{port}/",
    "http://\uff11\uff12\uff17.0.0.1:{port}/",
    "http://\u2460\u2461\u2466.0.0.1:{port}/",
    "http://127\u30020\u30020\u30021:{port}/",
    "http://127%2e0%2e0%2e1:{port}/",
    "http://%31%32%37.0.0.1:{port}/",
    "http://%6c%6f%63alhost:{port}/",
    "http://example.com@127.0.0.1:{port}/",
    "http://example.com:80@127.0.0.1:{port}/",
    "http://127.0.0.1:{port}#@example.com/",
    "http://127.0.0.1:{port}?@example.com/",
    "http://127.0.0.1:{port}\\@example.com/",
    "http://example.com\\@127.0.0.1:{port}/",
    "HTTP://127.0.0.1:{port}/",
    "https://127.0.0.1:{port}/",
    "http://169.254.169.254/latest/meta-data/",
    "http://[fd00:ec2::254]/latest/",
    "http://metadata.google.internal/",
    "http://100.100.100.200/",
    "http://10.0.0.1/",
    "http://192.168.0.1/",
    "http://172.16.0.1/",
]
PLACES = ["image", "images", "handle"]


@pytest.mark.parametrize("place", PLACES)
def test_no_text_reads_a_local_file(target: Target, place: str) -> None:
    """Every spelling is the caller's error, at fal's door and at Cog's."""
    for text in LOCAL:
        inputs = {place: ["data:,fine", text] if place == "images" else text}

        ours, cogs = target.ask(inputs), target.predict(inputs)

        assert (text, ours.status_code) == (text, 422)
        assert ours.headers["x-fal-billable-units"] == "0"
        assert (text, _refused(cogs)) == (text, True)
        assert "root:" not in ours.text + cogs.text
    assert target.is_well()


def test_no_spelling_of_an_address_leads_inward(target: Target, canary: FileServer) -> None:
    """Nothing on this machine or its networks is asked, however its address is written."""
    for text in INWARD:
        url = text.format(port=canary.port)

        ours, cogs = target.ask({"image": url}), target.predict({"image": url})

        assert (url, ours.status_code) == (url, 422)
        assert (url, _refused(cogs)) == (url, True)
    assert canary.requests == []
    assert target.is_well()


def test_a_webhook_or_upload_leads_nowhere_inward(target: Target, canary: FileServer) -> None:
    """The prediction is made, and nobody is told of it."""
    urls = [text.format(port=canary.port) for text in INWARD]

    for url in urls:
        answers = [
            target.predict({"text": "hooked"}, webhook=url),
            target.predict({"text": "hooked"}, output_file_prefix=url),
        ]
        assert {answer.status_code for answer in answers} <= {200, 422}

    assert canary.requests == []
    assert target.is_well()


def test_a_page_elsewhere_may_name_a_file_as_it_likes(reaching: Target, canary: FileServer) -> None:
    """A name from a header is one component, in the prediction's own directory."""
    names = ["../../escaped", "/etc/cron.d/x", "..\\..\\x", ".bashrc", "..", "a\tb", "x" * 5000]
    for name in names:
        disposition = f'attachment; filename="{name}"'
        query = httpx.QueryParams({"disposition": disposition, "type": "image/png"})
        url = canary.url(f"/file/picture.png?{query}")

        answer = reaching.ask({"image": url}).json()["output"]

        assert "/" not in answer["names"][0]
        assert not answer["names"][0].startswith(".")
        assert answer["parents"][0].startswith(f"{reaching.temporary}/cogfal-")
    assert reaching.is_well()


def test_nothing_of_the_app_is_sent_along(reaching: Target, canary: FileServer) -> None:
    """A server that a caller named sees no credential and no cookie of anybody's."""
    headers = {"Authorization": "Key secret", "Cookie": "session=secret", "x-fal-cdn-token": "t"}

    asked = reaching.ask({"image": canary.url("/file/a.png")}, **headers)

    assert asked.status_code == 200
    (_, sent), *_ = canary.requests
    assert {name.lower() for name in sent} == {"host", "accept", "accept-encoding", "user-agent"}


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/bomb?size=200000000", "file_too_large"),
        ("/promises-more", "file_download_error"),
        ("/reset", "file_download_error"),
        ("/garbage", "file_download_error"),
        ("/loop", "file_download_error"),
        ("/redirect?to=file:///etc/passwd", "file_download_error"),
        ("/redirect?to=//", "file_download_error"),
        ("/header-flood", "file_download_error"),
        ("/interim-flood", "file_download_error"),
        ("/status?code=500", "file_download_error"),
    ],
)
def test_a_bad_server_costs_one_request(
    small: Target, canary: FileServer, path: str, kind: str
) -> None:
    """It is refused with its reason, for nothing, and leaves nothing."""
    answer = small.ask({"image": canary.url(path)})

    assert answer.status_code == 422
    assert answer.json()["detail"][0]["type"] == kind
    assert answer.json()["detail"][0]["loc"] == ["body", "image"]
    assert small.is_well()


def test_a_redirect_of_a_trusted_host_is_no_way_in(target: Target) -> None:
    """Even the app's own address is refused as a first step."""
    for path in ("/health-check", "/openapi.json"):
        answer = target.ask({"image": target.url + path})

        assert answer.status_code == 422
        assert "not on the public internet" in answer.text


def test_a_data_url_may_not_be_larger_than_the_limit(small: Target) -> None:
    """Its text is short of the body's limit and beyond the file's."""
    answer = small.ask({"image": "data:application/octet-stream;base64," + "A" * 2_000_000})

    assert answer.status_code == 422
    assert answer.json()["detail"][0]["type"] == "file_too_large"
    assert len(answer.content) < 2000


def _refused(answer: httpx.Response) -> bool:
    if answer.status_code in (400, 422):
        return True
    return bool(json.loads(answer.content)["status"] == "failed")


def test_an_archive_arrives_as_it_is(target: Target) -> None:
    """A predictor or trainer gets the very bytes of a hostile archive; nothing else opens it."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("../../evil", bytes(10_000_000))
    packed = buffer.getvalue()
    url = f"data:application/zip;base64,{base64.b64encode(packed).decode()}"

    output = target.ask({"image": url}).json()["output"]

    assert output["digests"] == [hashlib.sha256(packed).hexdigest()]
    assert not [*target.temporary.parent.rglob("evil")]
    assert target.is_well()
