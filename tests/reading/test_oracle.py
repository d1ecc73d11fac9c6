"""What is told of generated programs is what every execution of them gives."""

from __future__ import annotations

import builtins
import gc
from random import Random

import pytest

from tests.fuzz.programs import PROGRAMS, run_in_processes, run_programs
from tests.reading.found import FOUND, FOUND_IN_SEVERAL, FOUND_WITH_PACKAGES
from tests.reading.oracle.execution import Answers, executed, judge, project
from tests.reading.oracle.importing import judge_imported

CASES = {"programs": 24, "several_modules": 8, "packages": 8}


@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.parametrize("name", PROGRAMS)
def test_python_agrees_with_what_is_told(name: str) -> None:
    """Nothing is told otherwise than Python has it, whatever unknown code answers."""
    outcome = run_programs(name, CASES[name], seed=0)
    gc.collect()  # closes here and now what the programs leave open

    assert [(each.text, each.reason) for each in outcome.findings] == []
    assert outcome.cases == CASES[name]
    assert outcome.accepted > 0


def test_a_program_leaves_the_builtins_as_they_were() -> None:
    """What it adds, replaces or deletes there is its own: the tests after it print, too."""
    before = dict(vars(builtins))
    program = "import builtins\nbuiltins.print = builtins.added = 3\ndel builtins.sum\n"

    with project({"predict.py": program}) as root:
        assert executed(root, Answers()) is not None

    assert vars(builtins) == before


def test_programs_are_judged_in_several_processes() -> None:
    """A campaign of several processes judges each program once."""
    outcome = run_in_processes("programs", 3, 0, 60, jobs=2)

    assert outcome.cases == 3
    assert outcome.findings == []


@pytest.mark.parametrize(
    "files",
    [*({"predict.py": f"{text}\n"} for text in FOUND.values()), *FOUND_IN_SEVERAL.values()],
    ids=[*FOUND, *FOUND_IN_SEVERAL],
)
def test_what_was_once_found_is_found_no_more(files: dict[str, str]) -> None:
    """Each program is told as every execution of it gives it, or refused."""
    verdict = judge(files, Random(0))

    assert verdict.wrong == []
    assert not verdict.failed


@pytest.mark.parametrize("text", FOUND_WITH_PACKAGES.values(), ids=[*FOUND_WITH_PACKAGES])
def test_what_was_once_found_of_packages_is_found_no_more(text: str) -> None:
    """Each predictor is told as every import of it gives it, or refused."""
    inputs = "class Predictor:\n    def predict(self, x=X, *, y: int = 1) -> str: ...\n"

    verdict = judge_imported({"predict.py": text + inputs}, Random(0))

    assert verdict.wrong == []
    assert not verdict.failed
