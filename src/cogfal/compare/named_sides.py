"""Tell from a word of the command line which side of a comparison is meant."""

from __future__ import annotations

from pathlib import Path

from cogfal.compare.here import DirectorySide
from cogfal.compare.on_replicate import ReplicateSide
from cogfal.compare.over_http import HttpSide
from cogfal.compare.recording import RecordingSide, is_recording
from cogfal.compare.sides import Side
from cogfal.errors import ProjectError


def side_of(word: str, timeout: float) -> Side:
    """Return the side that a word names.

    It is the URL of a Cog server or an app, `app:owner/name` on fal, `replicate:owner/name` with
    or without `:version`, a recording's folder, or a project's directory.

    Raises:
        ProjectError: It is none of these.
    """
    kind, colon, rest = word.partition(":")
    if rest.startswith("//") and kind in ("http", "https"):
        return HttpSide(word, timeout)
    if colon and kind in ("app", "replicate"):
        return _account_side(kind, rest, timeout)
    folder = Path(word)
    if not folder.is_dir():
        raise ProjectError(
            "there is no such directory",
            where=word,
            remedy="name a directory, a URL, app:OWNER/NAME, or replicate:OWNER/NAME[:VERSION]",
        )
    return RecordingSide(folder) if is_recording(folder) else DirectorySide(folder, timeout)


def _account_side(kind: str, name: str, timeout: float) -> Side:
    model, _, version = name.partition(":")
    if model.count("/") != 1 or not all(_is_name(part) for part in model.split("/")):
        raise ProjectError(
            f"{name!r} is no OWNER/NAME", where=kind, remedy=f"write {kind}:OWNER/NAME"
        )
    if kind == "replicate":
        return ReplicateSide(model, version or None, timeout)
    try:
        from cogfal.compare.on_fal import FalSide  # noqa: PLC0415  # needs an optional extra
    except ImportError as error:
        raise ProjectError(
            f"app: needs {error.name}", remedy='pip install "cogfal[client]"'
        ) from error
    return FalSide(name, timeout)


def _is_name(part: str) -> bool:
    return bool(part) and all(each.isalnum() or each in "-_." for each in part) and part != ".."
