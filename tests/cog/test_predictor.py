"""Base classes, `Input()`, decorators and coders."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from cogfal.cog import BasePredictor, BaseRunner, Coder, Input, concurrent, streaming
from cogfal.cog.input import FieldInfo


def test_old_and_new_spelling_call_each_other() -> None:
    """`run` answers where `predict` was asked for, and the other way round."""

    class Old(BasePredictor):
        def predict(self, x: int) -> int:
            return x + 1

    class New(BaseRunner):
        def run(self, x: int) -> int:
            return x + 2

    with pytest.warns(DeprecationWarning, match=r"New.predict\(\) is deprecated") as told:
        assert (Old().run(x=1), New().predict(1)) == (2, 3)
    assert [warning.filename for warning in told] == [__file__]


def test_neither_spelling_defined() -> None:
    """A base class alone can do nothing."""
    with pytest.raises(NotImplementedError, match="run"):
        BasePredictor().run()


@pytest.mark.parametrize("decorate", [streaming, streaming()])
def test_streaming_takes_what_takes_no_mark(decorate: Any) -> None:
    """A method of an object, a built-in function and None come back as they are."""
    method: Any = [1].append

    assert decorate(method) is method
    assert decorate(len) is len


def test_messages_of_asynchronous_predictors_are_written(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """`self.log` writes lines, whether its caller ends them or not."""
    predictor = BasePredictor()

    predictor.log("loading\n")
    predictor.log("step", "2")
    predictor.log("done", source="stdout")

    assert capsys.readouterr() == ("done\n", "loading\nstep 2\n")


def test_setup_does_nothing_by_default() -> None:
    """Calling the base's `setup` is harmless, with and without weights."""
    BaseRunner().setup()
    BaseRunner().setup(weights="w")


def test_input_by_position_and_by_keyword() -> None:
    """Old positional calls and new keyword calls say the same."""
    old = Input("a", "Text.", None, None, 1, 9, "^a", ["a", "b"], True)
    new = Input(
        default="a",
        description="Text.",
        min_length=1,
        max_length=9,
        regex="^a",
        choices=("a", "b"),
        deprecated=True,
    )

    assert old == new
    assert isinstance(old, FieldInfo)
    assert new.choices == ["a", "b"]


def test_input_takes_any_iterable_of_choices() -> None:
    """Views and generators are kept as a list."""
    assert Input(choices={"a": 1, "b": 2}.keys()).choices == ["a", "b"]


def test_input_refuses_a_default_factory() -> None:
    """A default has to be one that the schema can show."""
    with pytest.raises(TypeError, match="literal default"):
        Input(default_factory=list)


def test_streaming_with_and_without_parentheses() -> None:
    """The decorator leaves the function as it is, but marked."""

    def predict() -> str:
        return "a"

    assert streaming(predict) is predict
    assert streaming()(predict) is predict
    assert predict.__dict__["__cog_streaming__"] is True


def test_concurrent_marks_async_functions() -> None:
    """The limit is kept on the function, also of an async generator."""

    @concurrent(max=4)
    async def predict() -> str:
        return "a"

    @concurrent(max=2)
    async def stream() -> AsyncIterator[str]:
        yield "a"

    @concurrent
    def plain() -> str:
        return "a"

    marks = [f.__dict__["__cog_concurrent_max__"] for f in (predict, stream, plain)]
    assert marks == [4, 2, 1]


@pytest.mark.parametrize(
    ("limit", "error"),
    [(True, TypeError), ("2", TypeError), (0, ValueError)],
)
def test_concurrent_refuses_a_wrong_limit(limit: Any, error: type[Exception]) -> None:
    """The limit is a whole number above 0."""
    with pytest.raises(error, match="concurrent max"):
        concurrent(max=limit)


def test_concurrent_refuses_sync_functions_and_what_is_none() -> None:
    """Only async functions can run several times at once."""
    with pytest.raises(TypeError, match="async"):
        concurrent(max=2)(len)
    with pytest.raises(TypeError, match="@concurrent"):
        concurrent(3)  # type: ignore[call-overload]  # the mistake under test


def test_coders_are_found_by_type() -> None:
    """The first registered coder that knows a type is used."""

    class Complex(Coder):
        @staticmethod
        def factory(tpe: type[Any]) -> Coder | None:
            return Complex() if tpe is complex else None

        def encode(self, x: complex) -> dict[str, Any]:
            return {"re": x.real, "im": x.imag}

        def decode(self, x: dict[str, Any]) -> complex:
            return complex(x["re"], x["im"])

    Coder.register(Complex)
    coder = Coder.lookup(complex)

    assert coder is not None
    assert coder.decode(coder.encode(1 + 2j)) == 1 + 2j
    assert Coder.lookup(bytes) is None
