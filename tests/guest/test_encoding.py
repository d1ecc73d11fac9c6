"""Results turned into JSON text on the author's side, and the files found in them."""

from __future__ import annotations

import datetime as dt
import decimal
import fractions
import io
import ipaddress
import json
import math
import re
import tempfile
import uuid
import zipfile
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple, TypedDict

import numpy as np
import pydantic
import pydantic.v1
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from pydantic_core import to_jsonable_python

from cogfal.cog import BaseModel as CogModel
from cogfal.cog.types import Path as CogPath
from cogfal.cog.types import Secret
from cogfal.guest.encoding import Encoded, encode
from cogfal.guest.saving import FileReference, Unfit
from cogfal.spec import (
    AnyType,
    DictType,
    FieldSpec,
    FileType,
    IteratorType,
    ListType,
    ObjectType,
    OptionalType,
    PathType,
    StringType,
    Type,
    UnionType,
)
from tests.file_server import PNG
from tests.interpreters import on_every_python, run_there
from tests.outputs.desk import GIF, halfway, named

ANY = AnyType()


class Colour(Enum):
    RED = "red"
    PAIR = (1, 2)


class Output(CogModel):
    picture: CogPath | None
    score: float
    note: str | None = None


class PydanticOutput(pydantic.BaseModel):
    picture: Path
    hidden: str = pydantic.Field(default="x", exclude=True)


class OldPydanticOutput(pydantic.v1.BaseModel):
    picture: Path


class Numbers(pydantic.RootModel[list[int]]):
    pass


class OldNumbers(pydantic.v1.BaseModel):
    __root__: list[int]


@dataclass
class Plain:
    picture: Path


class Typed(TypedDict):
    picture: Path


class Point(NamedTuple):
    x: int
    y: int


FIELDS = (FieldSpec("picture", PathType()),)
MANY = UnionType((ListType(PathType()), DictType(PathType()), ObjectType("Plain", FIELDS)))


def text_of(encoded: Encoded) -> str:
    """Put a path in angle brackets for each file between the parts."""
    named = [json.dumps(f"<{file.path or file.url}>") for file in encoded.files]
    between = zip(encoded.parts, [*(each.encode() for each in named), b""], strict=True)
    return b"".join(part + file for part, file in between).decode()


def value_of(value: Any, kind: Type = ANY, workspace: str = "/nowhere") -> Any:
    """Encode a value, and read the JSON with paths in angle brackets at the places of files."""
    return json.loads(text_of(encode(value, kind, workspace)))


@pytest.mark.parametrize(
    ("make", "kind", "answer"),
    [
        pytest.param(lambda p: [p, p], ListType(PathType()), ["U", "U"], id="list"),
        pytest.param(lambda p: (p,), ListType(PathType()), ["U"], id="tuple"),
        pytest.param(lambda p: [str(p), "x"], ListType(PathType()), ["U", "V"], id="list of str"),
        pytest.param(lambda p: {"a": {"b": [p]}}, ANY, {"a": {"b": ["U"]}}, id="any"),
        pytest.param(lambda p: {"a": str(p)}, DictType(PathType()), {"a": "U"}, id="dict of str"),
        pytest.param(lambda p: {1: p, "1": "x"}, ANY, {"1": "x"}, id="key given twice"),
        pytest.param(str, PathType(), "U", id="str as a Path"),
        pytest.param(str, OptionalType(PathType()), "U", id="str as an optional"),
        pytest.param(lambda p: None, OptionalType(PathType()), None, id="none"),
        pytest.param(lambda p: p, StringType(), "U", id="Path as a str"),
        pytest.param(lambda p: p, UnionType((StringType(), PathType())), "U", id="union"),
        pytest.param(lambda p: "x", UnionType((StringType(), PathType())), "x", id="union text"),
        pytest.param(lambda p: [str(p)], MANY, ["U"], id="union list"),
        pytest.param(lambda p: {"a": str(p)}, MANY, {"a": "U"}, id="union dict"),
        pytest.param(
            lambda p: Plain(str(p)),  # type: ignore[arg-type]  # as authors do
            MANY,
            {"picture": "U"},
            id="union object",
        ),
        pytest.param(lambda p: p, IteratorType(PathType()), "U", id="piece"),
        pytest.param(
            lambda p: Output(picture=p, score=0.5),
            ObjectType("Output", FIELDS),
            {"picture": "U", "score": 0.5, "note": None},
            id="Cog's model",
        ),
        pytest.param(lambda p: PydanticOutput(picture=p), ANY, {"picture": "U"}, id="Pydantic 2"),
        pytest.param(
            lambda p: OldPydanticOutput(picture=p), ANY, {"picture": "U"}, id="Pydantic 1"
        ),
        pytest.param(Plain, ANY, {"picture": "U"}, id="dataclass"),
        pytest.param(
            lambda p: Typed(picture=str(p)),  # type: ignore[typeddict-item]  # as authors do
            ObjectType("Typed", FIELDS),
            {"picture": "U"},
            id="TypedDict with a str",
        ),
    ],
)
def test_files_are_found_wherever_they_are(
    tmp_path: Path, make: Callable[[Path], Any], kind: Type, answer: Any
) -> None:
    """Paths are files everywhere, text is a path only where one is declared."""
    named = {"U": f"<{tmp_path}/a.png>", "V": f"<{Path.cwd()}/x>"}

    found = value_of(make(tmp_path / "a.png"), kind)

    expected = json.dumps(answer)
    for letter, path in named.items():
        expected = expected.replace(f'"{letter}"', json.dumps(path))
    assert found == json.loads(expected)


class FakeArray:
    """What numpy arrays, numpy scalars and tensors have in common."""

    dtype = "float32"

    def __init__(self, content: Any) -> None:
        self.content = content

    def tolist(self) -> Any:
        return self.content


class FakeTensor:
    """What TensorFlow's eager tensors have."""

    dtype = "float32"

    def numpy(self) -> Any:
        return FakeArray([1.5])


VALUES: list[tuple[Any, Any]] = [
    (None, None), (True, True), (3, 3), (0.5, 0.5), ("é", "é"), ("", ""), ([], []), ({}, {}),
    ([1, [2]], [1, [2]]), ((1, 2), [1, 2]), (range(3), [0, 1, 2]), (deque([1]), [1]),
    ({3, 1, 2}, [1, 2, 3]), (frozenset({"b", "a"}), ["a", "b"]), (Point(1, 2), [1, 2]),
    (Colour.RED, "red"), ({Colour.RED: Colour.RED}, {"red": "red"}), (Colour.PAIR, [1, 2]),
    ({2: "a", None: "b", True: "c"}, {"2": "a", "null": "b", "true": "c"}),
    ({0.5: 1}, {"0.5": 1}), (OrderedDict(b=1, a=2), {"b": 1, "a": 2}),
    (b"text", "text"), (bytearray("é".encode()), "é"),
    (FakeArray([[1, 2], [3, 4]]), [[1, 2], [3, 4]]), (FakeArray(0.5), 0.5), (FakeTensor(), [1.5]),
    (Secret("hush"), "**********"), (pydantic.SecretStr("hush"), "**********"),
    (Output(picture=None, score=1), {"picture": None, "score": 1, "note": None}),
    (Numbers([1, 2]), [1, 2]), (OldNumbers(__root__=[1, 2]), [1, 2]),
    (2**64, 2**64), (list(range(10_000)), list(range(10_000))),
    ("\ud83d", "?"), (["a\udc00b"], ["a?b"]), ({"\ud800": 1}, {"?": 1}), ('"\\\n\0', '"\\\n\0'),
]  # fmt: skip


@pytest.mark.parametrize(("value", "answer"), VALUES, ids=range(len(VALUES)))
def test_values_have_a_json_form(value: Any, answer: Any) -> None:
    """Everything that can be said in JSON is, secrets stay masked, text is always Unicode."""
    assert value_of(value) == answer


STANDARD = [
    dt.datetime(2024, 1, 2, 3, 4, 5, 600),
    dt.datetime(2024, 1, 2, tzinfo=dt.timezone.utc),
    dt.datetime(2024, 1, 2, tzinfo=dt.timezone(dt.timedelta(hours=5, minutes=30))),
    dt.date(1, 1, 1), dt.time(1, 2, 3), dt.time(1, 2, 3, 4, tzinfo=dt.timezone.utc),
    dt.timedelta(0), dt.timedelta(days=1), dt.timedelta(days=1, hours=2), dt.timedelta(minutes=90),
    dt.timedelta(seconds=-1.5), dt.timedelta(seconds=10), dt.timedelta(seconds=100),
    dt.timedelta(days=400, microseconds=1), dt.timedelta(days=-400, microseconds=100),
    decimal.Decimal("1.50"), decimal.Decimal("NaN"), fractions.Fraction(1, 2),
    uuid.UUID(int=1), ipaddress.ip_address("::1"), ipaddress.ip_network("10.0.0.0/8"),
    ipaddress.ip_interface("10.0.0.1/8"), re.compile("a+"), 1 + 2j, complex(-0.5, -2),
]  # fmt: skip


@pytest.mark.parametrize("value", STANDARD, ids=repr)
def test_the_standard_librarys_values_are_written_as_pydantic_writes_them(value: Any) -> None:
    """Times, numbers, identifiers and addresses have the form that callers know."""
    assert value_of(value) == to_jsonable_python(value)


@pytest.mark.parametrize(
    ("value", "answer"),
    [
        (np.float32(0.5), 0.5), (np.int64(3), 3), (np.bool_(True), True), (np.str_("a"), "a"),
        (np.uint64(2**64 - 1), 2**64 - 1), (np.bytes_(b"a"), "a"), (np.array(5), 5),
        (np.arange(3), [0, 1, 2]), (np.ones((2, 1)), [[1.0], [1.0]]), (np.empty((0, 3)), []),
        (np.array([{"a": np.int8(1)}]), [{"a": 1}]), ([np.float16(1)], [1.0]),
        (np.ma.masked_array([1, 2], mask=[False, True]), [1, None]),
        ({np.str_("a"): np.float64(2)}, {"a": 2.0}),
        (np.datetime64("2024-01-02"), "2024-01-02"),
    ],
    ids=repr,
)  # fmt: skip
def test_numpys_values_are_pythons(value: Any, answer: Any) -> None:
    """Scalars and arrays of any shape, alone and inside of others."""
    assert value_of(value) == answer


def circular() -> Any:
    """Return a list that is in a dictionary that is in the list."""
    inner: list[Any] = []
    inner.append({"again": inner})
    return inner


def deep() -> Any:
    """Return lists within lists."""
    value: list[Any] = []
    for _ in range(500):
        value = [value]
    return value


class Unsayable(pydantic.BaseModel):
    a: int = 1

    @pydantic.field_serializer("a")
    def refuse(self, _: int) -> str:
        """Have no form."""
        raise ValueError("it has no form")


UNFIT: dict[str, tuple[Any, str]] = {
    "nan": (math.nan, "output is nan, which JSON cannot say"),
    "inf": ({"a": [1.0, math.inf]}, r"output\.a\[1\] is inf"),
    "far": ([0.0] * 5000 + [math.nan], r"output\[5000\] is nan"),
    "array": (FakeArray([1.0, math.nan]), r"output\[1\] is nan"),
    "bytes": (b"\xff\0", "bytes that are no text; write them to a file"),
    "circular": (circular(), r"output\[0\]\.again contains itself"),
    "deep": (deep(), "nested more than 100 levels deep"),
    "key": ({(1, 2): 3}, "key of type tuple"),
    "object": (object(), "builtins.object, which has no JSON form"),
    "class": (Plain, "builtins.type, which has no JSON form"),
    "function": ([lambda: 1], r"output\[0\] is a builtins.function"),
    "generator": ((n for n in range(3)), "is a generator"),
    "digits": ([1, 10**5000], r"output\[1\] is an integer of thousands of digits"),
    "digits that Python writes": ([1, 2**14_100], r"output\[1\] is an integer of thousands of"),
    "model": (Unsayable(), "output cannot be written as JSON: .*it has no form"),
    "path": (PurePosixPath("a\0b"), "contains a NUL"),
    "numpy nan": (np.array([[np.nan]]), r"output\[0\]\[0\] is nan"),
    "numpy inf": (np.float64("inf"), "output is inf"),
    "numpy bytes": (np.array([b"\xff"]), r"output\[0\] is bytes that are no text"),
    "numpy objects": (np.array([object()]), r"output\[0\] is a"),
    "longdouble": (np.longdouble(1.5), "longdouble"),
    "numpy key": ({np.int64(1): 1}, "a key of type int64"),
}


@pytest.mark.parametrize(("value", "message"), UNFIT.values(), ids=UNFIT.keys())
def test_what_has_no_json_form_is_an_error_with_its_place(value: Any, message: str) -> None:
    """Nothing becomes null on the way."""
    with pytest.raises(Unfit, match=message):
        value_of(value)


def test_a_set_that_has_no_order_is_a_list() -> None:
    """In whichever order Python gives it."""
    assert sorted(value_of({1, "a"}), key=str) == [1, "a"]


def test_same_object_twice_is_not_circular() -> None:
    """Sharing is fine."""
    shared = [1]

    assert value_of([shared, shared]) == [[1], [1]]


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)  # fmt: skip


@settings(deadline=None)
@given(value=JSON_VALUES)
def test_json_stays_as_it_is(value: Any) -> None:
    """A value that is JSON already comes back equal."""
    assert value_of(value) == value


def test_a_relative_path_is_the_working_directorys(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is resolved at the moment at which it is returned."""
    monkeypatch.chdir(tmp_path)

    encoded = encode([Path("a/out.txt"), "b"], ListType(PathType()), "/nowhere")

    assert [file.path for file in encoded.files] == [f"{tmp_path}/a/out.txt", f"{tmp_path}/b"]


def test_a_url_is_left_where_it_is() -> None:
    """What is declared as a file and is an address already stays one."""
    url = CogPath.validate("data:,a")

    encoded = encode(["https://x.invalid/a.png", url], ListType(PathType()), "/nowhere")

    assert encoded.files == (
        FileReference((0,), url="https://x.invalid/a.png"),
        FileReference((1,), url="data:,a"),
    )
    assert value_of("https://x.invalid/a.png", StringType()) == "https://x.invalid/a.png"


@pytest.mark.parametrize(
    ("make", "name", "content"),
    [
        pytest.param(lambda d: io.BytesIO(PNG), "output", PNG, id="BytesIO"),
        pytest.param(halfway, "output", PNG, id="read to the end"),
        pytest.param(lambda d: io.StringIO("é"), "output", "é".encode(), id="StringIO"),
        pytest.param(partial(named, "../my;anim.gif"), "my_anim.gif", GIF, id="named"),
        pytest.param(lambda d: PNG, "output", PNG, id="bytes"),
        pytest.param(lambda d: bytearray(b"\0\1"), "output", b"\0\1", id="unknown bytes"),
    ],
)
def test_what_is_on_no_disk_is_written_to_the_workspace(
    tmp_path: Path, make: Callable[[Path], Any], name: str, content: bytes
) -> None:
    """From the beginning, into a directory that is made for it; a file object is closed."""
    value, workspace = make(tmp_path), tmp_path / "made" / "late"

    file = encode(value, FileType(), str(workspace)).files[0]

    assert file == FileReference((), str(workspace / name), None, made=True)
    assert (workspace / name).read_bytes() == content
    assert workspace.stat().st_mode & 0o77 == 0
    assert getattr(value, "closed", True)


def test_files_of_one_name_do_not_meet(tmp_path: Path) -> None:
    """The second is numbered."""
    files = [encode(b"a", FileType(), str(tmp_path)).files[0] for _ in range(3)]

    assert [Path(str(file.path)).name for file in files] == ["output", "output-2", "output-3"]


@pytest.mark.parametrize("mode", ["rb", "r", "a"])
def test_a_file_object_with_a_file_is_named_by_it(tmp_path: Path, mode: str) -> None:
    """What was written to it is flushed, and it stays open until its file is delivered."""
    (tmp_path / "a.txt").write_text("text")
    kept: list[Any] = []
    with (tmp_path / "a.txt").open(mode) as handle:
        if mode == "a":
            handle.write("more")

        file = encode(handle, FileType(), "/nowhere", kept.append).files[0]

        assert file == FileReference((), str(tmp_path / "a.txt"))
        assert (kept, handle.closed) == ([handle], False)
    assert (tmp_path / "a.txt").read_text() == "text" + "more" * (mode == "a")


def test_a_temporary_file_object_is_found() -> None:
    """Python's own temporary files are file objects that are no `io.IOBase`."""
    with tempfile.NamedTemporaryFile(suffix=".png") as handle:
        handle.write(PNG)

        file = encode({"a": handle}, ANY, "/nowhere").files[0]

        assert (file.path, Path(handle.name).read_bytes()) == (handle.name, PNG)


def closed() -> Any:
    """Return a file object whose content is gone."""
    file = io.BytesIO(PNG)
    file.close()
    return file


@pytest.mark.parametrize(
    "value", [closed(), zipfile.ZipFile(io.BytesIO(), "w")], ids=["closed", "archive"]
)
def test_what_cannot_be_read_is_an_error(tmp_path: Path, value: Any) -> None:
    """A closed file in memory, and what only resembles a file."""
    with pytest.raises(Unfit, match=r"output\.a: the file object cannot be read"):
        encode({"a": value}, ANY, str(tmp_path))


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "P", "1", "I;16", "CMYK", "F", "YCbCr"])
def test_pillow_images_are_saved_without_loss(tmp_path: Path, mode: str) -> None:
    """Whatever its mode, an image becomes a PNG of its size."""
    file = encode([Image.new(mode, (5, 7))], ANY, str(tmp_path)).files[0]

    assert file == FileReference((0,), str(tmp_path / "0.png"), None, made=True)
    with Image.open(tmp_path / "0.png") as saved:
        assert (saved.size, saved.format) == ((5, 7), "PNG")


def test_moving_image_keeps_moving(tmp_path: Path) -> None:
    """An animation that was opened is saved with all its frames."""
    frames = [Image.new("RGB", (4, 4), colour) for colour in ("red", "green", "blue")]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])

    with Image.open(tmp_path / "a.gif") as moving:
        file = encode(moving, ANY, str(tmp_path / "work")).files[0]

    with Image.open(str(file.path)) as saved:
        assert (getattr(saved, "n_frames", 1), saved.format) == (3, "GIF")


def test_an_image_that_cannot_be_saved_is_an_error(tmp_path: Path) -> None:
    """Pillow's own words are told, with the place."""
    with pytest.raises(Unfit, match="output: the image cannot be saved"):
        encode(Image.new("RGB", (0, 0)), ANY, str(tmp_path))


@on_every_python
def test_every_python_writes_the_same(python: Path, tmp_path: Path) -> None:
    """One table of values, without any package beside the standard library."""
    program = """
import collections, dataclasses, datetime, decimal, enum, io, os, pathlib, re, typing, uuid
import cogfal.cog.alias
cogfal.cog.alias.install()
import cog
from cogfal.guest.encoding import encode
from cogfal.guest.saving import Unfit
from cogfal.spec import AnyType, ListType, PathType

class Colour(enum.Enum):
    RED = "red"

@dataclasses.dataclass
class Point:
    x: int
    y: float = 0.5

class Output(cog.BaseModel):
    text: str
    file: typing.Optional[cog.Path]

class Pair(typing.NamedTuple):
    a: int
    b: str

VALUES = [None, True, 1, 0.5, "\\u00e9\\ud800", [1, [2]], (1,), {3, 1}, {"a": {2: None}},
    Colour.RED, Point(1), Output(text="a"), Pair(1, "b"), collections.deque([1]), b"x",
    cog.Secret("s"), datetime.datetime(2024, 1, 2, tzinfo=datetime.timezone.utc),
    datetime.timedelta(days=400, seconds=90), decimal.Decimal("1.5"), uuid.UUID(int=1),
    re.compile("a+"), 1j]
WRONG = [float("nan"), [object()], b"\\xff", (n for n in []), {(1,): 2}, 10 ** 5000]

def main(given):
    workspace, = given
    os.chdir(workspace)
    texts = [encode(each, AnyType(), workspace).parts[0].decode() for each in VALUES]
    errors = []
    for each in WRONG:
        try:
            encode(each, AnyType(), workspace)
        except Unfit as error:
            errors.append(str(error))
    files = encode([pathlib.Path("a"), "b", io.BytesIO(b"c")], ListType(PathType()), workspace)
    return [texts, errors, [part.decode() for part in files.parts],
            [[each.path[len(workspace):], each.made] for each in files.files]]
"""

    texts, errors, parts, files = run_there(python, program, [str(tmp_path)])

    assert [json.loads(text) for text in texts] == [
        None, True, 1, 0.5, "é?", [1, [2]], [1], [1, 3], {"a": {"2": None}},
        "red", {"x": 1, "y": 0.5}, {"text": "a", "file": None}, [1, "b"], [1], "x",
        "**********", "2024-01-02T00:00:00Z", "P1Y35DT1M30S", "1.5", str(uuid.UUID(int=1)),
        "a+", "1j",
    ]  # fmt: skip
    assert len(errors) == 6
    assert parts == ["[", ",", ",", "]"]
    assert files == [["/a", False], ["/b", False], ["/2", True]]
