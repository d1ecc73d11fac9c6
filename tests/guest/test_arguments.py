"""What the author's function receives of a request's values."""

from __future__ import annotations

import io
import os
from enum import Enum
from pathlib import Path
from typing import Any

import pytest

from cogfal.cog.types import Path as CogPath
from cogfal.cog.types import Secret
from cogfal.guest.arguments import Arguments
from cogfal.guest.live import read_live
from cogfal.spec import (
    AnyType,
    DictType,
    EnumType,
    FieldSpec,
    FileType,
    InputSpec,
    IntegerType,
    ListType,
    LiteralType,
    ObjectType,
    OptionalType,
    PathType,
    PredictorSpec,
    SecretType,
    StringType,
    Type,
    UnionType,
)
from tests.interpreters import on_every_python, run_there


def build(kind: Type, value: Any, workspace: str = "/work") -> Any:
    """Make one argument."""
    spec = PredictorSpec("p.py", "predict", None, (InputSpec("x", kind),), AnyType())
    return Arguments(spec, lambda x: x).build({"x": value}, workspace=workspace)["x"]


PLACED = ObjectType("Placed", (FieldSpec("file", PathType()), FieldSpec("key", SecretType())))
OPEN = UnionType((PathType(), StringType()))


@pytest.mark.parametrize(
    ("kind", "value", "made"),
    [
        pytest.param(StringType(), "/work/a", "/work/a", id="text"),
        pytest.param(PathType(), "/work/a", CogPath("/work/a"), id="path"),
        pytest.param(PathType(), "own.png", CogPath("own.png"), id="default of the author's"),
        pytest.param(OptionalType(PathType()), None, None, id="nothing"),
        pytest.param(ListType(PathType()), ["/work/a"], [CogPath("/work/a")], id="list"),
        pytest.param(DictType(PathType()), {"k": "/work/a"}, {"k": CogPath("/work/a")}, id="dict"),
        pytest.param(SecretType(), "hush", Secret("hush"), id="secret"),
        pytest.param(ListType(SecretType()), ["hush"], [Secret("hush")], id="secrets"),
        pytest.param(
            PLACED,
            {"file": "/work/a", "key": "hush", "other": "/work/b"},
            {"file": CogPath("/work/a"), "key": Secret("hush"), "other": "/work/b"},
            id="object",
        ),
        pytest.param(OPEN, "/work/a", CogPath("/work/a"), id="file of a union"),
        pytest.param(OPEN, "/etc/passwd", "/etc/passwd", id="text of a union"),
        pytest.param(OPEN, "/workplace", "/workplace", id="text beside the workspace"),
        pytest.param(OPEN, 3, 3, id="number of a union"),
        pytest.param(
            UnionType((IntegerType(), StringType())), "/work/a", "/work/a", id="no file of a union"
        ),
        pytest.param(
            UnionType((LiteralType(("a",)), ListType(PathType()))),
            "a",
            "a",
            id="literal of a union",
        ),
        pytest.param(
            UnionType((StringType(), ListType(PathType()))),
            ["/work/a"],
            [CogPath("/work/a")],
            id="list of a union",
        ),
    ],
)
def test_values_become_what_is_declared(kind: Type, value: Any, made: Any) -> None:
    """Paths and secrets where they are declared, at any depth, and nowhere else."""
    found = build(kind, value)

    assert (found, repr(found)) == (made, repr(made))


class Colour(Enum):
    RED = "red"
    NONE = 0


def colourful(  # noqa: PLR0917 - one input for each form
    a: Colour,
    b: Colour | None,
    c: list[Colour],
    d: dict[str, Colour],
    e: int | Colour,
    f: Colour | str,
) -> str:
    """Take members in every form."""
    return f"{a}{b}{c}{d}{e}{f}"


def test_members_take_the_place_of_their_values() -> None:
    """The author's own Enum class is found in the annotations."""
    spec = read_live(colourful, path="p.py", name="colourful")
    values = {"a": "red", "b": None, "c": ["red"], "d": {"k": 0}, "e": 0, "f": "blue"}

    made = Arguments(spec, colourful).build(values)

    assert made == {
        "a": Colour.RED,
        "b": None,
        "c": [Colour.RED],
        "d": {"k": Colour.NONE},
        "e": 0,
        "f": "blue",
    }


def test_a_value_that_is_no_member_stays() -> None:
    """Inside of an object, which nobody checks."""
    kind = ObjectType("Box", (FieldSpec("colour", EnumType("Colour", (("RED", "red"),))),))

    assert build(kind, {"colour": "green"}) == {"colour": "green"}


def test_values_of_the_caller_are_left_alone() -> None:
    """The same request may be asked again."""
    values = {"x": ["/work/a"]}
    spec = PredictorSpec("p.py", "f", None, (InputSpec("x", ListType(PathType())),), AnyType())

    Arguments(spec, lambda x: x).build(values)

    assert values == {"x": ["/work/a"]}


def descriptors() -> int:
    """Count the open descriptors of this process."""
    return len(list(Path("/proc/self/fd").iterdir()))


def test_a_file_input_is_opened_when_it_is_looked_at(tmp_path: Path) -> None:
    """Thousands of files may be given where a process may open a thousand."""
    (tmp_path / "a.txt").write_bytes(b"one\ntwo\n")
    spec = PredictorSpec("p.py", "f", None, (InputSpec("x", ListType(FileType())),), AnyType())
    kept: list[Any] = []
    before = descriptors()

    made = Arguments(spec, lambda x: x).build({"x": [str(tmp_path / "a.txt")] * 50}, kept.append)

    assert descriptors() == before
    first = made["x"][0]
    assert (kept, first.tell(), first.name) == (made["x"], 0, str(tmp_path / "a.txt"))
    assert (first.readline(), first.tell(), descriptors()) == (b"one\n", 4, before + 1)
    assert (first.seek(0), first.read(), first.seek(-4, io.SEEK_END)) == (0, b"one\ntwo\n", 4)
    assert os.fstat(first.fileno()).st_size == 8
    for handle in kept:
        handle.close()
    assert descriptors() == before
    with pytest.raises(ValueError, match="closed"):
        made["x"][1].read()
    with pytest.raises(ValueError, match="closed"):
        made["x"][1].fileno()


@on_every_python
def test_every_python_makes_the_same(python: Path, tmp_path: Path) -> None:
    """The spec arrives as JSON, the values too."""
    (tmp_path / "a.txt").write_text("text")
    program = """
import cogfal.cog.alias
cogfal.cog.alias.install()
import enum, cog
from typing import *
from cogfal.guest.arguments import Arguments
from cogfal.guest.live import read_live
from cogfal.guest.verification import verify

class Colour(enum.Enum):
    RED = "red"

class Predictor(cog.BasePredictor):
    def predict(self, a: cog.Path, b: cog.File, c: cog.Secret, d: "Optional[List[Colour]]",
                e: int = 3) -> str: ...

def main(given):
    spec = read_live(Predictor, path="p.py", name="Predictor")
    kept = []
    made = Arguments(spec, Predictor().predict).build(given, kept.append)
    text = made["b"].read().decode()
    for handle in kept:
        handle.close()
    return [type(made["a"]).__module__, str(made["a"]), text, made["b"].closed,
            made["c"].get_secret_value(), [each.name for each in made["d"]],
            verify(spec, Predictor)]
"""
    path = str(tmp_path / "a.txt")

    made = run_there(python, program, {"a": path, "b": path, "c": "hush", "d": ["red"]})

    assert made == ["cog.types", path, "text", True, "hush", ["RED"], None]
