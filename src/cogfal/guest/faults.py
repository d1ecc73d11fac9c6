"""Describe what the author's code raised: text, traceback, a broken device, an answer for fal."""

from __future__ import annotations

import dis
import json
import math
import os
import sys
import traceback
from types import TracebackType
from typing import TYPE_CHECKING, Any, NamedTuple

from cogfal.errors import FalAnswer
from cogfal.guest.events import writable

if TYPE_CHECKING:
    from collections.abc import Callable

LONGEST_TEXT = 8 * 1024
"""Characters of an exception's text that are told."""
LONGEST_TRACEBACK = 64 * 1024
"""Characters of a traceback that are told."""

_HERE = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "")
_CANCELLATIONS = ("CancelationException", "CancelledError")
_MEMORY_ERRORS = {("torch", "OutOfMemoryError"), ("cupy", "OutOfMemoryError")}
_DEVICE_ERRORS = {("torch", "AcceleratorError"), ("cupy_backends", "CUDARuntimeError")}
"""Top-level package and class name of exceptions that only a device raises."""
_MEMORY_WORDS = ("CUDA out of memory", "CUDA error: out of memory")
_LONGEST = 8 * 1024
"""Characters of JSON that a detail, a context or a place may have."""
_HTTP = ("content-length", "content-type", "transfer-encoding")


class SetupFailed(Exception):
    """Report a predictor that cannot be brought up; `remedy` says what to do about it."""

    def __init__(self, text: str, remedy: str | None = None) -> None:
        super().__init__(text)
        self.text = text
        self.remedy = remedy


class Mismatch(SetupFailed):
    """Report an imported predictor that is not what its text said."""


class Fault(NamedTuple):
    """What went wrong in the author's code, in plain values of bounded length.

    `device` says that the accelerator is out of memory or broken, `broken` the latter alone;
    `cancellation` that it is how a cancellation looks. `kind` is the exception's class, `fal` what
    it asks fal's endpoint to answer; `error` is the exception itself, which stays in its process.
    """

    text: str
    traceback: str
    device: bool = False
    broken: bool = False
    cancellation: bool = False
    kind: str = ""
    fal: Any = None
    error: Any = None


def fault_of(error: BaseException) -> Fault:
    """Describe an exception of the author's code, whose own methods are called once, here."""
    words = _words(error)
    plain = type(error) is RuntimeError
    memory = (plain and words.startswith(_MEMORY_WORDS)) or bool(_names(error) & _MEMORY_ERRORS)
    broken = bool(_names(error) & _DEVICE_ERRORS) or (plain and _is_cuda(error, words))
    cancellation = any(kind in _CANCELLATIONS for _, kind in _names(error))
    return Fault(
        shortened(_text(error, words), LONGEST_TEXT),
        shortened(author_traceback(error), LONGEST_TRACEBACK),
        memory or broken,
        broken,
        cancellation,
        type(error).__name__,
        fal_answer_of(error),
        error,
    )


def author_traceback(error: BaseException) -> str:
    """Format an exception as Python does, without the frames of the engine around it."""
    frames = _authors_part(error.__traceback__)
    try:
        return "".join(traceback.format_exception(type(error), error, frames))
    except Exception as broken:  # the text of the author's exception, or of one before it
        return f"{type(error).__name__} (its text cannot be had: {type(broken).__name__})\n"


def summary(error: BaseException) -> str:
    """Name an exception and say its text, on one line where that is one."""
    return shortened(f"{type(error).__name__}: {_words(error)}", LONGEST_TEXT)


def shortened(text: str, most: int) -> str:
    """Return a text of at most about `most` characters: its beginning and its end."""
    if len(text) > most:
        half = most // 2
        left_out = f" [... {len(text) - 2 * half} characters ...] "
        text = text[:half] + left_out + text[-half:]
    return writable(text)


def _authors_part(frames: TracebackType | None) -> TracebackType | None:
    part = frames
    while part is not None and _is_ours(part.tb_frame.f_code.co_filename):
        part = part.tb_next
    return part


def _is_ours(file: str) -> bool:
    return file.startswith((_HERE, "<frozen importlib"))


def _text(error: BaseException, words: str) -> str:
    if isinstance(error, SystemExit):
        return f"the predictor called sys.exit({_code(error)})"
    if isinstance(error, KeyError):
        return f"KeyError: {words}"
    return words or type(error).__name__


def _words(error: BaseException) -> str:
    try:
        return "".join(str(error))  # an own kind of text may do anything, too
    except Exception as broken:  # the author's own method may raise anything
        return f"{type(error).__name__} (its text cannot be had: {type(broken).__name__})"


def _code(error: SystemExit) -> str:
    try:
        return repr(error.code)
    except Exception:  # as above
        return f"a {type(error.code).__name__}"


def _names(error: BaseException) -> set[tuple[str, str]]:
    return {(str(kind.__module__).partition(".")[0], kind.__name__) for kind in type(error).__mro__}


def _is_cuda(error: BaseException, words: str) -> bool:
    """Recognise torch's older form: a plain RuntimeError that no Python code raised."""
    told = "torch" in sys.modules and words.startswith("CUDA error")
    return told and not _raised_by_python(error)


def _raised_by_python(error: BaseException) -> bool:
    frames: Any = error.__traceback__
    if frames is None:
        return True
    while frames.tb_next is not None:
        frames = frames.tb_next
    code = frames.tb_frame.f_code.co_code
    return dis.opname[code[frames.tb_lasti]] in ("RAISE_VARARGS", "RERAISE")


def fal_answer_of(error: BaseException) -> FalAnswer | None:
    """Return the answer that the exception asks for, None where it is an ordinary one."""
    try:
        read = _reader_of(error)
        return read and checked_answer(read(error))
    except Exception:  # the author's own class may lack anything, and its attributes may raise
        return None


def _reader_of(error: BaseException) -> Callable[[Any], FalAnswer] | None:
    for kind in type(error).__mro__:
        read = _READERS.get((str(kind.__module__).partition(".")[0], kind.__name__))
        if read is not None:
            return read
        if kind.__name__ == "FalError" and hasattr(error, "retryable"):
            return _of_ours  # of a project's own copy of the catalogue
    return None


def checked_answer(values: Any) -> FalAnswer | None:
    """Return an answer of which each part is what it should be, None where that is impossible."""
    try:
        status, detail, kind, loc, context, retryable, units, headers = values
        if not 400 <= int(status) < 600:
            return None
        return FalAnswer(
            int(status),
            _plain(detail),
            None if kind is None else str(kind)[:_LONGEST],
            tuple(part if type(part) is int else str(part) for part in _plain(list(loc))),
            _plain(dict(context)) if context else None,
            None if retryable is None else bool(retryable),
            None if units is None else _units(units),
            {str(name): str(value) for name, value in dict(headers or {}).items()},
        )
    except Exception:  # the author's own attributes may be anything, and do anything
        return None


def _units(value: Any) -> float:
    units = float(value)
    if not 0 <= units < math.inf:
        raise ValueError("no number of units")
    return units


def _of_ours(error: Any) -> FalAnswer:
    units = getattr(error, "billable_units", None)
    context = getattr(error, "context", None)
    loc = getattr(error, "loc", ())
    return FalAnswer(error.status, str(error), error.type, loc, context, error.retryable, units)


def _of_field(error: Any) -> FalAnswer:
    units = getattr(error, "billable_units", 0)
    return FalAnswer(
        error.status_code, str(error.message), error.type, (error.field,), None, False, units
    )


def _of_app(error: Any) -> FalAnswer:
    return FalAnswer(error.status_code, str(error.message))


def _of_http(error: Any) -> FalAnswer:
    given = dict(getattr(error, "headers", None) or {})
    headers = {name: value for name, value in given.items() if _is_fit(name, value)}
    return FalAnswer(error.status_code, error.detail, headers=headers)


def _of_cancellation(error: Any) -> FalAnswer:
    return FalAnswer(499, str(error.message))


def _of_large_file(error: Any) -> FalAnswer:
    return FalAnswer(422, str(error.message), "file_too_large", (), None, False, 0)


_READERS: dict[tuple[str, str], Callable[[Any], FalAnswer]] = {
    ("fal", "FieldException"): _of_field,
    ("fal", "AppException"): _of_app,
    ("fal", "RequestCancelledException"): _of_cancellation,
    ("fal", "FileTooLargeError"): _of_large_file,
    ("fastapi", "HTTPException"): _of_http,
    ("starlette", "HTTPException"): _of_http,
}


def _is_fit(name: Any, value: Any) -> bool:
    text = f"{name}{value}"
    return text.isascii() and text.isprintable() and str(name).lower() not in _HTTP


def _plain(value: Any) -> Any:
    """Return a value as bounded JSON."""
    text = json.dumps(value, default=str, allow_nan=False)
    if len(text) > _LONGEST:
        raise ValueError("more than an answer tells")
    return json.loads(text)
