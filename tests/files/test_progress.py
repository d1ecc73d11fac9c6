"""What is said of a long download."""

from __future__ import annotations

import pytest

from cogfal.files.progress import Progress, readable


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 bytes"),
        (1, "1 byte"),
        (999, "999 bytes"),
        (1000, "1.0 kB"),
        (1_500_000, "1.5 MB"),
        (2 * 10**12, "2000.0 GB"),
    ],
)
def test_sizes_are_readable(count: int, text: str) -> None:
    """Sizes are written in decimal units."""
    assert readable(count) == text


def test_long_download_is_reported_now_and_then() -> None:
    """One line per interval, with the share of the whole where that is known."""
    lines: list[str] = []
    progress = Progress("a.bin", 4000, lines.append, interval=0.0)

    progress.report(1000)
    Progress("b.bin", None, lines.append, interval=0.0).report(5)

    assert lines == ["Downloading a.bin: 1.0 kB of 4.0 kB (25 %)", "Downloading b.bin: 5 bytes"]


def test_short_download_is_not_mentioned() -> None:
    """Within the first interval nothing is said."""
    lines: list[str] = []

    Progress("a.bin", 10, lines.append).report(10)

    assert lines == []
