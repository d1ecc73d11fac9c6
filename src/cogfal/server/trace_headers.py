"""Take the W3C trace headers of a request, where they are well formed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

_FORMS: Final = {
    "traceparent": re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}(-[!-~]{1,200})?"),
    "tracestate": re.compile(r"[ -~]{1,2000}"),
}


def trace_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """Return what a caller says of its trace; what cannot be passed on as it is, is left out."""
    found = {name: headers.get(name, "") for name in _FORMS}
    if not _FORMS["traceparent"].fullmatch(found["traceparent"]):
        return {}
    return {name: value for name, value in found.items() if _FORMS[name].fullmatch(value)}
