"""Import roots outside of a project, which do not travel."""

from __future__ import annotations

from pathlib import Path

import pytest

from cogfal.project.place import roots_outside
from tests.project_files import write_project


@pytest.mark.parametrize(
    "added",
    [
        '"../.."',
        '"../shared"',
        'os.path.join(os.path.dirname(__file__), "..", "..")',
        'os.path.abspath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../.."))',
        "str(Path(__file__).resolve().parent.parent.parent)",
        "str(Path(__file__).parents[2])",
        'str(Path(__file__).parent / ".." / "..")',
    ],
)
def test_a_root_above_the_project_is_found(tmp_path: Path, added: str) -> None:
    """In the usual spellings, with its line."""
    (tmp_path / "shared").mkdir()
    root = write_project(
        tmp_path / "model", src__predict_py=f"import sys\nsys.path.insert(0, {added})\n"
    )

    (found,) = roots_outside("src/predict.py", root)

    assert str(found[0]) == "src/predict.py:2"
    assert not Path(found[1]).is_relative_to(root)


@pytest.mark.parametrize(
    "added",
    ['"src"', '"."', "os.path.dirname(__file__)", "folder", '"../nowhere"', 'f"../{name}"'],
)
def test_a_root_inside_or_unknown_is_not(tmp_path: Path, added: str) -> None:
    """What is in the project travels; nothing is told of what is not understood."""
    text = f"import sys\nsys.path.append({added})\n"
    root = write_project(tmp_path / "model", src__predict_py=text)

    assert list(roots_outside("src/predict.py", root)) == []
