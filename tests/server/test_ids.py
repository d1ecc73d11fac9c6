"""Ids are opaque, short and harmless."""

from __future__ import annotations

import pytest

from cogfal.server.ids import is_id, new_id


def test_new_ids_are_as_cog_recommends() -> None:
    """26 characters of base 32, never the same twice."""
    ids = {new_id() for _ in range(100)}

    assert len(ids) == 100
    assert {len(each) for each in ids} == {26}
    assert all(is_id(each) for each in ids)


@pytest.mark.parametrize("text", ["a", "A-b_c.d~e:f=g+h@i", "0" * 256])
def test_ids_that_clients_use_are_taken(text: str) -> None:
    """Letters, digits and the punctuation of UUIDs, base 64 and the like."""
    assert is_id(text)


@pytest.mark.parametrize("text", ["", "a/b", "a\\b", "a b", "a\n", "é", "\x00", "a" * 257])
def test_anything_else_is_refused(text: str) -> None:
    """Separators, blanks, control characters and long texts are no ids."""
    assert not is_id(text)
