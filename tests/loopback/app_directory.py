"""Keep `/app`, where fal puts an app's files, for as long as one app runs."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from tests.loopback.records import StoredFile

APP = Path("/app")
LOCK = Path(tempfile.gettempdir()) / "cogfal-loopback.lock"


class AppDirectoryTaken(RuntimeError):
    """Report that `/app` cannot be had: somebody else's, or this user may not create it."""


@contextlib.contextmanager
def app_directory(files: Mapping[str, StoredFile]) -> Iterator[Path]:
    """Fill `/app` with `files` (by relative path) and remove it afterwards.

    One loopback at a time holds it; others wait. With no files there is no `/app`, as on fal.
    """
    with LOCK.open("a+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        _clear_leftovers(lock.name)
        try:
            if files:
                _create(lock.name)
                _fill(files)
            yield APP
        finally:
            if files:
                shutil.rmtree(APP, ignore_errors=True)
            lock.truncate(0)


def _clear_leftovers(record: str) -> None:
    if not APP.exists():
        return
    made = Path(record).read_text(encoding="utf-8")
    if made and json.loads(made) == APP.stat().st_ino:
        shutil.rmtree(APP)
        return
    raise AppDirectoryTaken(
        f"{APP} exists and was not made by a loopback; move it away, or run these tests in a "
        "container, because fal puts an app's files there and nowhere else"
    )


def _create(record: str) -> None:
    try:
        APP.mkdir()
    except PermissionError as error:
        raise AppDirectoryTaken(
            f"{APP} cannot be created by user {os.getuid()}; run these tests as root or in a "
            "container, because fal puts an app's files there and nowhere else"
        ) from error
    Path(record).write_text(json.dumps(APP.stat().st_ino), encoding="utf-8")


def _fill(files: Mapping[str, StoredFile]) -> None:
    for name, file in files.items():
        path = APP / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(file.content)
        path.chmod(file.mode & 0o777)
