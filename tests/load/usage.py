"""What a process holds, how fast that grows, and how much of it may."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Final, TypeAlias


@dataclass(frozen=True)
class Usage:
    """What a process holds: resident bytes, descriptors, threads, and inodes in a directory."""

    memory: int
    descriptors: int
    threads: int
    inodes: int


Samples: TypeAlias = Sequence[tuple[int, Usage]]
"""What was held after so many predictions."""

HELD: Final = tuple(each.name for each in fields(Usage))


def usage(pid: int, directory: Path) -> Usage:
    """Measure a process, all that it has started, and the files below its temporary directory."""
    inodes = sum(len(folders) + len(files) for _, folders, files in os.walk(directory))
    memory, descriptors, threads = map(sum, zip((0, 0, 0), *_of_tree(pid), strict=True))
    return Usage(memory, descriptors, threads, inodes)


def _of_tree(pid: int) -> Iterator[tuple[int, int, int]]:
    """Yield the memory, descriptors and threads of a process and of all that it has started.

    Those that end meanwhile hold nothing.
    """
    proc = Path(f"/proc/{pid}")
    with suppress(FileNotFoundError, ProcessLookupError):
        pages = int((proc / "statm").read_text().split()[1])
        tasks = [*(proc / "task").iterdir()]
        yield pages * os.sysconf("SC_PAGE_SIZE"), len([*(proc / "fd").iterdir()]), len(tasks)
        for task in tasks:
            with suppress(FileNotFoundError, ProcessLookupError):
                for child in (task / "children").read_text().split():
                    yield from _of_tree(int(child))


def slope(values: Sequence[tuple[int, float]]) -> float:
    """Return the growth per prediction, by least squares over (predictions, value)."""
    count = len(values)
    mean_x = sum(x for x, _ in values) / count
    mean_y = sum(y for _, y in values) / count
    spread = sum((x - mean_x) ** 2 for x, _ in values)
    return sum((x - mean_x) * (y - mean_y) for x, y in values) / spread if spread else 0.0


def steady(samples: Samples) -> Samples:
    """Leave out the first quarter, in which a process warms up."""
    return samples[len(samples) // 4 :]


def slopes(samples: Samples) -> dict[str, float]:
    """Return how much more of each is held per prediction, once warm."""
    return {
        name: slope([(done, getattr(each, name)) for done, each in steady(samples)])
        for name in HELD
    }


def grown(samples: Samples) -> dict[str, float]:
    """Return how much more of each is held at the end than once warm, as the slope has it."""
    warm = steady(samples)
    done = warm[-1][0] - warm[0][0]
    return {name: growth * done for name, growth in slopes(samples).items()}


def too_much(samples: Samples, allowed: Mapping[str, float]) -> list[str]:
    """Name what has grown by more than is allowed."""
    return [name for name, growth in grown(samples).items() if growth > allowed[name]]


def report(samples: Samples) -> str:
    """Return a Markdown table."""
    lines = ["| held | first | last | growth per 1,000 predictions |", "|---|---|---|---|"]
    for name, growth in slopes(samples).items():
        first, last = (getattr(each, name) for each in (samples[0][1], samples[-1][1]))
        lines.append(f"| {name} | {first:,} | {last:,} | {1000 * growth:,.2f} |")
    return "\n".join(lines)
