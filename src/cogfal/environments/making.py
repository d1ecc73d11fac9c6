"""Say what a model's environment is made of, make it once, find it again, list and remove it."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final, TypeAlias

from cogfal.errors import SetupError
from cogfal.user_cache import user_cache

Tell: TypeAlias = Callable[[str], None]
"""Is told, line by line, what is being done."""

MARKER: Final = "cogfal.json"
"""Written into an environment that is whole; its time is when it was used last."""

_GPU_DRIVERS: Final = ("/proc/driver/nvidia/version", "/dev/nvidiactl", "/dev/dxg")
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

    def counted(self) -> str:
        """Return how many packages are named, in words."""
        return "1 package" if self.packages == 1 else f"{self.packages} packages"

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


def state_of_sources(paths: Iterable[Path]) -> str:
    """Return a text that changes when what lies there does: an archive, or a project's sources."""
    facts = [fact for path in paths for fact in _facts(path)]
    return hashlib.sha256(repr(facts).encode()).hexdigest()[:16] if facts else ""


def _facts(path: Path) -> Iterator[tuple[str, int, int]]:
    files = [path] if path.is_file() else sorted(path.rglob("*.py")) + sorted(path.glob("*.*"))
    for file in files[:_MOST_FILES]:
        status = file.stat()
        yield str(file.relative_to(path)), status.st_size, status.st_mtime_ns


def environments_directory() -> Path:
    """Return where environments are kept on a machine of one's own."""
    return user_cache() / "environments"


def interpreter_of(
    environment: ModelEnvironment, directory: Path | None = None, *, cpu: bool | None = None
) -> Path:
    """Return the path of an environment's interpreter, whether it was made already or not.

    Args:
        environment: What it is made of.
        directory: Where environments are kept.
        cpu: Whether the CPU builds of torch are taken; by default where there is no NVIDIA GPU.
    """
    cpu = not has_gpu() if cpu is None else cpu
    return (directory or environments_directory()) / environment.key(cpu=cpu) / "bin/python"


def make(
    environment: ModelEnvironment,
    *,
    progress: Tell | None = None,
    directory: Path | None = None,
    cpu: bool | None = None,
) -> Path:
    """Return the interpreter of an environment, which is made where it is not there yet.

    Two that want the same at the same time make it once; one that is killed leaves nothing that
    would be taken for an environment.

    Args:
        environment: What it is made of.
        progress: Is told what takes long; never called where the environment is there.
        directory: Where environments are kept; by default in the user's cache.
        cpu: Whether to take the CPU builds of torch; by default where there is no NVIDIA GPU.

    Raises:
        SetupError: It cannot be made; with what uv said last.
    """
    cpu = not has_gpu() if cpu is None else cpu
    python = interpreter_of(environment, directory, cpu=cpu)
    place = python.parent.parent
    if _is_there(place):
        return python
    tell = progress or _silently
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        with _locked(place, tell):
            # Looked for anew under the lock: whoever held it may have made it meanwhile.
            if not _is_there(place):
                _make_aside(environment, place, tell, cpu=cpu)
    except OSError as error:
        raise SetupError(
            f"the model's environment cannot be written: {error}",
            remedy="make room there, or set XDG_CACHE_HOME to another directory",
        ) from error
    return python


def has_gpu() -> bool:
    """Whether an NVIDIA GPU can be used here."""
    return any(map(os.path.exists, _GPU_DRIVERS))


def _is_there(place: Path) -> bool:
    """Whether an environment is whole, its interpreter's own Python included; marks its use."""
    marker = place / MARKER
    if not marker.is_file() or not (place / "bin/python").exists():
        return False
    with suppress(OSError):  # somebody else's, or on a disk that is only read
        os.utime(marker)
    return True


def _make_aside(environment: ModelEnvironment, place: Path, tell: Tell, *, cpu: bool) -> None:
    """Fill a directory beside the place and rename it; the lock is held."""
    # Nothing of this is imported where the environment is there already.
    import shutil  # noqa: PLC0415
    import tempfile  # noqa: PLC0415

    from cogfal.environments.uv import fill  # noqa: PLC0415

    # Left by processes that were killed: under the lock nobody else fills or removes one.
    for left in place.parent.glob(f".{place.name}-*"):
        shutil.rmtree(left, ignore_errors=True)
    aside = Path(tempfile.mkdtemp(prefix=f".{place.name}-", dir=place.parent))
    try:
        fill(environment, aside / "environment", tell, cpu=cpu)
        # The marker is written last, and the rename makes all of it appear at once: what is killed
        # before leaves nothing under the final name.
        (aside / "environment" / MARKER).write_text(environment.shown(), encoding="utf-8")
        shutil.rmtree(place, ignore_errors=True)  # one whose Python has gone
        (aside / "environment").rename(place)
    finally:
        shutil.rmtree(aside, ignore_errors=True)


@contextmanager
def _locked(place: Path, tell: Tell) -> Iterator[None]:
    """Hold the lock of one environment; the system lets go of it when its holder ends."""
    handle = os.open(place.with_name(f"{place.name}.lock"), os.O_RDWR | os.O_CREAT, 0o644)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            tell("another process is making the model's environment; waiting for it")
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _silently(_line: str) -> None:
    """Tell nobody."""


@dataclass(frozen=True, slots=True)
class KeptEnvironment:
    """An environment that was made here; `used` is when it was last asked for, in seconds."""

    key: str
    path: Path
    environment: ModelEnvironment
    used: float

    def size(self) -> int:
        """Return the bytes that would be free without it; files shared with uv's cache count."""
        found = 0
        for folder, _, names in os.walk(self.path):
            found += sum(Path(folder, name).lstat().st_size for name in names)
        return found


def kept_environments(directory: Path | None = None) -> list[KeptEnvironment]:
    """Return the environments that are kept, those used last first."""
    directory = directory or environments_directory()
    found = []
    for marker in directory.glob(f"*/{MARKER}"):
        environment = ModelEnvironment.from_json(marker.read_text(encoding="utf-8"))
        place = marker.parent
        used = marker.stat().st_mtime
        found.append(KeptEnvironment(place.name, place, environment, used))
    return sorted(found, key=lambda each: each.used, reverse=True)


def remove_environment(kept: KeptEnvironment) -> None:
    """Remove one, once nobody is making it anew."""
    import shutil  # noqa: PLC0415  # as above

    with _locked(kept.path, _silently):
        # Renamed first: whoever looks for it meanwhile finds all of it or nothing.
        gone = kept.path.with_name(f".{kept.key}-removed")
        kept.path.rename(gone)
        shutil.rmtree(gone)
