"""Choose the project's files that travel to the runner, as Docker would with its .dockerignore.

fal reads .dockerignore with Git's rules and forgets the lines that start with `!`, so the choice
is made here, with Docker's rules, and handed over as exact names.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final, NamedTuple

from cogfal.errors import ConfigError
from cogfal.files.progress import counted, readable
from cogfal.project.place import read_text
from cogfal.project.report import Report

_GLOB_CHARACTER: Final = re.compile(r"[*?\[\]!# \\]")

APP_DIRECTORY: Final = "/app"
"""Where fal's own runtime puts the project's files."""

FILE_LIMIT: Final = 1 << 30
"""fal's limit for one file, in bytes."""

_ALWAYS_DIRECTORIES: Final = frozenset(
    {".git", ".cog", ".cogfal", "__pycache__", ".venv", ".mypy_cache"}
)
_ALWAYS_FILES: Final = frozenset({".DS_Store", ".dockerignore", ".env"})
STANDING_IGNORE: Final = (r"\.pyc$", r"__pycache__/", r"\.git/", r"\.DS_Store$", r"^\.cog(fal)?/")
"""fal's own default patterns, and Cog's directory, for files that appear later."""

_STANDING_PATTERNS: Final = ("*.pyc", "__pycache__/", ".git/", ".DS_Store", "/.cog/", "/.cogfal/")
"""The same in Git's notation."""


class PlannedFiles(NamedTuple):
    """The project's files on their way to the runner.

    `context` is their directory on this machine; `include` and `ignore` are `app_files` and
    `app_files_ignore` (regular expressions) for fal's own runtime; `dockerignore` is the same
    choice as patterns for `ContainerImage`. `directory` is where they land on the runner. `names`
    are the files themselves and `size` their bytes.
    """

    context: str
    include: tuple[str, ...] = (".",)
    ignore: tuple[str, ...] = ()
    dockerignore: tuple[str, ...] = ()
    directory: str = APP_DIRECTORY
    names: tuple[str, ...] = ()
    size: int = 0


def exact_pattern(path: str) -> str:
    """Return the pattern of a .dockerignore that matches one path and no other."""
    return "/" + _GLOB_CHARACTER.sub(r"\\\g<0>", path)


def choose_files(root: Path, report: Report, *, exclude: Iterable[str] = ()) -> PlannedFiles:
    """Walk the project and decide what travels.

    Args:
        root: The project's directory.
        report: Told about links and secrets that stay here, and about the size.
        exclude: Further patterns in .dockerignore's notation.

    Raises:
        ConfigError: A file is larger than fal takes.
    """
    rules = IgnoreRules([*_dockerignore(root), *exclude])
    walk = _Walk(root, rules, report)
    walk.directory("")
    report.kept("files", f"{counted(len(walk.names), 'file')}, {readable(walk.size)}")
    exact = (f"^{re.escape(path)}" + ("" if path[-1] == "/" else "$") for path in walk.ignored)
    return PlannedFiles(
        context=str(root.resolve()),
        ignore=(*STANDING_IGNORE, *exact),
        dockerignore=(*_STANDING_PATTERNS, *map(exact_pattern, walk.ignored)),
        names=tuple(walk.names),
        size=walk.size,
    )


class IgnoreRules:
    """The patterns of a .dockerignore: the last one that matches decides."""

    def __init__(self, lines: Iterable[str]) -> None:
        self._rules = [(rule, keep) for line in lines for rule, keep in _rule(line)]
        self.any_exceptions = any(keep for _, keep in self._rules)

    def ignores(self, path: str) -> bool:
        """Whether Docker would leave out a path, given with forward slashes."""
        parents = [path[: match.start()] for match in re.finditer("/", path)]
        ignored = False
        for rule, keep in self._rules:
            if keep == ignored and any(rule.fullmatch(part) for part in (path, *parents)):
                ignored = not keep
        return ignored


def _rule(line: str) -> Iterator[tuple[re.Pattern[str], bool]]:
    if line.startswith("#"):
        return
    text = line.strip()
    keep = text.startswith("!")
    text = text.removeprefix("!").strip()
    text = os.path.normpath(text).replace(os.sep, "/").lstrip("/") if text else ""
    if text and text != ".":
        yield _regex(text), keep


def _regex(pattern: str) -> re.Pattern[str]:
    """Go's `filepath.Match` with Docker's `**`."""
    found = ""
    i = 0
    while i < len(pattern):
        char = pattern[i]
        if pattern.startswith("**", i):
            i += 2
            if pattern.startswith("/", i):
                i += 1
                found += "(?:.*/)?"
            else:
                found += ".*"
            continue
        if char == "*":
            found += "[^/]*"
        elif char == "?":
            found += "[^/]"
        elif char == "[" and (end := pattern.find("]", i + 2)) > 0:
            found += _char_class(pattern[i + 1 : end])
            i = end
        elif char == "\\" and i + 1 < len(pattern):
            i += 1
            found += re.escape(pattern[i])
        else:
            found += re.escape(char)
        i += 1
    return re.compile(found, re.DOTALL)


def _char_class(body: str) -> str:
    negated = body[:1] in ("^", "!")
    members = re.findall(r"(.)(?:-(.))?", body[1:] if negated else body, re.DOTALL)
    inner = "".join(re.escape(low) + (high and f"-{re.escape(high)}") for low, high in members)
    try:
        re.compile(f"[{inner}]")
    except re.error:
        return re.escape(f"[{body}]")
    return f"[{'^' if negated else ''}{inner}]"


def _dockerignore(root: Path) -> list[str]:
    path = root / ".dockerignore"
    return read_text(path).splitlines() if path.exists() else []


class _Walk:
    """One pass over the project, deciding for each entry."""

    def __init__(self, root: Path, rules: IgnoreRules, report: Report) -> None:
        self._root = root.resolve()
        self._rules = rules
        self._report = report
        self.names: list[str] = []
        self.size = 0
        self.ignored: list[str] = []

    def directory(self, relative: str) -> None:
        entries = self._entries(relative)
        if relative and any(entry.name == "pyvenv.cfg" for entry in entries):
            self.ignored.append(f"{relative}/")
            return
        for entry in entries:
            self._entry(entry, f"{relative}/{entry.name}" if relative else entry.name)

    def _entries(self, relative: str) -> list[os.DirEntry[str]]:
        try:
            return sorted(os.scandir(self._root / relative), key=lambda entry: entry.name)
        except OSError as error:
            raise ConfigError(
                f"cannot be listed: {error.strerror}",
                where=relative or ".",
                remedy="make it readable, or name it in .dockerignore",
            ) from error

    def _entry(self, entry: os.DirEntry[str], path: str) -> None:
        # Links before anything else: what follows would look at where they lead.
        if entry.is_symlink():
            self._link(path)
        elif entry.is_dir():
            self._subdirectory(entry.name, path)
        elif self._stays(entry.name, path) or not entry.is_file():
            self.ignored.append(path)
        else:
            self._file(path, entry.stat().st_size)

    def _subdirectory(self, name: str, path: str) -> None:
        # With exceptions among the rules, something below may travel all the same.
        whole = self._rules.ignores(path) and not self._rules.any_exceptions
        if name in _ALWAYS_DIRECTORIES or whole:
            self.ignored.append(f"{path}/")
        else:
            self.directory(path)

    def _stays(self, name: str, path: str) -> bool:
        if name == ".env" and not self._rules.ignores(path):
            self._report.changed(
                path, "kept out", "it looks like secrets; give them to `fal secrets set` instead"
            )
        return name in _ALWAYS_FILES or name.endswith(".pyc") or self._rules.ignores(path)

    def _link(self, path: str) -> None:
        """Links stay: fal uploads a link's target under the target's own name, or refuses it."""
        self.ignored.append(path)
        if not self._rules.ignores(path):
            self._report.unsupported(
                path,
                "a symbolic link does not travel",
                "put the file in its place, or name the link in .dockerignore",
            )

    def _file(self, path: str, size: int) -> None:
        if size > FILE_LIMIT:
            raise ConfigError(
                f"{readable(size)}, and fal takes files of up to {readable(FILE_LIMIT)}",
                where=path,
                remedy="name it in .dockerignore and list it under `weights`, so that the runner "
                "fetches it to /data",
            )
        self.names.append(path)
        self.size += size
