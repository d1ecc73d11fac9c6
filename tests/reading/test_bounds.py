"""Reading files that are too large, elsewhere, of another Python, or that show a credential."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from cogfal.environments.interpreters import present_interpreter
from cogfal.errors import PredictorError, UnresolvedExpression
from cogfal.reading import effects, read_predictor
from cogfal.reading.source import parse_with
from cogfal.reading.unknown import reached
from cogfal.spec import IntegerType, ListType, PathType
from tests.reading.projects import read, write
from tests.reading.table import ROWS

PLAIN = "class Predictor:\n    def predict(self, x: str = {}) -> str: ...\n"


def test_a_huge_file_is_refused_by_its_size(tmp_path: Path) -> None:
    """A sparse file of 20 GiB is not read at all."""
    with (tmp_path / "predict.py").open("wb") as file:
        file.truncate(20 * 1024**3)

    with pytest.raises(PredictorError, match="larger than"):
        read_predictor("predict.py:Predictor", tmp_path)


def test_a_loop_of_links_is_an_error(tmp_path: Path) -> None:
    """Links that lead to each other are told, not followed for ever."""
    (tmp_path / "predict.py").symlink_to(tmp_path / "other.py")
    (tmp_path / "other.py").symlink_to(tmp_path / "predict.py")

    with pytest.raises(PredictorError, match=r"predict\.py"):
        read_predictor("predict.py:Predictor", tmp_path)


def test_a_link_out_of_the_project_is_refused(tmp_path: Path) -> None:
    """A predictor that lies elsewhere would not come along to the runner."""
    (tmp_path / "elsewhere.py").write_text(PLAIN.format("'a'"))
    root = tmp_path / "project"
    root.mkdir()
    (root / "predict.py").symlink_to(tmp_path / "elsewhere.py")

    with pytest.raises(PredictorError, match="lies outside the project"):
        read_predictor("predict.py:Predictor", root)


def test_a_very_long_file_is_refused(tmp_path: Path) -> None:
    """A file of 60,000 functions is refused before it is parsed."""
    many = "".join(f"def f{i}(a=1): return a\n" for i in range(60_000))

    with pytest.raises(PredictorError, match="longer than 50,000 lines"):
        read(tmp_path, {"predict.py": many + PLAIN.format("'a'")})


@pytest.mark.parametrize("name", ["FAL_KEY", "HF_TOKEN", "DB_PASSWORD", "CLIENT_SECRET"])
@pytest.mark.parametrize("there", [True, False], ids=["set", "unset"])
def test_a_credential_is_not_shown(
    name: str, there: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A default that comes from a variable named like a credential is refused by its name."""
    monkeypatch.delenv(name, raising=False)
    if there:
        monkeypatch.setenv(name, "private")
    source = f"import os\nK = os.environ.get({name!r})\n" + PLAIN.format("K")

    with pytest.raises(PredictorError, match=name) as caught:
        read(tmp_path, {"predict.py": source})

    assert "private" not in str(caught.value)


def test_whether_a_credential_is_there_may_be_asked(tmp_path: Path) -> None:
    """A default that depends on a credential without showing it is named as such."""
    source = "import os\n" + PLAIN.format("'a' if os.environ.get('COGFAL_TOKEN') else 'b'")

    spec = read(tmp_path, {"predict.py": source})

    assert (spec.inputs[0].default, spec.deploy_time) == ("b", ("COGFAL_TOKEN",))


@pytest.mark.parametrize("version", ["3.8", "3.12.4"])
def test_the_python_meant_is_the_models(version: str, tmp_path: Path) -> None:
    """`sys.version_info` in a text is that of the Python that will run it."""
    minor = int(version.split(".")[1])
    write(tmp_path, {"predict.py": "import sys\n" + PLAIN.format("'.'.join(map(str, V))")})
    text = (tmp_path / "predict.py").read_text().replace("(map", "(map").replace("V)", "V[:2])")
    (tmp_path / "predict.py").write_text(text.replace("V[", "sys.version_info["))

    spec = read_predictor("predict.py:Predictor", tmp_path, python_version=version)

    assert spec.inputs[0].default == f"3.{minor}"


def test_syntax_that_the_models_python_lacks_is_refused(tmp_path: Path) -> None:
    """A `match` in a project of Python 3.9 fails there, and so where it is read."""
    source = "match 1:\n    case 1:\n        pass\n" + PLAIN.format("'a'")
    write(tmp_path, {"predict.py": source})

    with pytest.raises(PredictorError, match="not valid Python"):
        read_predictor("predict.py:Predictor", tmp_path, python_version="3.9")


def test_newer_syntax_is_parsed_by_the_models_python(tmp_path: Path) -> None:
    """What this Python cannot parse is given to another; with none there, it is refused."""
    write(tmp_path, {"predict.py": "N = 1 +\n" + PLAIN.format("'a'")})
    asked: list[tuple[int, int]] = []

    with pytest.raises(PredictorError, match="not valid Python"):
        read_predictor("predict.py:Predictor", tmp_path, python_version="3.99", find=asked.append)

    assert asked == [(3, 99)]


@pytest.mark.skipif(present_interpreter("3.12") is None, reason="there is no Python 3.12 here")
@pytest.mark.parametrize(
    "text", ["def first[T](items: list[T]) -> T: return items[0]", "class Box[T]:\n    item: T"]
)
def test_type_parameters_are_no_names_that_are_missing(text: str, tmp_path: Path) -> None:
    """Generic functions and classes of Python 3.12 leave the rest of the module as it is."""
    used = "first([4])" if text.startswith("def") else "4"
    source = f"{text}\nN = {used}\n" + PLAIN.format("N")
    write(tmp_path, {"predict.py": source})

    spec = read_predictor("predict.py:Predictor", tmp_path, python_version="3.12")

    assert spec.inputs[0].default == 4


@pytest.mark.skipif(present_interpreter("3.12") is None, reason="there is no Python 3.12 here")
def test_names_of_types_are_what_they_stand_for(tmp_path: Path) -> None:
    """`type X = ...` is evaluated where it is used, with its arguments."""
    text = (
        "from cog import Path\ntype Files = list[Later]\ntype Several[T] = list[T]\nLater = Path\n"
        "class Predictor:\n    def predict(self, x: Files, y: Several[int]) -> Files: ..."
    )
    write(tmp_path, {"predict.py": text})

    spec = read_predictor("predict.py:Predictor", tmp_path, python_version="3.12")

    assert [each.type for each in spec.inputs] == [ListType(PathType()), ListType(IntegerType())]
    assert spec.output == ListType(PathType())


@pytest.mark.skipif(present_interpreter("3.12") is None, reason="there is no Python 3.12 here")
@pytest.mark.parametrize(
    "text",
    [
        "class Box[T]:\n    N.append(2)",
        "class Base:\n    def __init_subclass__(cls): N.append(2)\nclass Box[T](Base): ...",
    ],
)
def test_generic_classes_may_change_what_they_mention(text: str, tmp_path: Path) -> None:
    """Neither their bodies nor what their bases do with them is evaluated."""
    write(tmp_path, {"predict.py": f"N = [1]\n{text}\n" + PLAIN.format("len(N)")})

    with pytest.raises(UnresolvedExpression, match="class with type parameters"):
        read_predictor("predict.py:Predictor", tmp_path, python_version="3.12")


@pytest.mark.skipif(present_interpreter("3.12") is None, reason="there is no Python 3.12 here")
def test_defaults_of_generic_functions_are_those_of_their_surroundings(tmp_path: Path) -> None:
    """A default neither sees the type parameters nor is blind to the names of its class."""
    text = (
        "T = N = 1\nclass C:\n    N = 4\n    def f[T](self, n=N, t=T): return n * t\n"
        + PLAIN.format("C().f()")
    )
    write(tmp_path, {"predict.py": text})

    spec = read_predictor("predict.py:Predictor", tmp_path, python_version="3.12")

    assert spec.inputs[0].default == 4


@pytest.mark.parametrize("row", ROWS[::20], ids=lambda row: row.id)
def test_another_python_gives_the_same_syntax(row: object) -> None:
    """A tree that comes from another process is the one that is parsed here."""
    source = getattr(row, "source", "").encode()

    tree = parse_with(Path(sys.executable), source)

    assert ast.dump(tree, include_attributes=True) == ast.dump(
        ast.parse(source), include_attributes=True
    )


def test_a_python_that_does_not_parse_it_says_why() -> None:
    """The other Python's error is the one that is told."""
    with pytest.raises(SyntaxError, match="invalid syntax"):
        parse_with(Path(sys.executable), b"1 +")


def test_a_loop_that_unknown_code_ends_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What unknown code may change is sought a bounded number of times, however much it reaches."""
    seen = count()

    def counted(*given: Any) -> Iterator[Any]:
        for value in reached(*given):
            assert next(seen) < 200_000
            yield value

    monkeypatch.setattr(effects, "reached", counted)
    loop = "while True:\n    if u(L): break\n    def f(): return L\n    L = [L, f, u(f)]\n"
    source = "from outside import u\nL = []\n" + loop + PLAIN.format("L")

    with pytest.raises(UnresolvedExpression, match="too much work"):
        read(tmp_path, {"predict.py": source})


def test_a_missing_file_in_a_try_is_noted(tmp_path: Path) -> None:
    """What is missing here may be there on the runner; the spec says that it depends on it."""
    source = (
        "try:\n    N = open('names.txt').read()\nexcept OSError:\n    N = 'none'\n"
        + PLAIN.format("N")
    )

    spec = read(tmp_path, {"predict.py": source})

    assert (spec.inputs[0].default, spec.deploy_time) == ("none", ("names.txt",))
