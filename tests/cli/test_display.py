"""Progress in what a model prints."""

from __future__ import annotations

import pytest

from cogfal.cli.display import Step, step_of


@pytest.mark.parametrize(
    ("line", "step"),
    [
        pytest.param(
            " 45%|####5     | 9/20 [00:03<00:04,  2.50it/s]",
            Step(9, 20, "", "00:04 left,  2.50it/s", bar=True),
            id="tqdm",
        ),
        pytest.param(
            "Loading checkpoint shards: 100%|██████████| 3/3 [00:01<00:00,  2.02it/s]",
            Step(3, 3, "Loading checkpoint shards", "00:00 left,  2.02it/s", bar=True),
            id="described",
        ),
        pytest.param(
            "model.bin:  50%|█████     | 512M/1.02G [00:10<00:10, 50MB/s]",
            Step(50, 100, "model.bin", "00:10 left, 50MB/s", bar=True),
            id="units-that-differ",
        ),
        pytest.param(
            "model.bin:  50%|█████     | 0.5M/1.0M [00:10<00:10, 50MB/s]",
            Step(0.5, 1.0, "model.bin", "00:10 left, 50MB/s", bar=True),
            id="one-unit",
        ),
        pytest.param(
            "\x1b[32m 10%|#    | 1/10\x1b[0m", Step(1, 10, "", "", bar=True), id="coloured"
        ),
        pytest.param("Step 12/50", Step(12, 50, "Step"), id="counted"),
        pytest.param("[ 3 / 4 ] tiles", Step(3, 4), id="counted-in-brackets"),
        pytest.param("Upscaling: 45 %", Step(45, 100, "Upscaling"), id="percent"),
    ],
)
def test_progress_is_found(line: str, step: Step) -> None:
    """A drawn bar is told from a line that says more."""
    assert step_of(line) == step


@pytest.mark.parametrize(
    "line",
    [
        "",
        "hello",
        "wrote /tmp/1/2.png",
        "https://host/3/4",
        "2024/11/21 12:00",
        "epoch 1/3, step 4/9",
        "9/4 of the time",
        "0/1",
        "accuracy 99.1 % and recall 98 %",
        "120 %",
        "a" * 500 + " 1/2",
    ],
)
def test_what_may_be_something_else_is_none(line: str) -> None:
    """Paths, dates and several numbers move no bar."""
    assert step_of(line) is None
