"""Exceptions with a meaning on fal keep it on the way out of the author's process."""

from __future__ import annotations

import ctypes
import inspect
import json
import pickle
import re
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import fal.exceptions
import fastapi
import pytest
import starlette.exceptions

from cogfal import fal_errors
from cogfal.engine.guest_run import failure
from cogfal.errors import FalAnswer
from cogfal.guest.events import RAISED, Piece
from cogfal.guest.faults import fal_answer_of, fault_of
from cogfal.guest.wire import event_of, message_of
from tests.interpreters import on_every_python, run_there


class Own(fal_errors.InputError):
    """An author's own kind."""

    type = "too_many_cats"


class OwnHttp(fastapi.HTTPException):
    """An author's own, of FastAPI's."""


class Bare(fastapi.HTTPException):
    """One that has none of what its class promises."""

    def __init__(self) -> None:
        pass


class BareOfFal(fal.exceptions.AppException):
    """The same, of fal's."""

    def __init__(self) -> None:
        pass


class FalError(Exception):
    """A class that is called like the catalogue's by chance."""

    retryable = True


class Odd(fal_errors.FalError):
    """One whose attributes raise."""

    def __init__(self) -> None:
        pass

    @property
    def context(self) -> Any:  # type: ignore[override]  # as authors may
        """Raise."""
        raise LookupError


MEANT: dict[str, tuple[BaseException, FalAnswer]] = {
    "catalogue": (
        fal_errors.ImageTooSmall("too small", loc="image", min_width=64, min_height=32),
        FalAnswer(
            422,
            "too small",
            "image_too_small",
            ("image",),
            {"min_width": 64, "min_height": 32},
            False,
            0,
            {},
        ),
    ),
    "place inside of an input": (
        fal_errors.NoMediaGenerated(loc=["images", 2], billable_units=1.5),
        FalAnswer(
            422,
            "no media generated",
            "no_media_generated",
            ("images", 2),
            None,
            False,
            1.5,
            {},
        ),
    ),
    "not the caller's": (
        fal_errors.DownstreamServiceUnavailable("busy"),
        FalAnswer(500, "busy", "downstream_service_unavailable", (), None, True, None, {}),
    ),
    "retryable": (
        fal_errors.FalError("again", retryable=True),
        FalAnswer(500, "again", "internal_server_error", (), None, True, None, {}),
    ),
    "own kind": (Own("meow"), FalAnswer(422, "meow", "too_many_cats", (), None, False, 0, {})),
    "fal's field": (
        fal.exceptions.FieldException("prompt", "no", type="content_policy_violation"),
        FalAnswer(422, "no", "content_policy_violation", ("prompt",), None, False, 0, {}),
    ),
    "fal's app": (fal.exceptions.AppException("no", 418), FalAnswer(418, "no", headers={})),
    "fal's file": (
        fal.exceptions.FileTooLargeError(),
        FalAnswer(422, "File is too large.", "file_too_large", (), None, False, 0, {}),
    ),
    "fal's cancellation": (
        fal.exceptions.RequestCancelledException("gone"),
        FalAnswer(499, "gone", headers={}),
    ),
    "fastapi's": (
        fastapi.HTTPException(402, {"a": [1]}, {"Retry-After": "3", "Content-Type": "x"}),
        FalAnswer(402, {"a": [1]}, headers={"Retry-After": "3"}),
    ),
    "an own of fastapi's": (OwnHttp(404), FalAnswer(404, "Not Found", headers={})),
    "starlette's": (
        starlette.exceptions.HTTPException(404, "gone", {"X": "a\r\nSet-Cookie: b"}),
        FalAnswer(404, "gone", headers={}),
    ),
}


@pytest.mark.parametrize(("error", "answer"), MEANT.values(), ids=MEANT.keys())
def test_an_exception_with_a_meaning_is_told_as_plain_data(
    error: BaseException, answer: FalAnswer
) -> None:
    """Status, place, type, retrying and billing are what the author's exception says."""
    assert fal_answer_of(error) == answer


def raised_by_c() -> None:
    """Raise as a library of C's does: by setting an exception behind a call."""
    words = b"CUDA error: device-side assert triggered"
    ctypes.pythonapi.PyErr_SetString(ctypes.py_object(RuntimeError), words)


def raised_by_python() -> None:
    """Raise what only looks like it."""
    raise RuntimeError("CUDA error: says a text of the author's")


@pytest.mark.parametrize(("raising", "broken"), [(raised_by_c, True), (raised_by_python, False)])
def test_cuda_is_believed_where_no_python_raised_it(
    monkeypatch: pytest.MonkeyPatch, raising: Callable[[], None], broken: bool
) -> None:
    """Torch's older form is a plain RuntimeError; one that was never raised says nothing."""
    monkeypatch.setitem(sys.modules, "torch", ModuleType("torch"))

    with pytest.raises(RuntimeError, match="CUDA error") as caught:
        raising()

    assert fault_of(caught.value).broken is broken
    assert not fault_of(RuntimeError("CUDA error: unraised")).broken


def test_a_traceback_that_cannot_be_written_is_no_second_error() -> None:
    """The exception is named, and what went wrong with its text."""
    error = SyntaxError("odd", ("file.py", 1, "no number", "text"))  # type: ignore[arg-type]  # as authors may

    told = fault_of(error).traceback

    assert re.fullmatch(r"SyntaxError \(its text cannot be had: \w+\)\n", told)


@pytest.mark.parametrize(
    "error",
    [
        ValueError("x"),
        fal_errors.FalError("x", loc=["deep"] * 3000),
        fal_errors.FalError("x", billable_units=float("inf")),
        fastapi.HTTPException(200),
        fastapi.HTTPException(400, "x" * 100_000),
        fal.exceptions.AppException("x", "soon"),  # type: ignore[arg-type]  # as authors may
        fastapi.HTTPException(float("inf")),  # type: ignore[arg-type]  # as above
        fal_errors.FalError("x", billable_units=10**400),
        Bare(),
        BareOfFal(),
        FalError("x"),
        Odd(),
    ],
    ids=lambda error: f"{type(error).__name__} {error.args}"[:40],
)
def test_what_makes_no_answer_is_an_ordinary_exception(error: BaseException) -> None:
    """Nothing that an author puts into one breaks the answer."""
    assert fault_of(error).fal is None


@pytest.mark.parametrize(("error", "answer"), MEANT.values(), ids=MEANT.keys())
def test_the_meaning_crosses_to_the_servers_process(
    error: BaseException, answer: FalAnswer
) -> None:
    """The error that the server reports says the same, wherever the author's code ran."""
    message, body = message_of(Piece(1, RAISED, fault_of(error)))

    event = event_of(json.loads(json.dumps(message)), body)

    assert failure(event.value).fal == answer


def kinds() -> list[type[fal_errors.FalError]]:
    """Return every class of the catalogue."""
    classes = [each for _, each in inspect.getmembers(fal_errors, inspect.isclass)]
    return [each for each in classes if issubclass(each, fal_errors.FalError)]


OF_THE_CALLER = [
    "content_policy_violation",
    "no_media_generated",
    "feature_not_supported",
    "one_of",
    "value_error",
    "image_too_small",
    "image_too_large",
    "image_load_error",
    "face_detection_error",
    "file_download_error",
    "file_too_large",
    "greater_than",
    "greater_than_equal",
    "less_than",
    "less_than_equal",
    "multiple_of",
    "sequence_too_short",
    "sequence_too_long",
    "invalid_archive",
    "archive_file_count_below_minimum",
    "archive_file_count_exceeds_maximum",
    "audio_duration_too_short",
    "audio_duration_too_long",
    "video_duration_too_short",
    "video_duration_too_long",
    "unsupported_audio_format",
    "unsupported_image_format",
    "unsupported_video_format",
]


def test_the_catalogue_is_whole() -> None:
    """Each kind of fal's model errors has a class of its own, with its status."""
    found = {kind.type: (kind.status, kind.retryable) for kind in kinds()}

    assert len(found) == len(kinds())
    assert found == {
        **dict.fromkeys(OF_THE_CALLER, (422, False)),
        "internal_server_error": (500, False),
        "generation_timeout": (504, False),
        "downstream_service_error": (400, False),
        "downstream_service_unavailable": (500, True),
    }


@pytest.mark.parametrize("kind", kinds(), ids=lambda kind: str(kind.__name__))
def test_each_is_an_ordinary_exception(kind: type[fal_errors.FalError]) -> None:
    """It has its message, and survives pickling with all that it says."""
    error = kind("what happened", loc="image", limit=3)

    again = pickle.loads(pickle.dumps(error))

    assert isinstance(error, Exception)
    assert (str(again), again.loc, again.context) == ("what happened", ("image",), {"limit": 3})


def test_a_copy_of_the_catalogue_means_the_same() -> None:
    """A project that runs under Cog, too, may bring the one file along."""
    copied: dict[str, Any] = {"__name__": "fal_errors_of_mine"}
    exec(Path(fal_errors.__file__).read_text(), copied)

    answer = fal_answer_of(copied["NoMediaGenerated"]("nothing", loc="prompt"))

    assert answer == fal_answer_of(fal_errors.NoMediaGenerated("nothing", loc="prompt"))
    assert answer is not None


@on_every_python
def test_every_python_offers_the_catalogue(python: Path) -> None:
    """An author's process of any version tells the same."""
    program = """
from cogfal import fal_errors
from cogfal.guest.faults import fault_of

def main(given):
    try:
        raise fal_errors.OneOf("none of them", loc="mode", expected=["a", "b"])
    except fal_errors.FalError as error:
        return fault_of(error).fal
"""

    told: Any = run_there(python, program)

    context = {"expected": ["a", "b"]}
    assert told == [422, "none of them", "one_of", ["mode"], context, False, 0, {}]
