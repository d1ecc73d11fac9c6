"""Record a prediction's metrics by Cog's rules."""

from __future__ import annotations

import math
import sys
import threading
from typing import Any, Callable

OnMetric = Callable[[str, Any, str], None]
"""Receives a metric's dotted name, its JSON value (None: deleted) and the mode."""

MOST_VALUES = 100_000
"""Values that are kept of one prediction; a text counts as one for each 100 characters."""
MOST_AT_ONCE = 10_000
"""Values that one metric may be given at a time: each is looked at where it is kept."""
MOST_LEVELS = 100
MOST_BITS = 14_000
"""Of a whole number: some 4,200 digits; beyond 4,300 Python itself neither writes nor reads it."""

_MODES = ("replace", "incr", "append")
_MAX_LENGTH = 128
_MAX_SEGMENTS = 4


class MetricValues:
    """What metrics amount to, dotted names as nested objects; no value makes it raise.

    The author's side and the server's both keep one: what the first has accepted and told, the
    other applies.
    """

    __slots__ = ("_count", "_values")

    def __init__(self) -> None:
        self._values: dict[str, Any] = {}
        self._count = 0

    def apply(self, name: str, value: Any, mode: str) -> bool:
        """Note a value, None deletes; return False where it is not kept, as there are too many."""
        if value is None:
            self._remove(name)
            return True
        parents, last = name.split(".")[:-1], name.rsplit(".", maxsplit=1)[-1]
        place = self._values
        for parent in parents:
            if not isinstance(place.get(parent), dict):
                place[parent] = {}
            place = place[parent]
        weight = _weight(value)
        count = self._count + weight
        if mode != "append":
            count -= _weight(place.get(last)) if last in place else 0
        if weight > MOST_AT_ONCE or count > MOST_VALUES:
            return False
        self._count = count
        # A list grows in place, and is nobody else's.
        own = list(value) if isinstance(value, list) else value
        place[last] = _combined(place.get(last), own, mode)
        return True

    def snapshot(self) -> dict[str, Any]:
        """Return the values so far; objects and lists are the caller's."""
        return _copied(self._values)  # type: ignore[no-any-return]  # a dictionary's copy is one

    def _remove(self, name: str) -> None:
        *parents, last = name.split(".")
        place: Any = self._values
        for parent in parents:
            place = place.get(parent) if isinstance(place, dict) else None
        if isinstance(place, dict):
            gone = place.pop(last, None)
            self._count -= 0 if gone is None else _weight(gone)


class MetricRecorder:
    """The metrics of one prediction.

    A name keeps the type of its first value until it is deleted. Threads may record at once.
    """

    __slots__ = ("_full", "_kinds", "_lock", "_on_metric", "_values")

    def __init__(self, on_metric: OnMetric) -> None:
        self._on_metric = on_metric
        self._kinds: dict[str, str] = {}
        self._values = MetricValues()
        self._full = False
        self._lock = threading.Lock()

    def record(self, key: str, value: Any, mode: str | None = None) -> None:
        """Record a metric.

        Args:
            key: At most 128 bytes in at most four dotted segments, each of ASCII letters, digits
                and single underscores, beginning with a letter.
            value: A JSON value; None deletes the metric. NaN and infinity, which JSON lacks,
                count as no value.
            mode: `replace` (also None), `incr` or `append`.

        Raises:
            ValueError: The name is not acceptable or reserved.
            TypeError: Unknown mode, no JSON value, or not the type that the metric has.
        """
        if mode is None:
            mode = "replace"
        if mode not in _MODES:
            raise TypeError(
                f"Invalid metric mode: '{mode}'. Expected 'replace', 'incr', or 'append'."
            )
        _check_name(key)
        if value is None and mode == "replace":
            self.delete(key)
            return
        kind, plain = _plain_metric(value)
        with self._lock:
            self._check_kind(key, kind, mode)
            self._kinds.setdefault(key, kind)
            kept = self._values.apply(key, plain, mode)
        if kept:
            self._on_metric(key, plain, mode)
        elif not self._full:
            self._full = True
            sys.stderr.write(f"cog: too many metrics; {key!r} keeps no further ones\n")

    def delete(self, key: str) -> None:
        """Forget a metric and its type; nothing happens where there is none."""
        _check_name(key, reserved=False)
        with self._lock:
            self._kinds.pop(key, None)
            self._values.apply(key, None, "replace")
        self._on_metric(key, None, "replace")

    def snapshot(self) -> dict[str, Any]:
        """Return the metrics so far, dotted names as nested objects; the copy is the caller's."""
        with self._lock:
            return self._values.snapshot()

    def __setitem__(self, key: str, value: Any) -> None:
        self.record(key, value)

    def __delitem__(self, key: str) -> None:
        self.delete(key)

    def __repr__(self) -> str:
        return f"MetricRecorder(keys={len(self._kinds)})"

    def _check_kind(self, key: str, kind: str, mode: str) -> None:
        present = self._kinds.get(key, kind)
        if present != kind:
            raise TypeError(
                f"Metric '{key}' has type {present}, cannot set to {kind} without deleting first"
            )
        if mode == "incr" and kind not in ("int", "float"):
            raise TypeError(f"Increment mode requires int or float, got {kind}")


class IgnoringRecorder(MetricRecorder):
    """Stands in outside of a prediction: accepts anything, keeps nothing."""

    __slots__ = ()

    def __init__(self) -> None:
        super().__init__(lambda _name, _value, _mode: None)

    def record(self, key: str, value: Any, mode: str | None = None) -> None:
        """Do nothing."""

    def delete(self, key: str) -> None:
        """Do nothing."""


def _combined(present: Any, value: Any, mode: str) -> Any:
    """Return what a metric becomes."""
    if mode == "replace" or (present is None and mode == "incr"):
        return value
    if mode == "incr":
        return _sum(present, value)
    if isinstance(present, list):
        present.append(value)
        return present
    return [value] if present is None else [present, value]


def _sum(present: Any, value: Any) -> Any:
    """Return a sum; what is present where one is no number, or JSON cannot say the sum."""
    if not (isinstance(present, (int, float)) and isinstance(value, (int, float))):
        return present
    try:
        total = present + value
        if isinstance(total, int):
            sayable = total.bit_length() <= MOST_BITS
        else:
            sayable = math.isfinite(total)
    except OverflowError:  # a whole number that is beyond what a float can be
        return present
    return total if sayable else present


def _weight(value: Any) -> int:
    """Count the values in a value, itself included."""
    if isinstance(value, str):
        return 1 + len(value) // 100
    if isinstance(value, list):
        return 1 + sum(map(_weight, value))
    if isinstance(value, dict):
        return 1 + sum(map(_weight, value)) + sum(map(_weight, value.values()))
    return 1


def _copied(value: Any) -> Any:
    """Copy what grows in place: objects, and lists but not what is in them."""
    if isinstance(value, dict):
        return {name: _copied(part) for name, part in value.items()}
    return list(value) if isinstance(value, list) else value


def _check_name(key: Any, *, reserved: bool = True) -> None:
    if not isinstance(key, str):
        raise TypeError(f"argument 'key': {type(key).__name__!r} object cannot be cast as 'str'")
    if not key:
        raise ValueError("metric name must not be empty")
    length = len(key.encode("utf-8", "surrogatepass"))
    if length > _MAX_LENGTH:
        raise ValueError(
            f"metric name must be {_MAX_LENGTH} characters or fewer (got {length} characters)"
        )
    if reserved and key == "predict_time":
        raise ValueError("'predict_time' is reserved by the runtime")
    if reserved and key.startswith("cog."):
        raise ValueError("the 'cog.' prefix is reserved for system metrics")
    _check_segments(key)


def _check_segments(key: str) -> None:
    if key.startswith("."):
        raise ValueError("metric name must not start with a dot")
    if key.endswith("."):
        raise ValueError("metric name must not end with a dot")
    if ".." in key:
        raise ValueError("metric name must not contain empty segments (consecutive dots)")
    segments = key.split(".")
    if len(segments) > _MAX_SEGMENTS:
        raise ValueError(
            f"metric name must have at most {_MAX_SEGMENTS} dot-separated segments "
            f"(got {len(segments)})"
        )
    for segment in segments:
        _check_segment(segment)


def _check_segment(segment: str) -> None:
    name = f"metric name segment '{segment}'"
    if not (segment[0].isascii() and segment[0].isalpha()):
        raise ValueError(f"{name} must start with a letter")
    for before, character in zip(segment, segment[1:]):
        if character == "_" == before:
            raise ValueError(f"{name} must not contain consecutive underscores")
        if not (character.isascii() and (character.isalnum() or character == "_")):
            raise ValueError(f"{name} contains invalid character '{character}'")
    if segment.endswith("_"):
        raise ValueError(f"{name} must end with a letter or digit")


def _plain_metric(value: Any) -> tuple[str, Any]:
    """Return the kind of a metric's value and the value as plain JSON."""
    for kind in (bool, int, float, str, list, dict):
        if isinstance(value, kind):
            return kind.__name__, _plain(value)
    raise TypeError(
        f"Unsupported metric value type: {type(value).__name__}. "
        "Expected bool, int, float, str, list, or dict."
    )


def _plain(value: Any, level: int = 0) -> Any:
    if level > MOST_LEVELS:
        raise TypeError(f"Metric value is nested more than {MOST_LEVELS} levels deep")
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        if int.bit_length(value) > MOST_BITS:
            raise TypeError("Metric value is an integer of thousands of digits; record a text")
        return int(value)
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, list):
        return [_plain(item, level + 1) for item in value]
    if isinstance(value, dict):
        return {_plain_key(name): _plain(item, level + 1) for name, item in value.items()}
    raise TypeError(f"Cannot convert {type(value).__name__} to JSON metric value")


def _plain_key(name: Any) -> str:
    if not isinstance(name, str):
        raise TypeError(f"{type(name).__name__!r} object cannot be cast as 'str'")
    return str.__str__(name)
