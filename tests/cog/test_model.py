"""Structured outputs."""

from __future__ import annotations

import dataclasses
import json
from typing import Any, ClassVar, List, Optional  # noqa: UP035 - as authors write it

import pydantic
import pytest

from cogfal.cog import BaseModel, Path


class Segment(BaseModel):
    text: str
    start: float = 0.0
    note: Optional[str]  # noqa: UP045 - as authors write it


class Output(BaseModel):
    segments: List[Segment]  # noqa: UP006 - as authors write it
    image: Path | None
    tags: list[str] = []  # noqa: RUF012 - as authors write it
    version: ClassVar[int] = 1


class Child(Output):
    name: str


def test_fields_by_keyword_and_by_position() -> None:
    """Both ways of creating a model give the same."""
    assert Segment(text="a", start=1.0) == Segment("a", 1.0) == Segment("a", start=1.0)


def test_optional_fields_may_be_left_out() -> None:
    """An optional field is None where nothing is given, whatever follows it."""
    output = Child(segments=[], name="x")

    assert output.image is None
    assert Segment("a").note is None


def test_missing_fields_are_named() -> None:
    """A field without a value is an error that names it."""
    with pytest.raises(TypeError, match=r"Child\(\) lacks a value for segments, name"):
        Child()


def test_only_an_optional_annotation_allows_none() -> None:
    """Annotations that are types, not texts, say the same of a field without a value."""
    annotations = {"a": list[int], "b": Optional[int], "c": int | None, "d": int}  # noqa: UP045
    model: Any = type("Model", (BaseModel,), {"__annotations__": annotations})

    with pytest.raises(TypeError, match=r"lacks a value for a, d$"):
        model()
    assert model(a=[], d=1) == model([], None, None, 1)


def test_too_many_values_are_refused() -> None:
    """More values than fields are an error."""
    with pytest.raises(TypeError, match="takes 3 values but 4 were given"):
        Segment("a", 1.0, None, "x")


def test_unknown_keywords_are_ignored() -> None:
    """As in Pydantic, what is no field is dropped."""
    assert Segment(text="a", confidence=0.5) == Segment("a")


def test_mutable_defaults_are_not_shared() -> None:
    """Each model has its own list."""
    first = Output(segments=[])
    first.tags.append("x")

    assert Output(segments=[]).tags == []


def test_inheritance_keeps_order() -> None:
    """Inherited fields come first, the parent's own stay as they are."""
    child = Child([], None, ["a"], "x")

    assert list(child.dict()) == ["segments", "image", "tags", "name"]
    assert list(Output(segments=[]).dict()) == ["segments", "image", "tags"]


@pytest.mark.parametrize("method", ["dict", "model_dump"])
def test_dump_is_nested(method: str) -> None:
    """Both of Pydantic's names give plain dictionaries."""
    output = Output(segments=[Segment("a")], image=Path("/x"))

    dumped = getattr(output, method)()

    assert dumped == {
        "segments": [{"text": "a", "start": 0.0, "note": None}],
        "image": Path("/x"),
        "tags": [],
    }


def test_models_in_objects_and_lists_are_dumped() -> None:
    """What holds models is followed to any depth."""

    class Named(BaseModel):
        by_name: dict[str, list[Segment]]

    named = Named({"a": [Segment("x")]})

    assert named.dict() == {"by_name": {"a": [{"text": "x", "start": 0.0, "note": None}]}}


@pytest.mark.parametrize("method", ["update_forward_refs", "model_rebuild"])
def test_pydantics_calls_for_annotations_in_quotes_are_taken(method: str) -> None:
    """They are looked up when the class is read, whoever asks for it before."""
    getattr(Output, method)(Path=Path)

    assert Output(segments=[]).image is None


@pytest.mark.parametrize("method", ["parse_obj", "model_validate"])
def test_a_model_is_made_of_a_dictionary(method: str) -> None:
    """Both of Pydantic's names take one."""
    assert getattr(Segment, method)({"text": "a", "start": 2.0}) == Segment("a", 2.0)


@pytest.mark.parametrize("method", ["json", "model_dump_json"])
def test_json_writes_paths_as_text(method: str) -> None:
    """Both of Pydantic's names give JSON."""
    text = getattr(Output(segments=[], image=Path("/x")), method)()

    assert json.loads(text) == {"segments": [], "image": "/x", "tags": []}
    with pytest.raises(TypeError, match="object has no JSON form"):
        getattr(Output(segments=[object()]), method)()


def test_dump_follows_options() -> None:
    """The options of Pydantic's that choose fields are followed."""
    segment = Segment("a")

    assert segment.dict(exclude_none=True) == {"text": "a", "start": 0.0}
    assert segment.dict(include={"text"}) == {"text": "a"}
    assert segment.dict(exclude={"text", "note"}) == {"start": 0.0}


def test_copy_replaces_fields() -> None:
    """A copy may differ in some fields."""
    assert Segment("a").copy(update={"text": "b"}) == Segment("b")


def test_pydantic_fields_and_settings_are_understood() -> None:
    """Output classes written when BaseModel was Pydantic's work."""

    class Old(BaseModel, extra="allow"):
        a: int = pydantic.Field(default=1, description="A number.")
        b: list[int] = pydantic.Field(default_factory=list)
        c: str = pydantic.Field(..., description="Needed.")
        d: int = pydantic.Field(description="Needed too.")

        class Config:
            arbitrary_types_allowed = True

    old = Old(c="x", d=2)

    assert (old.a, old.b, old.c, old.d) == (1, [], "x", 2)
    with pytest.raises(TypeError, match="c, d"):
        Old()


def test_the_fields_of_dataclasses_are_understood() -> None:
    """A field that an author describes as one of a dataclass stays that field."""

    class Described(BaseModel):
        a: list[int] = dataclasses.field(default_factory=lambda: [1], repr=False)

    described = Described()

    assert (described.a, repr(described)) == ([1], f"{Described.__qualname__}()")


def test_fields_may_be_called_as_methods() -> None:
    """A field called `json` or `dict` is a field."""

    class Odd(BaseModel):
        json: str  # type: ignore[assignment]  # as authors write it
        dict: int = 3  # type: ignore[assignment]  # as authors write it

    odd = Odd(json="x")

    assert (odd.json, odd.dict) == ("x", 3)
    assert BaseModel.model_dump(odd) == {"json": "x", "dict": 3}


def test_own_init_and_post_init_are_kept() -> None:
    """An author's `__init__` is used, and `__post_init__` is called."""

    class Own(BaseModel):
        a: int

        def __init__(self, text: str) -> None:
            super().__init__(a=int(text))

    class Post(BaseModel):
        a: int

        def __post_init__(self) -> None:
            self.a += 1

    assert Own("3").a == 3
    assert Post(a=1).a == 2


def test_manual_models_take_care_of_themselves() -> None:
    """`auto_dataclass=False` leaves everything to the author."""

    @dataclasses.dataclass
    class Manual(BaseModel, auto_dataclass=False):
        a: int

    assert Manual(3).a == 3
    with pytest.raises(ValueError, match="Segment"):
        type("Below", (Segment,), {}, auto_dataclass=False)


def test_models_are_dataclasses() -> None:
    """The functions of dataclasses and repr work, as in the current Cog."""
    segment: Any = Segment("a")

    assert dataclasses.asdict(segment) == {"text": "a", "start": 0.0, "note": None}
    assert dataclasses.replace(segment, text="b") == Segment("b")
    assert repr(segment) == "Segment(text='a', start=0.0, note=None)"


def test_models_fit_into_pydantics() -> None:
    """A Pydantic model may hold one of Cog's, with its files."""

    class Outer(pydantic.BaseModel):
        inner: Segment
        file: Path

    outer = Outer(inner=Segment("a"), file="/x")  # type: ignore[arg-type]  # Pydantic converts

    assert outer.file == Path("/x")
    assert outer.model_dump(mode="json")["file"] == "/x"
