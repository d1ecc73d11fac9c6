"""Name the system packages that a model needs and this machine lacks, before an import fails."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

DPKG: Final = Path("/var/lib/dpkg/info")
"""Where Debian and what stands on it list what is installed; no other system is looked at."""

_NAME: Final = re.compile(r"[A-Za-z0-9._-]+")
_LIBRARIES: Final = {
    "audioread": ("ffmpeg",),
    "cairosvg": ("libcairo2",),
    "ffmpeg-python": ("ffmpeg",),
    "librosa": ("libsndfile1",),
    "mediapipe": ("libgl1", "libglib2.0-0"),
    "moviepy": ("ffmpeg",),
    "openai-whisper": ("ffmpeg",),
    "opencv-contrib-python": ("libgl1", "libglib2.0-0"),
    "opencv-python": ("libgl1", "libglib2.0-0"),
    "opencv-python-headless": ("libglib2.0-0",),
    "pydub": ("ffmpeg",),
    "pytesseract": ("tesseract-ocr",),
    "soundfile": ("libsndfile1",),
}
"""What packages load or call that no wheel of theirs holds, and Cog's base images do."""


def missing_packages(
    named: Iterable[str], requirements: Iterable[str] = (), *, installed: Path = DPKG
) -> tuple[str, ...]:
    """Return the system packages that are not installed; none where that cannot be told.

    Args:
        named: What cog.yaml's `system_packages` says: names, versions and options.
        requirements: The lines of the model's requirements, some of which need libraries.
        installed: Where this machine lists its packages.
    """
    if not installed.is_dir():
        return ()
    wanted = dict.fromkeys([*_named(named), *_needed(requirements)])
    return tuple(name for name in wanted if not _is_installed(name, installed))


def install_line(packages: Iterable[str]) -> str:
    """Return the command that brings system packages."""
    return f"sudo apt-get install -y {' '.join(map(shlex.quote, packages))}"


def _named(texts: Iterable[str]) -> Iterator[str]:
    for word in (part for text in texts for part in text.split()):
        name = re.split(r"[=<>:]", word, maxsplit=1)[0]
        if name and not name.startswith("-"):
            yield name


def _needed(requirements: Iterable[str]) -> Iterator[str]:
    for line in requirements:
        match = _NAME.match(line)
        if match is not None:
            name = re.sub(r"[-_.]+", "-", match[0]).lower()
            yield from _LIBRARIES.get(name, ())


def _is_installed(name: str, installed: Path) -> bool:
    """Under its name, with an architecture, or with the suffix of a longer time."""
    names = (name, f"{name}t64")
    return any((installed / f"{each}.list").exists() for each in names) or any(
        next(installed.glob(f"{each}:*.list"), None) is not None for each in names
    )
