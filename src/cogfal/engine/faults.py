"""Describe what the author's code raised: its text, its traceback, and whether the device broke."""

from __future__ import annotations

import dis
import sys
import traceback
from pathlib import Path
from types import TracebackType
from typing import Final, NamedTuple

from cogfal.errors import DeviceError, PredictorFailed

_PACKAGE: Final = Path(__file__).parent.parent
_HERE: Final = (str(_PACKAGE / "engine"), str(_PACKAGE / "guest"))
_CANCELLATIONS: Final = ("CancelationException", "CancelledError")
_MEMORY_ERRORS: Final = {("torch", "OutOfMemoryError"), ("cupy", "OutOfMemoryError")}
_DEVICE_ERRORS: Final = {("torch", "AcceleratorError"), ("cupy_backends", "CUDARuntimeError")}
"""Top-level package and class name of exceptions that only a device raises."""
_MEMORY_WORDS: Final = ("CUDA out of memory", "CUDA error: out of memory")


class Fault(NamedTuple):
    """What went wrong in the author's code, in plain values.

    `device` says that the accelerator is out of memory or broken, `broken` the latter alone;
    `cancellation` that it is how a cancellation looks.
    """

    text: str
    traceback: str
    device: bool = False
    broken: bool = False
    cancellation: bool = False


class RemoteFault(Exception):
    """Stands for an exception of another process."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.text)
        self.fault = fault


def fault_of(error: BaseException) -> Fault:
    """Describe an exception of the author's code."""
    if isinstance(error, RemoteFault):
        return error.fault
    memory, broken = _is_device_memory_error(error), _is_device_error(error)
    cancellation = any(kind in _CANCELLATIONS for _, kind in _names(error))
    return Fault(
        _text(error), author_traceback(error), memory or broken, broken, cancellation=cancellation
    )


def failure(error: BaseException) -> PredictorFailed:
    """Return the error to report for an exception of the author's code, its cause chained."""
    fault = fault_of(error)
    failed = (DeviceError if fault.device else PredictorFailed)(fault.text)
    failed.__cause__ = error
    return failed


def author_traceback(error: BaseException) -> str:
    """Format an exception as Python does, without the frames of the engine around it."""
    return "".join(
        traceback.format_exception(type(error), error, _authors_part(error.__traceback__))
    )


def _authors_part(frames: TracebackType | None) -> TracebackType | None:
    part = frames
    while part is not None and _is_ours(part.tb_frame.f_code.co_filename):
        part = part.tb_next
    return part


def _is_ours(file: str) -> bool:
    return file.startswith((*_HERE, "<frozen importlib"))


def _text(error: BaseException) -> str:
    match error:
        case SystemExit():
            return f"the predictor called sys.exit({error.code!r})"
        case KeyError():
            return f"KeyError: {error}"
        case _:
            return _words(error) or type(error).__name__


def _words(error: BaseException) -> str:
    try:
        return str(error)
    except Exception as broken:
        return f"{type(error).__name__} (its text cannot be had: {type(broken).__name__})"


def _is_device_memory_error(error: BaseException) -> bool:
    """Recognise torch's exception, and the plain RuntimeError that it was before torch 1.13."""
    plain = type(error) is RuntimeError and str(error).startswith(_MEMORY_WORDS)
    return plain or not _names(error).isdisjoint(_MEMORY_ERRORS)


def _is_device_error(error: BaseException) -> bool:
    return not _names(error).isdisjoint(_DEVICE_ERRORS) or _is_cuda_runtime_error(error)


def _names(error: BaseException) -> set[tuple[str, str]]:
    return {(kind.__module__.partition(".")[0], kind.__name__) for kind in type(error).__mro__}


def _is_cuda_runtime_error(error: BaseException) -> bool:
    """Recognise torch's older form: a plain RuntimeError that no Python code raised."""
    return (
        type(error) is RuntimeError
        and "torch" in sys.modules
        and str(error).startswith("CUDA error")
        and not _raised_by_python(error)
    )


def _raised_by_python(error: BaseException) -> bool:
    frames = error.__traceback__
    if frames is None:
        return True
    while frames.tb_next is not None:
        frames = frames.tb_next
    code = frames.tb_frame.f_code.co_code
    return dis.opname[code[frames.tb_lasti]] in ("RAISE_VARARGS", "RERAISE")
