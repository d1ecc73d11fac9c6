"""Which interpreters the tests find."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.interpreters import INTERPRETERS, MINORS, on_every_python, pyenv_versions, run_there


def test_no_interpreter_of_pyenv_is_overlooked() -> None:
    """Each minor version that pyenv has installed is among those that the tests run on."""
    installed = {".".join(version.name.split(".")[:2]) for version in pyenv_versions()}

    overlooked = installed & {f"3.{minor}" for minor in MINORS} - set(INTERPRETERS)

    assert not overlooked


@on_every_python
def test_an_interpreter_is_what_it_is_called(python: Path, request: pytest.FixtureRequest) -> None:
    """A program runs in the version that its test names, with nothing of ours beside cogfal."""
    program = """
import importlib.util
def main(given):
    return ["python%d.%d" % sys.version_info[:2], importlib.util.find_spec("tests") is None, given]
"""

    version, alone, given = run_there(python, program, {"a": 1})

    assert (version, alone, given) == (request.node.callspec.id, True, {"a": 1})
