"""Where outputs may lie, and what becomes of them there."""

from __future__ import annotations

import asyncio
import os
import tempfile
from pathlib import Path

import pytest

from cogfal.concurrency import SHORT
from cogfal.errors import OutputError
from cogfal.files.workspace import Workspace
from cogfal.outputs import directories
from cogfal.outputs.delivery import Deliverer, Style
from cogfal.outputs.directories import OutputDirectories
from cogfal.spec import (
    ListType,
    PathType,
)
from tests.file_server import PNG
from tests.outputs.desk import Desk, Shelf, a_file, encoded


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("/etc/passwd", "/etc/passwd lies outside the project"),
        ("/proc/self/environ", "lies outside"),
        ("/proc/self/cwd/env", "lies outside"),
        ("/dev/null", "lies outside"),
        ("/dev/shm/../null", "lies outside"),
        ("/run/secrets/token", "lies outside"),
        ("/sys/kernel/uevent_seqnum", "lies outside"),
        ("/usr/bin/env", "lies outside"),
        ("{project}/missing.png", "missing.png does not exist"),
        ("{project}", "is a directory"),
        ("{project}/../../../../../../../../etc/passwd", "lies outside"),
        ("{project}/link", r"link \(really /etc/hostname\) lies outside"),
        ("{project}/pipe", "is not a regular file"),
        ("{project}/loop", "cannot be read|lies outside"),
        ("relative.png", "relative.png does not exist"),
        ("", "is a directory|lies outside"),
    ],
)
def test_misplaced_file_is_an_error_that_names_it(
    desk: Desk, project: Path, path: str, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """System files, links to them, directories, pipes and missing files are never delivered."""
    monkeypatch.chdir("/usr/bin")
    (project / "link").symlink_to("/etc/hostname")
    (project / "loop").symlink_to(project / "loop")
    os.mkfifo(project / "pipe")

    with pytest.raises(OutputError, match=message) as caught:
        desk.deliver([1, path.format(project=project)], ListType(PathType()))

    assert "output[1]" in str(caught.value)
    assert desk.shelf.files == []


def test_a_working_directory_that_is_gone_keeps_no_file_back(
    desk: Desk, project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The author's code may have removed it; the file's path is whole."""
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    (project / "here.png").write_bytes(PNG)

    desk.deliver(str(project / "here.png"), PathType())

    assert len(desk.shelf.files) == 1


def test_further_places_can_be_allowed(workspace: Workspace, project: Path) -> None:
    """A directory such as /data is an output's place if the App says so."""
    shelf = Shelf()
    directories = OutputDirectories(project, [Path("/usr/bin")])
    deliverer = Deliverer(shelf, Style.URL, directories)

    asyncio.run(deliverer.deliver(encoded(Path("/usr/bin/env"), workspace), workspace))

    assert shelf.files[0][0].name == "env"
    assert Path("/usr/bin/env").exists()


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory that is neither the project's nor temporary."""
    own, directory = tmp_path / "temporary", tmp_path / "elsewhere"
    own.mkdir()
    directory.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(own))
    monkeypatch.setattr(directories, "_USUAL", ())
    return directory


def test_what_the_prediction_wrote_is_delivered_from_anywhere(desk: Desk, elsewhere: Path) -> None:
    """Authors who know their image write to /outputs or /content; it stays there."""
    path = a_file(elsewhere)

    assert desk.urls(path) == "shelf://a.png"
    assert path.exists()


@pytest.mark.parametrize("way", ["itself", "link"])
def test_what_was_there_before_the_prediction_is_refused(
    desk: Desk, elsewhere: Path, project: Path, way: str
) -> None:
    """A path that a caller had a hand in leads to no secret and no weights."""
    path = a_file(elsewhere)
    desk.workspace.began = path.stat().st_ctime + 60
    (project / "link").symlink_to(path)

    with pytest.raises(OutputError, match="was there before the prediction; write"):
        desk.urls(path if way == "itself" else project / "link")

    assert desk.shelf.files == []


def test_shared_memory_is_a_temporary_directory(desk: Desk) -> None:
    """Files there would fill the memory."""
    with tempfile.TemporaryDirectory(dir="/dev/shm") as directory:
        path = a_file(Path(directory))
        desk.workspace.began = path.stat().st_ctime + 60

        assert desk.urls(path) == "shelf://a.png"
        desk.workspace.close()
        assert not path.exists()


def test_relative_paths_are_the_projects(desk: Desk, project: Path) -> None:
    """A relative path that is not in the working directory is looked for in the project."""
    a_file(project, "out.png")

    assert desk.urls(Path("out.png")) == "shelf://out.png"


def test_temporary_files_are_removed_once_delivered(desk: Desk, scratch: Path) -> None:
    """Outputs in the temporary directory do not pile up."""
    paths = [a_file(scratch), a_file(scratch, "b.png")]

    desk.deliver([*paths, *paths])

    assert not any(path.exists() for path in paths)
    assert len(desk.shelf.files) == 2


@pytest.mark.parametrize("size", [10, 10 * SHORT])
def test_temporary_file_that_is_all_of_an_output_is_removed(
    desk: Desk, scratch: Path, size: int
) -> None:
    """A large one on a thread."""
    path = a_file(scratch, content=bytes(size))

    desk.deliver([path, path])

    assert not path.exists()
    assert len(desk.shelf.files) == 1


def test_a_file_that_cannot_be_removed_is_the_workspaces(
    desk: Desk, scratch: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its answer was right; whoever closes the workspace tries again, and is told."""
    path = a_file(scratch)

    def refuse(self: Path, missing_ok: bool = False) -> None:
        raise PermissionError(f"{self} is somebody else's")

    with monkeypatch.context() as patched:
        patched.setattr(Path, "unlink", refuse)
        assert desk.urls(path) == "shelf://a.png"
        with pytest.raises(PermissionError, match=r"a\.png is somebody else's"):
            desk.workspace.close()

    assert path.exists()


@pytest.mark.parametrize(
    ("path", "at_hand"),
    [
        ("{scratch}/a.png", True),
        ("{own}/a.png", True),
        ("{scratch}/missing/a.png", True),
        ("{scratch}/folder/a.png", False),
        ("{scratch}/link.png", False),
        ("{scratch}/../{name}/a.png", False),
        ("/usr/bin/env", False),
        ("a.png", False),
    ],
)
def test_only_temporary_files_without_links_are_at_hand(
    workspace: Workspace, project: Path, scratch: Path, path: str, at_hand: bool
) -> None:
    """Others may lie on a disk that takes its time, which may not stop the event loop."""
    (scratch / "folder").symlink_to("/usr/bin")
    (scratch / "link.png").symlink_to("/usr/bin/env")
    own = workspace.directory
    named = path.format(scratch=scratch.resolve(), own=own, name=scratch.name)

    assert OutputDirectories(project).at_hand(Path(named), own) == at_hand


def test_project_file_is_never_removed(desk: Desk, project: Path) -> None:
    """Not even when the project lies in the temporary directory, or is reached by a link."""
    path = a_file(project)
    link = project / "link.png"
    link.symlink_to(path)

    desk.deliver([path, link, path.open("rb")])

    assert path.exists()
    assert link.exists()


def test_input_may_be_returned_and_returned_again(desk: Desk, workspace: Workspace) -> None:
    """The prediction's own files stay until it ends."""
    path = a_file(workspace.directory)

    assert desk.urls(path) == desk.urls(path) == "shelf://a.png"


def another(desk: Desk) -> Desk:
    """Return where the next prediction of the same app hands in its outputs."""
    return Desk(desk.project, Workspace(), desk.shelf, desk.directories)


def test_what_one_prediction_delivered_is_no_others(desk: Desk, project: Path) -> None:
    """A fixed path that is returned without being written gives nobody somebody else's file."""
    path = a_file(project)
    link = project / "link.png"
    link.symlink_to(path)

    assert desk.urls(path) == desk.urls(path) == "shelf://a.png"
    for same in (path, link):
        with pytest.raises(OutputError, match=r"was delivered by another prediction.*write a new"):
            another(desk).urls(same)


@pytest.mark.parametrize("content", [PNG, PNG + b"more"])
def test_a_path_that_is_written_again_is_delivered_again(
    desk: Desk, project: Path, content: bytes
) -> None:
    """However soon, and with as many bytes."""
    for _ in range(20):
        with (project / "a.png").open("wb") as file:  # the same file each time
            file.write(content)

        assert desk.urls(project / "a.png") == "shelf://a.png"
        desk = another(desk)


def test_what_was_there_before_all_predictions_is_everybodys(desk: Desk, project: Path) -> None:
    """Such as a picture of the project's that says that there is none."""
    path = a_file(project)
    status = path.stat()
    for _ in range(2):
        desk.workspace.began = status.st_ctime + 60

        assert desk.urls(path) == "shelf://a.png"
        desk = another(desk)


def test_cached_inputs_may_be_returned_by_all(project: Path, tmp_path: Path) -> None:
    """They belong to no prediction."""
    cache = tmp_path / "cache"
    cache.mkdir()
    path = a_file(cache)
    desk = Desk(project, Workspace(), Shelf(), OutputDirectories(project, shared=[cache]))

    assert desk.urls(path) == another(desk).urls(path) == "shelf://a.png"
