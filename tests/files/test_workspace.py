"""A prediction's own directory."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cogfal.files import Workspace
from cogfal.files.names import safe_name
from cogfal.files.workspace import Scratch, create_file


def test_everything_in_it_goes_with_it(tmp_path: Path) -> None:
    """Files, folders and links are removed, what links point to is not, handles are closed."""
    kept = tmp_path / "kept.txt"
    kept.write_text("kept")
    workspace = Workspace(tmp_path)
    (workspace.directory / "folder").mkdir()
    (workspace.directory / "folder" / "file").write_text("x")
    link = workspace.link(kept)
    handle = link.open("rb")
    workspace.ends_with(handle.close)

    workspace.close()
    workspace.close()

    assert not workspace.path.exists()
    assert handle.closed
    assert kept.read_text() == "kept"


def test_it_is_removed_when_its_block_fails(tmp_path: Path) -> None:
    """An exception is no reason to leave files behind, and passes through."""
    with pytest.raises(FileNotFoundError), Workspace(tmp_path) as workspace:
        (workspace.directory / "missing").open()

    assert list(tmp_path.iterdir()) == []


def test_an_end_that_fails_keeps_nothing_from_its_own(tmp_path: Path) -> None:
    """The latest comes first, the directory last, and the failure is not hidden."""
    ends: list[str] = []

    def fail() -> None:
        ends.append("failed")
        raise OSError("no")

    workspace = Workspace(tmp_path)
    (workspace.directory / "file").touch()
    workspace.ends_with(lambda: ends.append("first"))
    workspace.ends_with(fail)

    with pytest.raises(OSError, match="no"):
        workspace.close()

    assert ends == ["failed", "first"]
    assert list(tmp_path.iterdir()) == []
    workspace.close()
    assert ends == ["failed", "first"]


def test_write_protected_folders_are_removed_too(tmp_path: Path) -> None:
    """The author's code may have taken rights away."""
    with Workspace(tmp_path) as workspace:
        folder = workspace.directory / "folder"
        folder.mkdir()
        (folder / "file").write_text("x")
        folder.chmod(0o500)

    assert list(tmp_path.iterdir()) == []


def test_only_its_owner_sees_it(tmp_path: Path) -> None:
    """Other users of the machine cannot read a caller's files."""
    with Workspace(tmp_path) as workspace:
        assert workspace.directory.stat().st_mode & 0o077 == 0


@settings(deadline=None)
@given(st.lists(st.text(max_size=8), min_size=1, max_size=6))
def test_every_file_gets_a_place_of_its_own(names: list[str]) -> None:
    """Names that are equal, or become equal, never overwrite each other."""
    with Workspace() as workspace:
        paths = []
        for name in [*names, *names]:
            path, file = create_file(workspace.directory, safe_name(name))
            file.close()
            paths.append(path)

        assert len(set(paths)) == len(paths)
        assert {path.parent for path in paths} == {workspace.directory}


def test_second_name_is_the_same_file(tmp_path: Path) -> None:
    """A file may be removed under one name and be there under the other."""
    with Workspace(tmp_path) as workspace:
        first, file = create_file(workspace.directory, "a.png")
        file.close()

        second = workspace.another_name(first)

        assert second.name == "a-2.png"
        assert os.path.samefile(first, second)  # noqa: PTH121 (says it best)


def test_a_directory_that_nobody_asks_for_is_never_made(tmp_path: Path) -> None:
    """A prediction without files touches no disk."""
    with Workspace(tmp_path):
        made = list(tmp_path.iterdir())

    assert made == []


def test_names_of_many_files_cost_few_tries(tmp_path: Path) -> None:
    """Equal names become different ones of the same kind, however many there are."""
    for _ in range(200):
        path, file = create_file(tmp_path, "a.png")
        file.close()
        assert path.suffix == ".png"

    names = {path.name for path in tmp_path.iterdir()}
    assert len(names) == 200
    assert {"a.png", "a-2.png", "a-9.png"} < names
    assert "a-10.png" not in names


def test_its_place_is_known_before_it_is_made(tmp_path: Path) -> None:
    """Whoever makes it, there or here, it is removed at the end."""
    with Workspace(tmp_path) as workspace:
        path = workspace.path
        assert (workspace.made, workspace.used, path.exists()) == (None, False, False)

        path.mkdir()

        assert workspace.made == workspace.directory == path
        assert workspace.used

    assert list(tmp_path.iterdir()) == []


def test_a_parent_that_cannot_be_made_is_an_error_of_whoever_needs_it(tmp_path: Path) -> None:
    """Not of a prediction that puts nothing there."""
    with Workspace(Scratch(tmp_path / "missing")) as workspace:
        path = workspace.path

        with pytest.raises(OSError, match="missing"):
            _ = workspace.directory
        assert not path.exists()
        assert not workspace.used
