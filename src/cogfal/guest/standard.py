"""Say the standard library's values in JSON: times, numbers, identifiers, addresses.

The forms are Pydantic's, which fal's and Cog's callers know. A class is recognised by its name, so
that nothing is imported for it.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

_AS_TEXT = frozenset(
    {
        "decimal.Decimal",
        "fractions.Fraction",
        "ipaddress.IPv4Address",
        "ipaddress.IPv4Interface",
        "ipaddress.IPv4Network",
        "ipaddress.IPv6Address",
        "ipaddress.IPv6Interface",
        "ipaddress.IPv6Network",
        "uuid.UUID",
    }
)
_PATTERNS = frozenset({"re.Pattern", "_sre.SRE_Pattern"})


def standard_form(value: Any) -> str | None:
    """Return the text for such a value, None where it is none of them."""
    if isinstance(value, (dt.date, dt.time)):
        text = value.isoformat()
        return f"{text[:-6]}Z" if text.endswith("+00:00") else text
    if isinstance(value, dt.timedelta):
        return _duration(value)
    if isinstance(value, complex):
        return str(value).strip("()")
    names = {f"{base.__module__}.{base.__qualname__}" for base in type(value).__mro__}
    if names & _AS_TEXT:
        return str(value)
    return str(value.pattern) if names & _PATTERNS else None


def _duration(value: dt.timedelta) -> str:
    """Write a duration as ISO 8601 does, a year being 365 days."""
    sign = "-" if value < dt.timedelta(0) else ""
    value = abs(value)
    years, days = divmod(value.days, 365)
    hours, rest = divmod(value.seconds, 3600)
    minutes, seconds = divmod(rest, 60)
    fraction = f".{value.microseconds:06}".rstrip("0.") if value.microseconds else ""
    date = (f"{years}Y" if years else "") + (f"{days}D" if days else "")
    time = (f"{hours}H" if hours else "") + (f"{minutes}M" if minutes else "")
    if seconds or fraction or not (date or time):
        time += f"{seconds}{fraction}S"
    return f"{sign}P{date}" + (f"T{time}" if time else "")
