"""File names made of what callers and servers say."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from cogfal.files.names import (
    MAX_NAME_BYTES,
    disposition_name,
    input_name,
    name_for,
    safe_name,
    split_suffix,
    variant,
)

NASTY = st.text(st.sampled_from("ab./\\\0\n\r\t:%~ é名\u202e\u2028-_'\";=*")) | st.text()


def is_one_component(name: str) -> bool:
    """Tell whether a name can only mean a file directly in a directory."""
    base = Path("/base")
    return (
        (base / name).parent == base
        and (base / name).name == name
        and "\0" not in name
        and not name.startswith(".")
        and 0 < len(name.encode()) <= MAX_NAME_BYTES
        and name.isprintable()
    )


@pytest.mark.parametrize(
    ("path", "disposition", "content_type", "name"),
    [
        pytest.param("/a/cat.png", None, None, "cat.png", id="URL"),
        pytest.param("/a/cat%20one.png", None, None, "cat_one.png", id="encoded"),
        pytest.param("/a/cat/", None, "image/png", "cat.png", id="slash at the end"),
        pytest.param("/a/cat", None, "image/jpeg; q=1", "cat.jpg", id="media type"),
        pytest.param("/v1.5", None, "video/mp4", "v1.5.mp4", id="number is no suffix"),
        pytest.param("/lora.safetensors", None, "text/plain", "lora.safetensors", id="own suffix"),
        pytest.param("/a/model", None, "application/octet-stream", "model", id="generic type"),
        pytest.param("/", None, "audio/x-wav", "file.wav", id="no name"),
        pytest.param("", None, None, "file", id="nothing"),
        pytest.param("/x", 'attachment; filename="dog.webp"', None, "dog.webp", id="disposition"),
        pytest.param("/x", "attachment; filename=dog.webp; size=3", None, "dog.webp", id="token"),
        pytest.param("/x.png", 'inline; filename="no suffix"', "image/gif", "no_suffix.gif",
                     id="disposition without suffix"),
        pytest.param("/x", "attachment; filename*=UTF-8''%E5%90%8D.png; filename=b.png", None,
                     "名.png", id="RFC 5987 wins"),
        pytest.param("/x", "attachment; filename*=iso-8859-1'en'%A3.txt", None, "_.txt", id="old"),
        pytest.param("/x", "attachment; filename*=nonsense''a.png; filename=b.png", None, "b.png",
                     id="unknown charset"),
        pytest.param("/x", 'attachment; filename="a \\"b\\".png"', None, "a__b_.png", id="quotes"),
        pytest.param("/x", 'attachment; filename="../../etc/passwd"', None, "passwd", id="climbs"),
        pytest.param("/x", 'attachment; filename="C:\\\\dir\\\\a.png"', None, "a.png", id="DOS"),
        pytest.param("/x", "attachment; filename*=UTF-8''..%2F..%2Fa.png", None, "a.png",
                     id="climbs encoded"),
        pytest.param("/..%2f..%2fetc%2fpasswd", None, None, "passwd", id="URL climbs"),
        pytest.param("/%00a.png", None, None, "a.png", id="NUL"),
        pytest.param("/.bashrc", None, None, "bashrc", id="hidden"),
        pytest.param("/..", None, None, "file", id="dots"),
        pytest.param("/a.tar.gz", None, "application/gzip", "a.tar.gz", id="two suffixes"),
        pytest.param("/$(id).png", None, None, "__id_.png", id="shell"),
        pytest.param("/a'b%3Bc.png", None, None, "a_b_c.png", id="quote and semicolon"),
        pytest.param("/-rf.png", None, None, "rf.png", id="option"),
        pytest.param("/x", "attachment; filename=-.-~/.png", None, "png", id="dots and dashes"),
        pytest.param("/%E0%A4%A8-%E5%90%8D_1.jpg", None, None, "न-名_1.jpg", id="any script"),
        pytest.param("/x.png", "attachment; filename*=punycode''" + "a" * 50_000, None, "x.png",
                     id="slow charset"),
        pytest.param("/cat.png", "attachment", None, "cat.png", id="disposition without a name"),
        pytest.param("/cat.png", "\x00\xff;;;=", None, "cat.png", id="broken disposition"),
    ],
)  # fmt: skip
def test_name_of_a_download(
    path: str, disposition: str | None, content_type: str | None, name: str
) -> None:
    """Content-Disposition names it, else the URL; the media type gives a missing suffix."""
    assert name_for(path, disposition, content_type) == name


@pytest.mark.parametrize("stem", ["n" * 300, "名" * 100, "a." * 150], ids=["ascii", "wide", "dots"])
def test_long_names_are_cut_before_their_suffix(stem: str) -> None:
    """A 300-byte name keeps its suffix and becomes short enough for every file system."""
    name = name_for(f"/{quote(stem)}.safetensors", None, None)

    assert name.endswith(".safetensors")
    assert is_one_component(name)


@given(NASTY)
@example(". .:")
def test_safe_name_is_always_one_component(text: str) -> None:
    """No text makes a name that leads anywhere else."""
    assert is_one_component(safe_name(text))


@given(NASTY)
def test_safe_name_leaves_safe_names_alone(text: str) -> None:
    """Cleaning twice is cleaning once."""
    once = safe_name(text)

    assert safe_name(once) == once


@settings(deadline=None)
@given(NASTY, st.none() | NASTY, st.none() | NASTY)
def test_download_is_always_named_safely(
    path: str, name: str | None, content_type: str | None
) -> None:
    """Whatever the URL, the headers and the media type say."""
    disposition = None if name is None else f'attachment; filename="{name}"'

    assert is_one_component(name_for(quote(path), disposition, content_type))


@given(st.text())
def test_any_disposition_can_be_read(header: str) -> None:
    """A broken header has no name; it is no error."""
    assert isinstance(disposition_name(header), str)


@given(st.text(st.characters(blacklist_categories=["C", "Z"]), min_size=1, max_size=40))
def test_extended_disposition_names_survive(name: str) -> None:
    """What RFC 5987 encodes is decoded to the same text."""
    header = f"attachment; filename*=UTF-8''{quote(name, safe='')}"

    assert disposition_name(header) == name


@given(NASTY)
def test_names_for_predictors_mean_nothing_to_a_shell(text: str) -> None:
    """They hold letters, digits, dots, underscores and dashes, and begin with no option."""
    name = input_name(text)

    assert is_one_component(name)
    assert all(each.isalnum() or each in "._-" for each in name)
    assert name[0].isalnum() or name[0] == "_"
    assert name.endswith(split_suffix(safe_name(text))[1].replace("+", "_"))


@given(NASTY, st.integers(2, 10**6))
def test_variants_are_other_names_of_the_same_kind(text: str, number: int) -> None:
    """A variant differs, stays safe and keeps the suffix."""
    name = safe_name(text)
    other = variant(name, str(number))

    assert other != name
    assert is_one_component(other)
    assert split_suffix(other)[1] == split_suffix(name)[1]


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("attachment; filename*=undefined''a.png", ""),
        ("attachment; filename*=idna''xn--%28.png", ""),
        ('x; filename*0="a"; filename*="b"; filename=c.png', "c.png"),
        ('x; name="; filename=evil.png"; filename=good.png', "good.png"),
        ("filename=bare.png", "bare.png"),
        ('x; filename="no end', '"no end'),
    ],
    ids=["no codec", "no name of a host", "continued", "inside a text", "bare", "no end"],
)
def test_headers_that_break_other_parsers(header: str, expected: str) -> None:
    """Whatever a server sends, there is a name or there is none."""
    assert disposition_name(header) == expected
