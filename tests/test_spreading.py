"""The order in which the files of tests are begun."""

from __future__ import annotations

import pytest

from tests.spreading import FIRST, rank
from tests.virtualenvs import ROOT


@pytest.mark.parametrize("path", FIRST)
def test_what_is_begun_first_is_there(path: str) -> None:
    """A file that is moved takes its line along."""
    assert (ROOT / path).exists()


def test_what_is_not_named_is_begun_last() -> None:
    """Of the others, the earlier line is begun earlier."""
    paths = ["tests/test_errors.py", *reversed(FIRST)]

    assert sorted(paths, key=rank) == [*FIRST, "tests/test_errors.py"]
