"""Tests of fetching weights, from a real server on this machine."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

import pytest

from cogfal.errors import SetupError
from cogfal.provision.weights import fetch_once, place_weights
from cogfal.spec import Weight
from tests.provision.conftest import WEIGHTS, Site

DIGEST = hashlib.sha256(WEIGHTS).hexdigest()


def test_weights_are_fetched_once(site: Site, tmp_path: Path) -> None:
    """Two runners with one disk fetch the file once, and each has it at its place."""
    weights = [("models/w.bin", Weight(f"{site.url}/w.bin", DIGEST.upper()))]
    for runner in ("a", "b"):
        (tmp_path / runner).mkdir()

        place_weights(weights, tmp_path / runner, store=tmp_path / "data")

        assert (tmp_path / runner / "models/w.bin").read_bytes() == WEIGHTS
    assert site.asked == ["/w.bin"]


def test_weights_that_are_there_are_left_alone(site: Site, tmp_path: Path) -> None:
    """A file of the project is not replaced."""
    (tmp_path / "w.bin").write_text("mine")

    place_weights([("w.bin", Weight(f"{site.url}/w.bin"))], tmp_path, store=tmp_path / "data")

    assert (tmp_path / "w.bin").read_text() == "mine"
    assert site.asked == []


def test_a_project_that_starts_again_has_its_weights(site: Site, tmp_path: Path) -> None:
    """The link of the start before is the project's own; one that leads nowhere is made anew."""
    weights, project = [("w.bin", Weight(f"{site.url}/w.bin"))], tmp_path / "project"
    project.mkdir()
    place_weights(weights, project, store=tmp_path / "data")

    place_weights(weights, project, store=tmp_path / "data")
    again = (project / "w.bin").read_bytes()
    shutil.rmtree(tmp_path / "data")
    place_weights(weights, project, store=tmp_path / "another")

    assert again == (project / "w.bin").read_bytes() == WEIGHTS
    assert site.asked == ["/w.bin", "/w.bin"]


def test_wrong_bytes_are_refused(site: Site, tmp_path: Path) -> None:
    """A file that is not the one promised leaves nothing behind."""
    with pytest.raises(SetupError, match=DIGEST):
        place_weights([("w.bin", Weight(f"{site.url}/w.bin", "0" * 64))], tmp_path, store=tmp_path)

    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_an_interrupted_fetch_leaves_nothing(site: Site, tmp_path: Path) -> None:
    """Half a file never gets the file's name, and the next try starts afresh."""
    site.cut_short = True
    with pytest.raises(SetupError, match="cannot be fetched"):
        fetch_once(f"{site.url}/w.bin", tmp_path)
    left = [path for path in tmp_path.rglob("*") if path.is_file()]

    site.cut_short = False
    found = fetch_once(f"{site.url}/w.bin?token=a", tmp_path)

    assert left == []
    assert (found.name, found.read_bytes()) == ("w.bin", WEIGHTS)


@pytest.mark.parametrize("url", ["{site}/missing", "ftp://x/y", "nonsense", "http://127.0.0.1:1/x"])
def test_what_cannot_be_fetched_is_named(url: str, site: Site, tmp_path: Path) -> None:
    """The error names the URL."""
    wanted = url.format(site=site.url)

    with pytest.raises(SetupError) as caught:
        fetch_once(wanted, tmp_path)

    assert wanted in str(caught.value)


@pytest.mark.parametrize("place", ["../x", "link", "link/x", "x/../../y", "/x"])
def test_weights_stay_within_the_project(place: str, site: Site, tmp_path: Path) -> None:
    """A path that leads out of the project is refused before anything is fetched."""
    (tmp_path / "p").mkdir()
    (tmp_path / "p/link").symlink_to(tmp_path)

    with pytest.raises(SetupError, match="outside the project"):
        place_weights([(place, Weight(f"{site.url}/w.bin"))], tmp_path / "p", store=tmp_path)

    assert site.asked == []
