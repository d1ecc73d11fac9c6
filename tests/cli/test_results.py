"""Where the output goes."""

from __future__ import annotations

from pathlib import Path

import pytest

from cogfal.cli.console import CommandFailed
from cogfal.cli.results import Destination


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


PLACES = {
    "lone": (None, "a.png", (), "output.png"),
    "in a list": (None, "a.png", (1,), "output.1.png"),
    "in an object": (None, "a.png", ("mask",), "output.mask.png"),
    "named": ("x.png", "a.jpg", (), "x.png"),
    "named without a suffix": ("x", "a.jpg", (), "x.jpg"),
    "named, in a list": ("x.png", "a.jpg", (0,), "x.0.jpg"),
    "in a new directory": ("new/", "a.jpg", (0,), "new/a.jpg"),
    "a field that is a path": (None, "a.png", ("../x",), "output..._x.png"),
}


@pytest.mark.parametrize(("named", "made", "loc", "place"), PLACES.values(), ids=PLACES)
def test_each_file_has_its_place(
    named: str | None, made: str, loc: tuple[str | int, ...], place: str
) -> None:
    """By `-o`, the place in the output, and the name that the predictor gave."""
    assert Destination(named).place(Path("/elsewhere", made), loc) == Path(place)


def test_twins_are_both_kept(here: Path) -> None:
    """In a directory the second of the same name is numbered."""
    destination = Destination("new/")

    places = [destination.place(Path(f"/{n}/a.png"), (n,)) for n in range(3)]

    assert [place.name for place in places] == ["a.png", "a-2.png", "a-3.png"]


REFUSED = {
    "no directory": ("missing/x.png", "there is no directory missing"),
    "a file in the place of one": ("file/x.png", "there is no directory file"),
    "a file in the place of the directory": ("file/", "it cannot be made"),
    "a directory that takes no files": ("/proc/", "nothing can be written there"),
}


@pytest.mark.parametrize(("named", "message"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_written_is_told_before_anything_runs(
    here: Path, named: str, message: str
) -> None:
    """In one line that names the path."""
    (here / "file").write_text("")

    with pytest.raises(CommandFailed, match=message) as caught:
        Destination(named)

    assert str(caught.value).startswith(f"-o {named.rstrip('/')}")


def test_looking_leaves_nothing_behind(here: Path) -> None:
    """The directory is as it was."""
    Destination("x.png")

    assert list(here.iterdir()) == []
