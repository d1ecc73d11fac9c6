"""What is told of generated programs is what every execution of them gives."""

from __future__ import annotations

import pytest

from tests.fuzz.programs import PROGRAMS, run_programs

CASES = {"programs": 24, "several_modules": 8}


@pytest.mark.parametrize("name", PROGRAMS)
def test_python_agrees_with_what_is_told(name: str) -> None:
    """Nothing is told otherwise than Python has it, whatever unknown code answers."""
    outcome = run_programs(name, CASES[name], seed=0)

    assert [(each.text, each.reason) for each in outcome.findings] == []
    assert outcome.cases == CASES[name]
    assert outcome.accepted > 0
