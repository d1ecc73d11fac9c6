"""What the versions of Python do not have alike, of what is evaluated."""

from __future__ import annotations

import ast
import dataclasses
import re
import sys
from collections.abc import Container, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Final

from cogfal.reading.unknown import refused

_SINCE: Final = """\
3.8   functools.cached_property math.comb math.dist math.isqrt math.perm math.prod shlex.join
3.8   typing.Final typing.Literal typing.Protocol typing.SupportsIndex typing.TypedDict typing.final
3.8   typing.get_args typing.get_origin typing.runtime_checkable
3.8   Fraction.as_integer_ratio date.fromisocalendar int.as_integer_ratio
3.9   functools.cache math.lcm math.nextafter math.ulp types.GenericAlias typing.Annotated
3.9   Path.readlink PurePath.is_relative_to PurePath.with_stem bytes.removeprefix
3.9   bytes.removesuffix str.removeprefix str.removesuffix
3.10  builtins.EncodingWarning builtins.aiter builtins.anext dataclasses.KW_ONLY
3.10  itertools.pairwise types.NoneType types.UnionType typing.Concatenate typing.ParamSpec
3.10  typing.ParamSpecArgs typing.ParamSpecKwargs typing.TypeAlias typing.TypeGuard
3.10  typing.is_typeddict Counter.total int.bit_count
3.11  builtins.BaseExceptionGroup builtins.ExceptionGroup datetime.UTC enum.EnumType enum.StrEnum
3.11  enum.member enum.nonmember enum.verify math.cbrt math.exp2 typing.LiteralString typing.Never
3.11  typing.NotRequired typing.Required typing.Self typing.TypeVarTuple typing.Unpack
3.11  typing.assert_never typing.assert_type typing.clear_overloads typing.dataclass_transform
3.11  typing.get_overloads typing.reveal_type BaseException.add_note
3.12  collections.abc.Buffer itertools.batched math.sumprod typing.TypeAliasType typing.override
3.12  Fraction.is_integer Path.walk PurePath.with_segments int.is_integer
3.13  builtins.PythonFinalizationError math.fma typing.NoDefault typing.ReadOnly typing.TypeIs
3.13  typing.get_protocol_members typing.is_protocol PurePath.full_match PurePath.parser
"""
"""By version: names of Python's library, and methods of its classes, that began with it."""

SINCE: Final = {
    dotted: (3, int(version[2:]))
    for version, *names in map(str.split, _SINCE.splitlines())
    for dotted in names
}


OTHER: Final = "what it gives depends on Python's version"

_CHANGED: Final = {
    **dict.fromkeys(("date.fromisoformat", "time.fromisoformat", "int.from_bytes"), (3, 11)),
    "Counter.__eq__": (3, 10),
    "Fraction.__format__": (3, 12),
    "EnumType.__contains__": (3, 12),
    "classmethod.__get__ since": (3, 9),
    "classmethod.__get__ until": (3, 13),
    "ast.literal_eval": (3, 10),
    "dataclass": (3, 11),
    "EnumType.__call__": (3, 12),
    "math.factorial": (3, 10),
    "parents": (3, 10),
    "slice.__hash__": (3, 12),
    "sign of a zero": (3, 11),
    "zeros before a text": (3, 10),
    "date.isocalendar": (3, 9),
    "float.__add__": (3, 12),
    **dict.fromkeys(("math.dist", "math.hypot"), (3, 10)),
    "math.gcd": (3, 9),
    "glob of folders": (3, 11),
    "Path.glob": (3, 13),
}
"""By function or method: the version since which it does otherwise."""


_KEYWORDS: Final = {
    **{f"dataclass.{name}": (3, 10) for name in ("kw_only", "match_args", "slots")},
    "dataclass.weakref_slot": (3, 11),
    "field.kw_only": (3, 10),
    "str.replace.count": (3, 13),
    "zip.strict": (3, 10),
}
"""The version since which a function takes a keyword argument."""


def check_keywords(version: tuple[int, int], name: str, keywords: Iterable[str]) -> None:
    """Refuse keyword arguments that a function takes here or there alone.

    Raises:
        TypeError: In that version of Python, it does not take one of them.
    """
    for each in keywords:
        since = _KEYWORDS.get(f"{name}.{each}", (3, 0))
        if since > version:
            raise TypeError(f"{name}() got an unexpected keyword argument {each!r}")
        if since > sys.version_info[:2]:
            raise refused(OTHER)


def check_layout(version: tuple[int, int], template: str, values: Iterable[Any]) -> None:
    """Refuse a format of `{}` style that is another in another version."""
    if re.search(r":[^{}]*z", template):
        check_same(version, "sign of a zero")
    if re.search(r":0", template) and any(isinstance(each, str) for each in values):
        check_same(version, "zeros before a text")


def is_other(version: tuple[int, int], *names: str) -> bool:
    """Whether this Python does something otherwise than another version."""
    told = (_CHANGED[each] for each in names if each in _CHANGED)
    return any((version < since) != (sys.version_info[:2] < since) for since in told)


def check_same(version: tuple[int, int], *names: str) -> None:
    """Refuse what this Python does otherwise than another version."""
    if is_other(version, *names):
        raise refused(OTHER)


@contextmanager
def without_hash(version: tuple[int, int], cls: type, own: Container[Any]) -> Iterator[None]:
    """Let `dataclass` take objects without a hash as defaults, as it did before Python 3.11."""
    held = vars(cls)
    values = [held[name] for name in held.get("__annotations__", ()) if name in held]
    kinds: set[Any] = {type(v.default if isinstance(v, dataclasses.Field) else v) for v in values}
    lacking = [k for k in kinds if k.__hash__ is None and not issubclass(k, list | dict | set)]
    if not is_other(version, "dataclass"):
        lacking = []
    if lacking and (sys.version_info < (3, 11) or not all(kind in own for kind in lacking)):
        raise refused(OTHER)
    for kind in lacking:
        kind.__hash__ = object.__hash__
    try:
        yield
    finally:
        for kind in lacking:
            kind.__hash__ = None


def lacks(version: tuple[int, int], dotted: str) -> bool:
    """Whether a version of Python has no such name."""
    return SINCE.get(dotted, version) > version


def differs(version: tuple[int, int]) -> bool:
    """Whether a version is not this Python's."""
    return version != sys.version_info[:2]


def docstring(node: Any, version: tuple[int, int]) -> str | None:
    """Return a `__doc__`, which Python since 3.13 keeps without the indentation that is common."""
    told = ast.get_docstring(node, clean=False)
    if told is None or version < (3, 13):
        return told
    first, *rest = told.expandtabs().split("\n")
    margins = [len(line) - len(line.lstrip(" ")) for line in rest if line.strip(" ")]
    return "\n".join([first.lstrip(" "), *(line[min(margins, default=0) :] for line in rest)])


def check_attribute(version: tuple[int, int], kind: type, name: str) -> None:
    """Refuse an attribute of a class of Python's own that this Python has not.

    Raises:
        AttributeError: That version of Python has no such attribute.
    """
    for base in kind.__mro__ if differs(version) else ():
        since = SINCE.get(f"{base.__name__}.{name}", (3, 0))
        if since > version:
            raise AttributeError(f"{kind.__name__!r} object has no attribute {name!r}")
        if since > sys.version_info[:2]:
            raise refused(f"this Python has no {name!r}")
