"""Data URLs, read and written."""

from __future__ import annotations

import base64
from pathlib import Path
from urllib.parse import quote
from urllib.request import urlopen

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cogfal.files.data_urls import parse_data_url, to_data_url
from cogfal.files.limits import FetchError, TooLarge
from tests.file_server import PNG

LIMIT = 10**6


def decode(url: str, limit: int = LIMIT) -> bytes:
    """Return the bytes of a data URL."""
    return b"".join(parse_data_url(url).pieces(limit))


@pytest.mark.parametrize(
    ("url", "data", "name"),
    [
        pytest.param("data:,hello", b"hello", "file.txt", id="bare"),
        pytest.param("data:text/plain;charset=utf-8,a%20b%2C", b"a b,", "file.txt", id="percent"),
        pytest.param("data:image/png;base64,aGk=", b"hi", "file.png", id="base64"),
        pytest.param("data:image/png;base64,aGk", b"hi", "file.png", id="no padding"),
        pytest.param("data:image/png;base64,aGl=", b"hi", "file.png", id="loose bits"),
        pytest.param("data:;base64,-/+_", b"\xfb\xff\xbf", "file", id="both alphabets"),
        pytest.param("data:image/png;base64,aG%6B%3D", b"hi"[:1] + b"i", "file.png", id="both"),
        pytest.param("data:;base64,aG\nk =", b"hi", "file.txt", id="white space"),
        pytest.param(
            "data:application/octet-stream;base64,-_-_", b"\xfb\xff\xbf", "file", id="URL"
        ),
        pytest.param("DATA:image/PNG;BASE64,aGk=", b"hi", "file.png", id="capitals"),
        pytest.param(
            "data:image/png;name=my%20cat.png;base64,aGk=", b"hi", "my_cat.png", id="named"
        ),
        pytest.param("data:image/png;filename=../x;base64,aGk=", b"hi", "x.png", id="named badly"),
        pytest.param(
            f"data:;base64,{base64.b64encode(PNG).decode()}", PNG, "file.png", id="sniffed"
        ),
        pytest.param(
            "data:video/webm;codecs=vp8,opus;base64,aGk=", b"hi", "file.webm", id="recorder"
        ),
        pytest.param(
            'data:video/webm;codecs="vp8,opus";base64,aGk=', b"hi", "file.webm", id="quoted"
        ),
        pytest.param("data:video/x;codecs=vp8,a;b", b"a;b", "file.txt", id="codecs without base64"),
        pytest.param("data:text/plain,a;base64,aGk=", b"a;base64,aGk=", "file.txt", id="text"),
        pytest.param("data:x/unknown,abc", b"abc", "file.txt", id="unknown type"),
        pytest.param("data:,", b"", "file", id="empty"),
        pytest.param("data:base64,aGk=", b"aGk=", "file.txt", id="base64 as a media type"),
    ],
)
def test_data_url_is_read(url: str, data: bytes, name: str) -> None:
    """Its bytes are decoded and a name is found for them."""
    parsed = parse_data_url(url)

    decoded = b"".join(parsed.pieces(LIMIT))

    assert decoded == data
    assert parsed.file_name(decoded) == name


@pytest.mark.parametrize(
    "url", ["data:", "data:text/plain", "data:;base64,%%%", "data:;base64,a", "data:;base64,ü"]
)
def test_broken_data_url_is_an_error(url: str) -> None:
    """A missing comma and what is no base64 are said."""
    with pytest.raises(FetchError):
        decode(url)


@pytest.mark.parametrize("url", ["data:,abcd", "data:;base64,YWJjZA==", "data:," + "%41" * 2000])
def test_decoded_bytes_are_limited(url: str) -> None:
    """One byte too many is too large."""
    with pytest.raises(TooLarge) as caught:
        decode(url, 3)

    assert caught.value.max_size == 3


def test_decoded_bytes_may_reach_the_limit() -> None:
    """The limit itself is allowed, however it is written."""
    assert decode("data:,%61%62%63", 3) == b"abc"


@settings(deadline=None)
@given(st.binary(max_size=300), st.booleans())
def test_every_encoding_is_undone(data: bytes, as_base64: bool) -> None:
    """Both ways of writing bytes lead back to them, as in the standard library."""
    payload = base64.b64encode(data).decode() if as_base64 else quote(data)
    url = f"data:application/x-test{';base64' if as_base64 else ''},{payload}"

    assert decode(url) == data == urlopen(url).read()


@given(st.text())
def test_any_data_url_is_read_or_refused(rest: str) -> None:
    """No text after `data:` is more than a fetch error."""
    try:
        data = decode(f"data:{rest}")
    except FetchError:
        return
    assert isinstance(data, bytes)


@pytest.mark.parametrize("size", [0, 1, 2, 3, 3 * 256 * 1024 + 1])
def test_written_data_url_reads_back(tmp_path: Path, size: int) -> None:
    """A file of any size comes back as it was."""
    path = tmp_path / "a.bin"
    path.write_bytes(bytes(range(256)) * (size // 256 + 1))

    url = to_data_url(path, "video/mp4")

    assert url.startswith("data:video/mp4;base64,")
    assert decode(url, 10**7) == path.read_bytes()


@pytest.mark.parametrize("cut", range(5))
@pytest.mark.parametrize("written", ["plain", "in lines", "escaped"])
def test_long_data_are_decoded_in_steps(written: str, cut: int) -> None:
    """Whatever stands where one step ends and the next begins."""
    data = bytes(range(256)) * 3000
    payload = base64.b64encode(data[cut:]).decode()
    if written == "in lines":
        payload = "\r\n".join(payload[at : at + 76] for at in range(0, len(payload), 76))
    url = f"data:;base64,{payload}"
    if written == "escaped":
        url = "data:," + "x" * cut + quote(data[cut:])

    pieces = list(parse_data_url(url).pieces(LIMIT))

    assert b"".join(pieces) == (b"x" * cut if written == "escaped" else b"") + data[cut:]
    assert len(pieces) > 1
    assert max(map(len, pieces)) <= 256 * 1024


@pytest.mark.parametrize(
    "url",
    [
        "data:;base64," + "=" * 10**6,
        "data:;base64," + "A" * (256 * 1024 - 1) + "=" + "AAAA",
        "data:" + ";x" * 10_000 + ",a",
        "data:" + ';a="b"' * 100,
    ],
    ids=["padding alone", "padding within", "parameters without end", "no comma"],
)
def test_long_broken_data_url_is_an_error(url: str) -> None:
    """Nothing is searched through over and over."""
    with pytest.raises(FetchError):
        decode(url)
