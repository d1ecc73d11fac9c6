"""Keep the evaluation of an author's expressions small, in steps and in sizes."""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable, Iterable
from typing import Any, Final

from cogfal.inspection.values import Unresolved, Value

MAX_STEPS: Final = 400_000
MAX_STATEMENT_STEPS: Final = 40_000
MAX_DEPTH: Final = 150
MAX_ITEMS: Final = 20_000
MAX_TEXT: Final = 200_000
MAX_BITS: Final = 8_192

_CONTAINERS = (list, tuple, set, frozenset, dict)


class Budget:
    """Steps that may still be taken, for the whole reading and for the present statement."""

    def __init__(self) -> None:
        self._left = MAX_STEPS
        self._statement = MAX_STATEMENT_STEPS

    def spend(self, steps: int = 1) -> None:
        """Take `steps`.

        Raises:
            Unresolved: There are none left.
        """
        self._left -= steps
        self._statement -= steps
        if self._left < 0 or self._statement < 0:
            raise Unresolved("it takes too much work to evaluate")

    def next_statement(self) -> None:
        """Begin a statement of a module or class body with a fresh allowance."""
        self._statement = MAX_STATEMENT_STEPS


def weigh(value: Value, budget: Budget) -> None:
    """Spend a step per item in `value`, so that copying, comparing or printing it is affordable.

    Raises:
        Unresolved: It is too large, or contains itself.
    """
    pending, seen = [value], 0
    while pending:
        item = pending.pop()
        seen += 1
        if isinstance(item, _CONTAINERS):
            seen += len(item)
            pending.extend(item)
            if isinstance(item, dict):
                pending.extend(item.values())
        if seen > MAX_ITEMS:
            raise Unresolved("too large to evaluate")
    budget.spend(seen)


def bounded(value: Value) -> Value:
    """Return `value` unless it has outgrown what a signature could need.

    Raises:
        Unresolved: It is too large.
    """
    too_large = (
        (isinstance(value, str | bytes) and len(value) > MAX_TEXT)
        or (isinstance(value, int) and value.bit_length() > MAX_BITS)
        or (isinstance(value, _CONTAINERS) and len(value) > MAX_ITEMS)
    )
    if too_large:
        raise Unresolved("too large to evaluate")
    return value


def take(items: Iterable[Value], budget: Budget) -> list[Value]:
    """Return the items as a list, spending a step for each.

    Raises:
        Unresolved: They are too many.
    """
    taken: list[Value] = []
    for item in items:
        budget.spend()
        taken.append(item)
        if len(taken) > MAX_ITEMS:
            raise Unresolved("too many items to evaluate")
    return taken


def check_format(template: str, arguments: Iterable[Value]) -> None:
    """Refuse a format (`%` or `{}` style) whose result could be huge.

    Raises:
        Unresolved: It could.
    """
    if re.search(r"[\d_]{5}|:[^{}]*\{", template) or "*" in template:
        raise Unresolved("a format with a large or computed width")
    if re.search(r"\{[^{}:!]*\.", template):
        raise Unresolved("a format that looks into its arguments")
    longest = max((len(a) if isinstance(a, str) else 1 for a in arguments), default=1)
    if longest * len(template) > MAX_TEXT * 10:
        raise Unresolved("too large to evaluate")


def _multiply(left: Any, right: Any) -> Any:
    for count, other in ((left, right), (right, left)):
        if isinstance(count, int) and isinstance(other, str | bytes | list | tuple):
            most = MAX_TEXT if isinstance(other, str | bytes) else MAX_ITEMS
            if count * len(other) > most:
                raise Unresolved("too large to evaluate")
    return left * right


def _power(left: Any, right: Any) -> Any:
    if isinstance(left, int) and isinstance(right, int) and left.bit_length() * right > MAX_BITS:
        raise Unresolved("too large to evaluate")
    return left**right


def _shift(left: Any, right: Any) -> Any:
    if isinstance(right, int) and right > MAX_BITS:
        raise Unresolved("too large to evaluate")
    return left << right


def _modulo(left: Any, right: Any) -> Any:
    if isinstance(left, str | bytes):
        arguments = right if isinstance(right, tuple) else (right,)
        check_format(str(left), arguments)
    return left % right


BINARY: Final[dict[type[ast.operator], Callable[[Any, Any], Any]]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: _multiply,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: _modulo,
    ast.Pow: _power,
    ast.LShift: _shift,
    ast.RShift: operator.rshift,
    ast.BitOr: operator.or_,
    ast.BitAnd: operator.and_,
    ast.BitXor: operator.xor,
}

UNARY: Final[dict[type[ast.unaryop], Callable[[Any], Any]]] = {
    ast.UAdd: operator.pos,
    ast.USub: operator.neg,
    ast.Invert: operator.invert,
}


def _contains(left: Any, right: Any) -> Any:
    if isinstance(right, range) and not isinstance(left, int):
        raise Unresolved("a search in a range for something that is no integer")
    return left in right


COMPARE: Final[dict[type[ast.cmpop], Callable[[Any, Any], Any]]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.In: _contains,
    ast.NotIn: lambda left, right: not _contains(left, right),
    ast.Is: operator.is_,
    ast.IsNot: operator.is_not,
}
