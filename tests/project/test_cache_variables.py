"""Tests of the variables that point caches at the disk."""

from __future__ import annotations

from cogfal.project.variables import cache_variables


def test_caches_lie_below_the_directory() -> None:
    """Every variable names a directory of the disk, its own or the shared one."""
    variables = dict(cache_variables("/data/.cache/"))

    assert variables["HF_HOME"] == "/data/.cache/huggingface"
    assert variables["TORCH_HOME"] == "/data/.cache/torch"
    assert variables["XDG_CACHE_HOME"] == "/data/.cache"
    assert all(value.startswith("/data/.cache") for value in variables.values())


def test_caches_can_be_left_where_they_are() -> None:
    """None sets nothing."""
    assert cache_variables(None) == ()
