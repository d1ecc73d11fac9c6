"""What a process holds, and how fast that grows."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Usage:
    """What a process holds: resident bytes, descriptors, threads, and files in a directory."""

    memory: int
    descriptors: int
    threads: int
    files: int


def usage(pid: int, directory: Path) -> Usage:
    """Measure a process and the files below its temporary directory."""
    proc = Path(f"/proc/{pid}")
    pages = int((proc / "statm").read_text().split()[1])
    return Usage(
        memory=pages * os.sysconf("SC_PAGE_SIZE"),
        descriptors=sum(1 for _ in (proc / "fd").iterdir()),
        threads=sum(1 for _ in (proc / "task").iterdir()),
        files=sum(1 for _ in directory.rglob("*")),
    )


def slope(values: Sequence[tuple[int, float]]) -> float:
    """Return the growth per prediction, by least squares over (predictions, value)."""
    count = len(values)
    mean_x = sum(x for x, _ in values) / count
    mean_y = sum(y for _, y in values) / count
    spread = sum((x - mean_x) ** 2 for x, _ in values)
    return sum((x - mean_x) * (y - mean_y) for x, y in values) / spread if spread else 0.0


def report(samples: Sequence[tuple[int, Usage]]) -> str:
    """Return a Markdown table; the first quarter warms up and is left out of the slopes."""
    steady = samples[len(samples) // 4 :]
    lines = ["| held | first | last | growth per 1,000 predictions |", "|---|---|---|---|"]
    for name in ("memory", "descriptors", "threads", "files"):
        first, last = (getattr(each, name) for each in (samples[0][1], samples[-1][1]))
        growth = 1000 * slope([(done, getattr(each, name)) for done, each in steady])
        lines.append(f"| {name} | {first:,} | {last:,} | {growth:,.2f} |")
    return "\n".join(lines)
