"""`cogfal deploy`, up to what it hands over to fal."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.cli.conftest import Cogfal

FAKE_FAL = f"""#!{sys.executable}
import sys
print("fal", *sys.argv[1:])
sys.exit(3)
"""


def _with_fal(project: Path, tmp_path: Path) -> str:
    """Put a `fal` on the PATH that tells what it was called with."""
    bin_ = tmp_path / "bin"
    bin_.mkdir()
    (bin_ / "fal").write_text(FAKE_FAL)
    (bin_ / "fal").chmod(0o755)
    return str(bin_)


def test_deploying_checks_and_hands_over(cogfal: Cogfal, project: Path, tmp_path: Path) -> None:
    """What `--` is given to fal, and its status is the command's."""
    cogfal("migrate")
    path = _with_fal(project, tmp_path)

    ended = cogfal("deploy", "--", "--auth", "public", PATH=path, FAL_KEY="x:y")

    assert ended.out == "fal deploy app.py::App --auth public\n"
    assert ended.status == 3


def test_an_app_of_pyproject_is_the_one_that_is_checked(
    cogfal: Cogfal, project: Path, tmp_path: Path
) -> None:
    """Its file, whatever else is there; a name that is none is told."""
    (project / "app.py").write_text("# a demo\n")
    cogfal("migrate", "-o", "fal_app.py", "--pyproject", "painter")
    path = _with_fal(project, tmp_path)

    known, unknown = (
        cogfal("deploy", each, PATH=path, FAL_KEY="x:y") for each in ("painter", "nope")
    )

    assert known.out == "fal deploy painter\n", known.err
    assert unknown.status == 1
    assert "pyproject.toml names no app nope; it has painter" in unknown.err


def test_what_has_errors_is_not_deployed(cogfal: Cogfal, project: Path, tmp_path: Path) -> None:
    """The errors are told, and fal is not called."""
    path = _with_fal(project, tmp_path)

    ended = cogfal("deploy", PATH=path, FAL_KEY="x:y")

    assert ended.status == 1
    assert "there is no app.py" in ended.err
    assert "fal deploy" not in ended.out


def test_without_an_account_nothing_is_looked_at(cogfal: Cogfal) -> None:
    """One line says what makes one."""
    ended = cogfal("deploy")

    assert ended.status == 1
    assert ended.err == (
        "error: deploying needs an account of fal's, and there is none here: `fal auth login`, or "
        "set FAL_KEY\n"
    )
