"""Stores of an App that travels without fal's."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from cogfal.files.store import DataUrlStore, LocalFile, Store
from cogfal.server.stores import UndeclaredStore, choose_without_fal


class Shelf(DataUrlStore):
    """The app's own store."""


@pytest.mark.parametrize(
    ("files", "kind"),
    [("local", Shelf), ("in_memory", DataUrlStore), (None, UndeclaredStore)],
)
def test_the_setting_says_where_files_go(files: object, kind: type[Store]) -> None:
    """The app's own store and data URLs need nothing of fal."""
    assert type(choose_without_fal(files, reserve=False, local=Shelf)) is kind


def test_a_file_that_was_not_declared_is_answered_all_the_same(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As a data URL; the log says how to have it stored."""
    path = tmp_path / "note.txt"
    path.write_text("found")
    file = LocalFile(path, "note.txt", "text/plain", 5)

    stored = asyncio.run(UndeclaredStore().put(file))

    assert stored.url == "data:text/plain;base64,Zm91bmQ="
    assert "note.txt is a file" in capsys.readouterr().out
