"""Tell which changes of a signature break those who call the model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final

from cogfal.compare.signatures import NOTHING, Input, Signature, ValueShape
from cogfal.spec import JSON


class Verdict(str, Enum):
    """What a change does to callers."""

    SAME = "same"
    COMPATIBLE = "compatible"
    BREAKING = "breaking"


@dataclass(frozen=True)
class Change:
    """One difference; `place` is an input's name, or `output` with the field in it."""

    place: str
    verdict: Verdict
    what: str


_LOWER: Final = ("minimum", "minLength")
_WIDER: Final = {"integer": ("number",), "file": ("string",)}
"""The kinds that take every value of a kind."""


def compare_signatures(before: Signature, after: Signature) -> list[Change]:
    """Return how `after` differs from `before`, input by input; none where it is the same."""
    changes: list[Change] = []
    for name, old in before.inputs.items():
        new = after.inputs.get(name)
        if new is None:
            changes.append(Change(name, Verdict.BREAKING, "the input is gone"))
        else:
            changes += (Change(name, *each) for each in _input_changes(old, new))
    changes += (
        _added(name, new) for name, new in after.inputs.items() if name not in before.inputs
    )
    changes += _output_changes("output", before.output, after.output)
    return changes


def verdict_of(changes: list[Change]) -> Verdict:
    """Return the worst of some changes."""
    if any(each.verdict is Verdict.BREAKING for each in changes):
        return Verdict.BREAKING
    return Verdict.COMPATIBLE if changes else Verdict.SAME


def _added(name: str, new: Input) -> Change:
    if new.required:
        return Change(name, Verdict.BREAKING, "a new input that must be given")
    return Change(name, Verdict.COMPATIBLE, "a new input, with a default")


def _input_changes(old: Input, new: Input) -> Iterator[tuple[Verdict, str]]:
    if old.required != new.required:
        if new.required:
            yield Verdict.BREAKING, "it must be given now"
        else:
            yield Verdict.COMPATIBLE, "it may be left out now"
    elif _unequal(old.default, new.default):
        yield Verdict.BREAKING, f"the default {_shown(old.default)} became {_shown(new.default)}"
    yield from _taken_changes(old.shape, new.shape)


def _taken_changes(old: ValueShape, new: ValueShape) -> Iterator[tuple[Verdict, str]]:
    """Yield the changes of what is taken: to take more is compatible."""
    if old.name != new.name:
        wider = new.kind == "any" or new.kind in _WIDER.get(old.kind, ())
        verdict = Verdict.COMPATIBLE if wider else Verdict.BREAKING
        yield verdict, f"{old.name} became {new.name}"
        return
    if old.nullable != new.nullable:
        verdict = Verdict.COMPATIBLE if new.nullable else Verdict.BREAKING
        yield verdict, f"null is {'taken now' if new.nullable else 'refused now'}"
    yield from _choice_changes(old.choices, new.choices, more=Verdict.COMPATIBLE)
    yield from _bound_changes(old.bounds, new.bounds)
    if old.items is not None and new.items is not None:
        yield from (
            (verdict, f"items: {what}") for verdict, what in _taken_changes(old.items, new.items)
        )
    for name in [*old.fields, *(each for each in new.fields if each not in old.fields)]:
        yield from _field_taken(name, old, new)


def _field_taken(name: str, old: ValueShape, new: ValueShape) -> Iterator[tuple[Verdict, str]]:
    if name not in new.fields:
        yield Verdict.BREAKING, f"the field {name} is gone"
    elif name not in old.fields:
        needed = name in new.required
        yield (
            Verdict.BREAKING if needed else Verdict.COMPATIBLE,
            f"a new field {name}{', which must be given' if needed else ''}",
        )
    else:
        changes = _taken_changes(old.fields[name], new.fields[name])
        yield from ((verdict, f"{name}: {what}") for verdict, what in changes)


def _choice_changes(
    old: tuple[JSON, ...] | None, new: tuple[JSON, ...] | None, *, more: Verdict
) -> Iterator[tuple[Verdict, str]]:
    """Yield the changes of what may be chosen; `more` is what another choice does to callers."""
    fewer = Verdict.BREAKING if more is Verdict.COMPATIBLE else Verdict.COMPATIBLE
    if old is None or new is None:
        if old is not None:
            yield more, "any value, not one of the choices"
        elif new is not None:
            yield fewer, f"only {_listed(new)}"
        return
    gone = [each for each in old if each not in new]
    added = [each for each in new if each not in old]
    if gone:
        yield fewer, f"the choice {_listed(gone)} is gone"
    if added:
        yield more, f"a new choice {_listed(added)}"


def _bound_changes(
    old: Mapping[str, JSON], new: Mapping[str, JSON]
) -> Iterator[tuple[Verdict, str]]:
    for name in sorted({*old, *new}):
        before, after = old.get(name), new.get(name)
        if before == after:
            continue
        if after is None:
            yield Verdict.COMPATIBLE, f"{name} {before} is gone"
        elif before is None:
            yield Verdict.BREAKING, f"{name} is {after} now"
        else:
            wider = name != "pattern" and (after < before) == (name in _LOWER)
            verdict = Verdict.COMPATIBLE if wider else Verdict.BREAKING
            yield verdict, f"{name} {before} became {after}"


def _output_changes(place: str, old: ValueShape, new: ValueShape) -> Iterator[Change]:
    """Yield the changes of what is given: to give less than before was possible is compatible."""
    if old.name != new.name:
        yield Change(place, Verdict.BREAKING, f"{old.name} became {new.name}")
        return
    if old.nullable != new.nullable:
        verdict = Verdict.BREAKING if new.nullable else Verdict.COMPATIBLE
        yield Change(place, verdict, f"it {'may be' if new.nullable else 'is never'} null now")
    for verdict, what in _choice_changes(old.choices, new.choices, more=Verdict.BREAKING):
        yield Change(place, verdict, what)
    if old.items is not None and new.items is not None:
        yield from _output_changes(f"{place}[]", old.items, new.items)
    for name in [*old.fields, *(each for each in new.fields if each not in old.fields)]:
        yield from _field_given(f"{place}.{name}", name, old, new)


def _field_given(place: str, name: str, old: ValueShape, new: ValueShape) -> Iterator[Change]:
    if name not in new.fields:
        yield Change(place, Verdict.BREAKING, "the field is gone")
    elif name not in old.fields:
        yield Change(place, Verdict.COMPATIBLE, "a new field")
    elif name in old.required and name not in new.required:
        yield Change(place, Verdict.BREAKING, "the field may be missing now")
    else:
        yield from _output_changes(place, old.fields[name], new.fields[name])


def _unequal(one: JSON, other: JSON) -> bool:
    """Tell whether two defaults differ; to Python 1 is True, to a caller it is not."""
    return isinstance(one, bool) is not isinstance(other, bool) or one != other


def _shown(default: JSON) -> str:
    return "none" if default is NOTHING else repr(default)


def _listed(values: tuple[JSON, ...] | list[JSON]) -> str:
    shown = ", ".join(map(repr, values[:5]))
    return f"{shown} and {len(values) - 5} more" if len(values) > 5 else shown
