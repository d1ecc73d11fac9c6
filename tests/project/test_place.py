"""Where a project and its files are, and import roots outside of it, which do not travel."""

from __future__ import annotations

from pathlib import Path

import pytest

from cogfal.errors import ConfigError
from cogfal.project.place import (
    MOST_BYTES,
    ProjectPlace,
    place_of_config,
    place_of_predictor,
    read_text,
    roots_outside,
)
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


@pytest.mark.parametrize("content", [b"sys.path.append(", b"a = '\0'"], ids=["broken", "nul"])
def test_a_file_that_is_no_python_has_no_roots(tmp_path: Path, content: bytes) -> None:
    """Whoever reads it tells what is wrong."""
    (tmp_path / "predict.py").write_bytes(content)

    assert list(roots_outside("predict.py", tmp_path)) == []
    assert list(roots_outside("none.py", tmp_path)) == []


def test_a_file_of_any_size_is_not_read(tmp_path: Path) -> None:
    """The name may be one of weights."""
    with (tmp_path / "large.txt").open("wb") as file:
        file.truncate(MOST_BYTES + 1)

    with pytest.raises(ConfigError, match=r"large\.txt is too large") as caught:
        read_text(tmp_path / "large.txt", where="cog.yaml")

    assert caught.value.where == "cog.yaml"


def test_a_name_that_the_system_refuses_is_told(tmp_path: Path) -> None:
    """With the system's reason."""
    with pytest.raises(ConfigError, match="cannot be read: File name too long"):
        read_text(tmp_path / ("x" * 300))


def test_a_directory_stands_for_its_cog_yaml(tmp_path: Path) -> None:
    """Where it has one."""
    root = write_project(tmp_path / "model", predict_py="")
    with pytest.raises(ConfigError, match=r"there is no file .*/model/cog\.yaml"):
        place_of_config("model", tmp_path)
    (root / "cog.yaml").touch()

    assert place_of_config("model", tmp_path) == ProjectPlace(root, root / "cog.yaml")


def test_a_predictor_beside_the_app_is_a_project_of_its_own(tmp_path: Path) -> None:
    """Unless a cog.yaml between the two says where the project begins."""
    root = write_project(tmp_path / "model", src__predict_py="")
    (tmp_path / "app").mkdir()

    alone = place_of_predictor("../model/src/predict.py:P", tmp_path / "app")
    (root / "cog.yaml").touch()
    within = place_of_predictor("../model/src/predict.py:P", tmp_path / "app")

    assert alone == (ProjectPlace(root / "src"), "predict.py:P")
    assert within == (ProjectPlace(root, root / "cog.yaml"), "src/predict.py:P")
