"""What a machine lacks is named before an import fails."""

from __future__ import annotations

from pathlib import Path

from cogfal.environments.system_packages import install_line, missing_packages


def a_machine(folder: Path, *names: str) -> Path:
    """A list of what is installed, as dpkg keeps it."""
    for name in names:
        (folder / f"{name}.list").touch()
    return folder


def test_what_is_named_and_not_there_is_told(tmp_path: Path) -> None:
    """Versions, architectures and options are not part of a name."""
    here = a_machine(tmp_path, "git", "libgl1:amd64", "libglib2.0-0t64:amd64")
    named = ["git ffmpeg=7:5.1", "libgl1", "--fix-missing", "libtag1-dev>=1.9", "libglib2.0-0"]

    found = missing_packages(named, installed=here)

    assert found == ("ffmpeg", "libtag1-dev")
    assert install_line(found) == "sudo apt-get install -y ffmpeg libtag1-dev"


def test_what_python_packages_load_is_told(tmp_path: Path) -> None:
    """Under Cog its base images have it, so that no author names it."""
    lines = ["opencv_python==4.7", "SoundFile", "-e ./opencv-python", "numpy"]

    found = missing_packages(["libgl1"], lines, installed=a_machine(tmp_path))

    assert found == ("libgl1", "libglib2.0-0", "libsndfile1")


def test_another_kind_of_system_is_not_guessed_at(tmp_path: Path) -> None:
    """Where nobody lists Debian's packages, none is said to be missing."""
    assert missing_packages(["git"], ["soundfile"], installed=tmp_path / "nowhere") == ()
