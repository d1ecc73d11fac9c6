"""Content encodings undone piece by piece."""

from __future__ import annotations

import gzip
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cogfal.files import FetchError
from cogfal.files.decoding import decoder_for


def decoded(encoding: str, *pieces: bytes) -> bytes:
    """Feed pieces to a decoder and finish it."""
    decoder = decoder_for(encoding)
    result = b"".join(out for piece in pieces for out in decoder.feed(piece))
    decoder.finish()
    return result


@given(st.binary(max_size=2000), st.integers(1, 50))
def test_gzip_is_undone_however_it_is_cut(data: bytes, size: int) -> None:
    """Pieces of any size decode to the same bytes."""
    packed = gzip.compress(data)
    pieces = [packed[start : start + size] for start in range(0, len(packed), size)]

    assert decoded("gzip", *pieces) == data


def test_encodings_are_known_by_their_names() -> None:
    """Also in capitals, with spaces, and none at all."""
    assert decoded("", b"a") == decoded(" Identity ", b"a") == b"a"
    assert decoded("X-GZIP", gzip.compress(b"a")) == b"a"
    assert decoded("deflate", zlib.compress(b"a")) == b"a"


def test_members_of_a_gzip_file_follow_each_other() -> None:
    """Concatenated gzip files are one file."""
    packed = gzip.compress(b"one ") + gzip.compress(b"two")

    assert decoded("gzip", packed) == decoded("gzip", packed[:25], packed[25:]) == b"one two"


def test_no_piece_is_large() -> None:
    """A bomb comes out in small pieces, so that counting can stop it."""
    decoder = decoder_for("gzip")

    pieces = [len(piece) for piece in decoder.feed(gzip.compress(bytes(10**7)))]

    assert sum(pieces) == 10**7
    assert max(pieces) <= 256 * 1024


@pytest.mark.parametrize("encoding", ["br", "zstd", "gzip, gzip", "compress"])
def test_other_encodings_are_refused(encoding: str) -> None:
    """What was not asked for and cannot be undone is an error."""
    with pytest.raises(FetchError, match="without being asked"):
        decoder_for(encoding)


@pytest.mark.parametrize(
    "data", [b"no gzip", gzip.compress(b"a" * 99)[:-3], gzip.compress(b"a")[:5]]
)
def test_damaged_data_is_an_error(data: bytes) -> None:
    """Neither a wrong beginning nor a missing end passes."""
    with pytest.raises(FetchError):
        decoded("gzip", data)


def test_nothing_encoded_is_nothing() -> None:
    """An empty body is an empty file."""
    assert decoded("gzip") == b""
