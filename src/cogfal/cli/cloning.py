"""Bring somebody's repository to this machine with git; nothing of it is executed."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Final, NamedTuple

from cogfal.cli.console import say
from cogfal.cli.inputs import BadArgument

_SHORT: Final = re.compile(r"github:([\w.-]+/[\w.-]+?)(?:\.git)?/?")
_SCP: Final = re.compile(r"[\w.-]+@[\w.-]+:[^:]+")
_SCHEMES: Final = ("https://", "ssh://", "file://")
_ALLOWED: Final = "https:ssh:file"


class Clone(NamedTuple):
    """A repository on this machine: where it came from, where it is, and the commit."""

    url: str
    path: Path
    commit: str


def repository_url(source: str) -> str | None:
    """Return the address of a repository, None where `source` names something else.

    Raises:
        BadArgument: It is an address that git is not asked for.
    """
    if (short := _SHORT.fullmatch(source)) is not None:
        return f"https://github.com/{short[1]}.git"
    if source.startswith(_SCHEMES) or _SCP.fullmatch(source):
        return source
    if "://" in source or "::" in source or source.startswith("github:"):
        raise BadArgument(
            f"{source} is not fetched; write github:OWNER/REPOSITORY, an https, ssh or file "
            "address, or the path of a directory"
        )
    return None


def clone(url: str, into: Path | None) -> Clone:
    """Clone the newest commit, by default into the user's cache; what is there stays as it is.

    Raises:
        BadArgument: git cannot have it, or `into` holds something else.
    """
    place = into or _cached(url)
    if (place / ".git").is_dir():
        if into is not None and _git("-C", str(place), "remote", "get-url", "origin") != url:
            raise BadArgument(f"{into} holds another repository; name another directory with -o")
        say(f"{place} is there already, and is used as it is; without it, it is cloned anew")
    elif place.exists() and (not place.is_dir() or any(place.iterdir())):
        raise BadArgument(f"{place} is there already, and no clone; name another place with -o")
    else:
        say(f"cloning {url}")
        _clone_aside(url, place)
    return Clone(url, place, _git("-C", str(place), "rev-parse", "--short", "HEAD"))


def _clone_aside(url: str, place: Path) -> None:
    """Clone beside the place and rename, so that an interrupted clone is never taken for one."""
    place.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".cogfal-", dir=place.parent) as folder:
        aside = Path(folder, "clone")
        _git("clone", "--quiet", "--depth", "1", "--no-tags", "--", url, str(aside))
        aside.rename(place)


def _cached(url: str) -> Path:
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    name = re.sub(r"[^\w.-]", "-", url.rstrip("/").rpartition("/")[2].removesuffix(".git"))
    digest = hashlib.sha256(url.encode()).hexdigest()[:8]
    return cache / "cogfal" / "projects" / f"{name}-{digest}"


def _git(*words: str) -> str:
    """Run git, which asks for no password, and return what it prints."""
    git = shutil.which("git")
    if git is None:
        raise BadArgument("git is not installed; install it, or name a directory")
    environ = {**os.environ, "GIT_ALLOW_PROTOCOL": _ALLOWED, "GIT_TERMINAL_PROMPT": "0"}
    done = subprocess.run(  # noqa: S603  # git, with an address of an allowed kind
        [git, *words],
        env=environ,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    if done.returncode:
        said = done.stderr.strip().splitlines()
        raise BadArgument(
            f"git {words[0]}: {said[-1] if said else 'failed'}; check the address and your access"
        )
    return done.stdout.strip()
