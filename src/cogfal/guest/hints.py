"""Look into annotations as `typing` does, in every Python from 3.7 on.

Older versions lack `get_origin` and the unstripped `Annotated`, and evaluate neither `list[int]`
nor `int | None`, which text may say all the same.
"""

from __future__ import annotations

import ast
import inspect
import sys
import types
import typing
from dataclasses import InitVar
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, ClassVar, Union

if TYPE_CHECKING:
    from collections.abc import Mapping

Live = Any
"""An annotation or value of the author's."""

_UNIONS: tuple[type, ...] = (types.UnionType,) if sys.version_info >= (3, 10) else ()
_OF_OTHERS = frozenset({"builtins", "cog", "cogfal", "pydantic", "typing", "typing_extensions"})
_EXTRAS: dict[str, Any] = {"include_extras": True} if sys.version_info >= (3, 9) else {}
_SUBSCRIPT, _UNION = "cogfal subscript", "cogfal union"


def annotated() -> None:
    """Stand for `Annotated` as an origin, which several modules define."""


def origin_of(annotation: Live) -> Live:
    """Return what was subscripted, `Union` for `A | B`, None where nothing was."""
    if hasattr(annotation, "__metadata__"):
        return annotated
    return Union if isinstance(annotation, _UNIONS) else getattr(annotation, "__origin__", None)


def arguments_of(annotation: Live) -> tuple[Live, ...]:
    """Return what something was subscripted with; nothing for a bare `typing.List`."""
    if hasattr(annotation, "__metadata__"):
        return (annotation.__origin__,)
    if getattr(annotation, "_special", False):  # a bare one of Python 3.7 and 3.8
        return ()
    return tuple(getattr(annotation, "__args__", None) or ())


def function_hints(function: Live) -> dict[str, Live]:
    """Return a function's annotations, evaluated; defaults of None change nothing.

    Raises:
        NameError, TypeError, AttributeError, SyntaxError: One cannot be evaluated.
    """
    names = getattr(inspect.unwrap(function), "__globals__", {})
    return _evaluated(getattr(function, "__annotations__", {}), dict(names))


def class_hints(cls: type) -> dict[str, Live]:
    """Return the annotations of a class and its bases, evaluated, those of bases first.

    Raises:
        NameError, TypeError, AttributeError, SyntaxError: One cannot be evaluated.
    """
    hints: dict[str, Live] = {}
    for base in reversed(cls.__mro__):
        if base.__module__.partition(".")[0] in _OF_OTHERS and base is not cls:
            continue
        module = sys.modules.get(base.__module__)
        # As in `typing`, what the class itself calls so gives way to what its module does.
        names = {**vars(base), **(vars(module) if module else {})}
        own = own_annotations(base).items()
        hints.update(_evaluated({n: told for n, told in own if not n.startswith("_")}, names))
    return hints


def own_annotations(cls: type) -> Mapping[str, Live]:
    """Return the annotations that a class itself has, as they are."""
    read = getattr(inspect, "get_annotations", None)  # since Python 3.10
    found: Mapping[str, Live] = read(cls) if read else vars(cls).get("__annotations__", {})
    return found


def _evaluated(annotations: Mapping[str, Live], names: dict[str, Live]) -> dict[str, Live]:
    return {name: _one(value, names) for name, value in annotations.items()}


def _one(annotation: Live, names: dict[str, Live]) -> Live:
    while isinstance(annotation, (str, typing.ForwardRef)):
        text = annotation if isinstance(annotation, str) else annotation.__forward_arg__
        annotation = _value_of(text, names)
    bearer = SimpleNamespace(__annotations__={"it": annotation})
    return typing.get_type_hints(bearer, names, **_EXTRAS)["it"]


def _value_of(text: str, names: dict[str, Live]) -> Live:
    """Evaluate an annotation's text, by newer rules than this Python's where it is older."""
    tree: Any = ast.parse(text.strip(), mode="eval")
    if isinstance(tree.body, ast.Subscript):
        marked = _evaluation(tree.body.value, names)
        if marked in (ClassVar, InitVar):  # which are no fields, whatever they hold
            return marked
    if sys.version_info < (3, 10):
        tree = ast.fix_missing_locations(_Newer().visit(tree))
        names = {**names, _SUBSCRIPT: _subscripted, _UNION: lambda one, two: Union[one, two]}
    return _evaluation(tree.body, names)


def _evaluation(node: Any, names: dict[str, Live]) -> Live:
    expression = ast.Expression(node)
    return eval(compile(expression, "<annotation>", "eval"), names)  # noqa: S307 - it is the author's


class _Newer(ast.NodeTransformer):
    """Calls a function of ours for what older versions refuse to evaluate."""

    def visit_Subscript(self, node: ast.Subscript) -> ast.AST:
        self.generic_visit(node)
        index: Live = node.slice
        index = getattr(index, "value", index) if type(index).__name__ == "Index" else index
        return _call(_SUBSCRIPT, node.value, index)

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        self.generic_visit(node)
        return _call(_UNION, node.left, node.right) if isinstance(node.op, ast.BitOr) else node


def _call(name: str, *arguments: Live) -> ast.Call:
    return ast.Call(ast.Name(name, ast.Load()), list(arguments), [])


def _subscripted(generic: Live, arguments: Live) -> Live:
    try:
        return generic[arguments]
    except TypeError:
        name = getattr(generic, "__name__", "")
        known = getattr(typing, name.title() if name in _LOWER else _RENAMED.get(name, name), None)
        if known is None:
            raise
        return known[arguments]


_LOWER = frozenset({"list", "dict", "tuple", "type", "set", "deque"})
_RENAMED = {"frozenset": "FrozenSet", "Set": "AbstractSet", "defaultdict": "DefaultDict"}
