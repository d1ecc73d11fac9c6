"""Progress in what a model prints."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from typing import Final

import pytest

from cogfal.cli.display import Step, open_display, step_of
from tests.waiting import until

CONTROL: Final = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


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
            "45%|####5     | 1.2.3/20 [00:03<00:04, 2it/s]",
            Step(45, 100, "", "00:04 left, 2it/s", bar=True),
            id="no-number",
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


class Screen(io.StringIO):
    """A terminal that keeps all that was drawn on it."""

    def isatty(self) -> bool:
        return True

    def drawn_by(self, act: Callable[[], None]) -> str:
        """Return what an act draws, without colours and the movements of the cursor."""
        start = self.tell()
        act()
        return CONTROL.sub("", self.getvalue()[start:])


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> Screen:
    """A wide terminal that can move its cursor."""
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "200")
    return Screen()


def test_a_transfer_has_a_bar_until_all_has_come(screen: Screen) -> None:
    """It says how much has come of how much, and goes with the last byte, once."""
    with open_display(screen) as display:
        transfer = display.transfer("weights.bin", 2_000_000)
        transfer.report(500_000)
        assert until(lambda: "500.0 kB of 2.0 MB" in screen.drawn_by(lambda: display.tell("half")))
        assert "Downloading weights.bin" in screen.getvalue()

        transfer.report(2_000_000)
        transfer.report(2_000_000)

        assert until(lambda: "Downloading" not in screen.drawn_by(lambda: display.tell("whole")))


def test_a_models_own_bar_is_drawn_until_it_is_full(screen: Screen) -> None:
    """Its lines move a bar below what else is printed, and are not shown as lines."""
    with open_display(screen) as display:
        display.phase("Running")
        display.log(" 50%|#  | 1/2 [00:01<00:01, 1it/s]\r")
        begun = screen.drawn_by(lambda: display.log("printed\n"))
        assert "1/2, 00:01 left, 1it/s" in begun
        assert "|#  |" not in begun

        display.log("100%|###| 2/2 [00:02<00:00, 1it/s]\n")

        assert until(lambda: "Working" not in screen.drawn_by(lambda: display.tell("full")))


def test_a_line_without_an_end_comes_before_what_is_told(screen: Screen) -> None:
    """It is shown where something else is said, and plainly once the bars have gone."""
    with open_display(screen) as display:
        display.log("no end")
        told = screen.drawn_by(lambda: display.tell("told"))
        display.quiet()
        plain = screen.drawn_by(lambda: display.tell("later"))

    assert re.search(r"no end\s+told", told)
    assert plain == "later\n"


def test_nothing_printed_ends_no_line() -> None:
    """A text without characters leaves open lines as they are."""
    err = io.StringIO()

    with open_display(err) as display:
        display.log("open")
        display.log("")
        display.beside("")
        display.log(" still\n")

    assert err.getvalue() == "open still\n"
