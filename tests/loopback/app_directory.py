"""Give a runner `/app`, where fal puts an app's files, for as long as one app runs.

Where this user may make a mount namespace, the runner has a root directory of its own, in which all
but `/app` and `/src` is this machine's. Elsewhere `/app` is made on this machine; then nothing that
`fal run --local` serves may start meanwhile, for it would go into it.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path

from tests.loopback.records import StoredFile

APP = Path("/app")
SRC = Path("/src")
"""Where an image has the project, and where an app leads to it in which there is no image."""
LOCK = Path(tempfile.gettempdir()) / "cogfal-loopback.lock"
_NAMESPACE = ("unshare", "--mount", "--propagation", "private")
_IN_OWN_ROOT = """
set -e
root=$1; shift
mount -t tmpfs none "$root/root"
for place in /*; do
    here=$root/root$place
    if [ "$place" = /app ] || [ "$place" = /src ]; then continue
    elif [ -L "$place" ]; then cp -P "$place" "$here"
    elif [ -d "$place" ]; then mkdir "$here"; mount --rbind "$place" "$here" || [ ! -e "$place" ]
    else touch "$here"; mount --bind "$place" "$here" || [ ! -e "$place" ]  # it is gone again
    fi
done
for place in app src; do
    if [ -e "$root/$place" ]; then
        mkdir "$root/root/$place"; mount --bind "$root/$place" "$root/root/$place"
    fi
done
exec unshare --root="$root/root" --wd="$PWD" "$@"
"""


class AppDirectoryTaken(RuntimeError):
    """Report that `/app` or `/src` cannot be had: somebody else's, or not to be created by us."""


@cache
def may_have_own_root() -> bool:
    """Tell whether a runner can have a root directory of its own."""
    try:
        subprocess.run([*_NAMESPACE, "true"], capture_output=True, check=True)
    except (FileNotFoundError, subprocess.CalledProcessError):
        return False
    return True


@contextlib.contextmanager
def app_directory(
    files: Mapping[str, StoredFile], src: Path | None = None
) -> Iterator[Sequence[str]]:
    """Fill `/app` with `files` (by relative path) for the command that what is given stands before.

    One loopback at a time has it, as it has fal's ports; others wait. With no files there is no
    `/app`, as on fal. `src` is what lies in `/src` where there is an image.
    """
    with LOCK.open("a+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if may_have_own_root():
            with _own_root(files, src) as before:
                yield before
        else:
            with made_here(files) as before, _src_here(src):
                yield before


@contextlib.contextmanager
def _own_root(files: Mapping[str, StoredFile], src: Path | None) -> Iterator[Sequence[str]]:
    with tempfile.TemporaryDirectory(prefix="runner-") as folder:
        (Path(folder) / "root").mkdir()
        _fill(Path(folder) / "app", files)
        if src is not None:
            shutil.copytree(src, Path(folder) / "src")
        yield [*_NAMESPACE, "sh", "-c", _IN_OWN_ROOT, "sh", folder]


@contextlib.contextmanager
def made_here(
    files: Mapping[str, StoredFile], place: Path = APP, record: Path = LOCK
) -> Iterator[Sequence[str]]:
    """Fill a directory of this machine, and remove it afterwards; `record` tells which is ours."""
    _clear_leftovers(place, record)
    try:
        if files:
            _create(place, record)
            _fill(place, files)
        yield ()
    finally:
        if files:
            shutil.rmtree(place, ignore_errors=True)
        record.write_text("")


@contextlib.contextmanager
def _src_here(src: Path | None) -> Iterator[None]:
    """Make `/src` on this machine, in place of a link, and remove it afterwards."""
    if src is None:
        yield
        return
    if SRC.is_dir() and not SRC.is_symlink():
        raise AppDirectoryTaken(f"{SRC} exists; move it away, or run these tests in a container")
    SRC.unlink(missing_ok=True)
    shutil.copytree(src, SRC)
    try:
        yield
    finally:
        shutil.rmtree(SRC)


def _clear_leftovers(place: Path, record: Path) -> None:
    if not place.exists():
        return
    made = record.read_text(encoding="utf-8")
    if made and json.loads(made) == place.stat().st_ino:
        shutil.rmtree(place)
        return
    raise AppDirectoryTaken(
        f"{place} exists and was not made by a loopback; move it away, or run these tests in a "
        "container, because fal puts an app's files there and nowhere else"
    )


def _create(place: Path, record: Path) -> None:
    try:
        place.mkdir()
    except PermissionError as error:
        raise AppDirectoryTaken(
            f"{place} cannot be created by user {os.getuid()}; run these tests as root or in a "
            "container, because fal puts an app's files there and nowhere else"
        ) from error
    record.write_text(json.dumps(place.stat().st_ino), encoding="utf-8")


def _fill(place: Path, files: Mapping[str, StoredFile]) -> None:
    for name, file in files.items():
        path = place / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(file.content)
        path.chmod(file.mode & 0o777)
