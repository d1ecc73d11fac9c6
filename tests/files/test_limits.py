"""Limits on files, and what is left of them."""

from __future__ import annotations

from typing import Any

import pytest

from cogfal.errors import SettingError
from cogfal.files.limits import FetchBudget, FileLimits, TooLarge


@pytest.mark.parametrize(
    "setting",
    [
        {"max_file_bytes": 0},
        {"max_request_bytes": -1},
        {"total_seconds": 0.0},
        {"connect_seconds": 0.0},
        {"stall_seconds": -1.0},
        {"concurrency": 0},
        {"max_redirects": -1},
        {"min_bytes_per_second": -1},
    ],
    ids=str,
)
def test_senseless_limits_are_refused(setting: dict[str, Any]) -> None:
    """The error names the setting and its value."""
    ((name, value),) = setting.items()

    with pytest.raises(SettingError, match=f"{name} is {value}; make it"):
        FileLimits(**setting)


def test_no_redirects_and_no_least_speed_are_fine() -> None:
    """Zero turns these two off."""
    assert FileLimits(max_redirects=0, min_bytes_per_second=0).max_redirects == 0


def test_one_file_is_limited_by_itself() -> None:
    """The file's own limit is named, however much of the request is left."""
    meter = FetchBudget(FileLimits(max_file_bytes=10, max_request_bytes=100)).meter()
    meter.add(10)

    with pytest.raises(TooLarge, match="the file is larger than 10 bytes"):
        meter.add(1)


def test_files_share_the_requests_limit() -> None:
    """The second file has what the first one left."""
    budget = FetchBudget(FileLimits(max_file_bytes=10, max_request_bytes=15))
    budget.meter().add(10)
    second = budget.meter()
    second.add(5)

    with pytest.raises(TooLarge, match="the request's files are larger than 15 bytes"):
        second.add(1)


@pytest.mark.parametrize(("size", "limit"), [(11, 10), (9, 8)])
def test_declared_size_is_checked_without_being_taken(size: int, limit: int) -> None:
    """A server's promise counts against it, not against the others."""
    budget = FetchBudget(FileLimits(max_file_bytes=10, max_request_bytes=8))

    with pytest.raises(TooLarge) as caught:
        budget.check(size)

    assert caught.value.max_size == limit
    budget.meter().add(8)


def test_time_runs_out() -> None:
    """What is left is never less than nothing."""
    assert 0 < FetchBudget(FileLimits(total_seconds=60)).seconds_left() <= 60
    assert FetchBudget(FileLimits(total_seconds=1e-9)).seconds_left() == 0
