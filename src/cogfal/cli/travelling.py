"""Say which files go to the runner, and which of them perhaps should not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path, PurePath
from typing import Final

from cogfal.cli.console import Mark
from cogfal.cli.findings import Finding
from cogfal.project.sources import readable_size

SHOWN: Final = 5
LARGE: Final = 256 * 1024**2  # bytes of code and data that are worth a thought
HEAVY: Final = 100 * 1000**2  # bytes of one file that had better be fetched
_WEIGHTS: Final = frozenset(
    {".bin", ".ckpt", ".gguf", ".h5", ".npz", ".onnx", ".pkl", ".pt", ".pth", ".safetensors"}
)
_PICTURES: Final = frozenset({".gif", ".jpeg", ".jpg", ".mov", ".mp4", ".png", ".wav", ".webp"})
_REMEDY: Final = "name what the model does not need in .dockerignore"


def travelling(root: Path, names: Sequence[str], *, verbose: bool) -> Iterator[Finding]:
    """Yield how many files go, the largest of them, and what looks as if it were not meant to."""
    sizes = {name: _size(root / name) for name in names}
    total = sum(sizes.values())
    text = f"{len(names)} files, {readable_size(total)}, go to the runner"
    if total > LARGE:
        yield Finding(Mark.NOTE, text, remedy=_REMEDY)
    else:
        yield Finding(Mark.GOOD, text)
    by_size = sorted(sizes, key=lambda name: (-sizes[name], name))
    shown = by_size if verbose else by_size[:SHOWN]
    if names:
        listed = ", ".join(f"{name} ({readable_size(sizes[name])})" for name in shown)
        left = len(by_size) - len(shown)
        more = f" and {left} more (-v lists all)" if left else ""
        yield Finding(Mark.GOOD, f"the largest: {listed}{more}")
    yield from _doubtful(sizes)


def _doubtful(sizes: dict[str, int]) -> Iterator[Finding]:
    kinds: dict[str, list[str]] = {}
    for name, size in sizes.items():
        kind = _kind(PurePath(name), size)
        if kind is not None:
            kinds.setdefault(kind, []).append(name)
    for kind, names in kinds.items():
        shown = ", ".join(names[:SHOWN]) + (
            f" and {len(names) - SHOWN} more" if names[SHOWN:] else ""
        )
        remedy = (
            "name them under weights, with the URL they come from" if kind == _HEAVY else _REMEDY
        )
        yield Finding(Mark.NOTE, f"{kind} go along: {shown}", remedy=remedy)


_HEAVY: Final = "weights of over 100 MB"


def _kind(path: PurePath, size: int) -> str | None:
    if path.name.startswith(".env") or path.suffix in (".pem", ".key"):
        return "secrets, by their name,"
    if path.suffix == ".log" or "logs" in path.parts[:-1]:
        return "logs"
    if path.suffix in _WEIGHTS and size > HEAVY:
        return _HEAVY
    in_folder = {"inputs", "outputs", "results", "samples"} & set(path.parts[:-1])
    if in_folder or (path.suffix in _PICTURES and len(path.parts) == 1):
        return "inputs or results"
    return None


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0
