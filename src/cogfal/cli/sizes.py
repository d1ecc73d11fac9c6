"""Find out how much of a project goes to the runner, and how much is downloaded for it there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path, PurePath, PurePosixPath
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

import httpx
import tomli
from packaging.tags import Tag, compatible_tags, cpython_tags
from packaging.utils import InvalidWheelFilename, parse_wheel_filename

from cogfal.cli.console import Finding, Sign
from cogfal.cli.results import BATCH_RESULTS
from cogfal.environments.uv import resolve
from cogfal.files.progress import counted, readable
from cogfal.project.plan import PlannedEnvironment
from cogfal.version import minor

MOST_LISTED: Final = 5
LARGE: Final = 256 * 1024**2  # bytes of code and data that are worth a thought
HEAVY: Final = 100 * 1000**2  # bytes of one file that had better be fetched
_WEIGHTS: Final = frozenset(
    {".bin", ".ckpt", ".gguf", ".h5", ".npz", ".onnx", ".pkl", ".pt", ".pth", ".safetensors"}
)
_PICTURES: Final = frozenset({".gif", ".jpeg", ".jpg", ".mov", ".mp4", ".png", ".wav", ".webp"})
_LEAVE_OUT: Final = "name what the model does not need in .dockerignore"
_HEAVY: Final = "weights of over 100 MB"
_FETCH: Final = "name them under weights, with the URL they come from"
RATE: Final = 100 * 1000**2
"""Bytes a second that a cold start is reckoned with; said with every figure that uses it."""

_PATIENCE: Final = 90.0  # seconds for uv to find versions
_LONGEST: Final = 300  # characters of its explanation
_TIMEOUT: Final = 10.0  # seconds for one server to tell a size
_AT_ONCE: Final = 8
_VALUED: Final = frozenset({"--index-url", "--extra-index-url", "--find-links", "-c", "-r"})
_GLIBC: Final = range(5, 36)  # the minor versions of glibc that wheels are made for
_OLD: Final = ("manylinux2014_x86_64", "manylinux2010_x86_64", "manylinux1_x86_64")


def travelling(root: Path, names: Sequence[str], *, verbose: bool) -> Iterator[Finding]:
    """Yield how many files go, the largest of them, and what looks as if it were not meant to."""
    paths = {name: root / name for name in names}
    sizes = {name: each.stat().st_size if each.is_file() else 0 for name, each in paths.items()}
    total = sum(sizes.values())
    go = "goes" if len(names) == 1 else "go"
    text = f"{counted(len(names), 'file')}, {readable(total)}, {go} to the runner"
    if total > LARGE:
        yield Finding(Sign.NOTE, text, remedy=_LEAVE_OUT)
    else:
        yield Finding(Sign.GOOD, text)
    by_size = sorted(sizes, key=lambda name: (-sizes[name], name))
    shown = by_size if verbose else by_size[:MOST_LISTED]
    if names:
        listed = ", ".join(f"{name} ({readable(sizes[name])})" for name in shown)
        left = len(by_size) - len(shown)
        more = f" and {left} more (-v lists all)" if left else ""
        yield Finding(Sign.GOOD, f"the largest: {listed}{more}")
    yield from _doubtful(sizes)


def _doubtful(sizes: dict[str, int]) -> Iterator[Finding]:
    batches = {path.parent for path in map(PurePath, sizes) if path.name == BATCH_RESULTS}
    kinds: dict[str, list[str]] = {}
    for name, size in sizes.items():
        kind = _kind(PurePath(name), size, batches)
        if kind is not None:
            kinds.setdefault(kind, []).append(name)
    for kind, names in kinds.items():
        shown, left = ", ".join(names[:MOST_LISTED]), len(names) - MOST_LISTED
        more = f" and {left} more" if left > 0 else ""
        remedy = _FETCH if kind == _HEAVY else _LEAVE_OUT
        yield Finding(Sign.NOTE, f"{kind} go along: {shown}{more}", remedy=remedy)


def _kind(path: PurePath, size: int, batches: set[PurePath]) -> str | None:
    if path.name.startswith(".env") or path.suffix in (".pem", ".key"):
        return "secrets, by their name,"
    if path.suffix == ".log" or "logs" in path.parts[:-1]:
        return "logs"
    if path.suffix in _WEIGHTS and size > HEAVY:
        return _HEAVY
    in_folder = {"inputs", "outputs", "results", "samples"} & set(path.parts[:-1])
    of_batch = path.name == BATCH_RESULTS or batches.intersection(path.parents[:-1])
    if in_folder or of_batch or (path.suffix in _PICTURES and len(path.parts) == 1):
        return "inputs or results"
    return None


class Sizes(NamedTuple):
    """The bytes of some downloads: how many are of a `known` size, and their sum; `unknown` others.

    `doubt` says why nothing could be found out, None where something was.
    """

    known: int = 0
    size: int = 0
    unknown: int = 0
    doubt: str | None = None

    @classmethod
    def of(cls, sizes: Iterable[int | None]) -> Sizes:
        """Add sizes up; None is one that nobody tells."""
        every = list(sizes)
        known = [each for each in every if each is not None]
        return cls(len(known), sum(known), len(every) - len(known))

    def told(self, what: str) -> str:
        """Return a line about them, which begins with `what` they are."""
        if self.doubt is not None:
            return f"{what}: how large they are is not known: {self.doubt}"
        rest = f", and {self.unknown} of a size that is not known" if self.unknown else ""
        return f"{what}: {self.known}, {readable(self.size)}{rest}"


def downloads(environment: PlannedEnvironment, *, ask: bool) -> Iterator[Finding]:
    """Yield what is downloaded for the packages and the weights, and what that takes.

    The package index, through uv, and the servers of the weights are only asked where `ask` says
    so. Nothing is downloaded, and no package's code is run.
    """
    lines, python = _requirements(environment)
    named, weights = _count(lines), dict(environment.weights)
    if not named and not weights:
        return
    if not ask:
        yield Finding(
            Sign.GOOD,
            f"downloads: packages named: {named}, weights: {len(weights)}; how large they are is "
            "not known, `cogfal check --sizes` asks",
        )
        return
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        sizes_of_weights = Sizes.of(pool.map(_length, [each.url for each in weights.values()]))
    sizes = _package_sizes(lines, python), sizes_of_weights
    yield Finding(Sign.GOOD, sizes[0].told("packages to download"))
    if weights:
        yield Finding(Sign.GOOD, sizes[1].told("weights to download"))
    yield Finding(Sign.GOOD, _cold_start(environment, *sizes))


def _cold_start(environment: PlannedEnvironment, packages: Sizes, weights: Sizes) -> str:
    if environment.kind == "container":
        where = "the packages are in the image, which fal pulls"
    elif environment.made_by_runner:
        where = "the runner makes the model's environment at its first start"
    else:
        where = "fal makes the environment once and keeps it"
    size = weights.size + packages.size
    seconds = max(1, round(size / RATE))
    return (
        f"a cold start: {where}; {readable(size)} are about {seconds} s at 100 MB/s the first "
        "time, weights are on fal's disk from then on, and setup() comes on top each time"
    )


def _requirements(environment: PlannedEnvironment) -> tuple[list[str], str]:
    """Return the lines of a requirements file, and the minor version of Python."""
    if environment.model is None:
        lines, python = list(_lines(environment.requirements)), environment.python_version
    else:
        model = environment.model
        words = [word for line in model.installs for word in line]
        lines, python = [*model.requirements, *_lines(words)], model.python
    return lines, minor(python)


def _count(lines: Iterable[str]) -> int:
    return sum(not line.startswith("-") for line in lines)


def _package_sizes(lines: Sequence[str], python: str) -> Sizes:
    """Return what uv would download of packages for a runner."""
    if not _count(lines):
        return Sizes()
    found = resolve(lines, python, "--format", "pylock.toml", seconds=_PATIENCE, longest=_LONGEST)
    if found.trouble is not None:
        return Sizes(doubt=found.trouble)
    ranks = {tag: rank for rank, tag in enumerate(_tags(int(python.partition(".")[2])))}
    packages = tomli.loads(found.text).get("packages", [])
    return Sizes.of(_download_size(each, ranks) for each in packages)


def _length(url: str) -> int | None:
    """Ask a server how large a file is; a repository of the Hub tells nothing."""
    if not url.startswith(("http://", "https://")):
        return None
    try:
        answer = httpx.head(url, follow_redirects=True, timeout=_TIMEOUT)
    except (httpx.HTTPError, httpx.InvalidURL):
        return None
    length = answer.headers.get("content-length", "")
    return int(length) if answer.is_success and length.isdecimal() else None


def _lines(words: Sequence[str]) -> Iterator[str]:
    """Join the words of an installer's command to the lines of a requirements file."""
    left = iter(words)
    for word in left:
        yield f"{word} {next(left, '')}" if word in _VALUED else word


def _tags(minor: int) -> list[Tag]:
    """Return the tags of wheels that a runner takes, the best first."""
    platforms = [f"manylinux_2_{number}_x86_64" for number in reversed(_GLIBC)]
    platforms += [*_OLD, "linux_x86_64"]
    python = (3, minor)
    return [
        *cpython_tags(python, platforms=platforms),
        *compatible_tags(python, interpreter=f"cp3{minor}", platforms=platforms),
    ]


def _download_size(package: Mapping[str, Any], ranks: Mapping[Tag, int]) -> int | None:
    """Return the size of the archive that is taken of a package, None where it is not told."""
    fitting: list[tuple[int, int | None]] = []
    for wheel in package.get("wheels", ()):
        name = wheel.get("name") or PurePosixPath(urlsplit(wheel.get("url", "")).path).name
        with suppress(InvalidWheelFilename):
            tags = parse_wheel_filename(name)[3]
            fitting += [(ranks[tag], wheel.get("size")) for tag in tags if tag in ranks]
    if fitting:
        return min(fitting, key=lambda each: each[0])[1]
    source: Mapping[str, int] = package.get("sdist", package.get("archive", {}))
    return source.get("size")
