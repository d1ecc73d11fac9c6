"""Say what a model's own environment is made of, and by which key it is kept."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

_FORMAT: Final = 1
"""Goes into every key: a change in how environments are made must not meet old ones."""

_CREDENTIALS: Final = re.compile(r"(://)[^/@\s\"]+@")
_MOST_FILES: Final = 2000


@dataclass(frozen=True, slots=True)
class ModelEnvironment:
    """What cog.yaml asks for, and nothing else.

    `python` is a minor version or a patch. `requirements` are the lines of a requirements file,
    options among them, with absolute paths where they are local; `constraints` those of a
    constraints file. Each of `installs` holds the words behind `pip install` of a plain line of
    `run`. `state` tells one state of local requirements from the next.
    """

    python: str
    requirements: tuple[str, ...] = ()
    constraints: tuple[str, ...] = ()
    installs: tuple[tuple[str, ...], ...] = ()
    state: str = ""

    @property
    def packages(self) -> int:
        """How many packages are named; what they need is not counted."""
        named = [line for line in self.requirements if not line.startswith("-")]
        words = [word for line in self.installs for word in line if not word.startswith("-")]
        return len(named) + len(words)

    def key(self, *, cpu: bool = False) -> str:
        """Return the name under which the environment is kept.

        Args:
            cpu: Whether the CPU builds of torch are taken.
        """
        parts = [_FORMAT, cpu, asdict(self)]
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:32]

    def to_json(self) -> str:
        """Write it down, to be read by `from_json` in another process."""
        return json.dumps(asdict(self), sort_keys=True)

    def shown(self) -> str:
        """Return the same without what stands in a URL before its host."""
        return _CREDENTIALS.sub(r"\1***@", self.to_json())

    @classmethod
    def from_json(cls, text: str) -> ModelEnvironment:
        """Read what `to_json` has written."""
        given = json.loads(text)
        return cls(
            python=given["python"],
            requirements=tuple(given["requirements"]),
            constraints=tuple(given["constraints"]),
            installs=tuple(map(tuple, given["installs"])),
            state=given["state"],
        )


def state_of(paths: Iterable[Path]) -> str:
    """Return a text that changes when what lies there does: an archive, or a project's sources."""
    facts = [fact for path in paths for fact in _facts(path)]
    return hashlib.sha256(repr(facts).encode()).hexdigest()[:16] if facts else ""


def _facts(path: Path) -> Iterator[tuple[str, int, int]]:
    files = [path] if path.is_file() else sorted(path.rglob("*.py")) + sorted(path.glob("*.*"))
    for file in files[:_MOST_FILES]:
        status = file.stat()
        yield str(file.relative_to(path)), status.st_size, status.st_mtime_ns
