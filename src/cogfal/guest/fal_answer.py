"""Tell what an exception of the author's asks fal's endpoint to answer.

Classes are known by their names and modules, since nothing of fal's or FastAPI's is imported here;
the author's own subclasses of them mean the same.
"""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

from cogfal.errors import FalAnswer

if TYPE_CHECKING:
    from collections.abc import Callable

_LONGEST = 8 * 1024
"""Characters of JSON that a detail, a context or a place may have."""
_HTTP = ("content-length", "content-type", "transfer-encoding")


def fal_answer_of(error: BaseException) -> FalAnswer | None:
    """Return the answer that the exception asks for, None where it is an ordinary one."""
    for kind in type(error).__mro__:
        read = _READERS.get((kind.__module__.partition(".")[0], kind.__name__))
        if read is None and kind.__name__ == "FalError" and hasattr(error, "retryable"):
            read = _of_ours  # of a project's own copy of the catalogue
        if read is not None:
            return checked(read(error))
    return None


def checked(values: Any) -> FalAnswer | None:
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
    except (TypeError, ValueError):  # the author's own attributes may be anything
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
