"""The patterns of `match`, on values that are known."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from cogfal.reading.unknown import GivenUp, Unknown, Value

if TYPE_CHECKING:
    from cogfal.reading.interpreter import Interpreter
    from cogfal.reading.scopes import Scope


def matches(
    world: Interpreter, pattern: ast.pattern, subject: Value, scope: Scope
) -> dict[str, Value] | None:
    """Return the names that a pattern binds, None where it does not match.

    Raises:
        GivenUp: It is a pattern of a kind that is not evaluated.
    """
    match pattern:
        case ast.MatchValue(value=value):
            return {} if subject == world.evaluate(value, scope) else None
        case ast.MatchSingleton(value=value):
            return {} if subject is value else None
        case ast.MatchAs(pattern=inner, name=name):
            found = {} if inner is None else matches(world, inner, subject, scope)
            return found if found is None or name is None else {**found, name: subject}
        case ast.MatchOr(patterns=patterns):
            each = (matches(world, p, subject, scope) for p in patterns)
            return next((found for found in each if found is not None), None)
        case ast.MatchSequence(patterns=patterns):
            return _sequence(world, patterns, subject, scope)
        case ast.MatchMapping(keys=keys, patterns=patterns, rest=rest):
            if not isinstance(subject, dict):
                return None
            names = [world.evaluate(key, scope) for key in keys]
            if any(name not in subject for name in names):
                return None
            found = _all(world, patterns, [subject[name] for name in names], scope)
            if found is not None and rest is not None:
                found[rest] = {k: v for k, v in subject.items() if k not in names}
            return found
    raise GivenUp(Unknown("a pattern of this kind is not evaluated", pattern, scope.module))


def _sequence(
    world: Interpreter, patterns: list[ast.pattern], subject: Value, scope: Scope
) -> dict[str, Value] | None:
    if not isinstance(subject, list | tuple | range):
        return None
    items = list(subject)
    star = next((i for i, p in enumerate(patterns) if isinstance(p, ast.MatchStar)), None)
    if star is None:
        return _all(world, patterns, items, scope) if len(items) == len(patterns) else None
    after = len(patterns) - star - 1
    if len(items) < len(patterns) - 1:
        return None
    first, last = items[:star], items[len(items) - after :]
    found = _all(world, [*patterns[:star], *patterns[star + 1 :]], [*first, *last], scope)
    starred = patterns[star]
    if found is not None and isinstance(starred, ast.MatchStar) and starred.name is not None:
        found[starred.name] = items[star : len(items) - after]
    return found


def _all(
    world: Interpreter, patterns: list[ast.pattern], subjects: list[Value], scope: Scope
) -> dict[str, Value] | None:
    found: dict[str, Value] = {}
    for pattern, subject in zip(patterns, subjects, strict=True):
        bound = matches(world, pattern, subject, scope)
        if bound is None:
            return None
        found.update(bound)
    return found
