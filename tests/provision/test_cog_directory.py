"""The directory that Cog gives every project, on a runner where the project lies elsewhere."""

from __future__ import annotations

from pathlib import Path

import pytest

from cogfal.provision.runner import lead_to


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A project with a file."""
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "config.yaml").write_text("a: 1")
    return tmp_path / "app"


def test_files_are_found_below_the_directory_of_cog(root: Path, tmp_path: Path) -> None:
    """The link reads and writes the project's files, and is gone afterwards."""
    place = tmp_path / "src"

    withdraw = lead_to(root, place)

    assert (place / "config.yaml").read_text() == "a: 1"
    (place / "made.txt").write_text("made")
    assert (root / "made.txt").read_text() == "made"
    withdraw()
    assert not place.is_symlink()
    assert (root / "config.yaml").exists()


def test_a_directory_that_is_there_stays(root: Path, tmp_path: Path) -> None:
    """Nothing is done to a `/src` of an image, then or afterwards."""
    place = tmp_path / "src"
    place.mkdir()
    (place / "theirs").touch()

    lead_to(root, place)()

    assert [file.name for file in place.iterdir()] == ["theirs"]


def test_a_project_that_is_there_itself_needs_no_link(tmp_path: Path) -> None:
    """As in an image; not even where it is missing, and the link would lead to itself."""
    lead_to(tmp_path / "src", tmp_path / "src")()

    assert not (tmp_path / "src").is_symlink()


def test_another_runners_link_is_not_withdrawn(root: Path, tmp_path: Path) -> None:
    """Whoever came later goes on, though the first one ends."""
    place, other = tmp_path / "src", tmp_path / "other"
    other.mkdir()
    withdraw = lead_to(root, place)

    lead_to(other, place)
    withdraw()

    assert place.samefile(other)


@pytest.mark.parametrize("target", ["gone", "other"])
def test_a_link_that_leads_elsewhere_is_made_anew(target: str, root: Path, tmp_path: Path) -> None:
    """A runner that was killed leaves its link behind."""
    (tmp_path / "other").mkdir()
    place = tmp_path / "src"
    place.symlink_to(tmp_path / target)

    lead_to(root, place)

    assert (place / "config.yaml").exists()


def test_the_log_says_where_there_can_be_no_link(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A runner without a place for it serves all the same."""
    lead_to(root, tmp_path / "missing" / "src")()

    (line,) = capsys.readouterr().err.splitlines()
    assert "missing/src cannot lead to the project" in line
    assert 'kind = "container"' in line
