"""The stand-in for `pget`, and what it unpacks: archives of all sorts, honest and not."""

from __future__ import annotations

import io
import stat
import tarfile
import zipfile
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest

from cogfal.errors import SetupError
from cogfal.provision import pget
from cogfal.provision.pget import main, unpack
from tests.provision.conftest import WEIGHTS, Site

CONTENT = b"weights"


def tar_of(*members: tuple[str, bytes, str], mode: str = "w:gz") -> bytes:
    """Make a tar archive of (name, type, link target or content)."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode) as tar:  # type: ignore[call-overload]
        for name, kind, more in members:
            info = tarfile.TarInfo(name)
            info.type = kind
            info.mode = 0o4755
            content = more.encode() if kind == tarfile.REGTYPE else b""
            info.size = len(content)
            info.linkname = more if kind in (tarfile.SYMTYPE, tarfile.LNKTYPE) else ""
            tar.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def zip_of(*members: tuple[str, int, str]) -> bytes:
    """Make a zip archive of (name, mode, content)."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, mode, content in members:
            info = zipfile.ZipInfo(name)
            info.external_attr = mode << 16
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, content)
    return buffer.getvalue()


def _locked(archive: bytes) -> bytes:
    """Mark the one member as encrypted, in its own head and in the directory."""
    marked = bytearray(archive)
    for signature, at in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        marked[archive.index(signature) + at] |= 1
    return bytes(marked)


DENSE = "".join(sha256(str(number).encode()).hexdigest() for number in range(100))
"""A text that hardly shrinks."""

FILE, LINK, HARD, FIFO = tarfile.REGTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE
HOSTILE: dict[str, Callable[[], bytes]] = {
    "tar: dots": lambda: tar_of(("../evil", FILE, "x")),
    "tar: dots inside": lambda: tar_of(("a/../../evil", FILE, "x")),
    "tar: absolute": lambda: tar_of(("/tmp/evil", FILE, "x")),
    "zip: locked": lambda: _locked(zip_of(("a", 0o644, "x"))),
    "tar: a link out": lambda: tar_of(("a", LINK, "../outside")),
    "tar: an absolute link": lambda: tar_of(("a", LINK, "/etc/passwd")),
    "tar: through a link": lambda: tar_of(("d/a", LINK, ".."), ("d/a/../../evil", FILE, "x")),
    "tar: links that add up": lambda: tar_of(
        ("d/e/up", LINK, ".."), ("d/e/out", LINK, "up/../../outside"), ("d/e/out/evil", FILE, "x")
    ),
    "tar: a circle": lambda: tar_of(("a", LINK, "b"), ("b", LINK, "a"), ("a/x", FILE, "x")),
    "tar: below a circle": lambda: tar_of(("a", LINK, "a"), ("a/b/x", FILE, "x")),
    "tar: a hard link out": lambda: tar_of(("a", HARD, "../outside/kept")),
    "tar: a hard link to nothing": lambda: tar_of(("a", HARD, "b")),
    "tar: a pipe": lambda: tar_of(("a", FIFO, "")),
    "tar: a device": lambda: tar_of(("a", tarfile.CHRTYPE, "")),
    "tar: a file over a folder": lambda: tar_of(("a/b", FILE, "x"), ("a", FILE, "x")),
    "tar: cut off": lambda: tar_of(("a", FILE, "x" * 5000), mode="w")[:2000],
    "tar: gzip cut off": lambda: tar_of(("a", FILE, DENSE))[:2000],
    "zip: dots": lambda: zip_of(("../evil", 0o644, "x")),
    "zip: absolute": lambda: zip_of(("/tmp/evil", 0o644, "x")),
    "zip: a link": lambda: zip_of(("a", stat.S_IFLNK | 0o777, "/etc/passwd")),
    "zip: a device": lambda: zip_of(("a", stat.S_IFCHR | 0o777, "")),
    "zip: damaged": lambda: zip_of(("a", 0o644, "x" * 100)).replace(b"x", b"y").replace(b"K", b"k"),
    "zip: bytes that changed": lambda: _with_a_changed_byte(zip_of(("a", 0o644, "abcdefgh"))),
    "no archive": lambda: b"weights",
    "nothing": lambda: b"",
}


def _with_a_changed_byte(archive: bytes) -> bytes:
    place = archive.index(b"a") + 3
    return archive[:place] + bytes([archive[place] ^ 0xFF]) + archive[place + 1 :]


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """A folder beside the target, with a file that must stay as it is."""
    folder = tmp_path / "outside"
    folder.mkdir()
    (folder / "kept").write_bytes(b"kept")
    return folder


def unpacked(content: bytes, folder: Path) -> Path:
    """Unpack an archive into a new folder, and return that."""
    (folder / "archive").write_bytes(content)
    unpack(folder / "archive", folder / "target")
    return folder / "target"


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_archive_is_refused_and_leaves_nothing(
    kind: str, tmp_path: Path, outside: Path
) -> None:
    """Nothing beside the target is touched, and of the target itself nothing stays."""
    with pytest.raises(SetupError, match="archive"):
        unpacked(HOSTILE[kind](), tmp_path)

    assert sorted(path.name for path in tmp_path.iterdir()) == ["archive", "outside"]
    assert [(path.name, path.read_bytes()) for path in outside.iterdir()] == [("kept", b"kept")]


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:bz2", "w:xz"])
def test_an_honest_tar_archive_is_unpacked(mode: str, tmp_path: Path) -> None:
    """With folders, links within, second names, and executables without other rights."""
    members = (
        ("m", tarfile.DIRTYPE, ""),
        ("m/w.bin", FILE, "weights"),
        ("m/same.bin", HARD, "m/w.bin"),
        ("latest/w.bin", LINK, "../m/w.bin"),
        ("./m/w.bin", FILE, "weights"),
    )

    folder = unpacked(tar_of(*members, mode=mode), tmp_path)

    for name in ("m/w.bin", "m/same.bin", "latest/w.bin"):
        assert (folder / name).read_bytes() == CONTENT
    assert (folder / "latest/w.bin").is_symlink()
    assert stat.S_IMODE((folder / "m/w.bin").stat().st_mode) & 0o7100 == 0o100


def test_an_honest_zip_archive_is_unpacked(tmp_path: Path) -> None:
    """Those of tools that store no rights at all too."""
    members = (("m/", 0, ""), ("m/w.bin", 0, "weights"), ("run", stat.S_IFREG | 0o755, "#!"))

    folder = unpacked(zip_of(*members), tmp_path)

    assert (folder / "m/w.bin").read_bytes() == CONTENT
    assert (folder / "run").stat().st_mode & stat.S_IXUSR


@pytest.mark.parametrize("kind", ["tar", "zip"])
def test_a_bomb_is_given_up(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once it has become many times what it was."""
    monkeypatch.setattr(pget, "LEAST_BOUND", 1_000_000)
    zeros = "\0" * 20_000_000
    bomb = tar_of(("a", FILE, zeros)) if kind == "tar" else zip_of(("a", 0o644, zeros))

    with pytest.raises(SetupError, match="far more"):
        unpacked(bomb, tmp_path)

    assert not (tmp_path / "target").exists()


def test_a_flood_of_members_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each costs an inode, however small it is."""
    monkeypatch.setattr(pget, "MOST_MEMBERS", 10)

    with pytest.raises(SetupError, match="more than 10 members"):
        unpacked(zip_of(*[(f"{n}", 0o644, "") for n in range(11)]), tmp_path)


def test_a_folder_that_is_there_is_added_to(tmp_path: Path) -> None:
    """What it held stays; files of the same name are replaced, links are not written through."""
    target = tmp_path / "target"
    target.mkdir()
    (target / "mine").write_text("mine")
    (tmp_path / "other").write_text("other")
    (target / "w.bin").symlink_to(tmp_path / "other")

    unpacked(tar_of(("w.bin", FILE, "weights")), tmp_path)

    assert (target / "mine").read_text() == "mine"
    assert (target / "w.bin").read_bytes() == CONTENT
    assert (tmp_path / "other").read_text() == "other"


@pytest.fixture
def downloads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A directory in which downloads are kept."""
    monkeypatch.setenv("COGFAL_DOWNLOADS", str(tmp_path / "data"))


@pytest.mark.usefixtures("downloads")
def test_pget_keeps_what_it_downloads(site: Site, tmp_path: Path) -> None:
    """The stand-in downloads once, with pget's own options."""
    first, second = tmp_path / "a/w.bin", tmp_path / "b/w.bin"

    statuses = [
        main(["-m", "5M", "--concurrency", "8", f"{site.url}/w.bin", str(first)]),
        main([f"{site.url}/w.bin", str(second)]),
        main(["-f", f"{site.url}/w.bin", str(second)]),
    ]

    assert statuses == [0, 0, 0]
    assert first.read_bytes() == second.read_bytes() == WEIGHTS
    assert site.asked == ["/w.bin"]


@pytest.mark.usefixtures("downloads")
def test_pget_does_not_overwrite(
    site: Site,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Without `-f` an existing file is an error, as with pget."""
    (tmp_path / "w.bin").write_text("mine")

    assert main([f"{site.url}/w.bin", str(tmp_path / "w.bin")]) == 1
    assert "exists already" in capsys.readouterr().err


@pytest.mark.usefixtures("downloads")
@pytest.mark.parametrize("kind", ["tar", "zip"])
def test_pget_extracts(kind: str, site: Site, tmp_path: Path) -> None:
    """`-x` unpacks an archive into the destination."""
    name, text = "m/w.bin", WEIGHTS.decode()
    packed = tar_of((name, FILE, text)) if kind == "tar" else zip_of((name, 0o644, text))
    site.bodies["/w.archive"] = packed

    assert main(["-x", f"{site.url}/w.archive", str(tmp_path / "out")]) == 0
    assert (tmp_path / "out/m/w.bin").read_bytes() == WEIGHTS


@pytest.mark.usefixtures("downloads")
def test_pget_refuses_archives_that_lead_out(
    site: Site,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A member named `../x` does not leave the destination."""
    site.bodies["/w.tar"] = tar_of(("../evil", FILE, ""))

    assert main(["-x", f"{site.url}/w.tar", str(tmp_path / "out")]) == 1
    assert "evil" in capsys.readouterr().err
    assert not (tmp_path / "evil").exists()


@pytest.mark.usefixtures("downloads")
def test_pget_multifile(site: Site, tmp_path: Path) -> None:
    """A list of URLs and destinations is worked off."""
    listing = tmp_path / "list"
    listing.write_text(f"{site.url}/w.bin {tmp_path}/x\n\n{site.url}/w.bin {tmp_path}/y\n")

    assert main(["multifile", str(listing)]) == 0
    assert (tmp_path / "x").read_bytes() == (tmp_path / "y").read_bytes() == WEIGHTS
