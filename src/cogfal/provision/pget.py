"""A stand-in for Replicate's `pget`, which predictors call to download their weights.

`pget [-x] [-f] [...] URL DEST` and `pget multifile [...] LIST` work as there, except that what is
downloaded is kept in `COGFAL_DOWNLOADS`, so that the next runner finds it.
"""

from __future__ import annotations

import argparse
import os
import stat
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, Final

from cogfal.errors import SetupError
from cogfal.provision.weights import fetch_once

MOST_MEMBERS: Final = 1_000_000
LEAST_BOUND: Final = 1024**3
LARGEST_RATIO: Final = 100
"""How many times its own size an archive may hold; weights hardly shrink when packed."""

_CHUNK: Final = 1024 * 1024

_IGNORED: Final = (
    "-c --concurrency, -m --minimum-chunk-size, -o --output-consumer, -r --retries, --chunk-size, "
    "--connect-timeout, --log-level, --max-chunks, --max-concurrent-files, --max-conn-per-host, "
    "--pid-file, --resolve"
)
"""pget's options that mean nothing here; each has a value."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit status."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    multifile = bool(words) and words[0] in ("multifile", "multi-file")
    options = _parser(multifile=multifile).parse_args(words[1:] if multifile else words)
    store = Path(os.environ.get("COGFAL_DOWNLOADS") or tempfile.gettempdir()) / "pget"
    pairs = _listed(options.list) if multifile else [(options.url, Path(options.dest))]
    try:
        for url, target in pairs:
            _get(url, target, store, extract=options.extract, force=options.force)
    except (SetupError, OSError) as error:
        sys.stderr.write(f"pget: {error}\n")
        return 1
    return 0


def _parser(*, multifile: bool) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="pget", description=__doc__)
    parser.add_argument("-x", "--extract", action="store_true")
    parser.add_argument("-f", "--force", action="store_true")
    parser.add_argument("-v", "--verbose", action="store_true")
    for names in _IGNORED.split(", "):
        parser.add_argument(*names.split(), dest=f"ignored {names}")
    if multifile:
        parser.add_argument("list")
    else:
        parser.add_argument("url")
        parser.add_argument("dest")
    return parser


def _listed(name: str) -> Iterable[tuple[str, Path]]:
    text = sys.stdin.read() if name == "-" else Path(name).read_text(encoding="utf-8")
    for line in text.splitlines():
        if line.strip():
            url, _, target = line.strip().partition(" ")
            yield url, Path(target.strip())


def _get(url: str, target: Path, store: Path, *, extract: bool, force: bool) -> None:
    if target.exists() and not force:
        raise SetupError(f"{target} exists already")
    source = fetch_once(url, store)
    if extract:
        unpack(source, target)
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    target.unlink(missing_ok=True)
    target.symlink_to(source)


def unpack(archive: Path, target: Path) -> None:
    """Unpack a zip or tar archive that somebody else made, into `target`, made if need be.

    Nothing leads out of it, and nothing fills the disk. A new directory is there whole or not at
    all. Files, directories and links within the archive are unpacked; anything else is an error.

    Raises:
        SetupError: It is no such archive, damaged, or holds what it must not.
    """
    # Not by the standard library's own filters: they are not in every Python that is supported,
    # skip what they refuse in a zip file without a word, and bound no size.
    with _becoming(target) as directory:
        try:
            _unpack(archive, _Unpacked(archive, directory))
        except (tarfile.TarError, zipfile.BadZipFile, EOFError, NotImplementedError) as error:
            raise SetupError(f"{archive.name} cannot be unpacked: {error}") from error


def _unpack(archive: Path, unpacked: _Unpacked) -> None:
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as opened:
            for info in opened.infolist():
                _take_zipped(opened, info, unpacked)
        return
    with tarfile.open(archive) as tar:
        for member in tar:
            _take_tarred(tar, member, unpacked)


@contextmanager
def _becoming(target: Path) -> Iterator[Path]:
    """Give a directory to fill: the target itself, or one that becomes it in the end."""
    if target.exists():
        yield target
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".unpacking-", dir=target.parent) as directory:
        filled = Path(directory, "filled")
        filled.mkdir()
        yield filled
        # Last, and only where nothing was raised: whoever sees the target sees all of it.
        filled.rename(target)


class _Unpacked:
    """What came out of an archive so far."""

    def __init__(self, archive: Path, directory: Path) -> None:
        self._archive = archive
        self._directory = directory.resolve()
        self._left = max(LEAST_BOUND, LARGEST_RATIO * archive.stat().st_size)
        self._members = 0

    def place(self, name: str) -> Path:
        """Return where a member belongs; raises SetupError where that is outside."""
        # Asked anew for each member: one before it may have put a link into its way.
        self._members += 1
        if self._members > MOST_MEMBERS:
            raise self.refusal(f"holds more than {MOST_MEMBERS:,} members")
        parts = PurePosixPath(name).parts
        path = self._directory.joinpath(*parts)
        if ".." in parts or name.startswith("/") or "\0" in name or not self._holds(path.parent):
            raise self.refusal(f"has a member that leads out of it: {name!r}")
        return path

    def add_file(self, name: str, content: IO[bytes], *, executable: bool) -> None:
        """Write a file."""
        path = self._cleared(name)
        # Only a file that this makes: a link that lies there by now is not written through.
        with path.open("xb") as file:
            while chunk := content.read(_CHUNK):
                self._left -= len(chunk)
                if self._left < 0:
                    raise self.refusal("holds far more than its size lets expect")
                file.write(chunk)
        if executable:
            path.chmod(path.stat().st_mode | stat.S_IXUSR)

    def add_directory(self, name: str) -> None:
        """Make a directory."""
        self.place(name).mkdir(parents=True, exist_ok=True)

    def add_link(self, name: str, target: str) -> None:
        """Make a symbolic link."""
        path = self._cleared(name)
        if target.startswith("/") or not self._holds(path.parent / target):
            raise self.refusal(f"has a link that leads out of it: {name!r}")
        path.symlink_to(target)

    def add_copy(self, name: str, other: str) -> None:
        """Give a file that is there already another name."""
        source = self.place(other)
        if not self._holds(source) or not source.is_file():
            raise self.refusal(f"has a link to a member that it does not hold: {name!r}")
        with source.open("rb") as content:
            self.add_file(name, content, executable=bool(source.stat().st_mode & stat.S_IXUSR))

    def refusal(self, reason: str) -> SetupError:
        """Say why the archive is not unpacked."""
        return SetupError(f"{self._archive.name} {reason}")

    def _cleared(self, name: str) -> Path:
        """Return a member's place, with nothing there; a directory's is taken."""
        path = self.place(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.is_dir() and not path.is_symlink():
            raise self.refusal(f"has a directory and a file of one name: {name!r}")
        path.unlink(missing_ok=True)
        return path

    def _holds(self, path: Path) -> bool:
        """Tell whether a path lies in the directory once its links are followed."""
        try:
            path.stat()
        except (FileNotFoundError, NotADirectoryError):
            pass  # nothing is there yet
        except OSError:  # a circle of links, which `resolve` leaves as it is from Python 3.13 on
            return False
        return path.resolve().is_relative_to(self._directory)


def _take_zipped(opened: zipfile.ZipFile, info: zipfile.ZipInfo, unpacked: _Unpacked) -> None:
    mode = info.external_attr >> 16
    if info.is_dir():
        unpacked.add_directory(info.filename)
    elif info.flag_bits & 1:
        raise unpacked.refusal("is locked with a password")
    elif stat.S_IFMT(mode) not in (0, stat.S_IFREG):
        raise unpacked.refusal(f"has a member that is no file: {info.filename!r}")
    else:
        with opened.open(info) as content:
            unpacked.add_file(info.filename, content, executable=bool(mode & stat.S_IXUSR))


def _take_tarred(tar: tarfile.TarFile, member: tarfile.TarInfo, unpacked: _Unpacked) -> None:
    if member.isdir():
        unpacked.add_directory(member.name)
    elif member.issym():
        unpacked.add_link(member.name, member.linkname)
    elif member.islnk():
        unpacked.add_copy(member.name, member.linkname)
    elif member.isfile() and (content := tar.extractfile(member)) is not None:
        with content:
            unpacked.add_file(member.name, content, executable=bool(member.mode & stat.S_IXUSR))
    else:
        raise unpacked.refusal(f"has a member that is no file: {member.name!r}")
