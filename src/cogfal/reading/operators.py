"""What operators give, and what may become text: nothing huge, and nothing that may differ.

What depends on this machine, on Python's version or on an open order has no text.
"""

from __future__ import annotations

import ast
import enum
import operator
import re
from collections import OrderedDict
from collections.abc import Callable, Iterable
from pathlib import PurePath
from typing import Any, Final

from cogfal.reading.functions import Function
from cogfal.reading.journal import attributes_of, of_class
from cogfal.reading.unknown import (
    Atomic,
    GivenUp,
    Part,
    Touched,
    Unknown,
    Value,
    contained,
    known,
    reached,
    refused,
)
from cogfal.reading.versions import check_layout, check_same, differs

MAX_STEPS: Final = 400_000
MAX_STATEMENT_STEPS: Final = 40_000
MAX_ITEMS: Final = 20_000
MAX_TEXT: Final = 200_000
MAX_BITS: Final = 2_048

PARENTS: Final = type(PurePath().parents)

SIZED: Final = (list, tuple, set, frozenset, dict)


HERE: Final = "/the_folder_of_the_project_0c3f9a"
"""Stands in texts for the project's folder, which lies elsewhere on the runner.

It is the same in every notation of a text: quoted, escaped, in JSON or an address.
"""

_KEEPING: Final = frozenset({"Add", "Div", "Mod"})
"""Operators whose result holds the whole of a text."""

_PLAIN: Final = (str, int, float, complex, bytes, type(None), range, PurePath, type(...), *SIZED)


class Budget(Atomic):
    """Steps that may still be taken, for the whole reading and for the present statement."""

    def __init__(self, tainted: dict[int, tuple[Value, Unknown]]) -> None:
        self._tainted = tainted
        self._left = MAX_STEPS
        self._statement = MAX_STATEMENT_STEPS

    def spend(self, steps: int = 1) -> None:
        """Take `steps`.

        Raises:
            GivenUp: There are none left.
        """
        self.owe(steps)
        if self._left < 0 or self._statement < 0:
            raise GivenUp(Unknown("it takes too much work to evaluate"), far=True)

    def owe(self, steps: int) -> None:
        """Take `steps` of what may not be left in the midst; whoever spends next meets the end."""
        self._left -= steps
        self._statement -= steps

    def next_statement(self) -> None:
        """Begin a statement of a module or class body with a fresh allowance."""
        self._statement = MAX_STATEMENT_STEPS

    def weigh(self, value: Value) -> None:
        """Spend a step for each item in `value`, so that copying or comparing it is affordable.

        Raises:
            Touched: It holds something whose contents are not known.
        """
        pending, seen = [value], 0
        while pending:
            item = pending.pop()
            seen += 1
            if isinstance(item, SIZED):
                seen += len(item)
                if seen <= MAX_ITEMS:
                    pending.extend(contained(item))
            elif isinstance(item, str | bytes):
                seen += len(item) // 1000
            if seen > MAX_ITEMS:
                raise too_large()
        for item in reached([value], _inside) if self._tainted else ():
            if id(item) in self._tainted:
                raise Touched(self._tainted[id(item)][1])
        self.spend(seen)

    def metered(self, items: Iterable[Value]) -> Iterable[Value]:
        """Yield the items, spending a step for each."""
        for count, item in enumerate(items):
            if count > MAX_ITEMS:
                raise refused("too many items to evaluate")
            self.spend()
            yield item


def _inside(value: Value) -> Iterable[Value]:
    """Return what may be changed in a value, and may be compared or shown with it."""
    if isinstance(value, Atomic | type):
        return ()
    own = attributes_of(value)
    inside = value.values() if isinstance(value, dict) else contained(value)
    return (*inside, own) if type(own) is dict else inside


def too_large() -> Touched:
    """Return what is raised for values that no signature needs."""
    return refused("too large to evaluate")


def bounded(value: Value) -> Value:
    """Return `value` unless it has outgrown what a signature could need."""
    if (
        (isinstance(value, str | bytes) and len(value) > MAX_TEXT)
        or (isinstance(value, int) and value.bit_length() > MAX_BITS)
        or (isinstance(value, SIZED) and len(value) > MAX_ITEMS)
    ):
        raise too_large()
    return value


def check_format(template: str, arguments: Iterable[Value]) -> None:
    """Refuse a format (`%` or `{}` style) whose result could be huge, or that looks inside."""
    if re.search(r"[\d_]{5}|:[^{}]*\{", template) or re.search(r"%[^a-zA-Z%]*\*", template):
        raise refused("a format with a large or computed width")
    if re.search(r"\{[^{}:!]*[.\[]", template):
        raise refused("a format that looks into its arguments")
    arguments = list(arguments)
    cuts = re.search(r"%(\(\w*\))?[^a-zA-Z%(]+[a-z]|\{[^{}]*:[^{}]", template)
    if cuts and any(map(of_machine, reached(arguments, contained))):
        raise refused("the path depends on the machine")
    longest = max((len(a) if isinstance(a, str) else 1 for a in arguments), default=1)
    if longest * len(template) > MAX_TEXT * 10:
        raise too_large()


def of_machine(value: Value) -> bool:
    """Whether a text or path depends on where the project lies."""
    value = value[0] if isinstance(value, PARENTS) and value else value
    text = str(value) if isinstance(value, PurePath) else value
    return isinstance(text, str) and str.__contains__(text, HERE[1:])


def _shown(value: Value) -> Iterable[Value]:
    """Return what is shown with a value by Python's own code."""
    if isinstance(value, BaseException):
        return value.args
    own = isinstance(type(value).__repr__, Function)
    fields = () if own else of_class(type(value), "__dataclass_fields__") or ()
    held = [getattr(value, name, None) for name in fields]
    return contained(value) if isinstance(value, SIZED) else held


class Texts(Part):
    """Checks what is formatted."""

    def check_filled(self, template: str | bytes, given: Value) -> None:
        """Refuse what has no such text among what `%` fills in."""
        whole = re.search(r"%(\(\w*\))?[-+ #0-9.]*[ra]", str(template))
        for value in given if isinstance(given, tuple) else (given,):
            self.check(value, *(() if whole else ("__str__",)))

    def check(self, value: Value, *methods: str) -> None:
        """Refuse what has no text that is the same everywhere.

        `methods` are those that are asked for it before `__repr__`.
        """
        self._world.budget.weigh(value)
        for item in reached([value], _shown):
            if isinstance(known(item), enum.Enum):
                self._check_member(item)
            elif isinstance(item, OrderedDict) and differs(self._world.version):
                raise refused("the text of an OrderedDict depends on Python's version")
            elif type(item).__module__ == "fractions":
                check_same(self._world.version, "Fraction.__format__")
            elif isinstance(item, set | frozenset) and len(item) > 1:
                raise refused("the order of a set is left open by Python")
            elif not isinstance(item, _PLAIN) and not self._has_text(
                item, {"__repr__", *(methods if item is value else ())}
            ):
                raise refused("the text of such a value is not evaluated")

    def _check_member(self, member: enum.Enum) -> None:
        bases = type(member).__mro__
        mixed = any(b.__module__ != "enum" for b in bases[1:-1] if not issubclass(b, enum.Enum))
        own = any(isinstance(vars(base).get("__str__"), Function) for base in bases)
        text = any((base.__module__, base.__name__) == ("enum", "StrEnum") for base in bases)
        if (mixed or isinstance(member, enum.IntEnum | enum.Flag)) and not own and not text:
            raise refused("the text of such a member depends on Python's version")

    def _has_text(self, value: Value, methods: set[str]) -> bool:
        kind = type(value)
        if isinstance(value, BaseException) or not self._world.attributes.is_authored(value):
            known_kinds = ("datetime", "fractions", "uuid")
            return isinstance(value, BaseException) or kind.__module__ in known_kinds
        return any(methods & vars(base).keys() for base in self._world.attributes.own(kind))

    def format(self, value: Value, layout: str) -> str:
        """Return `format(value, layout)`."""
        check_format(f"{{:{layout}}}", (value,))
        check_layout(self._world.version, f":{layout}", (value,))
        return format(value, layout)

    def check_places(self, what: str, values: Iterable[Value]) -> None:
        """Refuse to look into a path that depends on the machine."""
        comparing, held = what in ("compare", "equal"), list(values)
        if what == "equal":  # a relative path is none of these
            held = [each for each in held if not isinstance(each, str) or each[:1] == "/"]
        looked = _mixed(held) if comparing else any(map(of_machine, held))
        if looked and what not in _KEEPING:
            raise refused("the path depends on the machine")


def _mixed(values: list[Value]) -> bool:
    """Whether a path that depends on the machine is compared with something else."""
    found = [of_machine(value) for value in values]
    series = [value for value in values if isinstance(value, list | tuple)]
    other = [value for value in values if isinstance(value, dict | set | frozenset)]
    columns = map(list, zip(*series, strict=False))
    return (
        (any(found) and not all(found))
        or any(map(_mixed, columns))
        or any(map(of_machine, reached(other, contained)))
    )


def _multiply(left: Any, right: Any) -> Any:
    for count, other in ((left, right), (right, left)):
        if isinstance(count, int) and isinstance(other, str | bytes | list | tuple):
            most = MAX_TEXT if isinstance(other, str | bytes) else MAX_ITEMS
            if count * len(other) > most:
                raise too_large()
    return left * right


def power(left: Any, right: Any, *modulus: Any) -> Any:
    """Return what `pow` gives."""
    if isinstance(left, int) and isinstance(right, int) and left.bit_length() * right > MAX_BITS:
        raise too_large()
    return pow(left, right, *modulus)


def _shift(left: Any, right: Any) -> Any:
    if isinstance(right, int) and right > MAX_BITS:
        raise too_large()
    return left << right


def _modulo(left: Any, right: Any) -> Any:
    if isinstance(left, str | bytes):
        values = right if isinstance(right, tuple) else (right,)
        check_format(left if isinstance(left, str) else left.decode("latin-1"), values)
    return left % right


def _contains(left: Any, right: Any) -> Any:
    if isinstance(right, range) and not isinstance(left, int):
        raise refused("a search in a range for something that is no integer")
    return left in right


NAMES: Final[dict[type[ast.operator], str]] = {
    ast.Add: "add", ast.Sub: "sub", ast.Mult: "mul", ast.Div: "truediv", ast.FloorDiv: "floordiv",
    ast.Mod: "mod", ast.Pow: "pow", ast.LShift: "lshift", ast.RShift: "rshift", ast.BitOr: "or",
    ast.BitAnd: "and", ast.BitXor: "xor", ast.MatMult: "matmul",
}  # fmt: skip

OWN_IN_PLACE: Final = {kind: f"__i{name}__" for kind, name in NAMES.items()}
"""The methods by which an author's class changes its objects where they stand."""

IN_PLACE: Final[dict[type[ast.operator], Callable[[Any, Any], Any]]] = {
    kind: getattr(operator, OWN_IN_PLACE[kind])
    for kind in (ast.Add, ast.Sub, ast.BitOr, ast.BitAnd, ast.BitXor)
}
"""Operators that change a list, dict, set or deque where it stands."""

BINARY: Final[dict[type[ast.operator], Callable[[Any, Any], Any]]] = {
    **{kind: getattr(operator, f"__{name}__") for kind, name in NAMES.items()},
    ast.Mult: _multiply, ast.Mod: _modulo, ast.Pow: power, ast.LShift: _shift,
}  # fmt: skip

UNARY: Final[dict[type[ast.unaryop], Callable[[Any], Any]]] = {
    ast.UAdd: operator.pos, ast.USub: operator.neg, ast.Invert: operator.invert,
}  # fmt: skip

COMPARE: Final[dict[type[ast.cmpop], Callable[[Any, Any], Any]]] = {
    ast.Eq: operator.eq, ast.NotEq: operator.ne, ast.Lt: operator.lt, ast.LtE: operator.le,
    ast.Gt: operator.gt, ast.GtE: operator.ge, ast.In: _contains,
    ast.NotIn: lambda left, right: not _contains(left, right),
}  # fmt: skip
